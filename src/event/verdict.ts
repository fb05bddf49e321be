import type { RejectionCode } from './ledger/ledger.ts'
import { MAX_VALUE, Measurement } from './schema/event.ts'
import { isObject, type JsonObject } from './schema/json-object.ts'
import { UnparsedItem } from './schema/unparsed-item.ts'
import { readers } from './values/columns.ts'
import { Pruned, ValueRule } from './values/rule.ts'
import { converted, scales } from './values/unit.ts'

/** Ours. A whole event travels in one record; 64 KiB is also all that a beacon may carry. */
export const MAX_EVENT_BYTES = 65_536
/** The detail of `event_too_large`. */
export const EVENT_TOO_LARGE = `The event would take more than ${MAX_EVENT_BYTES} bytes once stored`
/** Levels of one event, itself included. The deepest client we know, the Performance timeline of web-vitals, needs 6. */
export const MAX_DEPTH = 32

export type Verdict =
  | {
      readonly kind: 'accepted'
      readonly measurement: Measurement
      /**
       * What will not be stored: unknown fields, columns that only the gateway sets, attributes beyond the limits,
       * numbers that are not exact.
       */
      readonly ignored: number
    }
  | {
      readonly kind: 'rejected'
      readonly code: RejectionCode
      readonly detail: string
      /** The column of ours that is wrong, or the first of several; absent where it is the event as a whole. */
      readonly field?: string
    }

/**
 * Whether a candidate is a measurement, and with which values: one look at each of its fields. `detail` names the field
 * and the rule, never what the client wrote there.
 */
export function judge(candidate: unknown): Verdict {
  if (candidate instanceof UnparsedItem) return reject(candidate.code, candidate.detail)
  if (!isObject(candidate)) return reject('not_an_object', 'An event must be a JSON object')
  const reading = readingOf(candidate)
  const { changes, broken, ignored, isTooDeep } = reading
  if (isTooDeep) return TOO_DEEP
  const fields = changes === undefined ? candidate : changed(candidate, changes)
  for (const field of Measurement.required) {
    if (fields[field] === undefined) return missing(fields)
  }
  if (broken !== undefined) return ofField('invalid_field', broken.field, `${broken.field}: ${broken.must}`)
  // Its readers have looked at each field.
  return measured(fields as Measurement, ignored)
}

/** What a look at each field found. */
interface Reading {
  /** Fields that are stored otherwise than they were sent. */
  changes: Record<string, unknown> | undefined
  /** The first field that breaks a rule, and the rule. */
  broken: { readonly field: string; readonly must: string } | undefined
  ignored: number
  isTooDeep: boolean
}

function readingOf(candidate: JsonObject): Reading {
  const reading: Reading = { changes: undefined, broken: undefined, ignored: 0, isTooDeep: false }
  for (const field in candidate) {
    const value = candidate[field]
    const read = readers.get(field)
    if (read === undefined) {
      reading.ignored++
      if (isDeeperThan(MAX_DEPTH - 1, value)) reading.isTooDeep = true
    } else if (value !== undefined) {
      const kept = read(value)
      if (kept !== value) change(reading, field, kept)
    }
  }
  return reading
}

function change(reading: Reading, field: string, kept: unknown): void {
  if (kept instanceof ValueRule) {
    reading.broken ??= { field, must: kept.must }
    return
  }
  reading.changes ??= {}
  reading.changes[field] = kept instanceof Pruned ? kept.kept : kept
  if (kept instanceof Pruned) reading.ignored += kept.left
}

/** All that misses at once, so that nobody is told of one after the other. */
function missing(fields: JsonObject): Verdict {
  const names = Measurement.required.filter((field) => fields[field] === undefined)
  return ofField(
    'missing_field',
    String(names[0]),
    names.length === 1 ? `${names}: is required` : `${names.join(' and ')}: are required`,
  )
}

/** By its unit's scale, and within what can be counted: what is accepted is counted. */
function measured(fields: Measurement, ignored: number): Verdict {
  const scale = scales.get(fields.unit)
  const measurement =
    scale === undefined ? fields : { ...fields, value: converted(fields.value, scale), unit: scale.unit }
  const { value } = measurement
  if (!(value >= 0 && value <= MAX_VALUE)) return OUT_OF_RANGE
  return { kind: 'accepted', measurement, ignored }
}

/** The fields that are columns, with what they changed to. */
function changed(candidate: JsonObject, changes: JsonObject): JsonObject {
  const fields: Record<string, unknown> = {}
  for (const field in candidate) {
    if (!readers.has(field)) continue
    const value = field in changes ? changes[field] : candidate[field]
    if (value !== undefined) fields[field] = value
  }
  return fields
}

/** Only what nobody reads can be deep. */
function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  return Object.values(value).some((inner) => isDeeperThan(levels - 1, inner))
}

const reject = (code: RejectionCode, detail: string) => ({ kind: 'rejected', code, detail }) as const

const ofField = (code: RejectionCode, field: string, detail: string) => ({ ...reject(code, detail), field })

const TOO_DEEP = reject('event_too_complex', `JSON is nested deeper than ${MAX_DEPTH} levels`)
const OUT_OF_RANGE = ofField(
  'invalid_field',
  'value',
  `value: must lie between 0 and ${MAX_VALUE}, in the event's unit`,
)
