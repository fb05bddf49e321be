import { setMaxListeners } from 'node:events'
import { sleep } from '../../../std/async/abort.ts'
import type { Clock } from '../../../std/clock.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { Destination } from '../../journal/backlog.ts'
import type { QueuedRecord, RecordQueue } from '../pack/outbox.ts'
import type { Sink } from '../sinks/stream.ts'
import { createConcurrency } from './concurrency.ts'
import type { SinkMetrics } from './metrics.ts'
import { createCallSender, type RecordResult } from './send.ts'
import { createSinkState, type SinkState } from './sink-state.ts'

/** One way out of the outbox: a stream, and what was learnt from the calls to it. */
export interface Lane {
  /** What becomes of events that are stored here. */
  readonly destination: Destination
  readonly sink: SinkState
  /** Aborts when the lane ends. */
  readonly ended: AbortSignal
  /**
   * What the next call carries; none while there should be no call. A lane on probation makes one call at a time, with
   * one record, and none while it is held back.
   */
  take(outbox: RecordQueue, onProbation: boolean): readonly QueuedRecord[]
  send(records: readonly QueuedRecord[]): Promise<readonly RecordResult[]>
  /** Holds the next probe back. */
  delayProbe(ms: number): Promise<void>
  /** Cuts short what is under way. */
  end(): void
}

export interface LaneOptions {
  readonly stream: Sink
  readonly destination: Destination
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly metrics: SinkMetrics
  readonly minConcurrency: number
  readonly maxConcurrency: number
}

export function createLane(options: LaneOptions): Lane {
  const { stream, destination, clock, telemetry, metrics, minConcurrency, maxConcurrency } = options
  const concurrency = createConcurrency(minConcurrency, maxConcurrency)
  const sink = createSinkState({ kind: stream.kind, clock, telemetry, metrics })
  const sender = createCallSender({ stream, clock, telemetry, sink, concurrency })
  const ending = new AbortController()
  let holding = false
  // Every waiting retry listens, and there may be many.
  setMaxListeners(0, ending.signal)

  return {
    destination,
    sink,
    ended: ending.signal,
    take(outbox, onProbation) {
      if (holding || sender.calls() >= (onProbation ? 1 : concurrency.limit())) return []
      const { maxBytes, maxRecords } = stream
      return outbox.take({ maxBytes, maxRecords: onProbation ? 1 : maxRecords })
    },
    send: (records) => sender.send(records),
    async delayProbe(ms) {
      holding = true
      await sleep(ms, ending.signal)
      holding = false
    },
    end() {
      ending.abort()
      sender.abort()
    },
  }
}
