import { DAY_MS, MINUTE_MS } from '../../std/durations.ts'
import { numberIn } from './number.ts'

/** The longest that a moment is written: RFC 9557, with the name of its zone, has some 70 characters. */
export const MAX_MOMENT_CHARS = 96

/**
 * ISO 8601 and RFC 3339 in the spellings that senders use: a day of a month, of a year or of a week, with or without
 * hyphens or with slashes, and then `T`, `t` or a space.
 */
const ISO_DATE =
  /^(?:\+00)?(\d{4})(?:-(\d\d)-(\d\d)|\/(\d\d)\/(\d\d)|(\d\d)(\d\d)|-?(\d{3})|(?:-W(\d\d)-([1-7])|W(\d\d)([1-7])))[Tt ]/
/** RFC 5322, 3.3, as in HTTP and in mail: `Sun, 22 Nov 2026 11:00:00 GMT`. Years of two digits: RFC 5322, 4.3. */
const MAIL_DATE = /^(?:[a-z]{3}, ?)?(\d{1,2}) ([a-z]{3}) (\d{4}|\d\d) /i
/** With or without colons, minutes and seconds; fractions of any length behind a point or a comma. */
const TIME = /^(\d\d)(?:(:?)(\d\d)(?:\2(\d\d)(?:[.,](\d+))?)?)?/
/**
 * `Z`, `UTC`, `GMT`, or an offset with or without those, colon and minutes. Behind it what says nothing more: a short name
 * or a clock reading (Go), a name in parentheses (JavaScript) or in brackets (RFC 9557, Java).
 */
const ZONE =
  /^ ?(?:(?:UTC?|GMT)?([+\u2212-])(\d\d?)(?::?(\d\d))?(?::?00)?(?: [A-Z]{2,5})?(?: m=[+-][\d.]+)?|Z|Zulu|UTC?|GMT|Etc\/(?:UTC|GMT))(?: ?\([^()]*\))?(?:\[[^\]]*\])*$/i
/** RFC 5322, 4.3: in mail these are what they say, elsewhere `CST` may be that of China. */
const MAIL_ZONE = / ([ECMP])([SD])T$/
const MAIL_ZONES = { E: 5, C: 6, M: 7, P: 8 }
const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'

/** Other orders of what mail says: JavaScript's, Java's and that of RFC 850. */
const REORDERED = [
  [/^[a-z]{3} ([a-z]{3}) {1,2}(\d{1,2}) (\d{4}) (.+)$/i, '$2 $1 $3 $4'],
  [/^[a-z]{3} ([a-z]{3}) {1,2}(\d{1,2}) ([\d:.]+) (\S+) (\d{4})$/i, '$2 $1 $5 $3 $4'],
  [/^[a-z]{6,9}, (\d\d)-([a-z]{3})-(\d\d) (.+)$/i, '$1 $2 $3 $4'],
] as const

/** The JSON of .NET: epoch milliseconds, and an offset that says nothing more. */
const DOT_NET = /^\/Date\((-?\d+)(?:[+-]\d{4})?\)\/$/

/**
 * Epoch milliseconds of a number or of a text; NaN, which no comparison finds plausible, if it says no moment. A moment
 * needs a zone: a date alone, or a time of some unnamed place, is taken for no time at all rather than for UTC, as it
 * would put the event into the wrong window without anyone noticing.
 */
export function momentIn(time: number | string): number {
  if (typeof time === 'number') return Math.floor(time)
  if (time.length > MAX_MOMENT_CHARS) return Number.NaN
  const text = time.trim()
  return (
    isoMoment(text) ?? mailMoment(inMailsOrder(text)) ?? Math.floor(numberIn(DOT_NET.exec(text)?.[1] ?? text))
  )
}

/** From which number on it is a time of these years, since 1973, in each unit, and was hardly meant otherwise. */
const SCALES = [
  [1e17, 'nanoseconds'],
  [1e14, 'microseconds'],
  [1e11, 'milliseconds'],
  [1e8, 'seconds'],
] as const

