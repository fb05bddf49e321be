import { MAX_ATTRIBUTE_VALUE_CHARS, MAX_EXCEPTION_BYTES, MAX_URL_CHARS, type Measurement } from './event.ts'

export interface Privacy {
  /** Names of query parameters that URLs may keep, as they are written in the URL. */
  readonly allowQuery: ReadonlySet<string>
  /** Global Privacy Control is on: nothing that tells one visitor from another may stay. */
  readonly stripIds: boolean
}

/** How much of a text is looked at. What lies behind it could only stay if masking shrank the text eightfold. */
const WINDOW_CHARS = 8_192

const NO_QUERY: ReadonlySet<string> = new Set()

const cleaners = [
  ['page_url', scrubUrl],
  ['page_path', scrubPath],
  ['referrer', scrubUrl],
  ['url_full', scrubUrl],
  ['exception_message', scrubProse],
  ['exception_stacktrace', scrubProse],
] as const

/** What may be stored of a measurement. The same object when there is nothing to take out. */
export function scrub(m: Measurement, privacy: Privacy, saltId: (id: string) => string): Measurement {
  const kept = privacy.stripIds ? withoutIds(m, saltId) : m
  const changes: Partial<Measurement> = {}
  let changed = false
  for (const [field, clean] of cleaners) {
    const text = kept[field]
    if (text === undefined) continue
    const cleaned = clean(text, privacy.allowQuery)
    if (cleaned === text) continue
    changes[field] = cleaned
    changed = true
  }
  const { attributes } = kept
  if (attributes !== undefined) {
    const cleaned = scrubAttributes(attributes, privacy.allowQuery)
    if (cleaned !== attributes) {
      changes.attributes = cleaned
      changed = true
    }
  }
  return changed ? { ...kept, ...changes } : kept
}

function withoutIds(m: Measurement, saltId: (id: string) => string): Measurement {
  const { session_id, user_id, page_view_id, attributes, event_id, measurement_id, ...rest } = m
  return {
    ...rest,
    ...(event_id !== undefined && { event_id: saltId(event_id) }),
    ...(measurement_id !== undefined && { measurement_id: saltId(measurement_id) }),
  }
}

