import { lakeArrivals } from '../../src/aggregation/ingest/lake-arrivals.ts'
import type { WindowPlan } from '../../src/aggregation/rollup/engines/engine.ts'
import type { RollupDefinition } from '../../src/aggregation/rollup/model/definition.ts'
import { createRuns, type Runs } from '../../src/aggregation/rollup/run/runner.ts'
import { localStore } from '../../src/aggregation/rollup/stores/local-store.ts'
import type { RollupStore } from '../../src/aggregation/rollup/stores/store.ts'
import { fsLake } from '../../src/lake/fs.ts'
import { AppError } from '../../src/std/errors.ts'
import { LAKE_DIR } from './kinesis.ts'
import type { SimulatedProcess } from './machine.ts'
import { type EngineParts, type ReferenceEngine, referenceEngine } from './reference-engine.ts'

/** An aggregation from the lake to its store, as the wiring puts it together. */
export interface Aggregation {
  readonly process: SimulatedProcess
  readonly runs: Runs
  readonly store: RollupStore
}

export type OpenEngine = (parts: EngineParts) => ReferenceEngine

export interface AggregationPlan {
  readonly openEngine?: OpenEngine
  readonly watch: (plan: WindowPlan) => () => void
}

/** Each label is a value of a set of its own, so that the rollup says what was counted. */
export const DEFINITION: RollupDefinition = {
  id: 'simulated',
  grainMs: 900_000,
  sets: [
    { name: 'app', dimensions: [] },
    { name: 'each', dimensions: ['app_version'] },
  ],
  bots: 'exclude',
  maxMetrics: 500,
  maxValues: 100_000,
}
const GRACE_MS = 120_000
const HORIZON_MS = 7 * 86_400_000
/** Within a lease, and seldom: each is a dozen events of the world. */
const HEARTBEAT_MS = 25_000
const MAX_BATCH_BYTES = 8_192

/** The hour that is not over is joined once in a world: some events come before that, and some after. */
const JOIN_TIMES = { afterMs: -54 * 60_000, pauseMs: 60_000 }

/** Opened only for what is looked at by itself: an input was gone or damaged before, which no world should come to. */
const noSession = async () => {
  throw new AppError('engine_failed', 'There is no database in a simulated world, and an object is doubted')
}

export async function startAggregation(
  process: SimulatedProcess,
  { openEngine = referenceEngine, watch }: AggregationPlan,
): Promise<Aggregation> {
  const { clock, entropy, telemetry, files, processes, identity } = process
  // No time of a folder is simulated: the index is listed, as in S3.
  const { changes: _, ...lake } = fsLake(LAKE_DIR, { files, entropy })
  const { engine, sortRows, workbench } = openEngine({ process, lake, watch })
  const store = localStore({ dir: '/data/store', files, entropy })
  const arrivals = lakeArrivals({
    ...{ lake, clock, telemetry, work: { tempDir: '/data/tmp', workbench }, maxBatchBytes: MAX_BATCH_BYTES },
    openSession: noSession,
    joining: { openSession: noSession, times: JOIN_TIMES },
  })
  const runs = await createRuns({
    rollups: { definitions: [DEFINITION], schedule: { graceMs: GRACE_MS, horizonMs: HORIZON_MS } },
    arrivals,
    computing: { engine, sortRows },
    stores: [store],
    lake,
    records: { controlDir: '/data/control', files },
    system: { clock, entropy, telemetry },
    process: { owner: identity, processes, heartbeatMs: HEARTBEAT_MS },
  })
  return { process, runs, store }
}
