import { test } from 'tap'
import type { Manifest } from '../../../../src/aggregation/rollup/commit/manifest.ts'
import type { WindowInput } from '../../../../src/aggregation/rollup/commit/window-inputs.ts'
import { inputsByWindow, summedInputs } from '../../../../src/aggregation/rollup/commit/window-inputs.ts'
import { NO_COUNTS } from '../../../../src/aggregation/rollup/engines/engine.ts'
import { type Times, tooLateRows } from '../../../../src/aggregation/rollup/plan/late-rows.ts'
import {
  FAILED_PAUSE_MS,
  isSettled,
  planRequested,
  planScheduled,
  type Reprocess,
  type WindowFacts,
  windowState,
  windowsIn,
} from '../../../../src/aggregation/rollup/plan/plan.ts'
import {
  MAX_WINDOWS_PER_TICK,
  MOST_NEWEST_FIRST,
  PUBLISHED_PER_COMPUTED,
  shareOfTick,
} from '../../../../src/aggregation/rollup/plan/plan-share.ts'
import { runToEnd } from '../../../../src/std/async/yielding.ts'
import { DAY_MS } from '../../../../src/std/durations.ts'
import { committed } from '../../../contracts/store.ts'
import { minuteRows } from '../../../fakes/aggregation/minutes.ts'

const MIN = 60_000
const GRAIN = 15 * MIN
const HORIZON = 24 * 60 * MIN
const T0 = Date.UTC(2026, 10, 22, 12)
const END = T0 + GRAIN
const times = (nowMs: number): Times => ({ nowMs, graceMs: 2 * MIN, horizonMs: HORIZON })
const OVER = times(END + 2 * MIN)
const BEFORE = times(END + 2 * MIN - 1)
const SEALED = times(END + HORIZON + 1)

const manifest = (over: Partial<Manifest> = {}): Manifest => ({
  version: 1,
  rollup: 'vitals',
  definitionHash: 'abc',
  fromMs: T0,
  toMs: END,
  generation: 1,
  runId: 'run',
  engine: 'duckdb',
  complete: true,
  inputs: { keys: ['a'], bytes: 1, rows: 1, digest: '' },
  counts: { ...NO_COUNTS, read: 1, kept: 1 },
  outputs: [],
  contentHash: 'hash',
  rows: 1,
  createdMs: END + 2 * MIN,
  ...over,
})

/** Objects with a row of the window each, which came with the others. */
const inputs = (...keys: readonly string[]): WindowInput[] =>
  keys.map((key) => ({ key, bytes: 1, rows: 1, arrivedMs: END }))

const facts = (over: Partial<WindowFacts> = {}): WindowFacts => ({
  window: { rollup: 'vitals', fromMs: T0, toMs: END },
  manifest: undefined,
  inputs: inputs('a'),
  stored: [],
  counting: [],
  isCovered: false,
  failedMs: undefined,
  ...over,
})
const held = committed({ fromMs: T0, generation: 1 })
const done = { manifest: manifest(), stored: [held] }
const newer = { manifest: manifest({ generation: 2 }) }
/** Of the hour that the window is a quarter of. */
const hour = (generation: number) => committed({ fromMs: T0, toMs: T0 + 60 * MIN, generation })
/** An hour that was computed while it was open. */
const withinHour = { within: hour(1), stored: [hour(1)], isCovered: true }
const asNew = { ...withinHour, isCovered: false, manifest: manifest({ generation: 2, complete: false }) }
const besideIt = { ...asNew, stored: [committed({ fromMs: T0, generation: 2 })] }
const dirty = { ...done, inputs: inputs('a', 'b') }
/** With rows that came after the window was sealed: three, in two objects. */
const tooLate = {
  ...done,
  inputs: [
    ...inputs('a'),
    { key: 'b', bytes: 1, rows: 1, arrivedMs: END + HORIZON + 1 },
    { key: 'c', bytes: 1, rows: 2, arrivedMs: END + HORIZON + 9 },
  ],
}
/** And with one that somebody imported. */
const imported = {
  ...tooLate,
  inputs: [
    ...tooLate.inputs,
    {
      key: 'raw/import-old/dt=2026-11-22/hr=12/c-000001-0123456789abcdef.parquet',
      bytes: 1,
      rows: 1,
      arrivedMs: END + HORIZON + 9,
    },
  ],
}
const damaged = (forGood: boolean) => ({ key: 'm', generation: 2, message: 'no manifest', forGood })
const partial = { manifest: manifest({ complete: false }), stored: [held] }

