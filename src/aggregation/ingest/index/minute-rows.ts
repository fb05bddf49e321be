import { alignDown, MINUTE_MS } from '../../../std/durations.ts'

/** Rows by minute of event time, in time order. Arrays, since one object may touch minutes by the hundred thousand. */
export interface MinuteRows {
  /** Starts of the minutes, epoch ms. */
  readonly startsMs: Float64Array
  /** Rows in each of them. */
  readonly rows: Float64Array
}

export const NO_MINUTES: MinuteRows = { startsMs: new Float64Array(), rows: new Float64Array() }

/** The minutes of [fromMs, toMs), the first of which may have begun before it: a view, whatever the length. */
export function minutesWithin(minutes: MinuteRows, fromMs: number, toMs: number): MinuteRows {
  const { startsMs, rows } = minutes
  const from = firstFrom(startsMs, alignDown(fromMs, MINUTE_MS))
  const to = Math.max(from, firstFrom(startsMs, toMs))
  // Nearly each of many objects lies in the range or beside it, and a view takes more than a few minutes do.
  if (from === to) return NO_MINUTES
  if (to - from === startsMs.length) return minutes
  return { startsMs: startsMs.subarray(from, to), rows: rows.subarray(from, to) }
}

/** Where the first minute lies that does not start before the instant. */
function firstFrom(startsMs: Float64Array, ms: number): number {
  let [low, high] = [0, startsMs.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((startsMs[middle] as number) < ms) low = middle + 1
    else high = middle
  }
  return low
}
