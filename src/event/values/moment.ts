import { MINUTE_MS } from '../../std/durations.ts'
import { numberIn } from './number.ts'

/** The longest that a moment is written: RFC 9557, with the name of its zone, has some 70 characters. */
const MAX_MOMENT_CHARS = 96

/**
 * ISO 8601 and RFC 3339 in the spellings that senders use: `T`, `t` or a space, with or without hyphens, colons and
 * seconds, fractions of any length behind a point or a comma; a zone that is `Z`, `UTC`, `GMT` or an offset with or
 * without colon and minutes, and behind it a name in brackets (RFC 9557, Java), which says nothing more.
 */
const ISO =
  /^(\d{4})(-?)(\d\d)\2(\d\d)[Tt ](\d\d)(:?)(\d\d)(?:\6(\d\d)(?:[.,](\d+))?)? ?(?:[Zz]|UTC|GMT|([+\u2212-])(\d\d):?(\d\d)?)(?:\[[^\]]*\])*$/

/** RFC 5322, 3.3, as in HTTP and in mail: `Sun, 22 Nov 2026 11:00:00 GMT`. */
const MAIL =
  /^(?:[A-Z][a-z]{2}, )?(\d{1,2}) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{4}) (\d\d):(\d\d)(?::(\d\d))? (?:GMT|UTC|Z|([+-])(\d\d)(\d\d))$/
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'

/**
 * Epoch milliseconds of a number or of a text; NaN, which no comparison finds plausible, if it says no moment. A moment
 * needs a zone: a date alone, or a time of some unnamed place, is taken for no time at all rather than for UTC, as it
 * would put the event into the wrong window without anyone noticing.
 */
export function momentIn(time: number | string): number {
  if (typeof time === 'number') return Math.floor(time)
  if (time.length > MAX_MOMENT_CHARS) return Number.NaN
  return isoMoment(time) ?? mailMoment(time) ?? Math.floor(numberIn(time))
}

function isoMoment(text: string): number | undefined {
  const found = ISO.exec(text)
  if (found === null) return undefined
  const [, year, , month, day, hour, , minute, second = '0', fraction = '', sign, ...offset] = found
  const ms = Number(fraction.slice(0, 3).padEnd(3, '0'))
  return at([year, month, day, hour, minute, second].map(Number), ms) - offsetMs(sign, offset)
}

function mailMoment(text: string): number | undefined {
  const found = MAIL.exec(text)
  if (found === null) return undefined
  const [, day, name = '', year, hour, minute, second = '0', sign, ...offset] = found
  const month = MONTHS.indexOf(name) / 4 + 1
  return at([year, month, day, hour, minute, second].map(Number), 0) - offsetMs(sign, offset)
}

/** NaN for a day or a time that is not on the clock. A leap second is the first of the next minute. */
function at(fields: readonly number[], ms: number): number {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields
  const midnight = new Date(Date.UTC(year, month - 1, day))
  const isDay = midnight.getUTCMonth() === month - 1 && midnight.getUTCDate() === day
  const isTime = (hour < 24 || (hour === 24 && minute + second === 0)) && minute < 60 && second <= 60
  return isDay && isTime ? midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000 + ms : Number.NaN
}

function offsetMs(
  sign: string | undefined,
  [hours = '0', minutes = '0']: readonly (string | undefined)[],
): number {
  if (Number(hours) > 23 || Number(minutes) > 59) return Number.NaN
  const ms = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS
  return sign === '+' ? ms : -ms
}