test('a range is aligned outward, half-open, and follows the grain', async (t) => {
  const starts = (fromMs: number, toMs: number, grainMs = GRAIN) =>
    windowsIn('vitals', grainMs, { fromMs, toMs }).map((window) => window.fromMs)
  t.same(windowsIn('vitals', GRAIN, { fromMs: T0, toMs: T0 + 1 }), [
    { rollup: 'vitals', fromMs: T0, toMs: END },
  ])
  t.same(starts(T0, END), [T0])
  t.same(starts(T0, END + 1), [T0, END])
  t.same(starts(T0 - 1, T0), [T0 - GRAIN])
  t.same(starts(T0 + 1, END - 1), [T0])
  t.same(starts(T0, T0), [])
  t.equal(starts(T0, T0 + 60 * MIN, MIN).length, 60)
  const last = Date.UTC(9999, 11, 31, 23, 30)
  t.same(starts(last, last + GRAIN * 4), [last], 'none ends in a year of five digits')
})

test('objects are told apart by window, minute by minute', async (t) => {
  const work = inputsByWindow(
    [
      {
        key: 'a',
        rows: 6,
        bytes: 60,
        arrivedMs: 7,
        minutes: minuteRows({ [T0]: 1, [T0 + MIN]: 2, [END]: 3 }),
      },
      { key: 'b', rows: 4, bytes: 40, arrivedMs: 8, minutes: minuteRows({ [END + 14 * MIN]: 4 }) },
    ],
    GRAIN,
  )
  const found = runToEnd(work)
  t.same(
    [...found],
    [
      [T0, [{ key: 'a', bytes: 60, rows: 3, arrivedMs: 7 }]],
      [
        END,
        [
          { key: 'a', bytes: 60, rows: 3, arrivedMs: 7 },
          { key: 'b', bytes: 40, rows: 4, arrivedMs: 8 },
        ],
      ],
    ],
  )
  t.same(summedInputs(found.get(END) ?? []), { keys: ['a', 'b'], bytes: 100, rows: 7 })
})

test('the state of a window follows from what is there', async (t) => {
  for (const [what, over, at, state] of [
    ['not over', {}, times(T0), 'open'],
    ['over, in its grace', {}, BEFORE, 'open'],
    ['over with the grace', {}, OVER, 'due'],
    ['over and empty', { inputs: [] }, OVER, 'due'],
    ['never committed, older than the horizon, with rows', {}, SEALED, 'due'],
    ['never committed, older than the horizon, empty', { inputs: [] }, SEALED, 'missing'],
    ['the same, held by a store under another definition', { isCovered: true }, SEALED, 'missing'],
    ['the same, with rows since then', { isCovered: true, uncounted: inputs('a') }, SEALED, 'due'],
    ['held under another definition, young', { isCovered: true }, OVER, 'due'],
    ['committed while open, older than the horizon', partial, SEALED, 'due'],
    ['committed while open', partial, BEFORE, 'open'],
    ['committed while open, over now', partial, OVER, 'due'],
    ['committed', done, OVER, 'committed'],
    ['committed, with rows since', dirty, OVER, 'dirty'],
    ['committed, with rows that came too late', tooLate, SEALED, 'dirty'],
    ['committed, with fewer inputs', { ...done, inputs: [] }, OVER, 'committed'],
    ['committed, not in one of two stores', { ...done, stored: [held, undefined] }, OVER, 'due'],
    [
      'committed, an older generation in the store',
      { ...done, manifest: manifest({ generation: 2 }) },
      OVER,
      'due',
    ],
    ['with rows since, not in the store', { ...dirty, stored: [undefined] }, OVER, 'due'],
    ['committed while open, not in the store', { ...partial, stored: [undefined] }, BEFORE, 'open'],
    ['given up', { ...done, failedMs: T0 }, OVER, 'failed'],
    ['given up, not in the store', { ...done, stored: [undefined], failedMs: T0 }, OVER, 'failed'],
  ] as const) {
    t.equal(windowState(facts(over), at), state, what)
  }
})

