import { join } from 'node:path'
import { test } from 'tap'
import { quote } from '../../src/aggregation/ingest/duckdb/sql-text.ts'
import { createManifests, type Manifest } from '../../src/aggregation/rollup/commit/manifest.ts'
import {
  inputsByWindow,
  rowsIn,
  summedInputs,
  type WindowInput,
} from '../../src/aggregation/rollup/commit/window-inputs.ts'
import { NO_COUNTS } from '../../src/aggregation/rollup/engines/engine.ts'
import { DEFAULT_SETS } from '../../src/aggregation/rollup/model/definition.ts'
import type { Window } from '../../src/aggregation/rollup/plan/plan.ts'
import { createPlanner } from '../../src/aggregation/rollup/plan/planner.ts'
import type { FactSources } from '../../src/aggregation/rollup/plan/window-facts.ts'
import { localStore } from '../../src/aggregation/rollup/stores/local-store.ts'
import type { Lake } from '../../src/lake/lake.ts'
import { runToEnd } from '../../src/std/async/yielding.ts'
import type { Clock } from '../../src/std/clock.ts'
import { quietTelemetry } from '../../src/std/telemetry.ts'
import { NOON } from '../fakes/events.ts'
import { longestStretch } from '../fakes/stretch.ts'
import { CLEAN, HOUR, setUp, signal } from './ingest/harness.ts'

const [MINUTE_MS, HOUR_MS, DAY_MS] = [60_000, 3_600_000, 86_400_000]
/** What one object kept others waiting for, reading and writing it, was 400 to 1,400 ms of the processor. */
const MOST_MS = 50
/** A machine that is busy or slower than ours. */
const MARGIN = 3
const COUNT = 150_000

/** As early as an event may be, nearly: what is before 1973 was hardly meant as milliseconds. */
const FIRST_MS = Date.UTC(1974, 0, 1)

/** The one event of each of so many minutes, which lie `everyMs` apart. */
const spread = (count: number, everyMs: number) => `
  SELECT 1 AS v, 'shop' AS app_id, 'lcp' AS name, 'e' || i AS event_id, 1.0::DOUBLE AS value, 1.0::DOUBLE AS weight, 'ms' AS unit,
    ${FIRST_MS} + i * ${everyMs} AS event_time, ${NOON} AS received_time FROM range(${count}) r(i)`

async function scene() {
  const found = await setUp()
  const { lake, session, places } = found
  const put = async (key: string, query: string, format: string) => {
    const path = join(places.tempDir, 'made')
    await session.run([`COPY (${query}) TO ${quote(path)} (FORMAT ${format})`])
    await lake.putFile(key, path)
  }
  return { ...found, put }
}

const definition = {
  id: 'default',
  grainMs: HOUR_MS,
  sets: DEFAULT_SETS,
  bots: 'exclude' as const,
  maxMetrics: 500,
  maxValues: 500,
}

function plannerOver(
  lake: Lake,
  { arrivals, clock, stores }: Pick<FactSources, 'arrivals' | 'stores'> & { clock: Clock },
) {
  const { log } = quietTelemetry()
  const manifests = createManifests(lake, log)
  const runLog = { failed: async () => () => undefined }
  const planner = createPlanner({
    definitions: [definition],
    schedule: { graceMs: MINUTE_MS, horizonMs: 7 * DAY_MS },
    sources: { manifests, arrivals, stores, log, runLog },
    clock,
    metrics: { committedUpTo() {}, waiting() {} },
  })
  return { planner, manifests }
}

function manifestOf({ fromMs, toMs }: Window, inputs: readonly WindowInput[]): Manifest {
  return {
    ...{
      version: 1,
      rollup: 'default',
      definitionHash: 'x',
      fromMs,
      toMs,
      generation: 1,
      runId: 'r',
      engine: 'duckdb',
    },
    ...{ complete: true, outputs: [], contentHash: 'h', rows: 1, createdMs: toMs },
    inputs: { ...summedInputs(inputs), digest: '' },
    counts: { ...NO_COUNTS, kept: 1 },
  }
}

const scheduled = {
  trigger: 'schedule',
  scope: { rollups: ['default'], reprocess: 'missing' },
} as const

test('an object that touches 150,000 minutes of all of time keeps nobody waiting, nor does the plan of its windows', async (t) => {
  const { lake, put, ingester, places, clock } = await scene()
  await put(
    `raw/theirs/${HOUR}/wide.parquet`,
    spread(COUNT, Math.floor((NOON - FIRST_MS) / COUNT / MINUTE_MS) * MINUTE_MS),
    'parquet',
  )
  const took: [string, number][] = []
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const { result, ms } = await longestStretch(work)
    took.push([what, ms])
    return result
  }
  const first = ingester()
  t.same(await timed('its ingest', () => first.ingest(signal)), {
    inputs: 1,
    rows: COUNT,
    malformed: 0,
    ...CLEAN,
  })
  const arrivals = ingester()
  t.equal((await timed('a look of another process', () => arrivals.touched())).size, COUNT)
  const { planner } = plannerOver(lake, { arrivals, clock, stores: [localStore({ dir: places.lakeDir })] })
  const plan = await timed('a plan', () => planner.plan(scheduled))
  t.ok(
    plan.windows.some(({ fromMs }) => fromMs === FIRST_MS),
    'however old',
  )
  const all = await timed('a plan of everything', async () =>
    planner.plan({ trigger: 'request', scope: await planner.scope({}) }),
  )
  t.equal(all.windows.length, 2_000)
  await timed('the windows of a day', () => arrivals.touching(FIRST_MS, FIRST_MS + DAY_MS))
  for (const [what, ms] of took) t.ok(ms <= MARGIN * MOST_MS, `${what}: ${ms.toFixed(0)} ms of ${MOST_MS}`)
})

test('each window that a wide object touches is due until it is committed, and has its rows, once', async (t) => {
  const { lake, put, ingester, clock } = await scene()
  await put(`raw/theirs/${HOUR}/wide.parquet`, spread(COUNT / 5, MINUTE_MS), 'parquet')
  await ingester().ingest(signal)
  const arrivals = ingester()
  const { planner, manifests } = plannerOver(lake, { arrivals, clock, stores: [] })
  const committed = new Map<number, number>()
  for (;;) {
    const due = (await planner.plan(scheduled)).windows.filter(
      ({ fromMs }) => fromMs < FIRST_MS + (COUNT / 5) * MINUTE_MS,
    )
    if (due.length === 0) break
    for (const window of due) {
      const objects = await arrivals.touching(window.fromMs, window.toMs)
      const inputs = runToEnd(inputsByWindow(objects, HOUR_MS)).get(window.fromMs) ?? []
      t.notOk(committed.has(window.fromMs), 'no window is due twice')
      committed.set(window.fromMs, rowsIn(inputs))
      await manifests.commit(definition, manifestOf(window, inputs))
      planner.forget(window)
    }
  }
  t.equal(committed.size, COUNT / 5 / 60)
  t.equal(
    [...committed.values()].reduce((sum, rows) => sum + rows),
    COUNT / 5,
  )
})
