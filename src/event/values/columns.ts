import type { TSchema } from 'typebox'
import { INSTANT_FORM } from '../../std/input/instant.ts'
import {
  MAX_ID_CHARS,
  MAX_STATUS,
  MAX_WEIGHT,
  Measurement,
  NAME_FORM,
  NAME_PATTERN,
} from '../schema/event.ts'
import { LEDGER_NAME } from '../schema/ledger-event.ts'
import { withEscapes, withoutTilde } from '../schema/text.ts'
import { readAttributes } from './attributes.ts'
import { numberIn } from './number.ts'
import { Pruned, ValueRule } from './rule.ts'

/** What is stored for a value that a client sent: mostly itself, `undefined` for nothing, or the rule that it breaks. */
type Reader = (value: unknown) => unknown

const TEXT = new ValueRule('must be a text, such as checkout')
/** Its digits are no longer those that were sent. */
const INEXACT = new Pruned(undefined, 1)
const ID = new ValueRule(`must be a text of at most ${MAX_ID_CHARS} characters`)
const NAME = new ValueRule(`must be ${NAME_FORM}`)
const RESERVED = new ValueRule(`${LEDGER_NAME} is reserved`)
const TIME = new ValueRule(`must be ${INSTANT_FORM}`)
const metricName = new RegExp(NAME_PATTERN)

const exceptions: Readonly<Record<string, Reader>> = {
  // Keys are public: whoever could send the ledger's could make up losses, or hide them.
  name: (value) => {
    if (value === null) return undefined
    if (typeof value !== 'string') return TEXT
    if (!metricName.test(value)) return NAME
    return value === LEDGER_NAME ? RESERVED : value
  },
  value: number(Number.isFinite, 'must be a number, such as 187.5'),
  weight: number(
    (weight) => weight > 0 && weight <= MAX_WEIGHT,
    `must be a number above 0 and at most ${MAX_WEIGHT}, such as 10`,
  ),
  http_response_status_code: number(
    (code) => Number.isInteger(code) && code >= 0 && code <= MAX_STATUS,
    `must be a whole number from 0 to ${MAX_STATUS}, such as 200`,
  ),
  // Whatever it says, it is the time of arrival if it says no moment: see enrich.ts.
  event_time: (value) =>
    value === null ? undefined : typeof value === 'number' || typeof value === 'string' ? value : TIME,
  unit: (value) => (value === '' ? undefined : text(value)),
  attributes: readAttributes,
}

/**
 * The columns that a client may set, and how each is read. Senders differ in what they call a number or a text, and a
 * measurement is worth more than its decoration: numbers in texts are read and the other way round, and null, as many
 * write what they do not know, is nothing. Texts that are too long are cut by what scrubs them, which has to see what
 * lies across the cut. Refused is only what would be counted wrongly: no number where one is needed, or an id that, cut,
 * would make two things one.
 */
export const readers: ReadonlyMap<string, Reader> = new Map(
  Object.entries<TSchema & { readonly maxLength?: number }>(Measurement.properties).map(
    ([name, { maxLength }]) => [name, exceptions[name] ?? (maxLength === MAX_ID_CHARS ? id : text)],
  ),
)

function text(value: unknown): unknown {
  return typeof value === 'string' ? withoutTilde(value) : literal(value, Number.isFinite)
}

/** Numbers and booleans as JSON prints them. */
function literal(value: unknown, isExact: (number: number) => boolean): unknown {
  if (value === null) return undefined
  if (typeof value === 'number') return isExact(value) ? String(value) : INEXACT
  return typeof value === 'boolean' ? String(value) : TEXT
}

/** An empty id names nothing, and is what many write for none. A number that lost digits on the way would name another thing. */
function id(value: unknown): unknown {
  if (typeof value === 'string') {
    if (value === '') return undefined
    const named = withEscapes(value)
    return named.length > MAX_ID_CHARS ? ID : named
  }
  return literal(value, (number) => Math.abs(number) <= Number.MAX_SAFE_INTEGER)
}

function number(isValid: (number: number) => boolean, must: string): Reader {
  const rule = new ValueRule(must)
  return (value) => {
    if (value === null) return undefined
    const read = numberIn(value)
    return isValid(read) ? read : rule
  }
}
