import { test } from 'tap'
import {
  advance,
  HELD_PAUSE_MS,
  isFinal,
  isResting,
  maxAttempts,
  RUN_STATES,
  type Run,
  type RunState,
  type RunWindow,
  retryDelayMs,
  settle,
  settleFailed,
} from '../../../../../src/aggregation/rollup/run/log/run-record.ts'
import type { ErrorCode } from '../../../../../src/std/errors.ts'
import { seededEntropy } from '../../../../fakes/entropy.ts'

const NOW = Date.UTC(2026, 10, 22, 12)
const owner = { pid: 1, startTicks: '1', bootId: 'b', pidNamespace: 'n' }
const run = (over: Partial<Run> = {}): Run => ({
  version: 1,
  id: '0mf3jqk2v00-abcdef01',
  state: 'running',
  trigger: 'request',
  principal: 'ops',
  scope: { rollups: ['vitals'], reprocess: 'missing' },
  attempt: 1,
  createdMs: NOW,
  notBeforeMs: NOW,
  windows: [],
  skipped: [],
  owner,
  ...over,
})
const window = (over: Partial<RunWindow> = {}): RunWindow => ({
  rollup: 'vitals',
  fromMs: NOW,
  toMs: NOW + 900_000,
  step: 'compute',
  ...over,
})
const failedWith = (code: ErrorCode) => window({ error: { code, message: `because of ${code}` } })

test('a run moves only along its transitions', async (t) => {
  const allowed: Record<RunState, readonly RunState[]> = {
    queued: ['running', 'cancelled'],
    running: ['queued', 'publishing', 'succeeded', 'failed', 'cancelled'],
    publishing: ['queued', 'running', 'succeeded', 'failed', 'cancelled'],
    succeeded: [],
    failed: [],
    cancelled: [],
  }
  for (const from of RUN_STATES) {
    for (const to of RUN_STATES) {
      const move = () => advance(run({ state: from }), to)
      if (allowed[from].includes(to)) t.equal(move().state, to, `${from} → ${to}`)
      else t.throws(move, { code: 'run_conflict', message: new RegExp(`is ${from} and cannot become ${to}`) })
    }
    t.equal(isFinal(from), allowed[from].length === 0, from)
  }
})

test('how often a window is tried depends on how it fails', async (t) => {
  for (const [code, asked, scheduled] of [
    ['engine_failed', 5, 5],
    ['lake_failed', 5, 5],
    ['lease_lost', 5, 5],
    ['run_conflict', 5, 5],
    ['internal', 5, 5],
    ['engine_out_of_memory', 2, 2],
    ['input_missing', 1, 5],
    ['bad_configuration', 1, 1],
  ] as const) {
    t.equal(maxAttempts(code, 'request'), asked, code)
    t.equal(maxAttempts(code, 'schedule'), scheduled, `${code}, on schedule`)
  }
})

test('pauses double from 30 s and are spread over their whole length', async (t) => {
  const entropy = { ...seededEntropy(), uniform: () => 0.5 }
  t.same(
    [1, 2, 3, 4].map((attempt) => retryDelayMs(attempt, entropy)),
    [15_000, 30_000, 60_000, 120_000],
  )
  const delays = Array.from({ length: 1_000 }, () => retryDelayMs(1, seededEntropy(7)))
  t.ok(delays.every((delay) => delay >= 0 && delay < 30_000))
  const seeded = seededEntropy(7)
  const spread = Array.from({ length: 1_000 }, () => retryDelayMs(1, seeded))
  t.ok(Math.min(...spread) < 1_000 && Math.max(...spread) > 29_000)
})

test('a run ends well when every window did, or there was none', async (t) => {
  const windows = [window({ result: 'committed' }), window({ result: 'superseded' })]
  t.match(settle(run({ windows }), NOW + 5, seededEntropy()), {
    state: 'succeeded',
    endedMs: NOW + 5,
    windows,
  })
  t.match(settle(run(), NOW, seededEntropy()), { state: 'succeeded' })
})

test('a run is queued again while one of its windows may still succeed', async (t) => {
  const half = { ...seededEntropy(), uniform: () => 0.5 }
  const windows = [window({ result: 'committed' }), failedWith('engine_failed'), failedWith('input_missing')]
  const settled = settle(run({ windows }), NOW, half)
  t.match(settled, { state: 'queued', notBeforeMs: NOW + 15_000, endedMs: undefined })
  t.same(
    settled.windows.map(({ result }) => result),
    ['committed', undefined, 'failed'],
    'what will never succeed is given up at once',
  )
})

test('a window that is at work in another run is waited for, and that is no try', async (t) => {
  const held = window()
  t.match(
    settle(run({ windows: [window({ result: 'committed' }), held], attempt: 1 }), NOW, seededEntropy()),
    {
      ...{ state: 'queued', attempt: 0, notBeforeMs: NOW + 10_000, error: undefined },
      windows: [{ result: 'committed' }, { result: undefined }],
    },
  )
  const settled = settle(
    run({ windows: [failedWith('engine_failed'), held], attempt: 5 }),
    NOW,
    seededEntropy(),
  )
  t.match(settled, { state: 'queued', windows: [{ result: 'failed' }, { result: undefined }] })
  const tried = settle(
    run({ windows: [failedWith('engine_failed'), held], attempt: 1 }),
    NOW,
    seededEntropy(),
  )
  t.equal(tried.attempt, 1, 'what failed beside it is one')
})

test('a run fails when its last window is given up, and says why', async (t) => {
  const windows = [window({ result: 'committed' }), failedWith('engine_failed'), failedWith('input_missing')]
  const settled = settle(run({ windows, attempt: 5 }), NOW, seededEntropy())
  t.match(settled, {
    state: 'failed',
    endedMs: NOW,
    error: { code: 'engine_failed', message: '2 of 3 windows failed; the first: because of engine_failed' },
  })
  t.match(settle(run({ windows: [window({ result: 'failed' })] }), NOW, seededEntropy()), {
    error: { code: 'internal' },
  })
  t.equal(settle(run({ windows: [window()], attempt: 4 }), NOW, seededEntropy()).state, 'queued')
})

test('what fails for the run as a whole is tried as often', async (t) => {
  const times = { nowMs: NOW, entropy: { ...seededEntropy(), uniform: () => 0.5 } }
  const error = { code: 'lake_failed', message: 'gone' } as const
  t.match(settleFailed(run({ attempt: 2 }), error, times), {
    state: 'queued',
    notBeforeMs: NOW + 30_000,
    error,
  })
  t.match(settleFailed(run({ attempt: 5 }), error, times), { state: 'failed', endedMs: NOW, error })
})

test('a run rests until a time that its pause can end at; one that a clock wrote that was ahead has come', async (t) => {
  for (const [attempt, longestMs] of [
    [0, 15_000],
    [1, 30_000],
    [2, 60_000],
    [4, 240_000],
  ] as const) {
    for (const [aheadMs, expected] of [
      [-1, false],
      [0, false],
      [1, true],
      [longestMs, true],
      [longestMs + 1, false],
    ] as const) {
      const resting = isResting(run({ state: 'queued', attempt, notBeforeMs: NOW + aheadMs }), NOW)
      t.equal(resting, expected, `${aheadMs} ms, attempt ${attempt}`)
    }
    t.ok(HELD_PAUSE_MS <= longestMs, 'one that is held up is waited for as well')
  }
})
