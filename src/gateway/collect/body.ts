import type { Readable } from 'node:stream'
import { AppError } from '../../std/errors.ts'
import type { Lease } from './inflight.ts'

/** On the wire: Fastify's own default. */
export const MAX_WIRE_BYTES = 1_048_576
/** All that sendBeacon and fetch(keepalive) may have in flight: a larger "beacon" comes from no browser. */
export const MAX_BEACON_BYTES = 65_536
/** GET, so all of it is in the URL. Ours: what servers and proxies take for a request line by default. */
export const MAX_PIXEL_URL_BYTES = 8_192

/** What browsers send without asking first, and cannot send again: sendBeacon, keepalive, forms, and untyped bodies. */
const BEACON_TYPES: readonly string[] = ['', 'text/plain', 'application/x-www-form-urlencoded']

/** Longer is none, whatever it looks like: a boundary may have 70 characters. */
const MAX_CONTENT_TYPE_CHARS = 256
const CONTENT_TYPE = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+/

/**
 * A content type, or what stands for one that is none: the media type that it begins with (two hops may each have set
 * one), nothing said as a beacon says it, and anything else (`json`, `undefined`) as a sender of JSON.
 */
export function contentTypeOf(written: string): string {
  if (written.length <= MAX_CONTENT_TYPE_CHARS && CONTENT_TYPE.test(written)) return written
  const [first = ''] = written.slice(0, MAX_CONTENT_TYPE_CHARS).split(/[,;]/, 1)
  const said = first.trim().toLowerCase()
  return said === '' ? 'text/plain' : (MEDIA_TYPE.exec(said)?.[0] ?? 'application/json')
}

/** Whether the sender reads the answer and would try again. The only thing a content type decides. */
export function canRetry(contentType = ''): boolean {
  const [mediaType = ''] = contentType.split(';')
  const type = mediaType.trim().toLowerCase()
  return !BEACON_TYPES.includes(type) && !type.startsWith('multipart/')
}

/**
 * The bytes of a request, counted against `lease` as they arrive. A body that is refused half-way, or gives way to
 * others, is thrown away.
 */
export function readBody(stream: Readable, maxBytes: number, lease: Lease): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let bytes = 0
    const giveUp = (error: unknown) => {
      stream.off('data', take)
      stream.resume()
      chunks = []
      reject(error)
    }
    const take = (chunk: Buffer) => {
      try {
        bytes += chunk.length
        assertFits(bytes, maxBytes)
        lease.grow(chunk.length)
        chunks.push(chunk)
      } catch (error) {
        giveUp(error)
      }
    }
    lease.arriving(giveUp)
    stream.on('data', take)
    // One chunk is the rule. It is a view of its socket's read buffer, which lives on while the body is decoded.
    stream.once('end', () => {
      lease.arrived()
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes))
      // The listeners live until the request is answered: what they hold would as well.
      chunks = []
    })
    stream.once('error', () => reject(new AppError('malformed_body', 'The body ended early.')))
  })
}

/** By Content-Length, before the first byte is read. Node has checked its form; a chunked body has none. */
export function assertDeclaredFits(contentLength: string | undefined, maxBytes: number): void {
  assertFits(Number(contentLength ?? 0), maxBytes)
}

function assertFits(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new AppError('body_too_large', `The body exceeds ${maxBytes} bytes.`)
}
