import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { MAX_ATTRIBUTE_NAME_CHARS, MAX_ATTRIBUTES, Measurement } from './event.ts'
import type { RefusalCode } from './ledger.ts'
import { LEDGER_NAME } from './ledger-event.ts'

/** Ours (design.md, section 5). A whole event travels in one record; 64 KiB is also all that a beacon may carry. */
export const MAX_EVENT_BYTES = 65_536

export type Verdict =
  | {
      readonly kind: 'accepted'
      readonly measurement: Measurement
      /** Fields that will not be stored: unknown ones, and columns that only the gateway sets. */
      readonly ignored: number
    }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly detail: string }

const check = Compile(Measurement)
const settable: ReadonlySet<string> = new Set(Object.keys(Measurement.properties))

/**
 * Whether a candidate is a measurement. `detail` names the field and the rule, never what the client wrote there; which
 * rule it was is looked for only if `explain`.
 */
export function judge(candidate: unknown, explain = true): Verdict {
  if (!isPlain(candidate)) return refuse('not_an_object', 'An event must be a JSON object')
  const { attributes, name } = candidate
  // Before the check and the search for errors: both visit each name of a hostile million.
  if (isPlain(attributes) && Object.keys(attributes).length > MAX_ATTRIBUTES) {
    return refuse('invalid_field', `attributes: must not have more than ${MAX_ATTRIBUTES} names`)
  }
  // Keys are public: whoever could send one could make up losses, or hide them.
  if (name === LEDGER_NAME) return refuse('invalid_field', `name: ${LEDGER_NAME} is reserved`)
  if (check.Check(candidate)) return accept(candidate)
  // Many clients write null for what they do not know: absent. Looked for only where something is wrong already.
  const present = Object.fromEntries(Object.entries(candidate).filter(([, value]) => value !== null))
  if (check.Check(present)) return accept(present)
  for (const field of Measurement.required) {
    if (present[field] === undefined) return refuse('missing_field', `${field}: is required`)
  }
  if (!explain) return refuse('invalid_field', 'A field is not valid')
  return refuse('invalid_field', check.Errors(present).slice(0, 1).map(brokenRule).join())
}

/**
 * The candidate itself: whoever reads a measurement reads its columns by name, so other fields go nowhere. Its texts bound
 * it: UTF-8 never has fewer bytes than UTF-16 has units, so whoever is refused here is too large in any encoding.
 */
function accept(measurement: Measurement): Verdict {
  const fields: Readonly<Record<string, unknown>> = measurement
  let ignored = 0
  let chars = 0
  for (const field in fields) {
    const value = fields[field]
    if (!settable.has(field)) ignored++
    else if (typeof value === 'string') chars += value.length
  }
  if (chars > MAX_EVENT_BYTES) {
    return refuse('event_too_large', `The event has more than ${MAX_EVENT_BYTES} bytes`)
  }
  return { kind: 'accepted', measurement, ignored }
}

const refuse = (code: RefusalCode, detail: string): Verdict => ({ kind: 'refused', code, detail })

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Only for the refused: finding the reason costs a hundred times the check. */
function brokenRule(error: TLocalizedValidationError): string {
  const field = error.instancePath.split('/').slice(1).map(printable).join('.')
  if (error.schemaPath.endsWith('/propertyNames')) {
    return `attributes: names must have 1 to ${MAX_ATTRIBUTE_NAME_CHARS} characters`
  }
  if (field === 'event_time') return 'event_time: must be epoch milliseconds or ISO 8601 text'
  return `${field}: ${error.message}`
}

/** An attribute's name is the client's own text: bounded, and only what is harmless in a log, a terminal or a page. */
const printable = (name: string): string => name.slice(0, MAX_ATTRIBUTE_NAME_CHARS).replace(/[^\w.:-]/g, '?')
