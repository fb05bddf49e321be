import { HOUR_MS } from '../../../std/durations.ts'
import type { ArrivedObject } from './arrivals.ts'
import type { IndexEntry } from './entry-text.ts'

/** From a gateway's answer to the lake it is seconds; with a stream, a restart and a retry between, less than this. Ours. */
const USUALLY_STORED_MS = 2 * HOUR_MS

/** The objects that entries name, of those that have rows. */
export const arrivedObjects = (entries: readonly IndexEntry[]): readonly ArrivedObject[] =>
  entries.flatMap((entry) => {
    const { key, rows, bytes, minutes } = entry
    return rows > 0 ? [{ key, rows, bytes, minutes, arrivedMs: arrivedMs(entry) }] : []
  })

/**
 * What came through at the usual speed came when a gateway had it: no window may be closed to what is only being stored.
 * What was under way for longer, such as the backlog of a gateway that was off, came when it was stored: how long after
 * that an aggregation, which may have been off, took it in, is no matter. A lake that says that it had rows long before a
 * gateway, or after they were indexed, has a wrong clock.
 */
export function arrivedMs({ arrivalMaxMs, indexedMs = 0, storedMs = indexedMs }: IndexEntry): number {
  const receivedMs = arrivalMaxMs ?? 0
  const isPossible = storedMs >= receivedMs - USUALLY_STORED_MS
  const cameMs = isPossible ? Math.min(storedMs, indexedMs) : indexedMs
  return cameMs > receivedMs + USUALLY_STORED_MS ? cameMs : receivedMs
}
