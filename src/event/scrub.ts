import {
  MAX_ATTRIBUTE_NAME_CHARS,
  MAX_ATTRIBUTE_VALUE_CHARS,
  MAX_EXCEPTION_BYTES,
  MAX_TEXT_CHARS,
  type Measurement,
} from './event.ts'
import { cutBytes, cutChars } from './privacy/cut.ts'
import { cleanProse, isPlain, type ProseRules } from './privacy/prose.ts'
import { scrubPath, scrubUrl } from './privacy/url.ts'

export interface Privacy {
  /** Names of query parameters that URLs may keep, as they are written in the URL. */
  readonly allowQuery: ReadonlySet<string>
  /** Global Privacy Control is on: nothing that tells one visitor from another may stay. */
  readonly stripIds: boolean
}

type Clean = (text: string, allowQuery: ReadonlySet<string>) => string

/** What a mask or a cut makes of a text may be something to mask again: until nothing changes, and no longer than this. */
const MOST_PASSES = 5

const settled =
  (clean: Clean): Clean =>
  (text, allowQuery) => {
    let before = text
    let after = clean(before, allowQuery)
    for (let pass = 1; after !== before && pass < MOST_PASSES; pass++) {
      before = after
      after = clean(before, allowQuery)
    }
    return after
  }

const NO_QUERY: ReadonlySet<string> = new Set()
const PROSE: ProseRules = { everywhere: false, isLabel: false }
const LABEL: ProseRules = { everywhere: false, isLabel: true }
const EXCERPT: ProseRules = { everywhere: true, isLabel: false }

/** Cleaned and cut: of most texts there is nothing to clean. */
function prose(rules: ProseRules, cut: (text: string, max: number) => string, max: number): Clean {
  const clean = settled((text, allowQuery) => cut(cleanProse(text, rules, allowQuery), max))
  return (text, allowQuery) => (isPlain(text) ? cut(text, max) : clean(text, allowQuery))
}

const withoutQuery =
  (clean: Clean): Clean =>
  (text) =>
    clean(text, NO_QUERY)

const url = settled(scrubUrl)
const path = settled(scrubPath)
const exception = withoutQuery(prose(PROSE, cutBytes, MAX_EXCEPTION_BYTES))
const dimension = withoutQuery(prose(PROSE, cutChars, MAX_TEXT_CHARS))
const label = withoutQuery(prose(LABEL, cutChars, MAX_TEXT_CHARS))

/** Each text that is stored, but the name of the metric, the ids, and what the gateway itself writes. */
const textColumns = {
  unit: label,
  page_url: url,
  page_path: path,
  page_route: dimension,
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
} satisfies Partial<Record<keyof Measurement, Clean>>
type TextColumn = keyof typeof textColumns
const cleaners: ReadonlyMap<string, Clean> = new Map(Object.entries(textColumns))

/** What became of the texts of a request so far: those of its context are in each of its events, and are cleaned once. */
export type Cleaned = Map<Clean, Map<string, string>>

/** Ours: to clean a shorter text costs no more than to look for it. */
const MIN_REMEMBERED_CHARS = 64

/** What may be stored of a measurement. The same object when there is nothing to take out. */
export function scrub(
  m: Measurement,
  privacy: Privacy,
  saltId: (id: string) => string,
  cleaned?: Cleaned,
): Measurement {
  const { allowQuery, stripIds } = privacy
  const kept = stripIds ? withoutIds(m, saltId) : m
  const changes: Partial<Measurement> = {}
  let changed = false
  // Its own fields, as most of the columns are absent.
  for (const field in kept) {
    const clean = cleaners.get(field)
    const text = kept[field as TextColumn]
    if (clean === undefined || text === undefined) continue
    const stored = cleanOnce({ clean, text, allowQuery }, cleaned)
    if (stored === text) continue
    changes[field as TextColumn] = stored
    changed = true
  }
  const { attributes } = kept
  if (attributes !== undefined) {
    const stored = scrubAttributes(attributes, allowQuery, cleaned)
    if (stored !== attributes) {
      changes.attributes = stored
      changed = true
    }
  }
  return changed ? { ...kept, ...changes } : kept
}

interface Cleaning {
  readonly clean: Clean
  readonly text: string
  readonly allowQuery: ReadonlySet<string>
}

function cleanOnce({ clean, text, allowQuery }: Cleaning, cleaned: Cleaned | undefined): string {
  if (cleaned === undefined || text.length < MIN_REMEMBERED_CHARS) return clean(text, allowQuery)
  let known = cleaned.get(clean)
  if (known === undefined) {
    known = new Map()
    cleaned.set(clean, known)
  }
  let stored = known.get(text)
  if (stored === undefined) {
    stored = clean(text, allowQuery)
    known.set(text, stored)
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
 * stricter, as nobody knows where in it a URL begins.
 */
export const scrubExcerpt = (text: string): string => excerpt(text, NO_QUERY)

const excerpt = prose(EXCERPT, cutBytes, MAX_EXCEPTION_BYTES)

/** Script authors put whole addresses there, so what URLs may keep these may keep. */
const scrubValue = prose(PROSE, cutChars, MAX_ATTRIBUTE_VALUE_CHARS)
const scrubName = withoutQuery(prose(LABEL, cutChars, MAX_ATTRIBUTE_NAME_CHARS))

type Attributes = NonNullable<Measurement['attributes']>

/** Of names that are the same without what was masked the last one's value stays. */
function scrubAttributes(
  attributes: Attributes,
  allowQuery: ReadonlySet<string>,
  cleaned: Cleaned | undefined,
): Attributes {
  const names = Object.keys(attributes)
  const clean = names.map((name) => {
    const value = { clean: scrubValue, text: String(attributes[name]), allowQuery }
    return [
      cleanOnce({ clean: scrubName, text: name, allowQuery }, cleaned),
      cleanOnce(value, cleaned),
    ] as const
  })
  const isSame = clean.every(([name, value], at) => name === names[at] && value === attributes[name])
  return isSame ? attributes : Object.fromEntries(clean)
}
