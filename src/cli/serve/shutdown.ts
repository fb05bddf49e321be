import { type Config, isLoopback } from '../../config/parse.ts'
import { sleep, withDeadline } from '../../std/async/abort.ts'
import type { Clock } from '../../std/clock.ts'
import type { GatewayHandle } from './gateway-handle.ts'
import type { Listener } from './try-listeners.ts'

/** Requests in flight may take so long to finish once no new ones are taken. Ours. */
export const IN_FLIGHT_MS = 10_000
/** A run that is told to end has killed its engine and written down where it was by then. Ours. */
export const RUNS_MS = 5_000
/** Kept back from everything else, for what must be written at the end. */
export const SHUTDOWN_RESERVE_MS = 3_000
/** A load balancer needs so long to notice that an instance is not ready any more; on loopback there is none. */
const LOAD_BALANCER_MS = 10_000

export interface Running {
  readonly config: Config
  readonly clock: Clock
  readonly listeners: readonly Listener[]
  readonly gateway: GatewayHandle | undefined
}

/** How long to go on serving after readiness is gone, so that whoever balances the load has noticed. */
export const patienceMs = (hosts: readonly string[]): number =>
  hosts.every(isLoopback) ? 0 : LOAD_BALANCER_MS

/**
 * No new requests first, then what is in flight, then what was accepted; the journal is closed last. One deadline for
 * all: what one phase leaves, the next may use. Workers hear of the end at once, and go through the same.
 */
export async function stop(running: Running, endRuns: () => Promise<void>): Promise<void> {
  const { config, clock, listeners, gateway } = running
  const { totalMs, waitMs } = config.shutdown
  const reserveMs = Math.min(SHUTDOWN_RESERVE_MS, totalMs / 4)
  const endMs = clock.monotonicMs() + totalMs - reserveMs
  const left = (mostMs: number) => Math.max(0, Math.min(mostMs, endMs - clock.monotonicMs()))
  gateway?.ending()
  await sleep(left(waitMs ?? patienceMs(listeners.map(({ host }) => host))))
  const closing = Promise.all(listeners.map(({ server }) => server.close()))
  await withDeadline(closing, left(IN_FLIGHT_MS), 'the end of requests in flight').catch(() => undefined)
  // One that waits for a lake or a disk may not end: what was accepted has its time all the same.
  await withDeadline(endRuns(), left(RUNS_MS), 'the end of runs').catch(() => undefined)
  await gateway?.close(left(totalMs))
  // Who waited until now for events to be stored has been told, and the answer has to leave before we do.
  await withDeadline(closing, reserveMs / 2, 'the last answers').catch(() => undefined)
}
