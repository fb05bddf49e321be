import { type Config, isLoopback } from '../../config/parse.ts'
import { endsWithin, sleep } from '../../std/async/abort.ts'
import type { Clock } from '../../std/clock.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import { EXIT } from '../terminal/command.ts'
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
  /** Tells of a part that failed to end, rather than to end in time: the others have their time all the same. */
  readonly failed: TellFailure
}

export type TellFailure = (what: string, err: unknown) => void

export interface Ending {
  readonly totalMs: number
  readonly log: Telemetry['log']
  readonly gateway: GatewayHandle | undefined
}

/** The end, by its deadline: what was not delivered by then is in the journal. Answers the exit code. */
export async function endInTime(
  { totalMs, log, gateway }: Ending,
  end: (failed: TellFailure) => Promise<void>,
): Promise<number> {
  const faults: unknown[] = []
  const failed = (what: string, err: unknown) => {
    faults.push(err)
    log.error({ err, during: what }, 'a part of the shutdown failed')
  }
  try {
    if (await endsWithin(end(failed), totalMs)) return exitOf(faults)
    log.error(
      { code: 'deadline_exceeded' },
      'stopped at the deadline; what was not delivered is in the journal',
    )
  } catch (error) {
    failed('the shutdown', error)
  }
  gateway?.abandon()
  return exitOf(faults)
}

const exitOf = (faults: readonly unknown[]): number => (faults.length === 0 ? EXIT.ok : EXIT.failed)

/** How long to go on serving after readiness is gone, so that whoever balances the load has noticed. */
export const patienceMs = (hosts: readonly string[]): number =>
  hosts.every(isLoopback) ? 0 : LOAD_BALANCER_MS

/**
 * No new requests first, then what is in flight, then what was accepted; the journal is closed last. One deadline for
 * all: what one phase leaves, the next may use. Workers hear of the end at once, and go through the same.
 */
export async function stop(running: Running, endRuns: () => Promise<void>): Promise<void> {
  const { config, clock, listeners, gateway, failed } = running
  const { totalMs, waitMs } = config.shutdown
  const reserveMs = Math.min(SHUTDOWN_RESERVE_MS, totalMs / 4)
  const endMs = clock.monotonicMs() + totalMs - reserveMs
  const left = (mostMs: number) => Math.max(0, Math.min(mostMs, endMs - clock.monotonicMs()))
  gateway?.ending()
  await sleep(left(waitMs ?? patienceMs(listeners.map(({ host }) => host))))
  const closing = Promise.all(listeners.map(({ server }) => server.close())).catch((error) =>
    failed('the end of requests in flight', error),
  )
  await endsWithin(closing, left(IN_FLIGHT_MS))
  // One that waits for a lake or a disk may not end: what was accepted has its time all the same.
  await endsWithin(
    endRuns().catch((error) => failed('the end of runs', error)),
    left(RUNS_MS),
  )
  await gateway?.close(left(totalMs))
  // Who waited until now for events to be stored has been told, and the answer has to leave before we do.
  await endsWithin(closing, reserveMs / 2)
}
