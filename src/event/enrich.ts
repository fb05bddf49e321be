import type { Measurement, Stamp } from './event.ts'
import { pathOf } from './privacy/url.ts'

/** How old, and how far ahead, a client's clock may say an event is before we take our own (design.md, Event). */
export const MAX_AGE_MS = 86_400_000
export const MAX_AHEAD_MS = 300_000

export interface Enriched {
  readonly stamp: Stamp
  /** The client gave a time and it was not plausible. */
  readonly clockReplaced: boolean
}

/** What makes a measurement an event, beside what its whole request shares. */
export function enrich(m: Measurement, eventId: string, receivedMs: number): Enriched {
  const clientMs = epochMs(m.event_time)
  const plausible = clientMs >= receivedMs - MAX_AGE_MS && clientMs <= receivedMs + MAX_AHEAD_MS
  const stamp: Stamp = {
    event_id: eventId,
    event_time: plausible ? clientMs : receivedMs,
    unit: m.unit ?? '1',
    weight: m.weight ?? 1,
  }
  const pagePath = m.page_path ?? (m.page_url ? pathOf(m.page_url) : undefined)
  if (pagePath !== undefined) stamp.page_path = pagePath
  return { stamp, clockReplaced: !plausible && m.event_time !== undefined }
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
