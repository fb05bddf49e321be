import { nearest } from '../../std/input/did-you-mean.ts'
import { isObject, type JsonObject } from '../schema/json-object.ts'
import { readers } from '../values/columns.ts'
import { isEnvelope } from './envelope.ts'

/** Members that are looked at: whoever mistypes one has few. Ours. */
const MAX_MEMBERS = 8
const CONTEXT = 'context'
const EVENTS = 'events'
/** What an envelope may have; `sent_at` is accepted and not used. */
const MEMBERS: readonly string[] = [CONTEXT, EVENTS, 'sent_at']
/** Nothing that would be no name in a sentence: what a client calls its members may be anything. */
const SAID = /^[\w.@$:/-]{1,64}$/

/** What all events of a body have in common, as it was sent. */
export const contextOf = (root: unknown): unknown => (isEnvelope(root) ? root[CONTEXT] : undefined)

/** What the sender of an envelope has to be told of members beside its events, which nobody reads. */
export function besideEvents(root: unknown): readonly string[] {
  if (!isEnvelope(root)) return []
  const names = membersOf(root).filter((name) => !MEMBERS.includes(name))
  const [first] = names
  if (first === undefined) return []
  const slip = names.find((name) => nearest(name, [CONTEXT]) !== undefined)
  if (slip !== undefined) return [`"${slip}" beside "events" was left out; did you mean "context"?`]
  return [`"${first}" beside "events" was left out; what all events share goes into "context"`]
}

/** That a list of events has another name than it must have, in a body that was taken for one event. */
export function eventsUnder(root: unknown): string | undefined {
  if (!isObject(root) || isEnvelope(root) || Object.hasOwn(root, 'name')) return undefined
  const list = membersOf(root).find((name) => !readers.has(name) && isListOfObjects(root[name]))
  return list && `"${list}" holds a list and is no field of an event; did you mean { "events": [ … ] }?`
}

const membersOf = (root: JsonObject): readonly string[] =>
  Object.keys(root)
    .slice(0, MAX_MEMBERS)
    .filter((name) => SAID.test(name))

const isListOfObjects = (value: unknown): boolean => Array.isArray(value) && isObject(value[0])
