import { invalid } from './invalid.ts'

/**
 * ISO 8601 as RFC 3339 narrows it: a date, or a date with a time and a zone, since text without a zone would mean
 * whatever this machine's zone is. Python writes six digits of a second and Go nine.
 */
const DATE = String.raw`(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))`
const TIME = String.raw`(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?`
const ZONE = String.raw`(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)`
const ISO = new RegExp(`^${DATE}(?:T${TIME}${ZONE})?$`)

/** Years have four digits: keys of the lake and names of folders are made of them. */
export const MAX_INSTANT_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/**
 * The least number that is taken for epoch milliseconds, in 1973. Whatever has fewer digits is something else: epoch
 * seconds have ten until 2286, 20261128 is a date without its hyphens and 2026 a year. Zero is the beginning.
 */
export const MIN_EPOCH_MS = 100_000_000_000
/** Nine digits and more that are no milliseconds: seconds since 1973. */
const MIN_EPOCH_SECONDS = 100_000_000

/** What one is, for whoever writes it. */
export const INSTANT_FORM =
  'epoch milliseconds (1795867200000), or ISO 8601 with a time zone (2026-11-28T12:00:00Z)'

/** Epoch ms of an instant in either form, within the years 1970 to 9999, or `invalid_request` naming the field. */
export function instant(field: string, value: number | string): number {
  const read = readInstant(value)
  if (typeof read === 'number') return read
  throw invalid(field, read)
}

export const isInstant = (value: number | string): boolean => typeof readInstant(value) === 'number'

/** Why a value is no instant, in words that follow the name of its field. */
export const whyNoInstant = (value: number | string): string => `${readInstant(value)}`

/** Epoch ms, or what it must be. */
function readInstant(value: number | string): number | string {
  const text = `${value}`
  const ms = /^\d{1,16}$/.test(text) ? epochMs(Number(text)) : isoMs(text)
  if (typeof ms === 'string' || (ms >= 0 && ms <= MAX_INSTANT_MS)) return ms
  return Number.isNaN(ms) ? `must be ${INSTANT_FORM}` : 'must be in the years 1970 to 9999'
}

function epochMs(value: number): number | string {
  if (value === 0 || value >= MIN_EPOCH_MS) return value
  const why =
    value < MIN_EPOCH_SECONDS
      ? 'a date has hyphens, 2026-11-28'
      : 'these look like epoch seconds: multiply by 1000'
  return `must be ${INSTANT_FORM}; ${why}`
}

/** NaN for what no calendar and no clock has: 30 February, 24:00, a 61st second. */
function isoMs(text: string): number {
  const [instant, date = ''] = ISO.exec(text.toUpperCase()) ?? []
  // Date takes the day 30 of February for one in March.
  if (instant === undefined || new Date(date).toISOString().slice(0, 10) !== date) return Number.NaN
  return Date.parse(instant.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))
}

/** The half-open range, or `invalid_request` naming both ends: one of them may be a default. */
export function rangeFrom(
  fromMs: number,
  toMs: number,
  names: readonly [from: string, to: string] = ['from', 'to'],
): { readonly fromMs: number; readonly toMs: number } {
  if (fromMs < toMs) return { fromMs, toMs }
  const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString())
  throw invalid(names[0], `(${from}) must be before ${names[1]} (${to})`)
}
