import type { Clock } from '../../../std/clock.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { Shipment } from '../pack/outbox.ts'
import type { RecordOutcome, Stream, StreamRecord } from '../sinks/stream.ts'
import type { Concurrency } from './concurrency.ts'
import type { SinkState } from './sink-state.ts'

export interface Delivery {
  readonly shipment: Shipment
  readonly outcome: RecordOutcome
}

export interface Sender {
  /** One call. Never rejects, and has one outcome per shipment even from a stream that breaks its contract. */
  send(shipments: readonly Shipment[]): Promise<readonly Delivery[]>
  /** How many calls are under way. */
  calls(): number
  /** Cuts the calls short that are under way, and those that are still to come. */
  abort(): void
}

export interface SenderOptions {
  readonly stream: Stream
  readonly clock: Clock
  readonly telemetry: Telemetry
  /** Both learn from every call. */
  readonly sink: SinkState
  readonly concurrency: Concurrency
}

const UNPROVEN: RecordOutcome = { kind: 'transient', code: 'no_outcome' }

export function createSender({ stream, clock, telemetry, sink, concurrency }: SenderOptions): Sender {
  /** Each call has a signal of its own, so that no adapter's listener outlives it. */
  const calls = new Set<AbortController>()
  let ended = false

  async function put(records: readonly StreamRecord[]): Promise<readonly RecordOutcome[]> {
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
    async send(shipments) {
      const startedMs = clock.monotonicMs()
      const answer = await put(shipments.map(({ record }) => record))
      const deliveries = shipments.map((shipment, index) => ({
        shipment,
        outcome: answer[index] ?? UNPROVEN,
      }))
      for (const { shipment, outcome } of deliveries) {
        // Of one that was tried before, a call that was given up may still hold the memory.
        if (outcome.kind === 'stored' && shipment.attempts === 0) shipment.free?.()
      }
      const outcomes = deliveries.map(({ outcome }) => outcome)
      sink.called(outcomes, clock.monotonicMs() - startedMs)
      if (outcomes.some(({ kind }) => kind === 'throttled' || kind === 'transient')) concurrency.congested()
      else concurrency.clean()
      return deliveries
    },
    calls: () => calls.size,
    abort() {
      ended = true
      for (const call of calls) call.abort()
    },
  }
}
