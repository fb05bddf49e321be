import type { GatewayBalance } from '../../../http/reconciliation.ts'
import { sleep } from '../../../std/async/abort.ts'
import type { Clock } from '../../../std/clock.ts'
import type { Unseen } from './log/run-record.ts'

/** What a run has to know of a gateway. */
export type Upstream = Pick<GatewayBalance, 'nowMs' | 'backlog' | 'sink'> &
  Partial<Pick<GatewayBalance, 'silent' | 'unopened'>>
/** Null while nobody answers. */
export type AskUpstream = () => Promise<Upstream | null>

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
    const unseen = unseenOf(state, untilMs)
    if (unseen === undefined || signal.aborted || clock.monotonicMs() >= endMs) return unseen
    await sleep(ASK_EVERY_MS, signal)
  }
}

/**
 * What came until then and may not be in the lake. What seems to come from later than now came before the clock was put
 * back. A worker that is being started again has a journal as well, as a former one may.
 */
function unseenOf(
  { nowMs = 0, backlog, silent = 0, unopened = 0 }: Upstream,
  untilMs: number,
): Unseen | undefined {
  const { events, oldestMs = untilMs } = backlog
  const cameSince = oldestMs > untilMs && oldestMs <= nowMs
  if (events > 0 && !cameSince) return { why: 'backlog', events }
  return silent + unopened > 0 ? { why: 'no_gateway' } : undefined
}