test('the schedule decides by state, time and what the stores hold', async (t) => {
  const createdMs = manifest().createdMs
  const settlingLong = { ...dirty, manifest: manifest({ createdMs: END + HORIZON - MIN }) }
  const ahead = { ...dirty, manifest: manifest({ createdMs: END + 60 * MIN }) }
  for (const [what, over, at, expected] of [
    ['its manifest is damaged for good', { ...done, damaged: damaged(true) }, OVER, 'compute'],
    ['its manifest cannot be read now', { ...done, damaged: damaged(false) }, OVER, 'failed_recently'],
    ['open', {}, BEFORE, 'open'],
    ['open and committed by request', partial, BEFORE, 'open'],
    ['open, committed by request, not in the store', { ...partial, stored: [undefined] }, BEFORE, 'publish'],
    ['due', {}, OVER, 'compute'],
    ['committed while open, due now', partial, OVER, 'compute'],
    ['committed', done, OVER, 'committed'],
    ['committed, not in one of two stores', { ...done, stored: [held, undefined] }, OVER, 'publish'],
    [
      'committed, an older generation in the store',
      { ...done, manifest: manifest({ generation: 2 }) },
      OVER,
      'publish',
    ],
    ['counted under another definition', { isCovered: true, stored: [held] }, OVER, 'compute'],
    ['dirty a moment after the commit', dirty, times(createdMs + 5 * MIN - 1), 'settling'],
    ['dirty a moment after the commit, not in the store', { ...dirty, stored: [undefined] }, OVER, 'publish'],
    ['dirty, a third of the grain after the commit', dirty, times(createdMs + 5 * MIN), 'compute'],
    [
      'dirty for the third time waits four times as long',
      { ...dirty, manifest: manifest({ generation: 3 }), stored: [committed({ generation: 3 })] },
      times(createdMs + 20 * MIN - 1),
      'settling',
    ],
    [
      'but never more than an hour',
      { ...dirty, manifest: manifest({ generation: 30 }), stored: [committed({ generation: 30 })] },
      times(createdMs + 60 * MIN),
      'compute',
    ],
    ['older than the horizon, never committed', {}, SEALED, 'compute'],
    ['older than the horizon, never committed and empty', { inputs: [] }, SEALED, 'sealed'],
    ['older than the horizon, committed while open', partial, SEALED, 'compute'],
    ['older than the horizon, with rows that came before', dirty, SEALED, 'compute'],
    ['older than the horizon, with rows that came after', tooLate, SEALED, 'sealed'],
    ['the same, some of which were imported', imported, SEALED, 'compute'],
    ['the same, not in the store', { ...tooLate, stored: [undefined] }, SEALED, 'publish'],
    ['settling at the seal', settlingLong, times(END + HORIZON - 1), 'settling'],
    ['the last computation before the seal', settlingLong, times(END + HORIZON), 'compute'],
    ['committed by a clock that was ahead, with rows now', ahead, OVER, 'compute'],
    ['committed by a clock that was ahead, not over yet', ahead, BEFORE, 'open'],
    [
      'generations of before the end make nobody wait',
      {
        ...dirty,
        manifest: manifest({ generation: 10, completions: 1 }),
        stored: [committed({ fromMs: T0, generation: 10 })],
      },
      times(createdMs + 5 * MIN),
      'compute',
    ],
    [
      'committed, an older one of another grain in the store',
      { ...newer, stored: [hour(1)] },
      OVER,
      'publish',
    ],
    ['older than the horizon, given up an hour ago', { failedMs: T0 }, SEALED, 'compute'],
    [
      'given up just now',
      { failedMs: OVER.nowMs },
      times(OVER.nowMs + FAILED_PAUSE_MS - 1),
      'failed_recently',
    ],
    ['given up an hour ago', { failedMs: OVER.nowMs }, times(OVER.nowMs + FAILED_PAUSE_MS), 'compute'],
    ['open, counted under another definition', { isCovered: true, stored: [held] }, BEFORE, 'compute'],
    ['within a larger one, in the future', withinHour, times(T0 - 1), 'compute'],
    ['within a larger one, open', withinHour, BEFORE, 'compute'],
    ['within an older one', withinHour, times(T0 + 60 * MIN + HORIZON + 1), 'sealed'],
    [
      'the same, where others take its place',
      { ...withinHour, isReplacing: true },
      times(T0 + 60 * MIN + HORIZON + 1),
      'compute',
    ],
    ['the same, and newer, not in the store', asNew, BEFORE, 'publish'],
    ['the same, and newer, in the store', besideIt, BEFORE, 'open'],
    ['given up by a clock that was ahead', { failedMs: OVER.nowMs + 1 }, OVER, 'compute'],
    ['given up while it was open', { failedMs: BEFORE.nowMs - FAILED_PAUSE_MS }, BEFORE, 'open'],
    [
      'given up when the stores failed, which have it now',
      { ...done, failedMs: OVER.nowMs },
      times(OVER.nowMs + FAILED_PAUSE_MS),
      'publish',
    ],
  ] as const) {
    const { windows, skipped } = planScheduled([facts(over)], at)
    t.same([...windows.map(({ step }) => step), ...skipped.map(({ why }) => why)], [expected], what)
  }
})

