import type { IncomingHttpHeaders } from 'node:http'
import type { ErrorCode } from '../../std/errors.ts'
import type { RefusedSource } from './refusals.ts'
import type { Registry } from './registry.ts'

/** Nothing longer is anybody's key: it is not even hashed. */
const MAX_KEY_CHARS = 256
/** Enough to know one's own key by, and never more than half of it. */
const MAX_PREFIX_CHARS = 6
/** A scheme, a host, a port, as a browser writes them; a name has at most 253 characters (RFC 1035). */
const ORIGIN = /^[a-z][a-z\d+.-]{0,30}:\/\/[\w.:[\]-]{1,253}$/i

export interface RefusedRequest {
  readonly headers: IncomingHttpHeaders
  readonly query: unknown
  /** The origin of the page that shows a picture of ours, where there is no Origin header. */
  readonly page: string | undefined
}

/** What a refused request says of who sent it. All of it is a client's own text: known by its form, and bounded. */
export function refusedBy(
  { headers, query, page }: RefusedRequest,
  code: ErrorCode,
  registry: Registry,
): RefusedSource {
  const origin = headers.origin ?? page
  const presented = [headers['x-headgate-key'], headers['x-api-key'], Object(query).key]
    .map((key) => (typeof key === 'string' && key.length <= MAX_KEY_CHARS ? key : ''))
    .filter((key) => key !== '')
  const named = presented.map((key) => registry.byKey(key)).find((app) => app !== undefined)
  const app = named ?? (origin === undefined ? undefined : registry.byOrigin(origin))
  const [key] = presented
  return {
    ...(app !== undefined && { app: app.id }),
    code,
    ...(origin !== undefined && { origin: ORIGIN.test(origin) ? origin.toLowerCase() : '~odd' }),
    // The app says all there is to say about a known key.
    ...(named === undefined && key !== undefined && { keyPrefix: prefixOf(key) }),
  }
}

const prefixOf = (key: string): string =>
  key.slice(0, Math.min(MAX_PREFIX_CHARS, key.length >> 1)).replace(/[^\w.-]/g, '?')
