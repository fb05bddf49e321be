import { setMaxListeners } from 'node:events'
import { sleep } from '../../../std/async/abort.ts'
import type { Clock } from '../../../std/clock.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { Destination } from '../../journal/backlog.ts'
import type { QueuedRecord, RecordQueue } from '../pack/outbox.ts'
import type { RecordOutcome, Sink, SinkRecord } from '../sinks/stream.ts'
import { createConcurrency } from './concurrency.ts'
import type { SinkMetrics } from './metrics.ts'
import { createSinkState, type SinkState } from './sink-state.ts'

export interface RecordResult {
  readonly record: QueuedRecord
  readonly outcome: RecordOutcome
}

/**
 * One way out of the outbox: a sink, and what was learnt from the calls to it. Whoever drives it takes records and sends
 * them, several calls at once; what came of a call decides how many may be under way, and what `sink` says of its state.
 */
export interface Lane {
  /** What becomes of events that are stored here. */
  readonly destination: Destination
  readonly sink: SinkState
  /** Aborts when the lane ends. */
  readonly ended: AbortSignal
  /**
   * What the next call carries; none while there should be no call: as many as may be are under way, or a probe is held
   * back. A lane on probation makes one call at a time, with one record.
   */
  take(outbox: RecordQueue, onProbation: boolean): readonly QueuedRecord[]
  /** One call. Never rejects, and has one outcome a record even from a stream that breaks its contract. */
  send(records: readonly QueuedRecord[]): Promise<readonly RecordResult[]>
  /** Holds the next probe back. */
  delayProbe(ms: number): Promise<void>
  /** Cuts the calls short that are under way, and those that are still to come. */
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

const UNPROVEN: RecordOutcome = { kind: 'transient', code: 'no_outcome' }

export function createLane(options: LaneOptions): Lane {
  const { stream, destination, clock, telemetry, metrics, minConcurrency, maxConcurrency } = options
  const concurrency = createConcurrency(minConcurrency, maxConcurrency)
  const sink = createSinkState({ kind: stream.kind, clock, telemetry, metrics })
  const ending = new AbortController()
  /** A probe has failed, and the next one is to come later. */
  let isHeldBack = false
  // Every waiting retry listens, and there may be many.
  setMaxListeners(0, ending.signal)
  /** Each call has a signal of its own, so that no adapter's listener outlives it. */
  const calls = new Set<AbortController>()

  async function put(records: readonly SinkRecord[]): Promise<readonly RecordOutcome[]> {
    const call = new AbortController()
    if (ending.signal.aborted) call.abort()
    calls.add(call)
    // A sink that throws at once is as one that rejects.
    const attempt = async () => stream.put(records, call.signal)
    const outcomes = await attempt().catch((error: unknown) => {
      telemetry.log.error({ err: error, sink: stream.kind }, 'a put rejected instead of giving outcomes')
      return undefined
    })
    calls.delete(call)
    return outcomes ?? []
  }

  function learn(outcomes: readonly RecordOutcome[], tookMs: number): void {
    sink.called(outcomes, tookMs)
    if (outcomes.some(({ kind }) => kind === 'throttled' || kind === 'transient')) concurrency.congested()
    else concurrency.clean()
  }

  return {
    destination,
    sink,
    ended: ending.signal,
    take(outbox, onProbation) {
      if (isHeldBack || calls.size >= (onProbation ? 1 : concurrency.limit())) return []
      const { maxBytes, maxRecords } = stream
      return outbox.take({ maxBytes, maxRecords: onProbation ? 1 : maxRecords })
    },
    async send(records) {
      const startedMs = clock.monotonicMs()
      const outcomes = await put(records.map(({ record }) => record))
      const results = records.map((record, index) => ({ record, outcome: outcomes[index] ?? UNPROVEN }))
      for (const { record, outcome } of results) {
        // After an earlier attempt the abandoned call may still hold the memory.
        if (outcome.kind === 'stored' && record.attempts === 0) record.free?.()
      }
      learn(
        results.map(({ outcome }) => outcome),
        clock.monotonicMs() - startedMs,
      )
      return results
    },
    async delayProbe(ms) {
      isHeldBack = true
      await sleep(ms, ending.signal)
      isHeldBack = false
    },
    end() {
      ending.abort()
      for (const call of calls) call.abort()
    },
  }
}
