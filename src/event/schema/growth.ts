import { AppError } from '../../std/errors.ts'

/** Quotes and backslashes take two bytes, ids are written twice, a context with each event: honest ones stay below. */
const MOST_GROWTH = 8
/** For what is small, and has a context nevertheless. */
const ROOM_BYTES = 65_536
/** Names of columns, ids, times, and what the gateway adds. */
const ROOM_BYTES_AN_EVENT = 1_024

/** What `events` events may take once they are stored, if whoever sent them wrote `sentBytes`, inflated. */
export const mostStoredBytes = (sentBytes: number, events: number): number =>
  ROOM_BYTES + grownBytes(sentBytes, events)

/** The same of a part of what was sent: what all of it may take is the room of one, and this of each part. */
export const grownBytes = (sentBytes: number, events: number): number =>
  MOST_GROWTH * sentBytes + ROOM_BYTES_AN_EVENT * events

export function storedTooLarge(maxBytes: number): AppError {
  return new AppError(
    'stored_too_large',
    `The events would take more than ${maxBytes} bytes once stored: what a context says is stored with each event. Send less context, or fewer events in a request.`,
  )
}
