import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { duckdbSessions } from './aggregation/ingest/duckdb.ts'
import { lakeArrivals } from './aggregation/ingest/lake-arrivals.ts'
import { DEFAULT_SETS, type RollupDefinition } from './aggregation/rollup/definition.ts'
import { duckdbEngine, duckdbRows } from './aggregation/rollup/engines/duckdb.ts'
import type { Progress } from './aggregation/rollup/run.ts'
import { createRuns, type Runs } from './aggregation/rollup/runs.ts'
import type { RollupStore } from './aggregation/rollup/store.ts'
import { localStore } from './aggregation/rollup/stores/local.ts'
import {
  aggregationState,
  type GatewayState,
  type PipelineState,
  remoteGateway,
} from './aggregation/serve/pipeline.ts'
import type { AggregationConfig, AppConfig, Config } from './config-schema.ts'
import { createLedger, type Ledger } from './event/ledger.ts'
import { createRegistry, type Registry } from './gateway/apps/registry.ts'
import type { Journal } from './gateway/collect/journal.ts'
import type { Backlog } from './gateway/deliver/backlog.ts'
import { openDiskJournal } from './gateway/deliver/disk-journal.ts'
import type { Fallback } from './gateway/deliver/diversion.ts'
import { instanceName } from './gateway/deliver/instance.ts'
import { kinesisClient, kinesisStream } from './gateway/deliver/kinesis.ts'
import { countOpenShards } from './gateway/deliver/kinesis-shards.ts'
import { lakeDeadLetters, lakeWriter } from './gateway/deliver/lake-writer.ts'
import { memoryJournal } from './gateway/deliver/memory-journal.ts'
import { paced } from './gateway/deliver/pacing.ts'
import { startPump } from './gateway/deliver/pump.ts'
import { diesWithUs, maxBacklogBytes, stopTimes } from './gateway/deliver/shutdown.ts'
import type { Stream } from './gateway/deliver/stream.ts'
import { fsLake, sweepUnfinished } from './lake/fs.ts'
import type { Lake } from './lake/lake.ts'
import type { Clock } from './std/clock.ts'
import type { Entropy } from './std/id.ts'
import type { Telemetry } from './std/telemetry.ts'

/** What the process brings: its time, its chance, its log and metrics. */
export interface System {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly telemetry: Telemetry
  /** One for all modules of the process: opening it sweeps the whole of it. */
  readonly lake: Lake
}

/** Mode `journal` has answered already when events wait here: a fuller container costs nobody anything. */
export const LINGER_MS = 1_000
/** Of the fallback (design.md, Ack): a file is stored while the next fills, and the last is not waited for. */
export const FALLBACK_FILES = { maxBytes: 8_388_608, maxAgeMs: 1_000 }
/** Lines compacted into one Parquet object at most: a few minutes of a busy gateway. */
const COMPACTION_BYTES = 268_435_456
const GRAINS_MS = { '1m': 60_000, '5m': 300_000, '15m': 900_000, '1h': 3_600_000 } as const

/** Without `aggregation.rollups`: every metric, by the sets that every site asks for. */
const DEFAULT_ROLLUP = { id: 'default', sets: DEFAULT_SETS, maxMetrics: 500, maxValues: 500 }

export interface GatewayWiring {
  readonly registry: Registry
  readonly journal: Journal
  readonly ledger: Ledger
  /** The answer of /reconcile: totals, backlog, and what the conservation law cannot account for. */
  reconcile(): GatewayState & { readonly unaccounted: number }
  reload(apps: readonly AppConfig[]): void
  /** Announces that `close` will follow: what could be lost then need not wait until then. */
  ending(): void
  /** Lets what was accepted reach its outcome, as far as the time goes; the rest stays in the journal. */
  close(withinMs: number): Promise<void>
}

export async function wireGateway(config: Config, system: System): Promise<GatewayWiring> {
  const { entropy, telemetry, lake } = system
  const { log, metrics } = telemetry
  const journal = await openJournal(config, system)
  const ledger = createLedger(metrics, () => journal.state().events)
  ledger.recovered(journal.recovered.events)
  if (journal.recovered.frames > 0) log.info({ ...journal.recovered }, 'the journal was recovered')
  const stream = openStream(config, system)
  const fallback = await openFallback(config, system)
  const deadLetter = lakeDeadLetters(lake, entropy)
  const pump = startPump({
    ...{ backlog: journal, stream, deadLetter, ledger, lingerMs: LINGER_MS },
    ...(fallback && { fallback }),
    ...system,
  })
  const registry = createRegistry(config.apps)

  return {
    registry,
    journal,
    ledger,
    reconcile() {
      const totals = ledger.totals()
      const { events, bytes, oldestMs } = journal.state()
      const backlog = { events, bytes, ...(oldestMs !== undefined && { oldestMs }) }
      const ended = totals.delivered + totals.fallback + totals.deadLettered + events
      return { ...totals, backlog, unaccounted: totals.accepted + totals.recovered - ended }
    },
    reload: (apps) => registry.replace(apps),
    ending() {
      if (diesWithUs(config.gateway)) pump.hurry()
    },
    async close(withinMs) {
      const { drained } = await pump.stop(stopTimes(config, withinMs))
      if (!drained)
        log.warn({ events: journal.state().events }, 'events stay in the journal for the next start')
      // First, so that no sink can keep the checkpoint waiting.
      await journal.close()
      await Promise.all([stream.close(), fallback?.stream.close()])
    },
  }
}

