import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AppConfig, Config } from './config-schema.ts'
import { createLedger, type Ledger } from './event/ledger.ts'
import { createRegistry, type Registry } from './gateway/apps/registry.ts'
import type { Journal } from './gateway/collect/journal.ts'
import { startLedgerWriter } from './gateway/collect/ledger-writer.ts'
import { type Adoption, adoptFolders, noAdoption, together } from './gateway/deliver/adoption.ts'
import type { Backlog } from './gateway/deliver/backlog.ts'
import { openDiskJournal } from './gateway/deliver/disk-journal.ts'
import type { Fallback } from './gateway/deliver/diversion.ts'
import { instanceName } from './gateway/deliver/instance.ts'
import { kinesisClient, kinesisStream } from './gateway/deliver/kinesis.ts'
import { countOpenShards } from './gateway/deliver/kinesis-shards.ts'
import { lakeDeadLetters, lakeWriter } from './gateway/deliver/lake-writer.ts'
import { memoryJournal } from './gateway/deliver/memory-journal.ts'
import { paced } from './gateway/deliver/pacing.ts'
import { type Pump, startPump } from './gateway/deliver/pump.ts'
import { diesWithUs, maxBacklogBytes, stopTimes } from './gateway/deliver/shutdown.ts'
import type { Stream } from './gateway/deliver/stream.ts'
import { type Reconciliation, reconciliationOf } from './http/reconciliation.ts'
import { fsLake, sweepUnfinished } from './lake/fs.ts'
import type { Lake } from './lake/lake.ts'
import type { Clock } from './std/clock.ts'
import type { Entropy } from './std/id.ts'
import { quietTelemetry, type Telemetry } from './std/telemetry.ts'

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
/** Of a journal that is only emptied. */
const ORPHAN_SEGMENT_BYTES = 4_096
/** Of the fallback, and of any in S3 (design.md, Ack): one is stored while the next fills, and the last is not waited for. */
export const SMALL_FILES = { maxBytes: 8_388_608, maxAgeMs: 1_000 }

export interface GatewayWiring {
  readonly registry: Registry
  readonly journal: Journal
  readonly ledger: Ledger
  /** Where every event went: the conservation law. */
  reconcile(): Reconciliation
  reload(apps: readonly AppConfig[]): void
  /** Announces that `close` will follow: what could be lost then need not wait until then. */
  ending(): void
  /** Lets what was accepted reach its outcome, as far as the time goes; the rest stays in the journal. */
  close(withinMs: number): Promise<void>
}

/** Which of the processes that share a configuration this one is. */
export interface Place {
  /** From 0. */
  readonly index: number
  readonly workers: number
}

const ALONE: Place = { index: 0, workers: 1 }

export async function wireGateway(
  config: Config,
  system: System,
  place: Place = ALONE,
): Promise<GatewayWiring> {
  const { entropy, telemetry, lake } = system
  const { log, metrics } = telemetry
  const instance = await instanceOf(config, system)
  const journal = await openJournal(config, place, system)
  const waiting = () => together(journal.state(), adoption.leftovers())
  const backlogEvents = () => waiting().events
  const atRiskEvents = config.gateway.durability === 'memory' ? backlogEvents : () => 0
  const ledger = createLedger(metrics, backlogEvents, atRiskEvents)
  ledger.recovered(journal.recovered.events)
  const adoption = adoptJournals(config, place, { journal, ledger, system })
  if (journal.recovered.frames > 0) log.info({ ...journal.recovered }, 'the journal was recovered')
  const stream = openStream(config, place, system)
  const fallback = openFallback(config, instance, system)
  const deadLetter = lakeDeadLetters(lake, entropy)
  const pump = startPump({
    ...{ backlog: journal, stream, deadLetter, ledger, lingerMs: LINGER_MS },
    ...(fallback && { fallback }),
    ...system,
  })
  const registry = createRegistry(config.apps)
  const ledgerWriter = startLedgerWriter({ instance, ledger, journal, ...system })

  return {
    registry,
    journal,
    ledger,
    reconcile() {
      const { events, bytes, oldestMs } = waiting()
      const backlog = { events, bytes, ...(oldestMs !== undefined && { oldestMs }) }
      const sink = sinkOf(stream.kind, pump)
      return reconciliationOf({ instance, ...ledger.totals(), backlog, atRisk: atRiskEvents(), sink })
    },
    reload: (apps) => registry.replace(apps),
    ending() {
      if (diesWithUs(config.gateway)) pump.hurry()
    },
    async close(withinMs) {
      await Promise.all([adoption.stop(), ledgerWriter.close()])
      const { drained } = await pump.stop(stopTimes(config, withinMs))
      if (!drained) log.warn({ events: backlogEvents() }, 'events stay in the journal for the next start')
      // First, so that no sink can keep the checkpoint waiting.
      await journal.close()
      await Promise.all([stream.close(), fallback?.stream.close()])
    },
  }
}

