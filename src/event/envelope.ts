import { AppError } from '../std/errors.ts'
import { MAX_ATTRIBUTES, Measurement } from './event.ts'
import { isObject, type JsonObject } from './json.ts'

/** Columns that a context may set for all its events: those that tell one event from another are not among them. */
const shareable: ReadonlySet<string> = new Set(
  Object.keys(Measurement.properties).filter((name) => name !== 'event_id' && name !== 'measurement_id'),
)

export const isEnvelope = (value: unknown): value is JsonObject =>
  isObject(value) && Object.hasOwn(value, 'events')

/** The events of `{ context?, events }`, not yet with what they share. */
export function eventsIn({ events }: JsonObject): readonly unknown[] {
  if (!Array.isArray(events)) throw new AppError('malformed_body', 'events: must be an array')
  return events
}

/** Gives an event of the envelope what its context says for all. */
export function sharing({ context }: JsonObject): (event: unknown) => unknown {
  if (context === undefined) return (event) => event
  if (!isObject(context)) throw new AppError('malformed_body', 'context: must be an object')
  const shared = Object.fromEntries(Object.entries(context).filter(([name]) => shareable.has(name)))
  if (Object.keys(shared['attributes'] ?? {}).length > MAX_ATTRIBUTES) {
    throw new AppError(
      'malformed_body',
      `context.attributes: must not have more than ${MAX_ATTRIBUTES} names`,
    )
  }
  return (event) => (isObject(event) ? withContext(shared, event) : event)
}

/** The event's own fields win; attributes are merged name by name. */
function withContext(shared: JsonObject, event: JsonObject): JsonObject {
  const merged = { ...shared, ...event }
  const [common, own] = [shared['attributes'], event['attributes']]
  return isObject(common) && isObject(own) ? { ...merged, attributes: { ...common, ...own } } : merged
}
