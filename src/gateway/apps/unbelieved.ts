import { isIPv4 } from 'node:net'
import { truncateAddress } from '../../http/sender/ip-address.ts'
import type { OnUnbelieved } from '../../http/sender/sender.ts'
import type { Clock } from '../../std/clock.ts'
import { counter } from '../../std/metrics/instruments.ts'
import type { Telemetry } from '../../std/telemetry.ts'

/** How often it is said: a proxy forwards each request, and anybody can claim to be one. */
const LOG_EVERY_MS = 60_000

/**
 * Who is behind a proxy that is not trusted has its address, and all of them share the limits of one. It is counted, and
 * said once a minute at most, with the network of the last that came.
 */
export function tellOfUnbelieved(clock: Clock, { log, metrics }: Telemetry): OnUnbelieved {
  const unbelieved = counter(metrics, 'headgate_forwarding_not_trusted_total')
  let toldMs = Number.NEGATIVE_INFINITY
  let untold = 0
  return (peer) => {
    unbelieved.inc()
    untold++
    const nowMs = clock.monotonicMs()
    if (nowMs - toldMs < LOG_EVERY_MS) return
    log.warn(
      { network: networkOf(peer), setting: 'gateway.trustProxy', requests: untold },
      'a peer that is not trusted says for whom it forwards: all behind it share the limits of one address',
    )
    toldMs = nowMs
    untold = 0
  }
}

const networkOf = (peer: string): string => `${truncateAddress(peer)}/${isIPv4(peer) ? 24 : 48}`
