import type { Clock } from '../../../std/clock.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { Backlog } from '../../journal/backlog.ts'
import type { QueuedRecord, RecordQueue } from '../pack/outbox.ts'
import type { Sink } from '../sinks/stream.ts'
import { createFallbackSwitch, type Fallback } from './fallback.ts'
import { createLane, type Lane } from './lane.ts'
import { createSinkMetrics } from './metrics.ts'

/** A call that may be made now. */
export interface Call {
  readonly lane: Lane
  readonly records: readonly QueuedRecord[]
}

/**
 * The ways out of the outbox: the configured stream, and the lake in its place while the stream fails or falls behind.
 * All that are open take from the one outbox, the stream first, so that none waits for another and what fails in one
 * leaves by any.
 */
export interface Lanes {
  readonly primary: Lane
  /** The call that may be made now, of the first open lane that has room for one; none until a call has ended. */
  next(outbox: RecordQueue): Call | undefined
  /**
   * Whether a lane makes but one call at a time, with one record, to see whether its sink works again: because it is
   * misconfigured, or because it fails while another lane stands in. Only a write proves that writes work.
   */
  isOnProbation(lane: Lane): boolean
  /** What fails in one lane can go another way. */
  isFallbackOpen(): boolean
  /** Opens the fallback at the first failure from now on. */
  failFast(): void
  /** Closes all but the fallback, if there is one. */
  closePrimary(): void
  end(): void
}

export interface LanesOptions {
  readonly stream: Sink
  readonly fallback?: Fallback
  readonly backlog: Backlog
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly minConcurrency?: number
  readonly maxConcurrency?: number
}

/** Kinesis: 24 connections, as KPL has. Lake: a put is an append that waits for its file, so calls cost nothing. */
const CONCURRENCY = {
  kinesis: { minConcurrency: 4, maxConcurrency: 24 },
  lake: { minConcurrency: 64, maxConcurrency: 64 },
}

export function createLanes(options: LanesOptions): Lanes {
  const { stream, fallback, clock, telemetry } = options
  const { minConcurrency, maxConcurrency } = { ...CONCURRENCY[stream.kind], ...options }
  const shared = { clock, telemetry, metrics: createSinkMetrics(telemetry) }
  const primary = createLane({ ...shared, stream, destination: 'delivered', minConcurrency, maxConcurrency })
  const standIn = fallback && {
    lane: createLane({ ...shared, ...CONCURRENCY.lake, stream: fallback.stream, destination: 'fallback' }),
    diversion: createFallbackSwitch({ ...options, ...fallback, sink: primary.sink }),
  }

  function open(): readonly Lane[] {
    if (standIn === undefined) return [primary]
    if (primary.ended.aborted) return [standIn.lane]
    return standIn.diversion.isOpen() ? [primary, standIn.lane] : [primary]
  }
  const hasStandIn = () => open().length > 1
  const isOnProbation = ({ sink }: Lane) =>
    sink.paused() !== undefined || (sink.failingMs() !== undefined && hasStandIn())

  return {
    primary,
    next(outbox) {
      for (const lane of open()) {
        const records = lane.take(outbox, isOnProbation(lane))
        if (records.length > 0) return { lane, records }
      }
      return undefined
    },
    isOnProbation,
    isFallbackOpen: hasStandIn,
    failFast: () => standIn?.diversion.failFast(),
    closePrimary() {
      if (standIn !== undefined) primary.end()
    },
    end() {
      primary.end()
      standIn?.lane.end()
    },
  }
}
