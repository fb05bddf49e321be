import { type Test, test } from 'tap'
import {
  createManifests,
  inputsDigest,
  type Manifest,
} from '../../../../src/aggregation/rollup/commit/manifest.ts'
import { windowKey } from '../../../../src/aggregation/rollup/commit/manifest-keys.ts'
import { NO_COUNTS } from '../../../../src/aggregation/rollup/engines/engine.ts'
import { MOST_NEWEST_FIRST } from '../../../../src/aggregation/rollup/plan/plan-share.ts'
import { createPlanner } from '../../../../src/aggregation/rollup/plan/planner.ts'
import type { RunRequest } from '../../../../src/aggregation/rollup/plan/run-request.ts'
import { isDue } from '../../../../src/aggregation/rollup/plan/window-news.ts'
import { createRunLog } from '../../../../src/aggregation/rollup/run/log/run-log.ts'
import { rollupMetrics } from '../../../../src/aggregation/rollup/run/metrics.ts'
import type { RollupStore } from '../../../../src/aggregation/rollup/stores/store.ts'
import { manifestKey } from '../../../../src/lake/layout.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { definition, GRAIN, MIN, never, T0 } from '../../../fakes/aggregation/aggregation.ts'
import { memoryArrivals } from '../../../fakes/aggregation/arrivals.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { committed, memoryStore } from '../../../fakes/aggregation/store.ts'
import { fakeClock } from '../../../fakes/clock.ts'

const DAY = 1_440 * MIN
/** A month of quarter hours, and three weeks of them. */
const [MAX_OLD_WINDOWS, MAX_WINDOWS_WITHOUT_RANGE] = [3_000, 2_000]

interface Setting {
  readonly horizonMs?: number
  readonly oldWindows?: number
  /** How long a look takes. */
  readonly lookMs?: number
  readonly stores?: readonly RollupStore[]
}

/** A planner at T0, with an event in each of so many windows before the horizon. */
async function setUp(t: Test, { horizonMs = DAY, oldWindows = 0, lookMs = 0, stores = [] }: Setting) {
  const { log, metrics } = quietTelemetry()
  const [clock, lake, arrivals] = [fakeClock(T0), memoryLake(), memoryArrivals()]
  const manifests = createManifests(lake, log)
  const runLog = createRunLog({ dir: t.testdir(), clock, log })
  const lastMs = T0 - horizonMs - GRAIN
  for (let i = 0; i < oldWindows; i++)
    arrivals.deliver(`raw/${i}`, [{ timeMs: lastMs - i * GRAIN, value: 1 }])
  await arrivals.ingest(never)
  const planner = createPlanner({
    definitions: [definition],
    schedule: { graceMs: 2 * MIN, horizonMs },
    sources: {
      ...{ manifests, stores, runLog, log },
      arrivals: {
        ...arrivals,
        touched() {
          clock.advance(lookMs)
          return arrivals.touched()
        },
      },
    },
    metrics: rollupMetrics(metrics, clock),
    clock,
  })
  return {
    ...{ planner, clock },
    arrivals,
    lake,
    manifests,
    oldestMs: lastMs - (oldWindows - 1) * GRAIN,
    async planOf(request: RunRequest) {
      return planner.plan({ trigger: 'request', scope: await planner.scope(request) })
    },
  }
}

interface ComputedWindow {
  readonly fromMs: number
  readonly keys: readonly string[]
  readonly complete: boolean
}

const manifestOf = ({ fromMs, keys, complete }: ComputedWindow): Manifest => ({
  ...{ version: 1, rollup: definition.id, definitionHash: 'x', fromMs, toMs: fromMs + GRAIN },
  ...{ generation: 1, runId: 'r', engine: 'duckdb', complete, outputs: [], contentHash: 'h', rows: 0 },
  inputs: { keys, bytes: 0, rows: 0, digest: inputsDigest(keys) },
  counts: NO_COUNTS,
  createdMs: fromMs + GRAIN,
})

test('a run without a range takes as many windows as its record holds, some of the last day and then the oldest', async (t) => {
  const { planOf, oldestMs } = await setUp(t, { oldWindows: MAX_WINDOWS_WITHOUT_RANGE + 10 })
  const { windows } = await planOf({})
  t.equal(windows.length, MAX_WINDOWS_WITHOUT_RANGE)
  const newest = windows.slice(0, MOST_NEWEST_FIRST)
  t.equal(newest[0]?.fromMs, T0, 'the one that is open now')
  t.ok(newest.every(({ fromMs }, i) => fromMs === T0 - i * GRAIN))
  const others = windows.slice(MOST_NEWEST_FIRST)
  t.ok(others.every(({ fromMs }, i) => fromMs === oldestMs + i * GRAIN))
  const { windows: all } = await planOf({ reprocess: 'all' })
  t.ok(all.length > MAX_WINDOWS_WITHOUT_RANGE, 'but one that asks for all of them takes them all')
})

test('a look asks for a month of old windows, the oldest first; what lies behind waits for the next', async (t) => {
  const { planner, oldestMs } = await setUp(t, { oldWindows: MAX_OLD_WINDOWS + 10 })
  const old = (await planner.overview()).filter(({ window }) => window.fromMs < T0 - DAY)
  t.equal(old.length, MAX_OLD_WINDOWS)
  t.equal(old[0]?.window.fromMs, oldestMs)
})