test('a request decides what is run again', async (t) => {
  const failed = { ...done, failedMs: OVER.nowMs }
  for (const [what, over, at, [missing, givenUp, all]] of [
    ['in the future', {}, times(T0 - 1), ['in_the_future', 'in_the_future', 'in_the_future']],
    ['in the future, within a larger one', withinHour, times(T0 - 1), ['compute', 'not_failed', 'compute']],
    ['the same, computed', besideIt, times(T0 - 1), ['committed', 'not_failed', 'compute']],
    ['just begun', {}, times(T0), ['compute', 'not_failed', 'compute']],
    ['open', {}, BEFORE, ['compute', 'not_failed', 'compute']],
    ['open, committed', partial, BEFORE, ['committed', 'not_failed', 'compute']],
    [
      'open, committed, with rows since',
      { ...partial, inputs: inputs('b') },
      BEFORE,
      ['compute', 'not_failed', 'compute'],
    ],
    ['due', {}, OVER, ['compute', 'not_failed', 'compute']],
    ['committed', done, OVER, ['committed', 'not_failed', 'compute']],
    [
      'committed, not in the store',
      { ...done, stored: [undefined] },
      OVER,
      ['publish', 'not_failed', 'compute'],
    ],
    ['dirty', dirty, OVER, ['compute', 'not_failed', 'compute']],
    ['older than the horizon, with rows of before', dirty, SEALED, ['compute', 'not_failed', 'compute']],
    ['with rows that came too late', tooLate, SEALED, ['sealed', 'not_failed', 'compute']],
    ['some of which were imported', imported, SEALED, ['compute', 'not_failed', 'compute']],
    [
      'with rows that came too late, not in the store',
      { ...tooLate, stored: [undefined] },
      SEALED,
      ['publish', 'not_failed', 'compute'],
    ],
    ['missing', {}, SEALED, ['compute', 'not_failed', 'compute']],
    ['given up', { failedMs: OVER.nowMs }, OVER, ['compute', 'compute', 'compute']],
    ['given up after its commit', failed, OVER, ['publish', 'publish', 'compute']],
  ] as const) {
    for (const [reprocess, expected] of [
      ['missing', missing],
      ['failed', givenUp],
      ['all', all],
    ] as [Reprocess, string][]) {
      const { windows, skipped } = planRequested([facts(over)], reprocess, at)
      t.same(
        [...windows.map(({ step }) => step), ...skipped.map(({ why }) => why)],
        [expected],
        `${what}, reprocess ${reprocess}`,
      )
    }
  }
})

