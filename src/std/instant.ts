import { AppError } from './errors.ts'

/** A date, or a date with a time and a zone: text without a zone would mean whatever this machine's zone is. */
const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/

/** The last instant that a Date can hold (ECMA-262, 21.4.1.1), less a day: room for the largest window. */
const MAX_INSTANT_MS = 8_640_000_000_000_000 - 86_400_000

/** Epoch ms of an instant in either form, or `invalid_request` naming the field. */
export function instant(field: string, value: number | string): number {
  const ms = /^\d+$/.test(`${value}`)
    ? Number(value)
    : ISO.test(`${value}`)
      ? Date.parse(`${value}`)
      : Number.NaN
  if (ms >= 0 && ms <= MAX_INSTANT_MS) return ms
  throw new AppError('invalid_request', `${field} must be epoch ms, or ISO 8601 with a time zone.`)
}
