import { enrich } from '../../../event/enrich.ts'
import type { Measurement } from '../../../event/schema/event.ts'
import { endAt, eventLine, othersEnd } from '../../../event/schema/ndjson.ts'
import { scrub } from '../../../event/scrub.ts'
import { momentIn } from '../../../event/values/moment.ts'
import { EVENT_TOO_LARGE, MAX_EVENT_BYTES } from '../../../event/verdict.ts'
import { HOUR_MS } from '../../../std/durations.ts'
import { INSTANT_FORM, MAX_INSTANT_MS, MIN_EPOCH_MS } from '../../../std/input/instant.ts'
import { COARSE, FINE } from '../compact/line-faults.ts'
import type { Spot } from '../quarantine/direct-lines.ts'
import { digest } from '../quarantine/direct-lines.ts'
import type { RejectedInLine } from '../quarantine/judge-line.ts'

/** An app whose events are imported. */
export interface ImportApp {
  readonly id: string
  readonly allowQuery: ReadonlySet<string>
}

/** By which an import is known again. */
export interface ImportNames {
  readonly name: string
  /** The file's own, without its folder; empty where it has none, as the body of a request. */
  readonly file: string
}

/** As it is stored, or why it is not. */
export type PastEvent =
  | { readonly eventMs: number; readonly stored: string; readonly rejected?: undefined }
  | { readonly rejected: RejectedInLine }

/**
 * From measurements of an import to the lines that are stored. Nobody knows when they arrived, so that it is when they
 * happened. An id that was left out is made of what stays the same whenever the import is repeated: its name, that of the
 * file, the place, and all that is stored of the event. Less than all, and two events that differ would be one; more, and
 * the id would tell of what was cleaned.
 */
export function createPastEvents(
  { id: app, allowQuery }: ImportApp,
  { name, file }: ImportNames,
): (measurement: Measurement, spot: Spot) => PastEvent {
  const others = othersEnd({ app_id: app })
  const privacy = { allowQuery, stripIds: false }
  return (measurement, { line, index }) => {
    const eventMs = measurement.event_time === undefined ? Number.NaN : momentIn(measurement.event_time)
    const fault = timeFault(measurement, eventMs)
    if (fault !== undefined) return { rejected: fault }
    const clean = scrub(measurement, privacy, String)
    const { stamp } = enrich(clean, clean.event_id ?? '', eventMs)
    const end = endAt(eventMs, others)
    if (clean.event_id === undefined)
      stamp.event_id = digest(['import', name, file, line, index, eventLine(clean, stamp, end)])
    const stored = eventLine(clean, stamp, end)
    return Buffer.byteLength(stored) > MAX_EVENT_BYTES ? { rejected: TOO_LARGE } : { eventMs, stored }
  }
}

const ofEvent = (reason: RejectedInLine['reason'], detail: string): RejectedInLine => ({
  reason,
  detail,
  events: 1,
})

const TOO_LARGE = ofEvent('event_too_large', EVENT_TOO_LARGE)
const NO_WINDOW = 'event_time: is in the last hour of 9999, which no window counts'
const NO_TIME = ofEvent(
  'missing_field',
  'event_time: is required: of what is imported nothing else says when it happened',
)

/** The end of the times that are counted: the windows of the last hour of 9999 would end in a year of five digits. */
export const PAST_END_MS = MAX_INSTANT_MS + 1 - HOUR_MS

/** The same times as a line of the lake may have: what is less than those of 1973 is of another scale. */
function timeFault({ event_time }: Measurement, eventMs: number): RejectedInLine | undefined {
  if (event_time === undefined) return NO_TIME
  if (eventMs >= MIN_EPOCH_MS && eventMs < PAST_END_MS) return undefined
  if (Number.isNaN(eventMs)) return ofEvent('invalid_field', `event_time: must be ${INSTANT_FORM}`)
  if (eventMs >= PAST_END_MS && eventMs <= MAX_INSTANT_MS) return ofEvent('invalid_field', NO_WINDOW)
  return ofEvent(
    'invalid_field',
    `event_time: ${eventMs < MIN_EPOCH_MS ? COARSE : FINE}: it must be ${INSTANT_FORM}`,
  )
}