/** Whole numbers from the first on, before the last, up or down. */
const range = (from: number, to: number) =>
  Array.from({ length: Math.abs(to - from) }, (_, i) => (from < to ? from + i : from - i))

test('a short backlog is caught up oldest first; of a long one some of the last day come before', async (t) => {
  const nowMs = T0 + 10 * MIN
  const ago = (minutes: number) => ({
    rollup: 'vitals',
    fromMs: nowMs - 2 * MIN - minutes * MIN,
    toMs: nowMs - 2 * MIN - (minutes - 1) * MIN,
  })
  const DAY_MINUTES = 24 * 60
  for (const [what, due, taken] of [
    ['few: oldest first', range(48, 0), range(48, 0)],
    ['some more, all of the last day', range(60, 0), [...range(1, 49), ...range(60, 48)]],
    ['more than a tick takes', range(100, 0), [...range(1, 49), ...range(100, 52)]],
    [
      'old ones, and a few of now',
      [...range(5_100, 5_000), 3, 2, 1],
      [1, 2, 3, ...range(5_100, 5_100 - MAX_WINDOWS_PER_TICK + 3)],
    ],
    ['old ones alone', range(5_100, 5_000), range(5_100, 5_100 - MAX_WINDOWS_PER_TICK)],
    [
      'at the edge of the last day',
      [...range(5_100, 5_000), DAY_MINUTES - 1, DAY_MINUTES - 2],
      [DAY_MINUTES - 2, ...range(5_100, 5_100 - MAX_WINDOWS_PER_TICK + 1)],
    ],
  ] as const) {
    const shuffled = [...due].sort((a, b) => (a % 7) - (b % 7) || a - b)
    const all = shuffled.map((minutes) => facts({ window: ago(minutes) }))
    const plan = shareOfTick(planScheduled(all, { ...times(nowMs), graceMs: 0 }), all, nowMs)
    t.same(
      plan.windows,
      taken.map((minutes) => ({ ...ago(minutes), step: 'compute' })),
      what,
    )
    const left = due.filter((minutes) => !new Set<number>(taken).has(minutes))
    t.same(
      plan.skipped,
      left.map((minutes) => ({ window: ago(minutes), why: 'next_tick' })),
      what,
    )
  }
  t.equal(MOST_NEWEST_FIRST, MAX_WINDOWS_PER_TICK / 2)
})

test('windows that failed before hold up no other: they come last, of the last day as well', (t) => {
  const nowMs = T0 + 40 * DAY_MS
  const windowAt = (i: number) => ({
    rollup: 'vitals',
    fromMs: nowMs - i * GRAIN,
    toMs: nowMs - (i - 1) * GRAIN,
  })
  const failedMs = nowMs - FAILED_PAUSE_MS
  for (const [what, failed, others, taken] of [
    ['old ones', range(300, 200), [100], [100, ...range(300, 205)]],
    ['new ones', range(60, 10), range(200, 190), [...range(200, 190), ...range(60, 10)]],
    ['new ones beside new ones', range(90, 50), range(49, 0), [...range(1, 49), 49, ...range(90, 50)]],
    ['alone', range(9, 5), [], range(9, 5)],
  ] as const) {
    const all = [
      ...failed.map((i) => facts({ window: windowAt(i), failedMs })),
      ...others.map((i) => facts({ window: windowAt(i) })),
    ]
    const plan = shareOfTick(planScheduled(all, { ...times(nowMs), graceMs: 0 }), all, nowMs)
    t.same(
      plan.windows.map(({ fromMs }) => (nowMs - fromMs) / GRAIN),
      taken,
      what,
    )
  }
  t.end()
})

