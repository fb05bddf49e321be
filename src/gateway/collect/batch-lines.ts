import { enrich } from '../../event/enrich.ts'
import type { Measurement, Stamp } from '../../event/schema/event.ts'
import { storedTooLarge } from '../../event/schema/growth.ts'
import { endAt, eventLine, linesToBytes, othersEnd } from '../../event/schema/ndjson.ts'
import { type Cleaning, cleaning, type Privacy, scrub } from '../../event/scrub.ts'
import { MAX_EVENT_BYTES } from '../../event/verdict.ts'
import type { ResumableWork } from '../../std/async/yielding.ts'
import type { Clock } from '../../std/clock.ts'
import type { Entropy } from '../../std/id.ts'
import { counter } from '../../std/metrics/instruments.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { App } from '../apps/registry.ts'
import type { Batch } from '../journal/journal.ts'
import { daySalt, eventIds } from './identity/event-id.ts'
import { createArrivalTimes, type Name } from './identity/first-arrivals.ts'
import type { IdempotencyClaim } from './identity/idempotency.ts'
import { userAgents } from './user-agent.ts'
import type { Judged } from './verdicts.ts'

/** What the events of one request have in common. */
export interface RequestContext {
  readonly userAgent: string
  /** From a trusted edge. */
  readonly country: string | undefined
  readonly canRetry: boolean
  /** Sec-GPC: 1. */
  readonly gpc: boolean
}

export interface BatchBuilderPorts {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly telemetry: Telemetry
}

export interface BatchLimits {
  /** The claim on its key, if the request has one. */
  readonly claim: IdempotencyClaim | undefined
  readonly maxBytes: number
}

export interface BuiltBatch {
  readonly batch: Batch
  /** Places in the request of events that would take more than an event may, and are not in the batch. */
  readonly tooLarge: readonly number[]
  /** Whether the same request, sent again, has the same ids. */
  readonly retrySafe: boolean
  /** Events whose own time was implausible. */
  readonly clocksReplaced: number
}

export type BuildBatch = (
  app: App,
  accepted: Judged['accepted'],
  circumstances: RequestContext,
  limits: BatchLimits,
) => ResumableWork<BuiltBatch>

/** Between two steps, of text that is looked at closely: at worst a tenth of a millisecond a thousand. */
const STEP_CLOSE_CHARS = 4_096
/** The same, of events: most of a step where no text is looked at closely. 32 attributes of each take a millisecond. */
const STEP_EVENTS = 32
/** The same, of lines. */
const STEP_LINE_CHARS = 262_144

interface Stamped {
  readonly clean: Measurement
  readonly stamp: Stamp
  readonly index: number
}

/** How far the naming of one request's events has come. */
interface Naming {
  readonly accepted: Judged['accepted']
  readonly idOf: (m: Measurement, index: number) => string
  readonly privacy: Privacy
  readonly so: Cleaning
  /** By which the clock of the client is judged. */
  readonly arrivalMs: number
  readonly hasKey: boolean
  readonly events: Stamped[]
  /** By which each may come again. */
  readonly names: Name[]
  clocksReplaced: number
}

