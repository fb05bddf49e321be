import { MAX_EVENTS_PER_BODY } from '../../../event/decode/spans.ts'
import { MAX_ATTRIBUTES } from '../../../event/schema/event.ts'
import { isObject, type JsonObject } from '../../../event/schema/json-object.ts'
import { attributesIn } from '../../../event/values/attributes.ts'
import { readers } from '../../../event/values/columns.ts'
import { numberIn } from '../../../event/values/number.ts'
import { Pruned, ValueRule } from '../../../event/values/rule.ts'
import { scales } from '../../../event/values/unit.ts'
import { vitalUnits } from '../../../event/vital-names.ts'
import { mapInSteps } from '../../../std/async/yielding.ts'
import type { Format } from './format.ts'
import { unwrap } from './wrappings.ts'

/**
 * What pages send with the snippets of the web-vitals documentation: a metric or an array of them, with any subset of the
 * fields and any additions (research of versions 3 to 6), in any wrapping; or one object of several metrics,
 * `{ LCP: 1200, CLS: 0.1 }`. Nothing but `name` and `value` can be a reason for a refusal.
 *
 * TTFB is 0 by definition in a soft navigation. Such a row is kept, as nothing is dropped silently, and can be told by its
 * `navigation_type`, `soft-navigation`.
 */
export const webVitals: Format = {
  name: 'web-vitals',
  *decode(request) {
    const { candidates, root, said } = yield* unwrap(request)
    const metrics = yield* mapInSteps(candidates, (item, index) =>
      index < MAX_EVENTS_PER_BODY ? metricsIn(item).map(toCandidate) : metricsIn(item),
    )
    return { candidates: metrics.flat(), root, sent: candidates, said }
  },
}

/** The metrics of an object that names them instead of having a name, each with all else that it says. */
function metricsIn(item: unknown): readonly unknown[] {
  if (!isObject(item) || isThere(item['name']) || isThere(item['value'])) return [item]
  const others = Object.entries(item)
  const metrics = others.filter(([name, value]) => vitalUnits.has(name) && isThere(value))
  if (metrics.length === 0) return [item]
  const { event_id, ...shared } = sharedBy(others)
  const whole = kept('event_id', event_id)
  // What names the whole names each of its metrics only together with what that is called.
  const idOf = (name: string) => (isText(whole) ? { event_id: idFrom(whole, name) } : {})
  return metrics.map(([name, value]) => ({
    ...shared,
    ...idOf(name),
    ...(isObject(value) ? value : { value }),
    name,
  }))
}

/** What all metrics of an object have in common: what is a field, and of anything else no more than an event may keep. */
function sharedBy(members: readonly (readonly [string, unknown])[]): JsonObject {
  let additions = 0
  const isShared = ([name]: readonly [string, unknown]) =>
    !vitalUnits.has(name) && (ofLibrary.has(name) || readers.has(name) || additions++ < MAX_ATTRIBUTES)
  return Object.fromEntries(members.filter(isShared))
}

const isThere = (value: unknown): boolean => value !== undefined && value !== null

/** Where versions 3 to 6 put the selector of the element. */
const targets = ['target', 'interactionTarget', 'largestShiftTarget', 'eventTarget', 'element'] as const

/** Fields of the library's own. Of others, those that are columns are taken as such, and texts as attributes. */
export const ofLibrary: ReadonlySet<string> = new Set([
  ...['name', 'value', 'id', 'rating', 'delta', 'entries', 'attribution', 'attributes', 'page_location'],
  ...['navigationType', 'navigationURL', 'navigationId', 'navigationInteractionId', 'navigationStartTime'],
])

const NOTHING: JsonObject = {}

function toCandidate(item: unknown): unknown {
  if (!isObject(item)) return item
  const { name, value, id, navigationType } = item
  const details = objectIn(item['attribution'])
  const fields: Record<string, unknown> = additionsOf(item, details)
  const unit = vitalUnits.get(name)
  fields['name'] = unit === undefined ? name : `browser.web_vital.${String(name).toLowerCase()}`
  fields['value'] = value
  fields['sdk_name'] = 'web-vitals'
  // Who says that theirs is in seconds means it; any other word for the library's own is no other series.
  if (unit !== undefined && scales.get(fields['unit'])?.unit !== unit) fields['unit'] = unit
  if (isText(id)) {
    put(fields, 'measurement_id', id)
    if (fields['event_id'] === undefined) put(fields, 'event_id', reportId(id, item))
  }
  if (isText(navigationType)) fields['navigation_type'] = navigationType.replaceAll('_', '-')
  const entry = objectIn(details['navigationEntry'])
  const page = [item['navigationURL'], item['page_location'], entry['name']].find(isText)
  if (page !== undefined) fields['page_url'] = page
  if (isText(details['url'])) fields['url_full'] = details['url']
  return fields
}

/**
 * The same each time that one report is sent. With the name, as some pages give all their metrics one id, that of the page
 * view, and LCP is often equal to FCP. With the change since the last report: INP falls again, and to the same value. Of a
 * metric that does not tell it nothing tells such a report from a repetition, so none has an id, and the last one counts.
 */
function reportId(id: string, { name, value, delta }: JsonObject): string | undefined {
  const [reading, change] = [numberIn(value), numberIn(delta)]
  return isText(name) && !Number.isNaN(reading + change) ? idFrom(id, name, reading, change) : undefined
}

/** No two lists of parts give one id: a colon within a part is written out. */
const idFrom = (...parts: readonly (string | number)[]): string =>
  parts.map((part) => String(part).replace(/[%:]/g, encodeURIComponent)).join(':')

/** Strings, numbers and booleans that a page added: to its columns, else to attributes, behind the element. */
function additionsOf(item: JsonObject, details: JsonObject): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  const attributes: Record<string, unknown> = {}
  const target = targets.map((key) => details[key]).find(isText)
  if (target !== undefined) attributes['target'] = target
  for (const name in item) {
    if (ofLibrary.has(name)) continue
    const value = item[name]
    if (readers.has(name)) put(fields, name, value)
    else if (typeof value !== 'object') attributes[name] = value
  }
  const all = { ...attributes, ...attributesIn(item['attributes']) }
  if (Object.keys(all).length > 0) fields['attributes'] = all
  return fields
}

function put(fields: Record<string, unknown>, name: string, value: unknown): void {
  const own = kept(name, value)
  if (own !== undefined) fields[name] = own
}

/** Nothing of what breaks a rule of its column, or is not exact. */
function kept(name: string, value: unknown): unknown {
  const read = readers.get(name)?.(value)
  return read instanceof ValueRule || read instanceof Pruned ? undefined : read
}

const objectIn = (value: unknown): JsonObject => (isObject(value) ? value : NOTHING)

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
