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
import { askBalance, type GatewayBalance } from '../http/reconciliation.ts'
import type { Logger } from '../std/telemetry.ts'
import { type Erasures, wireErasures } from './erasures.ts'
import { wireImports } from './imports.ts'
import { wireQueries } from './queries.ts'
import type { System } from './system.ts'

/** Lines compacted into one Parquet object at most: a few minutes of a busy gateway. */
const COMPACTION_BYTES = 268_435_456
/** Memory of DuckDB for each byte of lines that it reads at a time. Ours: the least limit still takes 16 MiB of them. */
const MEMORY_PER_BYTE = 8
/** Memory in which objects are joined beside all else. Ours: what is joined is read and written in order, and not held. */
const JOINING_BYTES = 536_870_912
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

/** What is known of the gateway: asked in this process, asked elsewhere, or unknown. */
export type AskGateway = () => Promise<GatewayBalance | null>

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
  const { tempDir, memoryLimitBytes, sessionsOf, arrivals, openExploration } = openArrivals(config, system)
  const { timeout: timeoutMs } = aggregation.engine
  const { openSession, letGo } = sessionPool({ openSession: sessionsOf(2 * timeoutMs), timeoutMs, clock })
  const { log } = system.telemetry
  const dir = join(dataDir, 'store')
  const store = localStore({ dir, log })
  const definitions = definitionsOf(aggregation)
  const { grace: graceMs, horizon: horizonMs, tick: tickMs } = aggregation.schedule
  const runs = await createRuns({
    rollups: { definitions, schedule: { graceMs, horizonMs } },
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
    queries: wireQueries(
      {
        ...{ dir, definitions, cacheBytes: aggregation.cache.maxBytes },
        thresholds: thresholdsOf(aggregation.thresholds),
      },
      log,
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
  return {
    ...tools,
    memoryLimitBytes,
    sessionsOf,
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
        ? {
            openSession: duckdbSessions({
              ...{ ...places, timeoutMs, telemetry, clock, threads: 1, isBackground: true },
              memoryLimitBytes: Math.min(memoryLimitBytes, JOINING_BYTES),
            }),
            times: joinTimes(timeoutMs),
          }
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

/** The gateway of another process, through `aggregation.gatewayUrl`; unknown without one. */
export function remoteGatewayOf(
  { aggregation }: Config,
  env: Readonly<Record<string, string | undefined>>,
  log: Logger,
): AskGateway {
  const { gatewayUrl, gatewayTokenEnv } = aggregation
  const token = gatewayTokenEnv === undefined ? undefined : env[gatewayTokenEnv]
  return gatewayAt(gatewayUrl === undefined ? [] : [gatewayUrl], { token, log, mayBeAbsent: false })
}

/** A dashboard that waits longer for a gateway is worse than one that says 'unknown'. */
const GATEWAY_DEADLINE_MS = 2_000

interface GatewayPlaces {
  readonly token: string | undefined
  readonly log: Logger
  /** That nobody answers is no fault. */
  readonly mayBeAbsent: boolean
}

/** The first of these that tells its state; null when none does. Why one does not is logged when it becomes so. */
export function gatewayAt(urls: readonly string[], { token, log, mayBeAbsent }: GatewayPlaces): AskGateway {
  const told = new Map<string, string>()
  return async () => {
    for (const url of urls) {
      const answer = await askBalance({ url, token, timeoutMs: GATEWAY_DEADLINE_MS })
      if (answer.kind === 'known') {
        told.delete(url)
        return answer.value
      }
      const { kind, why } = answer
      if (told.get(url) === why || (kind === 'unreachable' && mayBeAbsent)) continue
      told.set(url, why)
      log.warn({ url, kind, why }, 'a gateway does not tell its state')
    }
    return null
  }
}

function definitionsOf({ rollups, schedule }: AggregationConfig): readonly RollupDefinition[] {
  const configured = rollups.length > 0 ? rollups : [DEFAULT_ROLLUP]
  return configured.map((rollup) => ({ ...rollup, grainMs: GRAINS_MS[schedule.grain] }))
}
