import { cutChars, cuttingBytes } from './privacy/cut.ts'
import { cleanProse, isPlain, type ProseRules } from './privacy/prose.ts'
import { cleanUrl, cleanUrlPath, plainPath, plainUrl } from './privacy/url.ts'
import {
  MAX_ATTRIBUTE_NAME_CHARS,
  MAX_ATTRIBUTE_VALUE_CHARS,
  MAX_EXCEPTION_BYTES,
  MAX_TEXT_CHARS,
  MAX_UNIT_CHARS,
  type Measurement,
} from './schema/event.ts'
import { cutText, withoutTilde } from './schema/text.ts'

export interface Privacy {
  /** Names of query parameters that URLs may keep, as they are written in the URL. */
  readonly allowQuery: ReadonlySet<string>
  /** Global Privacy Control is on: nothing that tells one visitor from another may stay. */
  readonly stripIds: boolean
}

type Clean = (text: string, allowQuery: ReadonlySet<string>) => string

/** In two steps, as of most texts there is nothing to clean. */
interface Cleaner {
  /** What is stored of a text in which there is nothing to clean; undefined where only a closer look can tell. */
  readonly glance: (text: string) => string | undefined
  /** Takes up to a hundred times as long. */
  readonly clean: Clean
}

/**
 * What a mask or a cut makes of a text may be something to mask again: until nothing changes, and no longer than this.
 * What is taken off the beginning of a text may have stood before a `~`.
 */
const MOST_PASSES = 5

const settled =
  (clean: Clean): Clean =>
  (text, allowQuery) => {
    let before = text
    let after = withoutTilde(clean(before, allowQuery))
    for (let pass = 1; after !== before && pass < MOST_PASSES; pass++) {
      before = after
      after = withoutTilde(clean(before, allowQuery))
    }
    return after
  }

const NO_QUERY: ReadonlySet<string> = new Set()
const PROSE: ProseRules = { queries: 'in text', isLabel: false, keepsIds: true }
const ROUTE: ProseRules = { queries: 'to the end', isLabel: false, keepsIds: true }
const LABEL: ProseRules = { queries: 'in text', isLabel: true, keepsIds: true }
const EXCERPT: ProseRules = { queries: 'in quotes', isLabel: false, keepsIds: false }

type Cut = (text: string) => string
const toUnit: Cut = (text) => cutText(text, MAX_UNIT_CHARS)
const toText: Cut = (text) => cutText(text, MAX_TEXT_CHARS)
const toValue: Cut = (text) => cutText(text, MAX_ATTRIBUTE_VALUE_CHARS)
const toName: Cut = (text) => cutChars(text, MAX_ATTRIBUTE_NAME_CHARS)
const toException = cuttingBytes(MAX_EXCEPTION_BYTES)

/** Cleaned and cut. */
function prose(rules: ProseRules, cut: Cut): Cleaner {
  return {
    glance: (text) => (isPlain(text) ? cut(withoutTilde(text)) : undefined),
    clean: settled((text, allowQuery) => cut(cleanProse(text, rules, allowQuery))),
  }
}

const withoutQuery = ({ glance, clean }: Cleaner): Cleaner => ({
  glance,
  clean: (text) => clean(text, NO_QUERY),
})

const url: Cleaner = { glance: plainUrl, clean: settled(cleanUrl) }
const path: Cleaner = { glance: plainPath, clean: settled(cleanUrlPath) }
const exception = withoutQuery(prose(PROSE, toException))
const dimension = withoutQuery(prose(PROSE, toText))
const label = withoutQuery(prose(LABEL, toText))

/** Each text that is stored, but the name of the metric, the ids, and what the gateway itself writes. */
const textColumns = {
  unit: withoutQuery(prose(LABEL, toUnit)),
  page_url: url,
  page_path: path,
  page_route: withoutQuery(prose(ROUTE, toText)),
  navigation_type: dimension,
  referrer: url,
  url_full: url,
  resource_type: dimension,
  http_request_method: dimension,
  error_type: dimension,
  exception_type: dimension,
  exception_message: exception,
  exception_stacktrace: exception,
  network_effective_type: dimension,
  language: dimension,
  app_version: label,
  environment: label,
  sdk_name: label,
  sdk_version: label,
} satisfies Partial<Record<keyof Measurement, Cleaner>>
type TextColumn = keyof typeof textColumns
const cleaners: ReadonlyMap<string, Cleaner> = new Map(Object.entries(textColumns))