type OpenJournal = Journal &
  Backlog & { readonly recovered: { frames: number; events: number }; close(): Promise<void> }

async function openJournal({ dataDir, gateway }: Config, { clock, telemetry }: System): Promise<OpenJournal> {
  const { maxBytes } = gateway.journal
  switch (gateway.durability) {
    case 'memory':
      telemetry.log.warn('durability is "memory": a crash loses what was acknowledged')
      return { ...memoryJournal({ maxBytes }), recovered: { frames: 0, events: 0 } }
    case 'journal':
      return openDiskJournal({ dir: join(dataDir, 'journal', '0'), maxBytes, telemetry, clock })
  }
}

function openStream({ gateway, aws }: Config, system: System): Stream {
  const { kind, name = '', region = aws.region, endpoint = aws.endpoint } = gateway.stream
  switch (kind) {
    case 'lake':
      return lakeWriter({ source: 'gateway', ...system })
    case 'kinesis': {
      // A place without a region is an emulator's: any will do there.
      const client = kinesisClient({ region: region ?? 'us-east-1', ...(endpoint && { endpoint }) })
      const countShards = () => countOpenShards(client, name)
      return paced(kinesisStream({ client, streamName: name }), { countShards, ...system })
    }
  }
}

/** The lake, for as long as Kinesis fails or falls behind. A stream into the lake needs none. */
async function openFallback({ dataDir, gateway }: Config, system: System): Promise<Fallback | undefined> {
  if (gateway.stream.kind === 'lake') return undefined
  const instance = gateway.instance ?? (await instanceName(dataDir, system))
  const stream = lakeWriter({ source: `fallback-${instance}`, ...FALLBACK_FILES, ...system })
  return { stream, maxBacklogBytes: maxBacklogBytes(gateway) }
}

/** The lake of the configuration, rid of what writers that died left unfinished. */
export async function openLake({ dataDir }: Config, clock: Clock): Promise<Lake> {
  const root = join(dataDir, 'lake')
  await mkdir(root, { recursive: true, mode: 0o700 })
  await sweepUnfinished(root, clock)
  return fsLake(root)
}

export type { Progress } from './aggregation/rollup/run.ts'

export interface AggregationWiring {
  readonly runs: Runs
  readonly store: RollupStore
  readonly definitions: readonly RollupDefinition[]
  pipelineState(): Promise<PipelineState>
}

/** What is known of the gateway: asked in this process, asked elsewhere, or unknown. */
export type AskGateway = () => Promise<GatewayState | null>

export interface AggregationSystem extends System {
  readonly askGateway: AskGateway
  readonly onProgress?: (progress: Progress) => void
}

export async function wireAggregation(config: Config, system: AggregationSystem): Promise<AggregationWiring> {
  const { dataDir, aggregation } = config
  const { clock, entropy, telemetry, lake, askGateway } = system
  const tempDir = join(dataDir, 'tmp')
  const { memoryLimit: memoryLimitBytes, threads, timeout: timeoutMs } = aggregation.engine
  const directories = [join(dataDir, 'lake')]
  const openSession = duckdbSessions({
    memoryLimitBytes,
    threads,
    tempDir,
    directories,
    timeoutMs,
    telemetry,
  })
  const store = localStore({ dir: join(dataDir, 'store') })
  const definitions = definitionsOf(aggregation)
  const { grace: graceMs, horizon: horizonMs } = aggregation.schedule
  const arrivals = lakeArrivals({
    lake,
    openSession,
    tempDir,
    maxBatchBytes: COMPACTION_BYTES,
    clock,
    telemetry,
  })
  const runs = await createRuns({
    definitions,
    schedule: { graceMs, horizonMs },
    arrivals,
    engine: duckdbEngine({ lake, openSession, tempDir, memoryLimitBytes, entropy }),
    readRows: duckdbRows({ lake, openSession }),
    stores: [store],
    controlDir: join(dataDir, 'control'),
    ...system,
  })
  return {
    runs,
    store,
    definitions,
    async pipelineState() {
      const nowMs = clock.nowMs()
      // Before the first event there was nothing to aggregate, and nothing is due.
      const earliestMs = (await arrivals.earliestMs()) ?? nowMs
      const fromMs = Math.max(earliestMs, nowMs - horizonMs)
      const windows = await runs.windows({ fromMs, toMs: nowMs + 1 })
      return { gateway: await askGateway(), aggregation: aggregationState(windows, nowMs) }
    },
  }
}

/** The gateway of another process, through `aggregation.gatewayUrl`; unknown without one. */
export function remoteGatewayOf(
  { aggregation }: Config,
  env: Readonly<Record<string, string | undefined>>,
): AskGateway {
  const { gatewayUrl, gatewayTokenEnv } = aggregation
  const token = gatewayTokenEnv === undefined ? undefined : env[gatewayTokenEnv]
  return async () => (gatewayUrl === undefined ? null : remoteGateway(gatewayUrl, token))
}

function definitionsOf({ rollups, schedule }: AggregationConfig): readonly RollupDefinition[] {
  const configured = rollups.length > 0 ? rollups : [DEFAULT_ROLLUP]
  return configured.map((rollup) => ({ ...rollup, grainMs: GRAINS_MS[schedule.grain] }))
}
