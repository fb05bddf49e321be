import { test } from 'tap'
import { aggregationState, RUNS_PATIENCE_MS } from '../../../src/aggregation/serve/pipeline.ts'

/** Long after a window was over, so that each had its chance. */
const late = (nowMs: number) => ({ nowMs, graceMs: 0, tickMs: -RUNS_PATIENCE_MS })

test('the windows tell how far the aggregation is', async (t) => {
  const at = (fromMs: number, toMs: number) => ({ window: { fromMs, toMs } })
  const none = {
    generation: undefined,
    late: 0,
    rejected: 0,
    tooLate: 0,
    ahead: 0,
    hasEvents: false,
  }
  const committed = {
    state: 'committed',
    generation: 1,
    late: 2,
    rejected: 1,
    tooLate: 0,
    ahead: 0,
    hasEvents: true,
  }
  t.same(
    aggregationState(
      [
        { ...committed, ...at(0, 100) },
        { ...committed, ...at(100, 200), state: 'dirty' },
        { ...none, ...at(200, 300), state: 'failed' },
        { ...none, ...at(300, 400), state: 'due', hasEvents: true },
        { ...none, ...at(400, 500), state: 'open' },
      ],
      late(450),
    ),
    {
      lastCommittedMs: 200,
      allUntilMs: 200,
      behindMs: 250,
      dueWindows: 2,
      dueWithEvents: 1,
      windowsToRepeat: 1,
      tooLate: 0,
      ahead: 0,
      lateRows: 4,
      rejectedRows: 2,
    },
  )
  for (const [nowMs, behindMs, what] of [
    [450, 50, 'of a window that was computed while open, later events may be missing'],
    [950, 550, 'also when it has ended, in its grace'],
  ] as const) {
    const open = { ...committed, ...at(400, 900), state: 'open' }
    t.match(aggregationState([open], late(nowMs)), { lastCommittedMs: 400, behindMs }, what)
  }
  t.match(
    aggregationState(
      [500, 400, 600].map((fromMs) => ({ ...committed, ...at(fromMs, fromMs + 100), state: 'open' })),
      late(500),
    ),
    { lastCommittedMs: 500, behindMs: 0 },
    'one that has not begun yet tells nothing',
  )
  t.match(
    aggregationState(
      [
        { ...committed, ...at(0, 400) },
        { ...committed, ...at(400, 900), state: 'due' },
      ],
      late(950),
    ),
    { lastCommittedMs: 400, behindMs: 550 },
    'and behind that, until it is computed again',
  )
  t.match(
    aggregationState(
      [
        { ...none, ...at(100, 200), state: 'due' },
        { ...committed, ...at(300, 400) },
      ],
      late(450),
    ),
    { lastCommittedMs: 400, allUntilMs: 100, behindMs: 350, dueWindows: 1 },
    'an old window that is due is how far it lies behind',
  )
  t.match(
    aggregationState([{ ...none, ...at(100, 200), state: 'due' }], late(450)),
    { lastCommittedMs: null, allUntilMs: 100, behindMs: 350 },
    'also while nothing is committed',
  )
  t.match(
    aggregationState([{ ...committed, ...at(0, 100), state: 'dirty', tooLate: 7 }], late(450)),
    { windowsToRepeat: 0, tooLate: 7 },
    'what came too late waits for no schedule',
  )
  t.match(
    aggregationState([{ ...none, ...at(9_000, 9_100), state: 'open', ahead: 5, hasEvents: true }], late(450)),
    { lastCommittedMs: null, behindMs: null, dueWindows: 0, ahead: 5 },
    'of a window to come, as a clock was ahead',
  )
  t.match(
    aggregationState([], late(450)),
    { lastCommittedMs: null, allUntilMs: null, behindMs: null, dueWindows: 0 },
    'nothing is known yet',
  )
})

test('a window is not behind before the schedule had its chance, and one that failed is', async (t) => {
  const window = { fromMs: 0, toMs: 900_000 }
  const of = {
    window,
    generation: undefined,
    late: 0,
    rejected: 0,
    tooLate: 0,
    ahead: 0,
    hasEvents: true,
  }
  const times = { graceMs: 120_000, tickMs: 15_000 }
  for (const [state, nowMs, dueWindows] of [
    ['due', 1_020_000, 0],
    ['due', 1_044_999, 0],
    ['due', 1_045_000, 1],
    ['failed', 1_020_000, 1],
  ] as const)
    t.match(aggregationState([{ ...of, state }], { ...times, nowMs }), {
      dueWindows,
      dueWithEvents: dueWindows,
    })
})
