import type { Reconciliation } from '../../../http/reconciliation.ts'
import { sleep } from '../../../std/abort.ts'
import type { Clock } from '../../../std/clock.ts'

/** Null while nobody answers. */
export type AskUpstream = () => Promise<Pick<Reconciliation, 'nowMs' | 'backlog' | 'sink'> | null>

/**
 * What may be on its way to the lake. `no_gateway`: none answered that could tell. `stream`: the gateway delivers to a
 * stream, which brings it to the lake when it likes. `backlog`: the gateway had not delivered so many events in time.
 */
export interface Unseen {
  readonly why: 'no_gateway' | 'stream' | 'backlog'
  readonly events?: number
}

/** A lake takes two or three seconds; what takes longer than this is an outage, which a run tells of and goes on. Ours. */
export const MAX_WAIT_MS = 10_000
const ASK_EVERY_MS = 100

export interface AcknowledgedPorts {
  readonly askGateway: AskUpstream
  readonly clock: Clock
}

/**
 * Waits until what a gateway had when it was first asked is in the lake; answers what may not be. When that was, and when
 * events arrived, the gateway says by its own clock: ours may be an hour before or behind. One that does not say it
 * (an older one) is waited for until it has nothing.
 */
export async function awaitAcknowledged(
  { askGateway, clock }: AcknowledgedPorts,
  signal: AbortSignal,
): Promise<Unseen | undefined> {
  const endMs = clock.monotonicMs() + MAX_WAIT_MS
  let untilMs: number | undefined
  for (;;) {
    const state = await askGateway()
    if (state === null) return { why: 'no_gateway' }
    if (state.sink.kind !== 'lake') return { why: 'stream' }
    untilMs ??= state.nowMs ?? Number.POSITIVE_INFINITY
    const { events, oldestMs = untilMs } = state.backlog
    if (events === 0 || oldestMs > untilMs) return undefined
    if (signal.aborted || clock.monotonicMs() >= endMs) return { why: 'backlog', events }
    await sleep(ASK_EVERY_MS, signal)
  }
}