test('a tick takes ten times as many windows that are only published: a restored lake is soon shown', (t) => {
  const windowAt = (i: number) => ({ rollup: 'vitals', fromMs: T0 + i * GRAIN, toMs: END + i * GRAIN })
  const steps = (step: 'publish' | 'compute', from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({ ...windowAt(from + i), step }))
  const most = MAX_WINDOWS_PER_TICK * PUBLISHED_PER_COMPUTED
  const nowMs = T0 + 3 * most * GRAIN
  for (const [what, windows, taken] of [
    ['published alone', steps('publish', 0, most + 5), most],
    ['computed alone', steps('compute', 0, most), MAX_WINDOWS_PER_TICK],
    [
      'half of each',
      [...steps('publish', 0, most / 2), ...steps('compute', most / 2, most)],
      most / 2 + MAX_WINDOWS_PER_TICK / 2,
    ],
    [
      'all that are to be computed, and as many of the others as make up for the rest',
      [...steps('compute', 0, MAX_WINDOWS_PER_TICK - 1), ...steps('publish', most, 2 * most)],
      MAX_WINDOWS_PER_TICK - 1 + PUBLISHED_PER_COMPUTED,
    ],
  ] as const) {
    const share = shareOfTick({ windows, skipped: [] }, [], nowMs)
    t.same(share.windows, windows.slice(0, taken), what)
    t.equal(share.skipped.length, windows.length - taken, what)
  }
  t.end()
})

/** By a window of another definition. */
const covered = { ...tooLate, manifest: undefined, isCovered: true }

test('rows are too late when all that is new came after the seal of a finished window', async (t) => {
  for (const [what, over, rows, at = SEALED] of [
    ['nothing new', done, 0],
    ['rows of before the seal', dirty, 0],
    ['rows of after the seal', tooLate, 3],
    [
      'both: one more generation takes them all',
      { ...tooLate, inputs: [...tooLate.inputs, ...inputs('d')] },
      0,
    ],
    ['rows of after the seal, by a clock that was ahead', tooLate, 0, OVER],
    ['rows that were imported: whoever did wants them counted', imported, 0],
    ['rows of a window that was never committed', { ...tooLate, manifest: undefined }, 0],
    [
      'rows of one that counts under another definition',
      { ...covered, uncounted: tooLate.inputs.slice(1) },
      3,
    ],
    ['the same, some of which were imported', { ...covered, uncounted: imported.inputs.slice(1) }, 0],
    ['rows of another window within the same larger one', { ...covered, uncounted: inputs('x') }, 0, OVER],
    ['nothing new, under another definition', covered, 0],
    ['rows of a window that was committed while open', { ...tooLate, ...partial }, 0],
  ] as const) {
    t.equal(tooLateRows(facts(over), at), rows, what)
  }
  t.same(planScheduled([facts(tooLate)], SEALED).skipped, [
    { window: { rollup: 'vitals', fromMs: T0, toMs: END }, why: 'sealed', tooLate: 3 },
  ])
  t.match(planRequested([facts(tooLate)], 'missing', SEALED).skipped, [{ why: 'sealed', tooLate: 3 }])
})

test('a window is settled when nothing is to be done for it until something arrives', async (t) => {
  for (const [what, over, at, expected] of [
    ['open', {}, BEFORE, false],
    ['due', {}, OVER, false],
    ['committed', done, OVER, true],
    ['committed, not in a store', { ...done, stored: [undefined] }, OVER, false],
    ['dirty, and waiting', dirty, OVER, false],
    ['with rows that came too late', tooLate, SEALED, true],
    ['old and empty', { inputs: [] }, SEALED, true],
    ['given up', { failedMs: OVER.nowMs }, OVER, false],
  ] as const) {
    t.equal(isSettled(facts(over), at), expected, what)
  }
})
