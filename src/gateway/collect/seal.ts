import { Counter } from 'prom-client'
import { enrich } from '../../event/enrich.ts'
import type { Measurement, Stamp } from '../../event/event.ts'
import { storedTooLarge } from '../../event/growth.ts'
import { endAt, eventLine, linesToBytes, othersEnd } from '../../event/ndjson.ts'
import { type Cleaned, scrub } from '../../event/scrub.ts'
import { MAX_EVENT_BYTES } from '../../event/verdict.ts'
import type { Clock } from '../../std/clock.ts'
import type { Entropy } from '../../std/id.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { App } from '../apps/registry.ts'
import { createArrivals, type Name } from './identity/arrivals.ts'
import { daySalt, eventIds } from './identity/event-id.ts'
import type { Claim } from './identity/idempotency.ts'
import type { Batch } from './journal.ts'
import { userAgents } from './user-agent.ts'
import type { Judged } from './verdicts.ts'

/** What the events of one request have in common. */
export interface Circumstances {
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

export interface Sealing {
  /** Of the request, where it has a key. */
  readonly claim: Claim | undefined
  readonly maxBytes: number
}

export interface Sealed {
  readonly batch: Batch
  /** Places in the request of events that would take more than an event may, and are not in the batch. */
  readonly tooLarge: readonly number[]
  /** Whether the same request, sent again, has the same ids. */
  readonly retrySafe: boolean
}

export type Seal = (
  app: App,
  accepted: Judged['accepted'],
  circumstances: Circumstances,
  sealing: Sealing,
) => Sealed

interface Stamped {
  readonly clean: Measurement
  readonly stamp: Stamp
  readonly index: number
}

interface Named {
  readonly events: readonly Stamped[]
  /** By which each may come again. */
  readonly names: readonly Name[]
  /** Whether the same request, sent again, would give each the same id. */
  readonly areKnown: boolean
}

/** From measurements to the lines that are stored. Scrubbing comes first: nothing after it sees what it took out. */
export function createSeal({ clock, entropy, telemetry }: SealPorts): Seal {
  const browserOf = userAgents()
  const saltId = daySalt(entropy, clock)
  const arrivals = createArrivals()
  const clockReplacedTotal = new Counter({
    name: 'headgate_clock_replaced_total',
    help: 'Accepted events stamped with their arrival, because the time they gave was implausible.',
    registers: [telemetry.metrics],
  })

  /** Hidden, they are of what the request says as well: two under one key must not show that they have one sender. */
  const idsOf = (claim: Claim | undefined, isHidden: boolean) =>
    isHidden
      ? eventIds({ requestId: claim && `${claim.requestId} ${claim.said}`, hide: saltId, entropy })
      : eventIds({ requestId: claim?.requestId, hide: undefined, entropy })

  /** `arrivalMs`: by which the clock of the client is judged. */
  function nameAll(accepted: Judged['accepted'], app: App, { claim, gpc, arrivalMs }: Naming): Named {
    const stripIds = gpc && app.gpc === 'strip'
    const idOf = idsOf(claim, stripIds)
    const privacy = { allowQuery: app.allowQuery, stripIds }
    const cleaned: Cleaned = new Map()
    const events: Stamped[] = []
    const names: Name[] = []
    let replaced = 0
    for (const { measurement, index } of accepted) {
      const clean = scrub(measurement, privacy, saltId, cleaned)
      const { stamp, clockReplaced } = enrich(clean, idOf(clean, index), arrivalMs)
      if (clockReplaced) replaced++
      const isKnown = claim !== undefined || clean.event_id !== undefined
      events.push({ clean, stamp, index })
      names.push(clean.measurement_id ?? (isKnown ? stamp.event_id : undefined))
    }
    if (replaced > 0) clockReplacedTotal.inc(replaced)
    return { events, names, areKnown: claim !== undefined || events.every(hasOwnId) }
  }

  return (app, accepted, { userAgent, country, canRetry, gpc }, { claim, maxBytes }) => {
    const receivedMs = clock.nowMs()
    // A repetition is judged by the clock of the first, so that its events fall into the same windows.
    const arrivalMs = claim?.arrivalMs ?? receivedMs
    const { events, names, areKnown } = nameAll(accepted, app, { claim, gpc, arrivalMs })
    const others = othersEnd({ app_id: app.id, country, ...browserOf(userAgent) })
    const ends = endsOf(others, receivedMs, arrivals.of(app.id, names, receivedMs))
    const { lines, tooLarge } = render(events, ends, maxBytes)
    const batch = { lines: linesToBytes(lines, maxBytes), count: lines.length, receivedMs, canRetry }
    return { batch, tooLarge, retrySafe: areKnown }
  }
}

const hasOwnId = ({ clean }: Stamped): boolean => clean.event_id !== undefined

interface Naming {
  readonly claim: Claim | undefined
  readonly gpc: boolean
  readonly arrivalMs: number
}

/** How the line of the event at a place ends: all alike, but where each has a time of its own. */
function endsOf(
  others: string,
  receivedMs: number,
  times: readonly number[] | undefined,
): (place: number) => string {
  let lastMs = receivedMs
  let end = endAt(receivedMs, others)
  if (times === undefined) return () => end
  return (place) => {
    const timeMs = times[place] as number
    if (timeMs !== lastMs) end = endAt(timeMs, others)
    lastMs = timeMs
    return end
  }
}

/** Stops when it is too much: a line has at least as many bytes as characters. */
function render(events: readonly Stamped[], endOf: (place: number) => string, maxBytes: number) {
  const lines: string[] = []
  const tooLarge: number[] = []
  let chars = 0
  for (const { clean, stamp, index } of events) {
    const line = eventLine(clean, stamp, endOf(lines.length + tooLarge.length))
    chars += line.length
    if (chars > maxBytes) throw storedTooLarge(maxBytes)
    if (isTooLarge(line)) tooLarge.push(index)
    else lines.push(line)
  }
  return { lines, tooLarge }
}

/** Counted only where the characters do not say it: none has more than three bytes. */
const isTooLarge = (line: string): boolean =>
  line.length * 3 > MAX_EVENT_BYTES && Buffer.byteLength(line) > MAX_EVENT_BYTES
