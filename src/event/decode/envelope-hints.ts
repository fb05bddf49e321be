import { nearest } from '../../std/input/did-you-mean.ts'
import { isObject, type JsonObject } from '../schema/json-object.ts'
import { readers } from '../values/columns.ts'
import { columnCalled } from '../values/other-names.ts'
import { isEnvelope, OF_ONE_EVENT } from './envelope.ts'

/** Members that are looked at: whoever mistypes one has few. Ours. */
const MAX_MEMBERS = 8
const CONTEXT = 'context'
const EVENTS = 'events'
/** What an envelope may have; `sent_at` is accepted and not used. */
const MEMBERS: readonly string[] = [CONTEXT, EVENTS, 'sent_at']

/** What all events of a body have in common, as it was sent. */
export const contextOf = (root: unknown): unknown => (isEnvelope(root) ? root[CONTEXT] : undefined)

/** What the sender of an envelope has to be told of what it says beside its events and nobody reads. */
export const besideEvents = (root: unknown): readonly string[] =>
  isEnvelope(root) ? [...ofMembers(root), ...ofContext(root[CONTEXT])] : []

/** A member is repeated only where it is nearly one of ours, or names a field of ours, as it is called here or elsewhere. */
function ofMembers(root: JsonObject): readonly string[] {
  const names = membersOf(root).filter((name) => !MEMBERS.includes(name))
  if (names.length === 0) return []
  const slip = names.find((name) => nearest(name, [CONTEXT]) !== undefined)
  if (slip !== undefined) return [`"${slip}" beside "events" was left out; did you mean "context"?`]
  const known = names.find((name) => readers.has(name) || columnCalled(name) !== undefined)
  const what = known === undefined ? 'What stands' : `"${known}"`
  return [`${what} beside "events" was left out; what all events share goes into "context"`]
}

/** What names one event cannot be said for all. */
function ofContext(context: unknown): readonly string[] {
  const ids = isObject(context) ? OF_ONE_EVENT.filter((id) => (context[id] ?? null) !== null) : []
  return ids.map((id) => `"${id}" in "context" was left out; it names one event, and goes into that`)
}

/** That a list of events has another name than it must have, in a body that was taken for one event. */
export function eventsUnder(root: unknown): string | undefined {
  if (!isObject(root) || isEnvelope(root) || Object.hasOwn(root, 'name')) return undefined
  return membersOf(root).some((name) => !readers.has(name) && isListOfObjects(root[name]))
    ? 'What holds a list is no field of an event; did you mean { "events": [ … ] }?'
    : undefined
}

const membersOf = (root: JsonObject): readonly string[] => Object.keys(root).slice(0, MAX_MEMBERS)

const isListOfObjects = (value: unknown): boolean => Array.isArray(value) && isObject(value[0])
