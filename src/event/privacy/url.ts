import { MAX_URL_CHARS } from '../schema/event.ts'
import { maskAddresses4 } from './addresses.ts'
import { cutChars, withinWindow } from './cut.ts'
import { COLON, QUERY, SEMICOLON, SLASH } from './escapes.ts'
import { folded } from './lookalikes.ts'
import { cleanPath, cleanProse, isPlainPath, type ProseRules } from './prose.ts'
import { allowedQuery } from './url-text.ts'

const NO_QUERY: ReadonlySet<string> = new Set()

/** How much of a URL is looked at: as its query goes, more than that is hardly ever kept. */
const WINDOW_CHARS = 8_192

/** Most URLs: nothing but an http origin, a path, or both. */
const CLEAN_URL =
  /^((?:https?:\/\/[\w.-]+(?::\d+)?)?)(?:\/(?:[^/?#\\\s%;:=@？＃＝；\ufe56][^?#\\\s%;:=@？＃＝；\ufe56]*)?)?$/
/** Schemes whose URLs are content, code or a person's address: of these only the scheme is kept. */
const OPAQUE_URL = /^(?:about|blob|data|file|javascript|mailto|tel):/i
const HIERARCHICAL_URL = /^([a-z][a-z0-9+.-]*:)?[\\/]{2}([^\\/]*)(.*)$/is
/** A host as DNS or IPv6 writes it (at most 255 bytes, RFC 1035), and a port. */
const HOST = /^(?:[^\s:@[\]]{1,255}|\[[\da-f:.]+\])(?::\d{0,5})?$/i

/** A URL in which there is nothing to clean, as far as one look tells. */
export const plainUrl = (text: string): string | undefined =>
  text.length <= MAX_URL_CHARS && CLEAN_URL.test(text) && isPlainPath(text) ? text : undefined

/** A path in which there is nothing to clean. */
export const plainPath = (text: string): string | undefined =>
  text.startsWith('/') ? plainUrl(text) : undefined

/**
 * Without fragment, userinfo, path parameters, and query but the allowed names; never longer than MAX_URL_CHARS. By hand,
 * not by `URL`: a relative or odd one has to be cleaned as well, and what is clean stays as it was written.
 */
export function cleanUrl(text: string, allowQuery: ReadonlySet<string> = NO_QUERY): string {
  if (text.length <= MAX_URL_CHARS && CLEAN_URL.test(text)) return withCleanPath(text)
  return withinWindow(text, WINDOW_CHARS, (seen) => cleanedUrl(seen, allowQuery))
}

function cleanedUrl(text: string, allowQuery: ReadonlySet<string>): string {
  // What a URL parser drops before it looks for the scheme (WHATWG URL, 4.4).
  const url = text.replace(/^[\p{Cc}\s]+|[\t\n\r]/gu, '')
  const opaque = OPAQUE_URL.exec(url)
  if (opaque) return opaque[0].toLowerCase()
  const [base = ''] = url.split(/[?#]/, 1)
  const query = cleanQuery(allowedQuery(url.slice(base.length), allowQuery), allowQuery)
  const parts = HIERARCHICAL_URL.exec(base)
  if (parts) {
    const [, scheme = '', authority = '', path = ''] = parts
    const host = authority.slice(authority.lastIndexOf('@') + 1)
    return HOST.test(host) ? cutChars(`${scheme}//${host}${cleanedPath(path)}${query}`, MAX_URL_CHARS) : ''
  }
  // A relative URL has no colon in its first segment (RFC 3986, 4.2), so this is `user:password@host` or worse.
  if (/^[^\\/]*:/.test(base)) return ''
  const path = base.replace(/^[^\\/]*@[\p{Cc}\s]*/u, '')
  // What stood behind the userinfo must not become a host with a userinfo of its own.
  return /^[\\/]{2}/.test(path) ? '' : cutChars(cleanedPath(path) + query, MAX_URL_CHARS)
}

/** Long numbers are names there, as in paths: of campaigns, of products. */
const QUERY_RULES: ProseRules = { queries: 'in text', isLabel: true, keepsIds: true }

/** Whoever allows a name does not know all that others will put there. */
const cleanQuery = (query: string, allowQuery: ReadonlySet<string>): string =>
  query === '' ? '' : maskAddresses4(cleanProse(query, QUERY_RULES, allowQuery))

/** A host is nobody's, and looks like a number now and then. */
function withCleanPath(url: string): string {
  if (isPlainPath(url)) return url
  const [, origin = ''] = CLEAN_URL.exec(url) as RegExpExecArray
  return cutChars(origin + cleanPath(url.slice(origin.length)), MAX_URL_CHARS)
}

/** Encoded, as what is not was cut before; or wide, and folded since. */
const FIRST_QUERY = new RegExp(QUERY, 'i')
/** The place after the scheme of a URL inside a path, such as that of a proxy or an archive. */
const NESTED_URL = new RegExp(`${COLON}${SLASH}`, 'i')
const PARAMETERS = new RegExp(`${SEMICOLON}[^\\\\/]*`, 'gi')

/** Up to an encoded query or fragment and to a URL inside of it, without `;parameters`, tokens and addresses of people. */
function cleanedPath(path: string): string {
  const plain = folded(path)
  const clean = cleanedPlain(plain)
  if (clean !== plain) return clean
  return plain === path ? path : cleanedPlain(path)
}

function cleanedPlain(path: string): string {
  const queryAt = path.search(FIRST_QUERY)
  const own = beforeNestedUrl(queryAt === -1 ? path : path.slice(0, queryAt))
  return cleanPath(own.replace(PARAMETERS, ''))
}

function beforeNestedUrl(path: string): string {
  let at = path.search(NESTED_URL)
  if (at === -1) return path
  while (at > 0 && /[a-z\d+.-]/i.test(path.charAt(at - 1))) at--
  return path.slice(0, at)
}

/** The path of a URL that was cleaned; nothing for an opaque one. */
export function pathOf(url: string): string {
  const afterHost = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/\\?]*([^?]*)/i.exec(url)
  if (afterHost) return afterHost[1] || '/'
  return /^[^/]*:/.test(url) ? '' : url.replace(/\?.*/s, '')
}

export function cleanUrlPath(text: string): string {
  return pathOf(cleanUrl(text))
}
