import { nearestOf, plain } from '../std/input/did-you-mean.ts'
import { lruCache } from '../std/lru.ts'
import { columns, MAX_ATTRIBUTES, type Shared } from './schema/event.ts'
import type { JsonObject } from './schema/json-object.ts'
import { attributesIn } from './values/attributes.ts'
import { readers } from './values/columns.ts'
import { columnCalled, meantColumn } from './values/other-names.ts'
import { Pruned } from './values/rule.ts'

/** Unknown names that are looked at. Ours. */
const MAX_NAMES = 24
/** Unknown names that are compared with ours: each costs as much as a small event, the first time. Ours. */
const MAX_COMPARED = 3
/** So that whoever sends fields of its own with each request costs a look-up. */
const MAX_KNOWN_NAMES = 512
/** Names that may be repeated: nothing in them ends a line, steers a terminal or leaves a path of SQL. Ours. */
const REPEATABLE = /^[\w.@-]{1,64}$/
/** Those that only the gateway sets are told by `leftOutOfGateway`. */
const gatewayOwn: ReadonlySet<string> = new Set(columns.map(({ name }) => name))

/** Nearly the name of a column, and what to ask of whoever wrote it. */
export interface MeantField {
  readonly name: string
  /** It was meant for that only where an event has none. */
  readonly column: string
  readonly text: string
}

/** Fields of events that are none of ours: those that were meant for one, and how many others there are. */
interface UnknownFields {
  readonly meant: readonly MeantField[]
  readonly others: number
}

/** Finds what unknown fields were meant for. `own` are the columns that whoever wrote the events may set. */
export function createMeantFields(own: readonly string[], nearestField = nearestOf(own)) {
  const meantBy = lruCache<string>(MAX_KNOWN_NAMES)
  const spelt = new Map(own.map((column) => [plain(column), column]))
  const beginnings = new Set(own.map(beginning))
  /** Found by a look-up. */
  const called = (name: string) =>
    REPEATABLE.test(name) ? (spelt.get(plain(name)) ?? columnCalled(name)) : ''

  function nearestTo(name: string): string {
    const known = meantBy.get(name)
    if (known !== undefined) return known
    const found = nearestField(name) ?? ''
    meantBy.set(name, found)
    return found
  }

  return (events: readonly JsonObject[]): UnknownFields => {
    const meant: MeantField[] = []
    let others = 0
    const unknown = unknownNames(events)
    // Few slips are in the first letters: names that begin as ours do are compared before the others.
    const rest = [...unknown.keys()].filter((name) => called(name) === undefined)
    const likely = rest.filter((name) => beginnings.has(beginning(name)))
    const compared = new Set([...new Set([...likely, ...rest])].slice(0, MAX_COMPARED))
    for (const [name, beside] of unknown) {
      const column = called(name) ?? (compared.has(name) ? nearestTo(name) : '')
      if (column !== '' && isAbsent(beside[column])) {
        meant.push({
          name,
          column,
          text: `"${name}" is no field of an event and was left out; ${meantColumn(column)}`,
        })
      } else others++
    }
    return { meant, others }
  }
}

const beginning = (name: string): string => plain(name.slice(0, 4)).slice(0, 2)

/** What the sender of events has to be told of their fields that were left out: what each was meant for, or how many they are. */
export function createLeftOut(nearestField = nearestOf(readers.keys())) {
  const meantFields = createMeantFields([...readers.keys()], nearestField)
  return (candidates: readonly JsonObject[]): readonly string[] => {
    const { meant, others } = meantFields(candidates)
    const hints = meant.map(({ text }) => text)
    return others === 0 ? hints : [...hints, counted(others)]
  }
}

/** What is null is absent, wherever it stands. */
const isAbsent = (value: unknown): boolean => value === undefined || value === null

/** Those of the events, each with the first that has it, without what only the gateway sets. */
function unknownNames(candidates: readonly JsonObject[]): ReadonlyMap<string, JsonObject> {
  const names = new Map<string, JsonObject>()
  for (const candidate of candidates) {
    for (const name in candidate) {
      if (readers.has(name) || gatewayOwn.has(name) || names.has(name) || isAbsent(candidate[name])) continue
      names.set(name, candidate)
      if (names.size === MAX_NAMES) return names
    }
  }
  return names
}

/** By number: what a client calls its own is not repeated to it, as nobody knows what stands in it. */
function counted(fields: number): string {
  const many = fields === MAX_NAMES ? `${fields} fields or more` : `${fields} fields`
  return `Left out: ${fields === 1 ? 'a field' : many} that no event has; what is your own goes into "attributes".`
}

const NESTED =
  'attributes: one that holds more than one value was left out; give each value a name, such as "cart.total"'

const UNNAMED =
  'attributes: what has no name was left out; they are an object, such as { "plan": "pro" }, and no text of one'

/** The same of attributes: lists and objects are none, and there may be so many. */
export function leftOutOfAttributes(candidates: readonly JsonObject[]): readonly string[] {
  const hints = new Set<string>()
  for (const candidate of candidates) {
    const attributes = attributesIn(candidate['attributes'])
    if (attributes === undefined) continue
    const names = Object.keys(attributes)
    if (names.includes('')) hints.add(UNNAMED)
    if (names.slice(0, MAX_ATTRIBUTES).some((name) => name !== '' && isNested(attributes[name])))
      hints.add(NESTED)
    if (names.length > MAX_ATTRIBUTES)
      hints.add(`attributes: of more than ${MAX_ATTRIBUTES} the first are kept`)
  }
  return [...hints]
}

const isNested = (value: unknown): boolean => typeof value === 'object' && value !== null

/** The columns that nobody but the gateway sets, and from what. */
const SOURCES: readonly (readonly [names: readonly (keyof Shared)[], source: string])[] = [
  [['app_id'], 'by the key, alias or Origin of the request'],
  [['received_time'], 'by its own clock; the time of an event is "event_time"'],
  [['device_type', 'user_agent_name', 'user_agent_version', 'os_name'], 'from the User-Agent header'],
  [['country'], 'from a header of the edge in front of it ("gateway.countryHeader")'],
]

/** The same of columns that only the gateway sets. */
export function leftOutOfGateway(candidates: readonly JsonObject[]): readonly string[] {
  return SOURCES.flatMap(([names, source]) => {
    const sent = names.filter((name) => candidates.some((event) => !isAbsent(event[name])))
    return sent.length === 0 ? [] : [`${sent.join(', ')}: left out; only the gateway sets this, ${source}`]
  })
}

const sourceOf: ReadonlyMap<string, string> = new Map(
  SOURCES.flatMap(([names, source]) => names.map((name) => [name, source])),
)

/** What to tell of a column that only the gateway sets, and undefined of any other name. */
export function setByGateway(name: string): string | undefined {
  const source = sourceOf.get(name)
  return source && `only the gateway sets the column of that name, ${source}`
}

/** The same of numbers in columns of text that are too large to be exact. */
export function leftOutNumbers(candidates: readonly JsonObject[]): readonly string[] {
  const isLeftOut = (field: string, value: unknown) =>
    typeof value === 'number' && readers.get(field)?.(value) instanceof Pruned
  return [...readers.keys()]
    .filter((field) => field !== 'attributes' && candidates.some((event) => isLeftOut(field, event[field])))
    .map((field) => `${field}: a number that is too large to be exact was left out; send it as a text`)
}