/** The cleaning of one request: the texts of its context are in each of its events, and are cleaned once. */
export interface Cleaning {
  readonly allowQuery: ReadonlySet<string>
  /** What became of texts that were looked at closely. */
  readonly known: Map<Cleaner, Map<string, string>>
  /** Characters that were looked at closely so far: nearly all of the time goes into them, if there are any. */
  closeChars: number
  /** The last event, as it was sent and as it is stored: most of its texts come again in the next. */
  sent: Texts
  stored: Texts
  /** Its attributes, likewise: without any of its own an event has those of the context. */
  attributes: { readonly sent: Attributes; readonly stored: Attributes }
}

type Texts = Readonly<Partial<Pick<Measurement, TextColumn>>>
type Attributes = NonNullable<Measurement['attributes']>
const NO_TEXTS: Texts & Attributes = {}

export const cleaning = (allowQuery: ReadonlySet<string>): Cleaning => ({
  allowQuery,
  known: new Map(),
  closeChars: 0,
  sent: NO_TEXTS,
  stored: NO_TEXTS,
  attributes: { sent: NO_TEXTS, stored: NO_TEXTS },
})

/** What may be stored of a measurement. The same object when there is nothing to take out. */
export function scrub(
  m: Measurement,
  { allowQuery, stripIds }: Privacy,
  saltId: (id: string) => string,
  so: Cleaning = cleaning(allowQuery),
): Measurement {
  const kept = stripIds ? withoutIds(m, saltId) : m
  const { sent: textsBefore, stored: storedBefore } = so
  let changes: Partial<Measurement> | undefined
  // Its own fields, as most of the columns are absent.
  for (const field in kept) {
    const cleaner = cleaners.get(field)
    const text = kept[field as TextColumn]
    if (cleaner === undefined || text === undefined) continue
    const isAgain = text === textsBefore[field as TextColumn]
    const stored = isAgain ? (storedBefore[field as TextColumn] as string) : cleaned(cleaner, text, so)
    if (stored === text) continue
    changes ??= {}
    changes[field as TextColumn] = stored
  }
  const { attributes } = kept
  if (attributes !== undefined) {
    const stored = storedOf(attributes, so)
    if (stored !== attributes) {
      changes ??= {}
      changes.attributes = stored
    }
  }
  const stored = changes === undefined ? kept : { ...kept, ...changes }
  so.sent = kept
  so.stored = stored
  return stored
}

const cleaned = (cleaner: Cleaner, text: string, so: Cleaning): string =>
  cleaner.glance(text) ?? cleanedClosely(cleaner, text, so)

function cleanedClosely(cleaner: Cleaner, text: string, so: Cleaning): string {
  let known = so.known.get(cleaner)
  if (known === undefined) {
    known = new Map()
    so.known.set(cleaner, known)
  }
  let stored = known.get(text)
  if (stored === undefined) {
    stored = cleaner.clean(text, so.allowQuery)
    known.set(text, stored)
    so.closeChars += text.length
  }
  return stored
}

function withoutIds(m: Measurement, saltId: (id: string) => string): Measurement {
  const { session_id, user_id, page_view_id, attributes, event_id, measurement_id, ...rest } = m
  return {
    ...rest,
    ...(event_id !== undefined && { event_id: saltId(event_id) }),
    ...(measurement_id !== undefined && { measurement_id: saltId(measurement_id) }),
  }
}

/**
 * What may be kept of a text that could not be read, so that somebody can see what it was meant to be: as prose, and
 * stricter, as nobody knows where in it a URL begins, nor whose its ids are.
 */
export const cleanExcerpt = (text: string): string => excerpt(text, NO_QUERY)

const excerpt = settled((text, allowQuery) => toException(cleanProse(text, EXCERPT, allowQuery)))

/** Script authors put whole addresses there, so what URLs may keep these may keep. */
const attributeValue = prose(PROSE, toValue)
const attributeName = withoutQuery(prose(LABEL, toName))

function storedOf(sent: Attributes, so: Cleaning): Attributes {
  if (so.attributes.sent !== sent) {
    so.attributes = { sent, stored: areClean(sent, so) ? sent : cleanAttributes(sent, so) }
  }
  return so.attributes.stored
}

function areClean(attributes: Attributes, so: Cleaning): boolean {
  const { sent, stored } = so.attributes
  const cleanBefore = sent === stored ? sent : NO_TEXTS
  for (const name in attributes) {
    const value = attributes[name] as string
    if (value === cleanBefore[name]) continue
    if (cleaned(attributeName, name, so) !== name || cleaned(attributeValue, value, so) !== value)
      return false
  }
  return true
}

/** When masking makes two names equal, the value of the last one stays. */
const cleanAttributes = (attributes: Attributes, so: Cleaning): Attributes =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      cleaned(attributeName, name, so),
      cleaned(attributeValue, value, so),
    ]),
  )
