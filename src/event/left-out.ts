import { nearestOf } from '../std/input/did-you-mean.ts'
import { lruCache } from '../std/lru.ts'
import { columns, MAX_ATTRIBUTES } from './schema/event.ts'
import { isObject, type JsonObject } from './schema/json-object.ts'
import { readers } from './values/columns.ts'
import { columnCalled, meantColumn } from './values/other-names.ts'

/** Unknown names that are looked at. Ours. */
const MAX_NAMES = 8
/** Unknown names that are compared with ours: each costs as much as a small event, the first time. Ours. */
const MAX_COMPARED = 3
/** Names in one sentence. Ours. */
const MAX_LISTED = 3
/** So that whoever sends fields of its own with each request costs a look-up. */
const MAX_KNOWN_NAMES = 512
/** Nothing that would be no name in a sentence: what a client calls its fields may be anything. */
const SAID = /^[\w.@$:/-]{1,64}$/
/** That they are left out of what clients send is documented. */
const gatewayOwn: ReadonlySet<string> = new Set(columns.map(({ name }) => name))

/** What the sender of events has to be told of their fields that were left out: what each was meant for, or its name. */
export function createLeftOut(nearestField = nearestOf(readers.keys())) {
  const meantBy = lruCache<string>(MAX_KNOWN_NAMES)

  function nearestTo(name: string): string {
    const known = meantBy.get(name)
    if (known !== undefined) return known
    const found = nearestField(name) ?? ''
    meantBy.set(name, found)
    return found
  }

  return (candidates: readonly JsonObject[]): readonly string[] => {
    const hints: string[] = []
    const others: string[] = []
    let compared = 0
    for (const [name, beside] of unknownNames(candidates)) {
      const column = columnCalled(name) ?? (compared++ < MAX_COMPARED ? nearestTo(name) : '')
      if (column !== '' && beside[column] === undefined) {
        hints.push(`"${name}" is no field of an event and was left out; ${meantColumn(column)}`)
      } else if (SAID.test(name)) others.push(name)
    }
    return others.length === 0 ? hints : [...hints, listed(others)]
  }
}

/** Those of the events, each with the first that has it, without what only the gateway sets. */
function unknownNames(candidates: readonly JsonObject[]): ReadonlyMap<string, JsonObject> {
  const names = new Map<string, JsonObject>()
  for (const candidate of candidates) {
    for (const name in candidate) {
      if (readers.has(name) || gatewayOwn.has(name) || names.has(name)) continue
      names.set(name, candidate)
      if (names.size === MAX_NAMES) return names
    }
  }
  return names
}

function listed(names: readonly string[]): string {
  const some = names.slice(0, MAX_LISTED).map((name) => `"${name}"`)
  const rest = names.length > MAX_LISTED ? ' and others' : ''
  return `Left out, as no field of an event is called so: ${some.join(', ')}${rest}; what is your own goes into "attributes".`
}

/** The same of attributes: lists and objects are none, and there may be so many. */
export function leftOutOfAttributes(candidates: readonly JsonObject[]): readonly string[] {
  const hints = new Set<string>()
  for (const { attributes } of candidates) {
    if (!isObject(attributes)) continue
    const names = Object.keys(attributes)
    const nested = names.slice(0, MAX_ATTRIBUTES).find((name) => isNested(attributes[name]))
    if (nested !== undefined && SAID.test(nested)) {
      hints.add(
        `attributes: "${nested}" holds more than one value and was left out; give each a name, such as "${nested}.total"`,
      )
    }
    if (names.length > MAX_ATTRIBUTES)
      hints.add(`attributes: of more than ${MAX_ATTRIBUTES} the first are kept`)
  }
  return [...hints]
}

const isNested = (value: unknown): boolean => typeof value === 'object' && value !== null