/** From measurements to the lines that are stored. Scrubbing comes first: nothing after it sees what it took out. */
export function createBatchBuilder({ clock, entropy, telemetry }: BatchBuilderPorts): BuildBatch {
  const othersOf = othersEnds(userAgents())
  const saltId = daySalt(entropy, clock)
  const arrivals = createArrivalTimes()
  const clockReplacedTotal = counter(telemetry.metrics, 'headgate_clock_replaced_total')

  /** Hidden, they are of what the request says as well: two under one key must not show that they have one sender. */
  const idsOf = (claim: IdempotencyClaim | undefined, isHidden: boolean) =>
    isHidden
      ? eventIds({ requestId: claim && `${claim.requestId} ${claim.said}`, hide: saltId, entropy })
      : eventIds({ requestId: claim?.requestId, hide: undefined, entropy })

  function begin(
    accepted: Judged['accepted'],
    app: App,
    gpc: boolean,
    claim: IdempotencyClaim | undefined,
  ): Naming {
    const stripIds = gpc && app.gpc === 'strip'
    return {
      accepted,
      idOf: idsOf(claim, stripIds),
      privacy: { allowQuery: app.allowQuery, stripIds },
      so: cleaning(app.allowQuery),
      // A repetition is judged by the clock of the first, so that its events fall into the same windows.
      arrivalMs: claim?.arrivalMs ?? clock.nowMs(),
      hasKey: claim !== undefined,
      events: [],
      names: [],
      clocksReplaced: 0,
    }
  }

  /** Until others should have a turn. Answers whether some are left. */
  function nameSome(naming: Naming): boolean {
    const { accepted, idOf, privacy, so, arrivalMs, hasKey, events, names } = naming
    const mostChars = so.closeChars + STEP_CLOSE_CHARS
    const mostEvents = Math.min(events.length + STEP_EVENTS, accepted.length)
    while (events.length < mostEvents && so.closeChars < mostChars) {
      const { measurement, index } = accepted[events.length] as Judged['accepted'][number]
      const clean = scrub(measurement, privacy, saltId, so)
      const { stamp, clockReplaced } = enrich(clean, idOf(clean, index), arrivalMs)
      if (clockReplaced) naming.clocksReplaced++
      const isKnown = hasKey || clean.event_id !== undefined
      events.push({ clean, stamp, index })
      names.push(clean.measurement_id ?? (isKnown ? stamp.event_id : undefined))
    }
    return events.length < accepted.length
  }

  return function* build(app, accepted, { userAgent, country, canRetry, gpc }, { claim, maxBytes }) {
    const naming = begin(accepted, app, gpc, claim)
    while (nameSome(naming)) yield
    const { events, names, hasKey, clocksReplaced } = naming
    if (clocksReplaced > 0) clockReplacedTotal.inc(clocksReplaced)
    // Taken after all others had their turns: the values of a measurement are in the order of these times.
    const receivedMs = clock.nowMs()
    const endOf = endsOf(
      othersOf(app.id, country, userAgent),
      receivedMs,
      arrivals.of(app.id, names, receivedMs),
    )
    const rendering: Rendering = { events, endOf, maxBytes, lines: [], tooLarge: [], chars: 0 }
    while (renderSome(rendering)) yield
    const { lines, tooLarge } = rendering
    const batch = { lines: linesToBytes(lines, maxBytes), count: lines.length, receivedMs, canRetry }
    return { batch, tooLarge, retrySafe: hasKey || events.every(hasOwnId), clocksReplaced }
  }
}

/**
 * What the events of a request share beside their time, as text, remembered of the last one: a sender posts again and
 * again, and to compare three texts takes a tenth of looking an agent up and rendering what it says.
 */
function othersEnds(browserOf: ReturnType<typeof userAgents>) {
  let last = { appId: '', country: undefined as string | undefined, userAgent: '', text: '' }
  return (appId: string, country: string | undefined, userAgent: string): string => {
    if (last.appId !== appId || last.userAgent !== userAgent || last.country !== country) {
      const text = othersEnd({ app_id: appId, country, ...browserOf(userAgent) })
      last = { appId, country, userAgent, text }
    }
    return last.text
  }
}

const hasOwnId = ({ clean }: Stamped): boolean => clean.event_id !== undefined

/** How the line of the event at a place ends: all alike, but where each has a time of its own. */
function endsOf(
  others: string,
  receivedMs: number,
  times: readonly number[] | undefined,
): (place: number) => string {
  if (times !== undefined) return (place) => endAt(times[place] as number, others)
  const end = endAt(receivedMs, others)
  return () => end
}

/** How far the rendering of one request's events has come. */
interface Rendering {
  readonly events: readonly Stamped[]
  readonly endOf: (place: number) => string
  readonly maxBytes: number
  readonly lines: string[]
  readonly tooLarge: number[]
  chars: number
}

/** As `nameSome`. Throws when it is too much: a line has at least as many bytes as characters. */
function renderSome(rendering: Rendering): boolean {
  const { events, endOf, maxBytes, lines, tooLarge } = rendering
  const mostChars = rendering.chars + STEP_LINE_CHARS
  let at = lines.length + tooLarge.length
  for (; at < events.length && rendering.chars < mostChars; at++) {
    const { clean, stamp, index } = events[at] as Stamped
    const line = eventLine(clean, stamp, endOf(at))
    rendering.chars += line.length
    if (rendering.chars > maxBytes) throw storedTooLarge(maxBytes)
    if (isTooLarge(line)) tooLarge.push(index)
    else lines.push(line)
  }
  return at < events.length
}

/** Counted only where the characters do not say it: none has more than three bytes. */
const isTooLarge = (line: string): boolean =>
  line.length * 3 > MAX_EVENT_BYTES && Buffer.byteLength(line) > MAX_EVENT_BYTES
