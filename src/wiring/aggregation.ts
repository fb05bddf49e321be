import { join } from 'node:path'
import { countedAs } from '../aggregation/explore/explore-query.ts'
import { createExplorer, type Explorer } from '../aggregation/explore/explorer.ts'
import { EXPLORATION_BYTES, EXPLORE_DEADLINE_MS } from '../aggregation/explore/turns.ts'
import { duckdbSessions } from '../aggregation/ingest/duckdb/duckdb-sessions.ts'
import type { Imports } from '../aggregation/ingest/imports/import-door.ts'
import { joinTimes } from '../aggregation/ingest/joined/joiner.ts'
import { lakeArrivals } from '../aggregation/ingest/lake-arrivals.ts'
import type { DirectApp } from '../aggregation/ingest/quarantine/attribution.ts'
import { createQuarantine } from '../aggregation/ingest/quarantine/quarantine.ts'
import { createRecordVerifier } from '../aggregation/ingest/quarantine/record-verifier.ts'
import { type Findings, type ReconcileOptions, reconcile } from '../aggregation/reconcile/findings.ts'
import { rangeOf } from '../aggregation/reconcile/range.ts'
import { duckdbEngine, duckdbRows } from '../aggregation/rollup/engines/duckdb-engine.ts'
import { sessionPool } from '../aggregation/rollup/engines/kept-session.ts'
import { DEFAULT_SETS, type RollupDefinition } from '../aggregation/rollup/model/definition.ts'
import { thresholdsOf } from '../aggregation/rollup/model/thresholds.ts'
import type { SavedProgress } from '../aggregation/rollup/run/execute-run.ts'
import { createRuns, type Runs } from '../aggregation/rollup/run/runner.ts'
import { localStore } from '../aggregation/rollup/stores/local-store.ts'
import type { RollupStore } from '../aggregation/rollup/stores/store.ts'
import { aggregationState, type PipelineState } from '../aggregation/serve/pipeline.ts'
import type { Queries } from '../aggregation/serve/query-port.ts'
import type { AggregationConfig, Config } from '../config/schema/config-schema.ts'
import type { AskGateway } from './ask-gateway.ts'
import { type Erasures, wireErasures } from './erasures.ts'
import { wireImports } from './imports.ts'
import { wireQueries } from './queries.ts'
import type { System } from './system.ts'
import { watchedQueries, wireOpenWindows } from './watched-windows.ts'

/** Lines compacted into one Parquet object at most: a few minutes of a busy gateway. */
const COMPACTION_BYTES = 268_435_456
/** Memory of DuckDB for each byte of lines that it reads at a time. Ours: the least limit still takes 16 MiB of them. */
const MEMORY_PER_BYTE = 8
/**
 * Memory of what is done beside all else. Ours: what is joined is read and written in order, and not held; an open window
 * that needs more is told when it is over.
 */
const BESIDE_BYTES = 536_870_912
const GRAINS_MS = { '1m': 60_000, '5m': 300_000, '15m': 900_000, '1h': 3_600_000 } as const

/** Without `aggregation.rollups`: every metric, by the sets that every site asks for. */
const DEFAULT_ROLLUP = {
  id: 'default',
  sets: DEFAULT_SETS,
  bots: 'exclude',
  maxMetrics: 500,
  maxValues: 500,
} as const

export { type AppFindings, type Findings, isComplete } from '../aggregation/reconcile/findings.ts'
export { MAX_WINDOWS_WITHOUT_RANGE } from '../aggregation/rollup/plan/planner.ts'
export type { SavedProgress as Progress } from '../aggregation/rollup/run/execute-run.ts'

export interface AggregationWiring {
  readonly runs: Runs
  readonly store: RollupStore
  readonly definitions: readonly RollupDefinition[]
  readonly queries: Queries
  readonly explorer: Explorer
  readonly lakeWork: { readonly imports: Imports; readonly erasures: Erasures }
  readonly pipeline: {
    state(): Promise<PipelineState>
    firstEventMs(): number | undefined
    lackingRows(): ReadonlyMap<string, Float64Array>
  }
}

export interface AggregationSystem extends System {
  readonly askGateway: AskGateway
  readonly onProgress?: (progress: SavedProgress) => void
  /** Those that are configured now; left out, those of the configuration. */
  readonly apps?: () => Config['apps']
  /** Where runs are worked off only while somebody waits for one. */
  readonly worksAlone?: boolean
}

