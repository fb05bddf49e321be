import type { Readable } from 'node:stream'
import { LEAST_PIECE_BYTES } from '../../http/unread.ts'
import { AppError } from '../../std/errors.ts'
import { memoizeLast } from '../../std/memoize-last.ts'
import type { ByteReservation } from './memory-budget.ts'

/** On the wire: Fastify's own default. */
export const MAX_WIRE_BYTES = 1_048_576
/** All that sendBeacon and fetch(keepalive) may have in flight: a larger "beacon" comes from no browser. */
export const MAX_BEACON_BYTES = 65_536
/** Joined pieces begin with room for so much: what a beacon has. */
const FIRST_ROOM_BYTES = 4_096
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
export const contentTypeOf = memoizeLast((written) => {
  if (written.length <= MAX_CONTENT_TYPE_CHARS && CONTENT_TYPE.test(written)) return written
  const [first = ''] = written.slice(0, MAX_CONTENT_TYPE_CHARS).split(/[,;]/, 1)
  const said = first.trim().toLowerCase()
  return said === '' ? 'text/plain' : (MEDIA_TYPE.exec(said)?.[0] ?? 'application/json')
})

/** Whether the sender reads the answer and would try again. The only thing a content type decides. */
export const canRetry = (contentType = ''): boolean => isReliable(contentType)

const isReliable = memoizeLast((contentType) => {
  const [mediaType = ''] = contentType.split(';')
  const type = mediaType.trim().toLowerCase()
  return !BEACON_TYPES.includes(type) && !type.startsWith('multipart/')
})

/**
 * The bytes of a request, counted against `lease` as they arrive; `work` is told of each piece. A body that is refused
 * half-way, or gives way to others, is thrown away.
 */
export function readBody(
  stream: Readable,
  maxBytes: number,
  lease: ByteReservation,
  work: ChargePiece = free,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // One piece is the rule. It is a view of its socket's read buffer, which lives on while the body is decoded.
    let room: Buffer = NOTHING
    let bytes = 0
    const giveUp = (error: unknown) => {
      stream.off('data', take)
      stream.resume()
      room = NOTHING
      reject(error)
    }
    const take = (chunk: Buffer) => {
      try {
        assertFits(bytes + chunk.length, maxBytes)
        const cost = Math.max(chunk.length, LEAST_PIECE_BYTES)
        lease.grow(cost, chunk.length)
        work(cost, chunk.length)
        room = bytes === 0 ? chunk : joined(room, bytes, chunk)
        bytes += chunk.length
      } catch (error) {
        giveUp(error)
      }
    }
    lease.arriving(giveUp)
    stream.on('data', take)
    stream.on('end', () => {
      lease.arrived()
      resolve(room.length === bytes ? room : room.subarray(0, bytes))
      // The listeners live until the request is answered: what they hold would as well.
      room = NOTHING
    })
    stream.on('error', () => reject(new AppError('malformed_body', 'The body ended early.')))
  })
}

/** Told what a piece costs and how long it is. May refuse it. */
export type ChargePiece = (cost: number, bytes: number) => void
const free: ChargePiece = () => {}
const NOTHING = Buffer.alloc(0)

/** In memory of its own that doubles: a Buffer for each piece is hundreds of times what a piece of one byte is. */
function joined(room: Buffer, bytes: number, chunk: Buffer): Buffer {
  const needed = bytes + chunk.length
  // The first piece fills its own memory, which is its socket's: it is never written to.
  const own = needed <= room.length ? room : Buffer.allocUnsafeSlow(Math.max(FIRST_ROOM_BYTES, 2 * needed))
  if (own !== room) room.copy(own, 0, 0, bytes)
  chunk.copy(own, bytes)
  return own
}

/** By Content-Length, before the first byte is read. Node has checked its form; a chunked body has none. */
export function assertDeclaredFits(contentLength: string | undefined, maxBytes: number): void {
  assertFits(Number(contentLength ?? 0), maxBytes)
}

function assertFits(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new AppError('body_too_large', `The body exceeds ${maxBytes} bytes.`)
}