/** The unit since the epoch in which a time was most likely written; undefined where it is hardly one at all. */
export function likelyScale(time: number | string): (typeof SCALES)[number][1] | undefined {
  const count = numberIn(time)
  if (Number.isNaN(count)) return Number.isNaN(momentIn(time)) ? undefined : 'milliseconds'
  return SCALES.find(([least]) => count >= least)?.[1]
}

function inMailsOrder(text: string): string {
  for (const [order, mails] of REORDERED) {
    const reordered = text.replace(order, mails)
    if (reordered !== text) return reordered
  }
  return text.replace(MAIL_ZONE, (_, zone: keyof typeof MAIL_ZONES, season) => {
    return ` -0${MAIL_ZONES[zone] - (season === 'D' ? 1 : 0)}00`
  })
}

function isoMoment(text: string): number | undefined {
  const found = ISO_DATE.exec(text)
  if (found === null) return undefined
  const [date, year, ...parts] = found
  const [
    month,
    day,
    slashMonth,
    slashDay,
    plainMonth,
    plainDay,
    ordinal,
    week,
    weekday,
    plainWeek,
    plainWeekday,
  ] = parts
  return momentOn(midnight(), text.slice(date.length))

  function midnight(): number {
    const y = Number(year)
    if (ordinal !== undefined) return dayOfYear(y, Number(ordinal))
    if (week ?? plainWeek) return dayOfWeek(y, Number(week ?? plainWeek), Number(weekday ?? plainWeekday))
    return dayOfMonth(y, Number(month ?? slashMonth ?? plainMonth), Number(day ?? slashDay ?? plainDay))
  }
}

function mailMoment(text: string): number | undefined {
  const found = MAIL_DATE.exec(text)
  if (found === null) return undefined
  const [date, day, name = '', digits = ''] = found
  const month = MONTHS.indexOf(name.toLowerCase()) / 4 + 1
  const year = digits.length === 4 ? Number(digits) : Number(digits) + (digits < '50' ? 2_000 : 1_900)
  return momentOn(dayOfMonth(year, month, Number(day)), text.slice(date.length))
}

/** NaN for a day that is on no calendar, as all of these. */
function dayOfMonth(year: number, month: number, day: number): number {
  const date = new Date(Date.UTC(year, month - 1, day))
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : Number.NaN
}

function dayOfYear(year: number, day: number): number {
  const ms = Date.UTC(year, 0, day)
  return day > 0 && new Date(ms).getUTCFullYear() === year ? ms : Number.NaN
}

/** ISO 8601: week 1 has the year's first Thursday in it, and so the fourth of January. */
function dayOfWeek(year: number, week: number, weekday: number): number {
  const fourth = Date.UTC(year, 0, 4)
  const monday = fourth - ((new Date(fourth).getUTCDay() + 6) % 7) * DAY_MS + (week - 1) * 7 * DAY_MS
  const thursday = monday + 3 * DAY_MS
  return new Date(thursday).getUTCFullYear() === year ? monday + (weekday - 1) * DAY_MS : Number.NaN
}

/** The time and the zone that `text` is; NaN without one of them. A leap second is the first of the next minute. */
function momentOn(midnightMs: number, text: string): number {
  const time = TIME.exec(text)
  const zone = time && ZONE.exec(text.slice(time[0].length))
  if (!zone) return Number.NaN
  const [hour = 0, minute = 0, second = 0] = [time[1], time[3], time[4]].map((digits = '0') => Number(digits))
  const isTime = (hour < 24 || (hour === 24 && minute + second === 0)) && minute < 60 && second <= 60
  const ms = Number((time[5] ?? '').slice(0, 3).padEnd(3, '0'))
  const [, sign, hours = '0', minutes = '0'] = zone
  const isOffset = Number(hours) < 24 && Number(minutes) < 60
  if (!isTime || !isOffset) return Number.NaN
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '+' ? 1 : -1)
  return midnightMs + (hour * 60 + minute - offset) * MINUTE_MS + second * 1_000 + ms
}
