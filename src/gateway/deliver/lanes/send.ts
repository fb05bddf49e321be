import type { Clock } from '../../../std/clock.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { QueuedRecord } from '../pack/outbox.ts'
import type { RecordOutcome, Sink, SinkRecord } from '../sinks/stream.ts'
import type { Concurrency } from './concurrency.ts'
import type { SinkState } from './sink-state.ts'

export interface RecordResult {
  readonly record: QueuedRecord
  readonly outcome: RecordOutcome
}

export interface CallSender {
  /** One call. Never rejects, and has one outcome a record even from a stream that breaks its contract. */
  send(records: readonly QueuedRecord[]): Promise<readonly RecordResult[]>
  /** How many calls are under way. */
  calls(): number
  /** Cuts the calls short that are under way, and those that are still to come. */
  abort(): void
}

export interface SenderOptions {
  readonly stream: Sink
  readonly clock: Clock
  readonly telemetry: Telemetry
  /** Both learn from every call. */
  readonly sink: SinkState
  readonly concurrency: Concurrency
}

const UNPROVEN: RecordOutcome = { kind: 'transient', code: 'no_outcome' }

export function createCallSender({ stream, clock, telemetry, sink, concurrency }: SenderOptions): CallSender {
  /** Each call has a signal of its own, so that no adapter's listener outlives it. */
  const calls = new Set<AbortController>()
  let ended = false

  async function put(records: readonly SinkRecord[]): Promise<readonly RecordOutcome[]> {
    const call = new AbortController()
    if (ended) call.abort()
    calls.add(call)
    const attempt = async () => stream.put(records, call.signal)
    const outcomes = await attempt().catch((error: unknown) => {
      telemetry.log.error({ err: error, sink: stream.kind }, 'A put rejected instead of giving outcomes')
      return []
    })
    calls.delete(call)
    return outcomes
  }

  return {
    async send(records) {
      const startedMs = clock.monotonicMs()
      const answer = await put(records.map(({ record }) => record))
      const results = records.map((record, index) => ({
        record,
        outcome: answer[index] ?? UNPROVEN,
      }))
      for (const { record, outcome } of results) {
        // After an earlier attempt the abandoned call may still hold the memory.
        if (outcome.kind === 'stored' && record.attempts === 0) record.free?.()
      }
      const outcomes = results.map(({ outcome }) => outcome)
      sink.called(outcomes, clock.monotonicMs() - startedMs)
      if (outcomes.some(({ kind }) => kind === 'throttled' || kind === 'transient')) concurrency.congested()
      else concurrency.clean()
      return results
    },
    calls: () => calls.size,
    abort() {
      ended = true
      for (const call of calls) call.abort()
    },
  }
}
