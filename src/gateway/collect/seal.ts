import { Counter } from 'prom-client'
import { enrich } from '../../event/enrich.ts'
import { eventLine, linesToBytes, sharedEnd } from '../../event/ndjson.ts'
import { scrub } from '../../event/scrub.ts'
import { truncateAddress } from '../../http/addresses.ts'
import type { Clock } from '../../std/clock.ts'
import type { Entropy } from '../../std/id.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { App } from '../apps/registry.ts'
import { daySalt, eventIds } from './event-id.ts'
import type { Batch } from './journal.ts'
import { userAgents } from './user-agent.ts'
import type { Judged } from './verdicts.ts'

/** What the events of one request have in common. */
export interface Circumstances {
  /** The sender's. Truncated at once or dropped, and never stored. */
  readonly address: string
  readonly userAgent: string
  /** From a trusted edge. */
  readonly country: string | undefined
  readonly canRetry: boolean
  /** Sec-GPC: 1. */
  readonly gpc: boolean
}

export interface SealPorts {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly telemetry: Telemetry
}

export type Seal = (
  app: App,
  accepted: Judged['accepted'],
  circumstances: Circumstances,
  body: Buffer,
) => Batch

/** From measurements to the lines that are stored. Scrubbing comes first: nothing after it sees what it took out. */
export function createSeal({ clock, entropy, telemetry }: SealPorts): Seal {
  const browserOf = userAgents()
  const saltId = daySalt(entropy, clock)
  const clockReplacedTotal = new Counter({
    name: 'headgate_clock_replaced_total',
    help: 'Accepted events stamped with their arrival, because the time they gave was implausible.',
    registers: [telemetry.metrics],
  })

  return (app, accepted, { address, userAgent, country, canRetry, gpc }, body) => {
    const receivedMs = clock.nowMs()
    const shared = sharedEnd({
      received_time: receivedMs,
      app_id: app.id,
      ...browserOf(userAgent),
      ...(country !== undefined && { country }),
    })
    const networkOf = () => (app.ip === 'drop' ? '' : truncateAddress(address))
    const idOf = eventIds({ body, userAgent, networkOf, canRetry, entropy })
    const privacy = { allowQuery: app.allowQuery, stripIds: gpc && app.gpc === 'strip' }
    const lines: string[] = []
    let replaced = 0
    for (const { measurement, index } of accepted) {
      const clean = scrub(measurement, privacy, saltId)
      const { stamp, clockReplaced } = enrich(clean, idOf(clean, index), receivedMs)
      if (clockReplaced) replaced++
      lines.push(eventLine(clean, stamp, shared))
    }
    if (replaced > 0) clockReplacedTotal.inc(replaced)
    return { lines: linesToBytes(lines), count: accepted.length, receivedMs, canRetry }
  }
}
