import { isIPv4 } from 'node:net'
import { truncateAddress } from '../../http/sender/ip-address.ts'
import type { OnUnbelieved } from '../../http/sender/sender.ts'
import type { Unbelieved } from '../../http/sender/unbelieved.ts'
import type { Clock } from '../../std/clock.ts'
import { lineBudget } from '../../std/line-budget.ts'
import { counter } from '../../std/metrics/instruments.ts'
import type { Telemetry } from '../../std/telemetry.ts'

/** A proxy forwards each request, and anybody can claim to be one. Ours. */
const MAX_LINES_A_MINUTE = 1

/** Requests that say for whom they were forwarded, by peers that are not trusted. */
export interface UnbelievedForwardings {
  readonly note: OnUnbelieved
  /** How many those were, and the last; undefined where there was none. */
  told(): Unbelieved | undefined
}

/**
 * Who is behind a proxy that is not trusted has its address, and all of them share the limits of one. It is counted, and
 * said once a minute at most, with the network of the last that came.
 */
export function createUnbelievedForwardings(
  clock: Clock,
  { log, metrics }: Telemetry,
): UnbelievedForwardings {
  const counted = counter(metrics, 'headgate_forwarding_not_trusted_total')
  const mayTell = lineBudget(clock, MAX_LINES_A_MINUTE)
  let last: { readonly peer: string; readonly lastMs: number } | undefined
  let requests = 0
  let untold = 0
  return {
    told: () => last && { requests, network: networkOf(last.peer), lastMs: last.lastMs },
    note(peer) {
      counted.inc()
      requests++
      untold++
      last = { peer, lastMs: clock.nowMs() }
      if (!mayTell()) return
      log.warn(
        { network: networkOf(peer), setting: 'gateway.trustProxy', requests: untold },
        'a peer that is not trusted says for whom it forwards: all behind it share the limits of one address',
      )
      untold = 0
    },
  }
}

const networkOf = (peer: string): string => `${truncateAddress(peer)}/${isIPv4(peer) ? 24 : 48}`
