import { join } from 'node:path'
import type { Config } from '../config/schema/config-schema.ts'
import type { Ledger } from '../event/ledger/ledger.ts'
import { AWAITED_THRESHOLDS, type Fallback } from '../gateway/deliver/lanes/fallback.ts'
import { type PumpState, startPump } from '../gateway/deliver/pump.ts'
import { maxBacklogBytes, stopTimes } from '../gateway/deliver/shutdown-policy.ts'
import { kinesisClient, kinesisSink } from '../gateway/deliver/sinks/kinesis/kinesis.ts'
import { countOpenShards } from '../gateway/deliver/sinks/kinesis/list-shards.ts'
import { paced } from '../gateway/deliver/sinks/kinesis/pacing.ts'
import { lakeDeadLetters, lakeSink } from '../gateway/deliver/sinks/lake/lake-writer.ts'
import type { Sink } from '../gateway/deliver/sinks/stream.ts'
import type { FrameStore } from '../gateway/journal/backlog.ts'
import { countedBacklog } from '../gateway/journal/counted-backlog.ts'
import { type Adoption, adoptFolders, noAdoption } from '../gateway/journal/disk/adoption.ts'
import { openDiskJournal } from '../gateway/journal/disk/disk-journal.ts'
import type { Journal } from '../gateway/journal/journal.ts'
import { memoryJournal } from '../gateway/journal/memory/memory-journal.ts'
import { startJournalReplay } from '../gateway/journal/stream/mover.ts'
import { MOST_WAITING_BYTES, streamJournal } from '../gateway/journal/stream/stream-journal.ts'
import { quietTelemetry } from '../std/telemetry.ts'
import { placeOf } from './aws-endpoint.ts'
import type { System, WorkerPlace } from './system.ts'

/** Mode `journal` has answered already when events wait here: a fuller record costs nobody anything. */
export const PACK_LINGER_MS = 1_000
/** In mode `stream` a sender waits for them. */
export const AWAITED_LINGER_MS = 100
/** Segment size of a journal that is only emptied. */
const ORPHAN_SEGMENT_BYTES = 4_096
/** Limits of a file of the fallback, of any file in S3, and of one for which a sender waits. */
export const SMALL_FILES = { maxBytes: 8_388_608, maxAgeMs: 1_000 }

/** From where events are acknowledged to where they end. */
export interface Delivery {
  readonly kind: Sink['kind']
  /** What collectors append to. */
  readonly journal: Journal
  state(): PumpState
  /** The end is near: the fallback opens at the first failure. */
  failFast(): void
  /** From now on no sender waits longer than this for an answer. Resolves when none waits. */
  answerWithin(ms: number): Promise<void>
  /** Brings what waits to its outcome, as far as the time goes, and closes all that is open, the journal included. */
  stop(withinMs: number): Promise<void>
}

export interface DeliveryParts {
  readonly instance: string
  /** Closed by the delivery. */
  readonly kept: OpenJournal
  readonly ledger: Ledger
  readonly system: System
  /** Left out: the one of the configuration. */
  readonly stream?: Sink
}

export function startDelivery(config: Config, place: WorkerPlace, parts: DeliveryParts): Delivery {
  const { kept, ledger, system } = parts
  const { stream = openSink(config, place, system) } = parts
  const fallback = openFallback(config, parts)
  const deadLetter = lakeDeadLetters(system.lake, system.entropy)
  const { kind } = stream
  const awaited =
    config.gateway.durability === 'stream'
      ? streamJournal({ kind, atRisk: kept, ledger, ...system })
      : undefined
  const backlog = countedBacklog(kept, ledger)
  const pump = startPump({
    ...(awaited ? { backlog: awaited, lingerMs: AWAITED_LINGER_MS } : { backlog, lingerMs: PACK_LINGER_MS }),
    ...{ stream, deadLetter, ...(fallback && { fallback }) },
    ...system,
  })
  const mover = awaited && startJournalReplay({ backlog, deliver: awaited.deliver, ...system })

  return {
    kind,
    journal: awaited ?? kept,
    state: () => pump.state(),
    failFast: () => pump.failFast(),
    answerWithin: async (ms) => awaited?.answerWithin(ms),
    async stop(withinMs) {
      const endMs = system.clock.monotonicMs() + withinMs
      const { drainMs, handOverMs = 0 } = stopTimes(config, withinMs)
      await mover?.finish(drainMs + handOverMs)
      await pump.stop(stopTimes(config, Math.max(0, endMs - system.clock.monotonicMs())))
      // Before the sinks, so that none can keep an answer or the checkpoint waiting.
      await awaited?.close()
      await mover?.ended()
      await kept.close()
      await Promise.all([stream.close(), fallback?.stream.close()])
    },
  }
}

export type OpenJournal = Journal &
  FrameStore & { readonly recovered: { frames: number; events: number }; close(): Promise<void> }

export async function openJournal(
  { dataDir, gateway, lake }: Config,
  { index }: WorkerPlace,
  { clock, telemetry }: System,
): Promise<OpenJournal> {
  const { maxBytes, ephemeral } = gateway.journal
  if (gateway.durability === 'stream' && ephemeral && lake.kind === 'fs')
    telemetry.log.warn('the lake is on a disk that nobody finds again: the answer "lake" promises little')
  switch (gateway.durability) {
    case 'memory':
      telemetry.log.warn('durability is "memory": a crash loses what was acknowledged')
      return { ...memoryJournal({ maxBytes }), recovered: { frames: 0, events: 0 } }
    case 'journal':
    case 'stream':
      return openDiskJournal({ dir: join(dataDir, 'journal', `${index}`), maxBytes, telemetry, clock })
  }
}

/** The first worker empties the folders of those that are no more. */
export async function adoptJournals(
  { dataDir, gateway }: Config,
  { index, workers }: WorkerPlace,
  { journal, ledger, system }: { journal: Journal; ledger: Ledger; system: System },
): Promise<Adoption> {
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

function openSink({ gateway, lake, aws }: Config, { workers }: WorkerPlace, system: System): Sink {
  const { kind, name = '' } = gateway.stream
  switch (kind) {
    case 'lake': {
      const isSmall = lake.kind === 's3' || gateway.durability === 'stream'
      return lakeSink({ source: 'gateway', ...system, ...(isSmall && SMALL_FILES) })
    }
    case 'kinesis': {
      const client = kinesisClient(placeOf(gateway.stream, aws))
      const countShards = () => countOpenShards(client, name)
      return paced(kinesisSink({ client, streamName: name }), { countShards, workers, ...system })
    }
  }
}

/** The lake, for as long as Kinesis fails or falls behind. A stream into the lake needs none. */
function openFallback({ gateway }: Config, { instance, system }: DeliveryParts): Fallback | undefined {
  if (gateway.stream.kind === 'lake') return undefined
  const stream = lakeSink({ source: `fallback-${instance}`, ...SMALL_FILES, ...system })
  if (gateway.durability !== 'stream') return { stream, maxBacklogBytes: maxBacklogBytes(gateway) }
  return { stream, maxBacklogBytes: MOST_WAITING_BYTES / 2, thresholds: AWAITED_THRESHOLDS }
}
