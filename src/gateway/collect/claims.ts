import type { IncomingHttpHeaders } from 'node:http'
import { AppError } from '../../std/errors.ts'

/** A publishable key, in the order in which they are believed. It names an app; it is no secret. */
const KEY_HEADERS: readonly string[] = ['x-headgate-key', 'x-api-key']

/** Keys as presented: header first, then query. */
export function presentedKeys(
  headers: IncomingHttpHeaders,
  query: Readonly<Record<string, string>>,
): string[] {
  const keys: string[] = []
  for (const name of KEY_HEADERS) {
    const value = headers[name]?.toString()
    if (value === undefined) continue
    // Node joins repeated headers with a comma, which no key contains.
    if (value.includes(',')) throw new AppError('invalid_request', `${name} was sent more than once.`)
    keys.push(value)
  }
  if (query['key'] !== undefined) keys.push(query['key'])
  return keys
}

/**
 * The origin of the page that makes a browser ask, where the browser says that it is another site's: an image has no
 * Origin, but a Referer. A page that keeps it to itself counts as `null`, which is on no list.
 */
export function pageOf(headers: IncomingHttpHeaders): string | undefined {
  const { origin, referer = '', 'sec-fetch-site': site } = headers
  if (origin !== undefined || (site !== 'cross-site' && site !== 'same-site')) return undefined
  return URL.canParse(referer) ? new URL(referer).origin : 'null'
}

/** A query in which each name has one value: which of two would count is nothing to guess. */
export function singleValued(query: unknown): Readonly<Record<string, string>> {
  const values = query as Readonly<Record<string, string>>
  for (const name in values) {
    if (!Array.isArray(values[name])) continue
    // The name is the client's own text: bounded, and only what is harmless in a log or a page.
    const printable = name.slice(0, 64).replace(/[^\w.:-]/g, '?')
    throw new AppError('invalid_request', `The query parameter ${printable} was sent more than once.`)
  }
  return values
}

/** Global Privacy Control, a header of `1`. Repeated, it is still an objection. */
export const objectsToTracking = (headers: IncomingHttpHeaders): boolean =>
  headers['sec-gpc']?.toString().startsWith('1') === true

/** ISO 3166-1 alpha-2 as the edge wrote it. Anything else, such as CloudFront's absence or Tor's T1, is no country. */
export function countryOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const country = headers[name]?.toString().toUpperCase() ?? ''
  return /^[A-Z]{2}$/.test(country) ? country : undefined
}