/** Most URLs: nothing but an http origin, a path, or both. */
const CLEAN_URL = /^(?:https?:\/\/[\w.-]+(?::\d+)?)?(?:\/(?:[^/?#\\\s][^?#\\\s]*)?)?$/
/** Schemes whose URLs are content, code or a person's address: of these only the scheme is kept. */
const OPAQUE_URL = /^(?:about|blob|data|file|javascript|mailto|tel):/i
const HIERARCHICAL_URL = /^([a-z][a-z0-9+.-]*:)?[\\/]{2}([^\\/]*)(.*)$/is
/** A host as DNS or IPv6 writes it (at most 255 bytes, RFC 1035), and a port. */
const HOST = /^(?:[^\s:@[\]]{1,255}|\[[\da-f:.]+\])(?::\d{0,5})?$/i

/**
 * Without fragment, userinfo, and query but the allowed names; never longer than MAX_URL_CHARS. By hand, not by `URL`: a
 * relative or odd one has to be cleaned as well, and what is clean stays as it was written.
 */
export function scrubUrl(text: string, allowQuery: ReadonlySet<string> = NO_QUERY): string {
  if (text.length <= MAX_URL_CHARS && CLEAN_URL.test(text)) return text
  // What a URL parser drops before it looks for the scheme (WHATWG URL, 4.4).
  const url = text.slice(0, WINDOW_CHARS).replace(/^[\p{Cc}\s]+|[\t\n\r]/gu, '')
  const opaque = OPAQUE_URL.exec(url)
  if (opaque) return opaque[0].toLowerCase()
  const [base = ''] = url.split(/[?#]/, 1)
  const query = allowedQuery(url.slice(base.length), allowQuery)
  const parts = HIERARCHICAL_URL.exec(base)
  if (parts) {
    const [, scheme = '', authority = '', path = ''] = parts
    const host = authority.slice(authority.lastIndexOf('@') + 1)
    return HOST.test(host) ? cutChars(`${scheme}//${host}${path}${query}`, MAX_URL_CHARS) : ''
  }
  // A relative URL has no colon in its first segment (RFC 3986, 4.2), so this is `user:password@host` or worse.
  if (/^[^\\/]*:/.test(base)) return ''
  const path = base.replace(/^[^\\/]*@[\p{Cc}\s]*/u, '')
  // What stood behind the userinfo must not become a host with a userinfo of its own.
  return /^[\\/]{2}/.test(path) ? '' : cutChars(path + query, MAX_URL_CHARS)
}

function allowedQuery(rest: string, allowQuery: ReadonlySet<string>): string {
  if (allowQuery.size === 0 || !rest.startsWith('?')) return ''
  const pairs = rest.slice(1).replace(/#.*/s, '').split('&')
  const kept = pairs.filter((pair) => allowQuery.has(pair.replace(/=.*/s, '')))
  return kept.length === 0 ? '' : `?${kept.join('&')}`
}

/** The path of a scrubbed URL; nothing for an opaque one. */
export function pathOf(url: string): string {
  const afterHost = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/\\?]*([^?]*)/i.exec(url)
  if (afterHost) return afterHost[1] || '/'
  return /^[^/]*:/.test(url) ? '' : url.replace(/\?.*/s, '')
}

function scrubPath(text: string): string {
  if (text.length <= MAX_URL_CHARS && /^\/(?![\\/])[^?#]*$/.test(text)) return text
  return pathOf(scrubUrl(text))
}

const PERSONAL = /@|%40|\d{6}/
/** The look-behind lets a match begin only where a word begins: without it a long word costs its length squared. */
const EMAIL =
  /(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}._%+-]+(?:@|%40)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}/gu
const DIGITS = /\d{6,}/g

function mask(text: string): string {
  return PERSONAL.test(text) ? text.replace(EMAIL, '[email]').replace(DIGITS, '[digits]') : text
}

function scrubProse(text: string): string {
  return cutBytes(mask(text.slice(0, WINDOW_CHARS)), MAX_EXCEPTION_BYTES)
}

/** What begins a JSON object, as base64url writes it: a token's header. */
const TOKEN = /eyJ[\w-]+(?:\.[\w-]*)*/g

/**
 * What may be kept of a text that could not be read, so that somebody can see what it was meant to be: without tokens,
 * queries, fragments and userinfo, wherever they stand, and otherwise as prose.
 */
export function scrubExcerpt(text: string): string {
  const plain = text
    .slice(0, WINDOW_CHARS)
    .replace(TOKEN, '[token]')
    .replace(/\/\/[^\s/"]*@/g, '//')
    .replace(/[?#][^\s"]+/g, '')
  return scrubProse(plain)
}

/** Masked, and a value that is a URL is scrubbed as one: script authors put whole addresses there. */
function scrubValue(value: string, allowQuery: ReadonlySet<string>): string {
  const text = /^\s*[a-z][a-z0-9+.-]*:\/\//i.test(value) ? scrubUrl(value, allowQuery) : value
  return cutChars(mask(text), MAX_ATTRIBUTE_VALUE_CHARS)
}

type Attributes = NonNullable<Measurement['attributes']>

function scrubAttributes(attributes: Attributes, allowQuery: ReadonlySet<string>): Attributes {
  if (Object.values(attributes).every((value) => scrubValue(value, allowQuery) === value)) return attributes
  const entries = Object.entries(attributes)
  return Object.fromEntries(entries.map(([name, value]) => [name, scrubValue(value, allowQuery)]))
}

/** At most `max` UTF-16 units, never half a character. */
function cutChars(text: string, max: number): string {
  return text.length <= max ? text : text.slice(0, max).replace(/[\ud800-\udbff]$/, '')
}

/** At most `max` bytes of UTF-8, never half a character. */
function cutBytes(text: string, max: number): string {
  if (text.length * 3 <= max) return text
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(max)).read)
}
