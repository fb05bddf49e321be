import { mapInSteps, type ResumableWork } from '../../std/async/yielding.ts'
import { AppError } from '../../std/errors.ts'
import { Measurement } from '../schema/event.ts'
import { isObject, type JsonObject } from '../schema/json-object.ts'
import { UnparsedItem } from '../schema/unparsed-item.ts'
import { attributesIn } from '../values/attributes.ts'
import { readers } from '../values/columns.ts'
import { Pruned, ValueRule } from '../values/rule.ts'
import { MAX_CANDIDATES, MAX_EVENTS_PER_BODY } from './spans.ts'

/** Columns that tell one event from another. */
export const OF_ONE_EVENT: readonly string[] = ['event_id', 'measurement_id']

/** Columns that a context may set for all its events. */
const shareable: readonly string[] = Object.keys(Measurement.properties).filter(
  (name) => !OF_ONE_EVENT.includes(name),
)

/** `{ context?, events }`. Of an event of its own `events` that are null are absent, as everything that is null. */
export function isEnvelope(value: unknown): value is JsonObject {
  if (!isObject(value) || !Object.hasOwn(value, 'events')) return false
  return value['events'] !== null || (value['name'] ?? undefined) === undefined
}

/** The events, each of the first `room` with what the context says for all; an UnparsedItem if they are none. */
export function* eventsIn(
  { context, events }: JsonObject,
  room = MAX_EVENTS_PER_BODY,
): ResumableWork<readonly unknown[] | UnparsedItem> {
  if (events === null) return []
  if (!Array.isArray(events)) return new UnparsedItem('malformed_line', 'events: must be an array')
  if (context === undefined || context === null) return events
  if (!isObject(context)) return new UnparsedItem('malformed_line', 'context: must be an object')
  const shared = readContext(context)
  return yield* mapInSteps(fewEnough(events), (event, index) =>
    index < room && isObject(event) ? withContext(shared, event) : event,
  )
}

/** The items themselves, unless there are so many that judging them one by one would serve an attacker. */
export function fewEnough(items: readonly unknown[]): readonly unknown[] {
  if (items.length > MAX_CANDIDATES) {
    throw new AppError('body_too_large', `The body holds more than ${MAX_CANDIDATES} events`)
  }
  return items
}

/** Read once for all. What breaks a rule stays, for the verdict on each event to name it. */
function readContext(context: JsonObject): JsonObject {
  const shared: Record<string, unknown> = {}
  for (const name of shareable) {
    const value = context[name]
    if (value === undefined) continue
    const kept = readers.get(name)?.(value)
    const stored = kept instanceof Pruned ? kept.kept : kept instanceof ValueRule ? value : kept
    if (stored !== undefined) shared[name] = stored
  }
  return shared
}

/** The event's own fields win; attributes are merged name by name, the event's first. */
function withContext(shared: JsonObject, event: JsonObject): JsonObject {
  const merged = withDefaults(event, shared)
  const [own, common] = [attributesIn(event['attributes']), attributesIn(shared['attributes'])]
  if (common === undefined) return merged
  const attributes = own === undefined ? common : withDefaults(own, common)
  return merged['attributes'] === attributes ? merged : { ...merged, attributes }
}

/** Not by spreading: what is null is absent, and may not hide a default. */
function withDefaults(own: JsonObject, defaults: JsonObject): JsonObject {
  const merged: Record<string, unknown> = {}
  for (const name in own) {
    // Assigned, it would be the prototype.
    if (own[name] !== null && name !== '__proto__') merged[name] = own[name]
  }
  for (const name in defaults) {
    if (merged[name] === undefined) merged[name] = defaults[name]
  }
  return merged
}
