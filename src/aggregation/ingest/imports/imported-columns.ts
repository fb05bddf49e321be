import { setByGateway } from '../../../event/left-out.ts'
import { readers } from '../../../event/values/columns.ts'
import { columnCalled } from '../../../event/values/other-names.ts'
import { AppError } from '../../../std/errors.ts'
import { nearestOf } from '../../../std/input/did-you-mean.ts'
import { jsonOr } from '../../../std/json.ts'

/** What a cell of a column is of an event. */
export type ImportedColumn = { readonly field: string } | { readonly attribute: string }

/** What an event of the past cannot do without. */
const NEEDED = ['name', 'value', 'event_time'] as const
const ATTRIBUTE = 'attributes.'
/** Columns of a table. Ours: an event has some 60 fields, and keeps 32 attributes. */
export const MAX_IMPORTED_COLUMNS = 1_000
/** Faults of columns that are told at once. Ours. */
const MAX_TOLD = 8
/** Names that may be repeated where one of ours was meant. */
const REPEATABLE = /^[\w.@-]{1,64}$/

const nearestField = nearestOf(readers.keys())

/**
 * The columns that a table names, or `malformed_body` that says of each which is none what was meant: of a column that
 * nobody reads every row would be another than whoever has them thinks.
 */
export function importedColumns(names: readonly string[]): readonly ImportedColumn[] {
  if (names.length > MAX_IMPORTED_COLUMNS)
    throw new AppError('malformed_body', `The columns cannot be read: there are ${TOO_MANY_COLUMNS}.`)
  const columns = names.map((name) => name.trim())
  const seen = new Set<string>()
  const faults = columns.flatMap((name, at) => faultOf(name, at, seen) ?? [])
  const missing = NEEDED.filter((name) => !columns.includes(name))
  if (missing.length > 0) faults.push(`it lacks ${missing.join(', ')}`)
  if (faults.length > 0)
    throw new AppError(
      'malformed_body',
      `The columns cannot be read: ${faults.slice(0, MAX_TOLD).join('. ')}.`,
    )
  return columns.map((name) =>
    name.startsWith(ATTRIBUTE) ? { attribute: name.slice(ATTRIBUTE.length) } : { field: name },
  )
}

export const TOO_MANY_COLUMNS = `more than ${MAX_IMPORTED_COLUMNS} columns`

/** Those seen before it are to be told, and it is one of them then. */
function faultOf(name: string, at: number, seen: Set<string>): string | undefined {
  const column = `column ${at + 1}`
  if (seen.size === seen.add(name).size) return `${column} has the name of an earlier one`
  if (readers.has(name) || (name.startsWith(ATTRIBUTE) && name !== ATTRIBUTE)) return undefined
  const ofGateway = setByGateway(name)
  if (ofGateway !== undefined) return `${column}: ${ofGateway}; ${INSTEAD}`
  const meant = REPEATABLE.test(name) ? (columnCalled(name) ?? nearestField(name)) : undefined
  return meant === undefined
    ? `${column} is none of an event; ${INSTEAD}`
    : `${column} ("${name}") is none of an event; did you mean "${meant}"?`
}

const INSTEAD = 'leave it out, or keep it as an attribute by the name attributes.<name>'

/** A row as the door takes it: a line of JSON. What is empty is absent. */
export function rowLine(columns: readonly ImportedColumn[], cells: readonly unknown[]): Buffer {
  const event: Record<string, unknown> = {}
  const attributes: Record<string, unknown> = {}
  for (const [at, column] of columns.entries()) {
    const cell = cells[at]
    if (cell === '' || cell === null) continue
    if ('attribute' in column) attributes[column.attribute] = cell
    else event[column.field] = column.field === 'attributes' ? jsonOr(String(cell), () => cell) : cell
  }
  if (Object.keys(attributes).length > 0)
    event['attributes'] = { ...Object(event['attributes']), ...attributes }
  return Buffer.from(JSON.stringify(event))
}
