import type { IncomingHttpHeaders } from 'node:http'
import { shownOrigin } from '../../http/sender/origin.ts'
import type { ErrorCode } from '../../std/errors.ts'
import { APP_KEY_PREFIX } from '../../std/id.ts'
import type { RefusedSource } from './refusals.ts'
import type { Registry } from './registry.ts'

/** Nothing longer is anybody's key: it is not even hashed. */
const MAX_KEY_CHARS = 256
/** Enough to know one's own key by, and never more than half of it. */
const MAX_PREFIX_CHARS = 6
/** After what all of our own keys begin with: 24 of at least 128 bits, which tell a key from its neighbours. */
const MAX_CHARS_BEHIND = 4

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
    ...(origin !== undefined && { origin: shownOrigin(origin) ?? '~odd' }),
    // The app says all there is to say about a known key.
    ...(named === undefined && key !== undefined && { keyPrefix: prefixOf(key) }),
  }
}

function prefixOf(key: string): string {
  const [begin, most] = key.startsWith(APP_KEY_PREFIX)
    ? [APP_KEY_PREFIX, MAX_CHARS_BEHIND]
    : ['', MAX_PREFIX_CHARS]
  const own = key.slice(begin.length)
  return `${begin}${own.slice(0, Math.min(most, own.length >> 1)).replace(/[^\w.-]/g, '?')}`
}
