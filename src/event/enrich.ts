import { DAY_MS } from '../std/durations.ts'
import { memoizeLast } from '../std/memoize-last.ts'
import { pathOf } from './privacy/url.ts'
import { DEFAULTS, type Measurement, type Stamp } from './schema/event.ts'
import { withoutTilde } from './schema/text.ts'
import { momentIn } from './values/moment.ts'

/** How old a client's clock may say an event is before we take our own. Ours. */
export const MAX_EVENT_AGE_MS = DAY_MS
/** How far ahead. Ours: a clock that keeps time is off by less. */
export const MAX_EVENT_AHEAD_MS = 300_000

export interface Enriched {
  readonly stamp: Stamp
  /** The client gave a time and it was not plausible. */
  readonly clockReplaced: boolean
}

const lastPathOf = memoizeLast(pathOf)

/** What makes a measurement an event, beside what its whole request shares. */
export function enrich(m: Measurement, eventId: string, receivedMs: number): Enriched {
  const clientMs = m.event_time === undefined ? Number.NaN : momentIn(m.event_time)
  const plausible = isPlausible(clientMs, receivedMs)
  const stamp: Stamp = {
    event_id: eventId,
    event_time: plausible ? clientMs : receivedMs,
    unit: m.unit ?? DEFAULTS.unit,
    weight: m.weight ?? DEFAULTS.weight,
  }
  const pagePath = m.page_path ?? (m.page_url ? lastPathOf(m.page_url) : undefined)
  if (pagePath !== undefined) stamp.page_path = withoutTilde(pagePath)
  return { stamp, clockReplaced: !plausible && m.event_time !== undefined }
}

/** Whether a client's time is taken. NaN is none. */
export const isPlausible = (clientMs: number, receivedMs: number): boolean =>
  clientMs >= receivedMs - MAX_EVENT_AGE_MS && clientMs <= receivedMs + MAX_EVENT_AHEAD_MS
