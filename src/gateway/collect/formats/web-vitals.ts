import {
  MAX_ATTRIBUTE_NAME_CHARS,
  MAX_ATTRIBUTE_VALUE_CHARS,
  MAX_ATTRIBUTES,
  MAX_ID_CHARS,
  MAX_TEXT_CHARS,
  MAX_URL_CHARS,
} from '../../../event/event.ts'
import { decodeText, fewEnough, isObject, type JsonObject, parseJson } from '../../../event/json.ts'
import type { Format } from './format.ts'

/**
 * What pages send with the snippets of the web-vitals documentation: a metric or an array of them, with any subset of the
 * fields and any additions (research of versions 3 to 6). Nothing but `name` and `value` can be a reason for a refusal.
 *
 * TTFB is 0 by definition in a soft navigation. Such a row is kept, as nothing is dropped silently, and can be told by its
 * `navigation_type`, `soft-navigation`.
 */
export const webVitals: Format = {
  name: 'web-vitals',
  decode({ body }) {
    const value = parseJson(decodeText(body))
    return { candidates: Array.isArray(value) ? fewEnough(value).map(toCandidate) : [toCandidate(value)] }
  },
}

/** Times in milliseconds; CLS is a score. FID ended with version 4. Any other name is a custom metric and kept as it is. */
const units: ReadonlyMap<unknown, string> = new Map([
  ['CLS', '1'],
  ['FCP', 'ms'],
  ['FID', 'ms'],
  ['INP', 'ms'],
  ['LCP', 'ms'],
  ['TTFB', 'ms'],
])

/** Additions that have a column of their own, and the longest text that it takes. */
const columns: ReadonlyMap<string, number> = new Map([
  ['page_route', MAX_TEXT_CHARS],
  ['page_view_id', MAX_ID_CHARS],
  ['referrer', MAX_URL_CHARS],
  ['session_id', MAX_ID_CHARS],
  ['user_id', MAX_ID_CHARS],
  ['app_version', MAX_TEXT_CHARS],
  ['environment', MAX_TEXT_CHARS],
  ['language', MAX_TEXT_CHARS],
  ['network_effective_type', MAX_TEXT_CHARS],
])

/** Where versions 3 to 6 put the selector of the element. */
const targets = ['target', 'interactionTarget', 'largestShiftTarget', 'eventTarget', 'element'] as const

function toCandidate(item: unknown): unknown {
  if (!isObject(item)) return item
  const { name, value, id, navigationType, navigationURL, page_location, attribution, ...rest } = item
  const { rating, delta, entries, navigationId, navigationInteractionId, navigationStartTime, ...added } =
    rest
  const details = isObject(attribution) ? attribution : {}
  const entry = isObject(details['navigationEntry']) ? details['navigationEntry'] : {}
  const unit = units.get(name)
  return {
    ...additions({ target: targets.map((key) => details[key]).find(isText), ...added }),
    name: unit === undefined ? name : `browser.web_vital.${String(name).toLowerCase()}`,
    value,
    unit,
    event_id: fitting(isText(id) && typeof value === 'number' ? `${id}:${value}` : undefined, MAX_ID_CHARS),
    measurement_id: fitting(id, MAX_ID_CHARS),
    navigation_type: fitting(navigationType, MAX_TEXT_CHARS)?.replaceAll('_', '-'),
    page_url: [navigationURL, page_location, entry['name']].find(isText),
    url_full: [details['url']].find(isText),
    sdk_name: 'web-vitals',
  }
}

/** Strings, numbers and booleans that a page added: its columns, and as many attributes as an event may have. */
function additions(added: JsonObject): JsonObject {
  const fields: Record<string, unknown> = {}
  const attributes: [string, string][] = []
  for (const [name, value] of Object.entries(added)) {
    if (!['string', 'number', 'boolean'].includes(typeof value)) continue
    const text = String(value)
    const longest = columns.get(name)
    if (longest !== undefined) fields[name] = fitting(text, longest)
    else if (attributes.length < MAX_ATTRIBUTES && fitting(name, MAX_ATTRIBUTE_NAME_CHARS) !== undefined) {
      attributes.push([name, text.slice(0, MAX_ATTRIBUTE_VALUE_CHARS)])
    }
  }
  return attributes.length === 0 ? fields : { ...fields, attributes: Object.fromEntries(attributes) }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const fitting = (value: unknown, longest: number): string | undefined =>
  isText(value) && value.length <= longest ? value : undefined
