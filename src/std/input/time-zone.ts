import type { TimeSpan } from '../durations.ts'
import { HOUR_MS } from '../durations.ts'
import { unlessThrown } from '../expected-errors.ts'
import { didYouMean } from './did-you-mean.ts'

/** Every UTC offset in use today is a multiple of it, so every local midnight lies on this grid. */
const QUARTER_MS = 900_000
/** Longer than any local day: clocks are put back by an hour at most (half an hour on Lord Howe Island). */
const LONGEST_DAY_MS = 26 * HOUR_MS

/**
 * The local days that cover [fromMs, toMs) in an IANA time zone, as UTC spans. A day starts with the first instant of its
 * date, wherever clocks jump: days of 23 and 25 hours, of a missing midnight and after a skipped date come out right.
 */
export function localDays(fromMs: number, toMs: number, timeZone: string): readonly TimeSpan[] {
  const dateAt = dates(timeZone)
  const today = dateAt(fromMs)
  let start = firstQuarter(fromMs - LONGEST_DAY_MS, fromMs, (ms) => dateAt(ms) >= today)
  const days: TimeSpan[] = []
  while (start < toMs) {
    const date = dateAt(start)
    const end = firstQuarter(start, start + LONGEST_DAY_MS, (ms) => dateAt(ms) > date)
    days.push({ fromMs: start, toMs: end })
    start = end
  }
  return days
}

/** Whether it is an IANA time zone. */
export function isTimeZone(name: string): boolean {
  return unlessThrown(() => dates(name), isRangeError) !== undefined
}

/** `; did you mean "Europe/Berlin"?`, or nothing. */
export const zoneMeant = (name: string): string => didYouMean(name, Intl.supportedValuesOf('timeZone'))

const isRangeError = (error: unknown): boolean => error instanceof RangeError

/** Instant → local date as YYYY-MM-DD, whose text order is its time order. */
function dates(timeZone: string): (ms: number) => string {
  // Swedish dates are ISO 8601.
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' })
  return (ms) => format.format(ms)
}

/** The first quarter of an hour in (afterMs, untilMs] for which the condition holds; it must hold at the last one. */
function firstQuarter(afterMs: number, untilMs: number, holds: (ms: number) => boolean): number {
  let below = Math.floor(afterMs / QUARTER_MS)
  let above = Math.floor(untilMs / QUARTER_MS)
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2)
    if (holds(middle * QUARTER_MS)) above = middle
    else below = middle
  }
  return above * QUARTER_MS
}
