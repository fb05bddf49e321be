import type { Event, Measurement } from '../../event/event.ts'
import { pathOf } from '../../event/scrub.ts'
import type { UserAgentFacts } from './user-agent.ts'

/** How old, and how far ahead, a client's clock may say an event is before we take our own (design.md, Event). */
export const MAX_AGE_MS = 86_400_000
export const MAX_AHEAD_MS = 300_000

/** What is the same for all events of a request. */
export interface RequestFacts {
  readonly appId: string
  readonly receivedMs: number
  readonly userAgent: UserAgentFacts
  readonly country?: string | undefined
  /** The client that speaks this format, for measurements that do not say what sent them. */
  readonly sdkName?: string | undefined
}

export interface Enriched {
  readonly event: Event
  /** The client gave a time and it was not plausible. */
  readonly clockReplaced: boolean
}

export function enrich(m: Measurement, eventId: string, facts: RequestFacts): Enriched {
  const { receivedMs } = facts
  const clientMs = epochMs(m.event_time)
  const plausible = clientMs >= receivedMs - MAX_AGE_MS && clientMs <= receivedMs + MAX_AHEAD_MS
  const event: Event = {
    unit: '1',
    weight: 1,
    ...m,
    event_id: eventId,
    event_time: plausible ? clientMs : receivedMs,
    received_time: receivedMs,
    app_id: facts.appId,
    ...facts.userAgent,
  }
  if (m.page_path === undefined && m.page_url) event.page_path = pathOf(m.page_url)
  if (facts.country !== undefined) event.country = facts.country
  if (m.sdk_name === undefined && facts.sdkName !== undefined) event.sdk_name = facts.sdkName
  return { event, clockReplaced: !plausible && m.event_time !== undefined }
}

/**
 * A moment needs a zone: a date alone, or a time of some unnamed place, is taken for no time at all rather than for UTC,
 * as it would put the event into the wrong window without anyone noticing.
 */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/

/** Whole milliseconds; NaN, which no comparison finds plausible, if it says no moment. */
function epochMs(time: Measurement['event_time']): number {
  if (typeof time === 'string') return MOMENT.test(time) ? Date.parse(time) : Number.NaN
  return Math.floor(time ?? Number.NaN)
}