test('windows that are as they should be are not listed by the thousand', async (t) => {
  const days = 14
  const { planOf, arrivals, manifests } = await setUp(t, { horizonMs: days * DAY })
  arrivals.deliver('raw/first', [{ timeMs: T0 - days * DAY, value: 1 }])
  await arrivals.ingest(never)
  const { skipped: failed, skippedBy: counted, windows: none } = await planOf({ reprocess: 'failed' })
  t.same(none, [])
  t.equal(failed.length, 1_000, 'the first thousand of those that did not fail')
  t.ok(failed.every(({ why }) => why === 'not_failed'))
  t.same(counted, { not_failed: days * 96 + 1 }, 'and all of them are counted')

  for (let fromMs = T0 - days * DAY; fromMs < T0; fromMs += GRAIN) {
    const keys = fromMs === T0 - days * DAY ? ['raw/first'] : []
    await manifests.commit(definition, manifestOf({ fromMs, keys, complete: true }))
  }
  const { skipped, windows } = await planOf({})
  t.same(skipped, [])
  t.same(
    windows.map(({ fromMs }) => fromMs),
    [T0],
    'the window that is open',
  )
})

test('a window whose manifest cannot be read says why', async (t) => {
  const { planner, arrivals, lake } = await setUp(t, {})
  arrivals.deliver('raw/first', [{ timeMs: T0 - GRAIN, value: 1 }])
  await arrivals.ingest(never)
  await lake.put(manifestKey(windowKey(definition, T0 - GRAIN), 1), Buffer.from('{'))
  const [window] = await planner.windows({ fromMs: T0 - GRAIN, toMs: T0 })
  t.match(window, { state: 'failed', reason: /is damaged/ })
})

test('the windows that are listed as due are those that are counted as due', async (t) => {
  const hourMs = T0 - 8 * GRAIN
  const larger = memoryStore()
  await larger.fill(committed(hourMs, { rollup: definition.id, toMs: hourMs + 4 * GRAIN }), [])
  for (const [what, stores, dueFromMs] of [
    ['since the first event', [], hourMs + 2 * GRAIN],
    ['and those beside it, where a larger window goes only when all of it is computed', [larger], hourMs],
  ] as const) {
    const { planner, arrivals } = await setUp(t, { stores })
    arrivals.deliver('raw/first', [{ timeMs: hourMs + 2 * GRAIN, value: 1 }])
    await arrivals.ingest(never)
    const counted = (await planner.overview()).filter(({ state }) => isDue(state))
    const listed = await planner.windows({ fromMs: hourMs - DAY / 2, toMs: T0 })
    const due = listed.filter(({ state }) => state === 'due').map(({ fromMs }) => fromMs)
    t.same(
      counted.map(({ window }) => window.fromMs),
      due,
      what,
    )
    t.equal(due[0], dueFromMs, what)
    t.equal(listed[0]?.state, 'missing', what)
  }
})

test('what was computed says no more of a window that a store holds newer, or as new in another grain', async (t) => {
  const hourMs = T0 - 8 * GRAIN
  for (const [what, over, state] of [
    ['as new', { generation: 1 }, 'committed'],
    ['newer', { generation: 2 }, 'due'],
    ['as new, of another grain', { generation: 1, toMs: hourMs + 4 * GRAIN }, 'due'],
  ] as const) {
    const store = memoryStore()
    await store.fill(committed(hourMs, { rollup: definition.id, ...over }), [])
    const { planner, arrivals, manifests } = await setUp(t, { stores: [store] })
    arrivals.deliver('raw/first', [{ timeMs: hourMs, value: 1 }])
    await arrivals.ingest(never)
    await manifests.commit(definition, manifestOf({ fromMs: hourMs, keys: ['raw/first'], complete: true }))
    t.match(await planner.windows({ fromMs: hourMs, toMs: hourMs + GRAIN }), [{ state }], what)
  }
})

test('what was computed while open, hours before the first event of all, is finished, also by a later process', async (t) => {
  for (const [what, lookMs, looksBefore] of [
    ['by the process that saw it open, though it does not ask for everything again', 5 * MIN, true],
    ['by a later one', 0, false],
  ] as const) {
    const { planner, arrivals, manifests, clock } = await setUp(t, { lookMs })
    const schedule = {
      trigger: 'schedule',
      scope: { rollups: [definition.id], reprocess: 'missing' },
    } as const
    await manifests.commit(definition, manifestOf({ fromMs: T0, keys: [], complete: false }))
    clock.advance(5 * MIN)
    if (looksBefore) t.same((await planner.plan(schedule)).windows, [], what)
    arrivals.deliver('raw/first', [{ timeMs: T0 + 3 * 60 * MIN, value: 1 }])
    await arrivals.ingest(never)
    clock.advance(3 * 60 * MIN)
    t.match((await planner.plan(schedule)).windows, [{ fromMs: T0, step: 'compute' }], what)
    const [listed] = await planner.windows({ fromMs: T0, toMs: T0 + GRAIN })
    t.equal(listed?.state, 'due', what)
    const counted = (await planner.overview()).filter(({ state }) => isDue(state))
    t.match(counted, [{ window: { fromMs: T0 } }], what)
  }
})

test('a run of everything until a time before everything has nothing to do', async (t) => {
  const { planner } = await setUp(t, { oldWindows: 1 })
  const scope = { rollups: [definition.id], reprocess: 'missing' } as const
  const range = { fromMs: 0, toMs: T0 - 2 * DAY, sinceFirst: true } as const
  t.same(await planner.plan({ trigger: 'request', scope: { ...scope, range } }), { windows: [], skipped: [] })
  const { windows } = await planner.plan({ trigger: 'schedule', scope })
  t.equal(windows.length > 0, true, 'which the schedule has')
})