export async function wireAggregation(config: Config, system: AggregationSystem): Promise<AggregationWiring> {
  const { dataDir, aggregation } = config
  const { clock, entropy, lake, askGateway } = system
  const opened = openArrivals(config, system)
  const { tempDir, memoryLimitBytes, sessionsOf, arrivals, openExploration, beside } = opened
  const { timeout: timeoutMs } = aggregation.engine
  const { openSession, letGo } = sessionPool({ openSession: sessionsOf(2 * timeoutMs), timeoutMs, clock })
  const { log } = system.telemetry
  const [dir, openDir] = [join(dataDir, 'store'), join(dataDir, 'store-open')]
  const store = localStore({ dir, log })
  const definitions = definitionsOf(aggregation)
  const { grace: graceMs, horizon: horizonMs, tick: tickMs } = aggregation.schedule
  const open = wireOpenWindows(
    { dir: openDir, definitions, arrivals, graceMs, tempDir, timeoutMs, ...beside(2 * timeoutMs) },
    system,
  )
  const runs = await createRuns({
    rollups: { definitions, schedule: { graceMs, horizonMs }, open },
    arrivals,
    computing: {
      engine: duckdbEngine({ lake, openSession, tempDir, memoryLimitBytes, entropy }),
      sortRows: duckdbRows({ lake, openSession, tempDir, entropy }),
      letGo,
    },
    stores: [store],
    lake,
    records: { controlDir: join(dataDir, 'control') },
    system,
    askGateway,
    onProgress: system.onProgress,
  })
  return {
    runs,
    store,
    definitions,
    lakeWork: {
      imports: wireImports(config, system),
      erasures: wireErasures(config, { ...system, runs, definitions, openSession: sessionsOf(timeoutMs) }),
    },
    queries: watchedQueries(
      wireQueries(
        {
          ...{ dir, openDir, definitions, cacheBytes: aggregation.cache.maxBytes },
          thresholds: thresholdsOf(aggregation.thresholds),
        },
        log,
      ),
      { open, definitions, clock },
    ),
    explorer: createExplorer({
      lake,
      arrivals,
      openSession: openExploration,
      as: countedAs(definitions),
      askGateway,
      lastIngest: () => runs.lastIngest(),
    }),
    pipeline: {
      firstEventMs: () => runs.firstEventMs(),
      lackingRows: () => runs.lackingRows(),
      async state() {
        const windows = await runs.overview()
        const lake = { ...runs.lastIngest(), setAside: await runs.setAside() }
        const aggregation = {
          ...aggregationState(windows, { nowMs: clock.nowMs(), graceMs, tickMs }),
          ...lake,
        }
        return { gateway: await askGateway(), aggregation }
      },
    },
  }
}

/** What has arrived in the lake, and a way to query it. */
function openArrivals(config: Config, system: System & Pick<AggregationSystem, 'apps'>) {
  const { dataDir, aggregation } = config
  const { clock, lake, telemetry, apps = () => config.apps } = system
  const tempDir = join(dataDir, 'tmp')
  const { memoryLimit: memoryLimitBytes, threads, timeout: timeoutMs } = aggregation.engine
  // A lake elsewhere is read through copies in the temporary folder.
  const places = { tempDir, directories: config.lake.kind === 'fs' ? [join(dataDir, 'lake')] : [] }
  const sessionsOf = (timeoutMs: number) =>
    duckdbSessions({ ...places, memoryLimitBytes, threads, timeoutMs, telemetry, clock })
  const openSession = sessionsOf(timeoutMs)
  const tools = { lake, openSession, tempDir, clock, telemetry }
  const besideBytes = Math.min(memoryLimitBytes, BESIDE_BYTES)
  const beside = (timeoutMs: number) => ({
    openSession: duckdbSessions({
      ...{ ...places, timeoutMs, telemetry, clock, threads: 1, isBackground: true },
      memoryLimitBytes: besideBytes,
    }),
    memoryLimitBytes: besideBytes,
  })
  return {
    ...tools,
    memoryLimitBytes,
    sessionsOf,
    beside,
    openExploration: duckdbSessions({
      ...{ ...places, threads, telemetry, clock, isBackground: true },
      // Who asks has a deadline, which ends it before.
      timeoutMs: 2 * EXPLORE_DEADLINE_MS,
      memoryLimitBytes: Math.min(memoryLimitBytes, EXPLORATION_BYTES),
    }),
    arrivals: lakeArrivals({
      ...tools,
      work: { tempDir, apps: () => apps().map(({ id }) => id) },
      maxBatchBytes: COMPACTION_BYTES,
      pieceBytes: Math.min(COMPACTION_BYTES, Math.floor(memoryLimitBytes / MEMORY_PER_BYTE)),
      quarantine: createQuarantine({
        ...tools,
        apps: () => directApps(apps()),
        verifier: createRecordVerifier(aggregation.recordKeys),
      }),
      takePassedOver: lake.takeMet,
      joining: aggregation.join
        ? { openSession: beside(timeoutMs).openSession, times: joinTimes(timeoutMs) }
        : undefined,
    }),
  }
}

/** Those that may have credentials, and so a stream of their own. */
const directApps = (apps: Config['apps']): readonly DirectApp[] =>
  apps.flatMap(({ id, credentials, privacy }) =>
    credentials === undefined
      ? []
      : [{ id, isPublic: credentials.mode === 'public', allowQuery: new Set(privacy.allowQuery) }],
  )

/** Compares what the gateways say they accepted with what is in the lake. Times as in a request for a run. */
export function wireReconcile(
  config: Config,
  system: System & Pick<ReconcileOptions, 'onProgress'>,
): (range: { readonly from?: string; readonly to?: string }, signal: AbortSignal) => Promise<Findings> {
  const options = { ...system, ...openArrivals(config, system) }
  return (range, signal) => reconcile(rangeOf(range, system.clock.nowMs()), options, signal)
}

function definitionsOf({ rollups, schedule }: AggregationConfig): readonly RollupDefinition[] {
  const configured = rollups.length > 0 ? rollups : [DEFAULT_ROLLUP]
  return configured.map((rollup) => ({ ...rollup, grainMs: GRAINS_MS[schedule.grain] }))
}