/** The name of the gateway: as configured, or kept in the data folder. */
export const instanceOf = async ({ dataDir, gateway }: Config, system: System): Promise<string> =>
  gateway.instance ?? instanceName(dataDir, system)

function sinkOf(kind: Stream['kind'], pump: Pump): Reconciliation['sink'] {
  const { failingSinceMs, paused, fallbackOpen } = pump.state()
  const isFailing = failingSinceMs !== undefined
  return {
    kind,
    state: paused !== undefined ? 'paused' : isFailing ? 'failing' : 'ok',
    ...(isFailing && { failingSinceMs }),
    ...(paused !== undefined && { reason: paused }),
    fallbackOpen,
  }
}

type OpenJournal = Journal &
  Backlog & { readonly recovered: { frames: number; events: number }; close(): Promise<void> }

async function openJournal(
  { dataDir, gateway }: Config,
  { index }: Place,
  { clock, telemetry }: System,
): Promise<OpenJournal> {
  const { maxBytes } = gateway.journal
  switch (gateway.durability) {
    case 'memory':
      telemetry.log.warn('durability is "memory": a crash loses what was acknowledged')
      return { ...memoryJournal({ maxBytes }), recovered: { frames: 0, events: 0 } }
    case 'journal':
      return openDiskJournal({ dir: join(dataDir, 'journal', `${index}`), maxBytes, telemetry, clock })
  }
}

/** The first worker empties the folders of those that are no more. */
function adoptJournals(
  { dataDir, gateway }: Config,
  { index, workers }: Place,
  { journal, ledger, system }: { journal: Journal; ledger: Ledger; system: System },
): Adoption {
  if (index > 0 || gateway.durability === 'memory') return noAdoption
  const { clock, telemetry } = system
  // It is ours for minutes: what it would count is no part of our own metrics, and it needs no room to grow.
  const orphan = { maxBytes: gateway.journal.maxBytes, segmentBytes: ORPHAN_SEGMENT_BYTES, clock }
  return adoptFolders({
    ...{ dir: join(dataDir, 'journal'), workers, journal, ledger, telemetry },
    openOrphan: (dir) =>
      openDiskJournal({
        dir,
        ...orphan,
        telemetry: { log: telemetry.log, metrics: quietTelemetry().metrics },
      }),
  })
}

function openStream({ gateway, lake, aws }: Config, { workers }: Place, system: System): Stream {
  const { kind, name = '' } = gateway.stream
  switch (kind) {
    case 'lake':
      return lakeWriter({ source: 'gateway', ...system, ...(lake.kind === 's3' && SMALL_FILES) })
    case 'kinesis': {
      const client = kinesisClient(placeOf(gateway.stream, aws))
      const countShards = () => countOpenShards(client, name)
      return paced(kinesisStream({ client, streamName: name }), { countShards, workers, ...system })
    }
  }
}

/** The lake, for as long as Kinesis fails or falls behind. A stream into the lake needs none. */
function openFallback({ gateway }: Config, instance: string, system: System): Fallback | undefined {
  if (gateway.stream.kind === 'lake') return undefined
  const stream = lakeWriter({ source: `fallback-${instance}`, ...SMALL_FILES, ...system })
  return { stream, maxBacklogBytes: maxBacklogBytes(gateway) }
}

/** Where a service is: as said for it, or for all. A place without a region is an emulator's: any will do there. */
function placeOf({ region, endpoint }: Config['aws'], aws: Config['aws']) {
  const url = endpoint ?? aws.endpoint
  return { region: region ?? aws.region ?? 'us-east-1', ...(url !== undefined && { endpoint: url }) }
}

/** The lake of the configuration; a local one rid of what writers that died left unfinished. */
export async function openLake({ dataDir, lake, aws }: Config, clock: Clock): Promise<Lake> {
  const dir = join(dataDir, lake.kind === 's3' ? 'tmp' : 'lake')
  await mkdir(dir, { recursive: true, mode: 0o700 })
  if (lake.kind === 's3') {
    const { kind: _, bucket = '', ...options } = lake
    // Loaded only where it is needed: it makes a start a quarter of a second slower.
    const { s3Lake } = await import('./lake/s3.ts')
    return s3Lake({ ...options, ...placeOf(lake, aws), bucket, tempDir: dir, clock })
  }
  await sweepUnfinished(dir, clock)
  return fsLake(dir)
}
