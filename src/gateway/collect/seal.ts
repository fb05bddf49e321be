import { Counter } from 'prom-client'
import { eventLine } from '../../event/ndjson.ts'
import { scrub } from '../../event/scrub.ts'
import type { Clock } from '../../std/clock.ts'
import type { Entropy } from '../../std/id.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { App } from '../apps/registry.ts'
import { enrich } from './enrich.ts'
import { daySalt, eventIds, truncateAddress } from './event-id.ts'
import type { Format } from './formats/format.ts'
import type { Batch } from './journal.ts'
import { userAgents } from './user-agent.ts'
import type { Judged } from './verdicts.ts'

/** What the events of one request have in common. */
export interface Circumstances {
  readonly format: Format
  readonly body: Buffer
  /** The sender's. Truncated at once or dropped, and never stored. */
  readonly address: string
  readonly userAgent: string
  /** From a trusted edge. */
  readonly country: string | undefined
  readonly canRetry: boolean
  /** Sec-GPC: 1. */
  readonly gpc: boolean
}

/** Formats that only one client speaks name it, for measurements that do not. */
const sdkNames: Readonly<Partial<Record<Format['name'], string>>> = { 'web-vitals': 'web-vitals' }

export interface SealPorts {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly telemetry: Telemetry
}

export type Seal = (app: App, accepted: Judged['accepted'], circumstances: Circumstances) => Batch

/** From measurements to the lines that are stored. Scrubbing comes first: nothing after it sees what it took out. */
export function createSeal({ clock, entropy, telemetry }: SealPorts): Seal {
  const browserOf = userAgents()
  const saltId = daySalt(entropy, clock)
  const clockReplaced = new Counter({
    name: 'headgate_clock_replaced_total',
    help: 'Accepted events stamped with their arrival, because the time they gave was implausible.',
    registers: [telemetry.metrics],
  })

  return (app, accepted, { format, body, address, userAgent, country, canRetry, gpc }) => {
    const receivedMs = clock.nowMs()
    const sdkName = sdkNames[format.name]
    const facts = {
      appId: app.id,
      receivedMs,
      userAgent: browserOf(userAgent),
      ...(country !== undefined && { country }),
      ...(sdkName !== undefined && { sdkName }),
    }
    const truncatedAddress = app.ip === 'drop' ? '' : truncateAddress(address)
    const idOf = eventIds({ body, userAgent, truncatedAddress, canRetry, entropy })
    const privacy = { allowQuery: app.allowQuery, stripIds: gpc && app.gpc === 'strip' }
    let replaced = 0
    let lines = ''
    for (const { measurement, index } of accepted) {
      const clean = scrub(measurement, privacy, saltId)
      const enriched = enrich(clean, idOf(clean, index), facts)
      if (enriched.clockReplaced) replaced++
      lines += eventLine(enriched.event)
    }
    if (replaced > 0) clockReplaced.inc(replaced)
    return { lines: Buffer.from(lines), count: accepted.length, receivedMs, canRetry }
  }
}
