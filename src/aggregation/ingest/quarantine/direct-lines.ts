import { hash } from 'node:crypto'
import { enrich } from '../../../event/enrich.ts'
import type { Measurement } from '../../../event/schema/event.ts'
import { eventLine, sharedEnd } from '../../../event/schema/ndjson.ts'
import { scrub } from '../../../event/scrub.ts'
import { ID_DIGITS } from '../../../std/id.ts'
import type { Attribution, DirectApp } from './attribution.ts'

/**
 * How many places measurements of one object are spread over, by their first digits: two that share a place only lie
 * further apart than they need.
 */
const PLACES = 65_536
const PLACE_DIGITS = 4
/** Beyond the first minute rows of one measurement tie. */
const MOST_PLACES = 59_999

/** Where a measurement stood. */
export interface Spot {
  /** From 1: the number of the line in its object. */
  readonly line: number
  /** From 0: the place of the event in its line. */
  readonly index: number
}

/** What the lines of one object have in common. */
export interface DirectArrival {
  /** The object's, by which its lines have ids of their own. */
  readonly key: string
  readonly receivedMs: number
}

export interface DirectLine {
  /** As the gateway stores it. */
  readonly stored: string
  readonly clockReplaced: boolean
}

export type BuildDirectLine = (measurement: Measurement, { subject }: Attribution, spot: Spot) => DirectLine

/**
 * From measurements of one object to the lines that are stored. The app is that of the folder. Who put the record is
 * whom its token names, whatever it says itself; of anybody there is neither user nor session.
 * Ids are hashed together with the app and the subject: nobody can name a row of somebody else's. The same object gives
 * the same ids, and the same record put twice only by its own `event_id`: without one it is two events, and nothing that
 * was left out of a line can be found by trying what would give its id.
 */
export function createDirectLineBuilder(
  { id: app, allowQuery }: DirectApp,
  { key, receivedMs }: DirectArrival,
): BuildDirectLine {
  const endOf = (place: number) => sharedEnd({ received_time: receivedMs + place, app_id: app })
  const shared = endOf(0)
  const places = new Uint16Array(PLACES)

  /** All rows of an object arrived at once; those of one measurement a millisecond apart, in the order of the object. */
  function placeOf(measurementId: string): number {
    const slot = Number.parseInt(measurementId.slice(0, PLACE_DIGITS), 16)
    const place = Number(places[slot])
    places[slot] = Math.min(place + 1, MOST_PLACES)
    return place
  }

  const privacy = { allowQuery, stripIds: false }
  return (measurement, { subject }, { line, index }) => {
    const scoped = (kind: string) => (id: string) => digest([app, subject ?? null, kind, id])
    const { user_id: _, session_id, measurement_id, event_id, ...rest } = measurement
    const own = {
      ...rest,
      ...(measurement_id !== undefined && { measurement_id: scoped('measurement')(measurement_id) }),
      ...(subject !== undefined && { user_id: subject }),
      ...(subject !== undefined && session_id !== undefined && { session_id }),
    }
    const eventId =
      event_id === undefined ? scoped('place')(`${line}-${index}-${key}`) : scoped('event')(event_id)
    const clean = scrub(own, privacy, scoped('id'))
    const { stamp, clockReplaced } = enrich(clean, eventId, receivedMs)
    const place = own.measurement_id === undefined ? 0 : placeOf(own.measurement_id)
    return { stored: eventLine(clean, stamp, place === 0 ? shared : endOf(place)), clockReplaced }
  }
}

/** An id that says nothing of what it is made of. */
export const digest = (parts: readonly unknown[]): string =>
  hash('sha256', JSON.stringify(parts), 'hex').slice(0, ID_DIGITS)
