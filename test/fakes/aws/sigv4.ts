import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** A key that is known here; those of sessions have a token, and an end. */
export interface KnownKey {
  readonly secret: string
  readonly token?: string
  readonly expiresMs?: number
}

export interface SignedRequest {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export type SignatureResult<Key extends KnownKey> =
  | { readonly kind: 'signed'; readonly key: Key; readonly service: string }
  | { readonly kind: 'refused'; readonly why: 'unsigned' | 'unknown' | 'expired' | 'late' | 'forged' }

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8}\/([a-z0-9-]+)\/(sts|kinesis)\/aws4_request), ?SignedHeaders=([a-z0-9:;-]+), ?Signature=([0-9a-f]{64})$/
/** https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html */
const TOLERANCE_MS = 300_000

/** Whether a request to the root of a service was signed for the Region, by a key that is known and still good. */
export function verdictOn<Key extends KnownKey>(
  { method, headers, body }: SignedRequest,
  { region, keys, nowMs }: { region: string; keys: ReadonlyMap<string, Key>; nowMs: number },
): SignatureResult<Key> {
  const match = AUTHORIZATION.exec(headers.authorization ?? '')
  if (!match) return { kind: 'refused', why: 'unsigned' }
  const [, keyId = '', scope = '', of = '', service = '', names = '', signature = ''] = match
  const key = keys.get(keyId)
  if (!key || headers['x-amz-security-token'] !== key.token) return { kind: 'refused', why: 'unknown' }
  if (key.expiresMs !== undefined && nowMs >= key.expiresMs) return { kind: 'refused', why: 'expired' }
  const date = String(headers['x-amz-date'])
  if (!(Math.abs(instantOf(date) - nowMs) <= TOLERANCE_MS)) return { kind: 'refused', why: 'late' }
  const canonical = [
    ...[method, '/', ''],
    ...names.split(';').map((name) => `${name}:${String(headers[name]).trim().replaceAll(/ +/g, ' ')}`),
    ...['', names, sha256(body)],
  ].join('\n')
  const [day = '', ...rest] = scope.split('/')
  const signing = [day, ...rest].reduce<string | Buffer>((by, part) => hmac(by, part), `AWS4${key.secret}`)
  const expected = hmac(signing, ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n'))
  // Over HTTP/2 there is no host; its place is taken by a pseudo header, which the SDKs sign as it is called.
  const host = headers[':authority'] === undefined ? 'host' : ':authority'
  const covers = [host, 'x-amz-date', ...(key.token === undefined ? [] : ['x-amz-security-token'])]
  const isGenuine =
    of === region &&
    date.startsWith(day) &&
    covers.every((name) => names.split(';').includes(name)) &&
    timingSafeEqual(Buffer.from(signature, 'hex'), expected)
  return isGenuine ? { kind: 'signed', key, service } : { kind: 'refused', why: 'forged' }
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex')

/** `20261122T120000Z` */
const instantOf = (text: string): number =>
  Date.parse(text.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
