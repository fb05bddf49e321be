import zlib from 'node:zlib'
import { createFairQueue, type Owner } from '../../std/async/fair-queue.ts'
import { AppError } from '../../std/errors.ts'
import { type Codec, codecs, isOfTheBody, isTooLarge, MAX_INFLATED_BODY_BYTES, zstdOf } from './codecs.ts'
import { type Announced, announcedBy, CODINGS, isAnyZlib, isText, magicOf } from './codings.ts'

/** Honest batches shrink 4 to 10 times; far beyond is worth a look, not a refusal. */
export const RATIO_ALARM = 20
/** Inflating a small body takes less time than handing it to another thread. */
const INLINE_BYTES = 16_384
/** The threads of libuv's pool. More at once would not finish sooner, but each may hold 4 MiB that no budget knows yet. */
const LANES = 4
/** RFC 1952: a checksum and a size, of four bytes each. */
const GZIP_TRAILER_BYTES = 8
/** A proxy compresses what a client has compressed. Whoever wraps more often wants work done. */
const MAX_LAYERS = 2

interface Layer {
  readonly bytes: Buffer
  readonly tried: readonly Codec[]
  readonly owner: Owner
}

export interface Inflate {
  /**
   * The body as its sender wrote it, by what its bytes are; what was announced is only asked where they do not say.
   * Where much is to be done, owners take turns. Throws `unsupported_encoding`, `malformed_body` or `body_too_large`;
   * what is no fault of the body, such as a lack of memory, as it is.
   */
  (bytes: Buffer, contentEncoding: string | undefined, owner: Owner): Promise<Buffer>
  /** Whether the body is what was sent, and nothing is to be done: then there is nobody to wait for either. */
  isPlain(bytes: Buffer, contentEncoding: string | undefined): boolean
  /** What this runtime can read, for the Accept-Encoding of a 415 (RFC 7694). */
  readonly encodings: string
}

/** `onAlarm` is told of each body that grew more than RATIO_ALARM times. */
export function createInflate(onAlarm: () => void, runtime: object = zlib): Inflate {
  const zstd = zstdOf(runtime)
  const inLane = createFairQueue(LANES)
  const known = zstd === undefined ? CODINGS : [...CODINGS, 'zstd']

  /** By magic bytes: clients forget the header, and proxies inflate without removing it. */
  function codecOf(bytes: Buffer): Codec | undefined {
    const magic = magicOf(bytes)
    if (magic === 'zstd') return zstd ?? unsupported(known)
    return magic && codecs[magic]
  }

  /** What to try, in this order; none for what is plain. Brotli has no magic bytes, and may begin with another's. */
  function candidates(bytes: Buffer, announced: Announced): readonly Codec[] {
    const own = codecOf(bytes)
    const isBrotli = announced.codings.at(-1) === 'br'
    if (own !== undefined) return isBrotli ? [codecs.br, own] : [own]
    if (isAnnouncedPlain(announced) || isText(bytes)) return []
    return isBrotli ? [codecs.br] : byAnnouncement(bytes, announced)
  }

  /** Bytes that are no text and do not say what they are. */
  function byAnnouncement(bytes: Buffer, { codings, isStrange }: Announced): readonly Codec[] {
    if (codings.at(-1) === 'deflate') return [isAnyZlib(bytes) ? codecs.zlib : codecs.raw]
    return isStrange ? unsupported(known) : []
  }

  /** Undefined for what is none of the codec's. Nobody waits for what is done at once. */
  function inflateWith(
    codec: Codec,
    bytes: Buffer,
    owner: Owner,
  ): Buffer | undefined | Promise<Buffer | undefined> {
    try {
      const made = bytes.length <= INLINE_BYTES ? codec.now(bytes) : undefined
      if (made !== undefined) return made
    } catch (error) {
      if (isOfTheBody(error)) return undefined
      if (!isTooLarge(error)) throw error
    }
    return inflateInLane(codec, bytes, owner)
  }

  async function inflateInLane(codec: Codec, bytes: Buffer, owner: Owner): Promise<Buffer | undefined> {
    try {
      return await inLane(owner, () => codec.later(bytes))
    } catch (error) {
      if (isTooLarge(error)) throw tooLarge()
      if (isOfTheBody(error)) return undefined
      throw error
    }
  }

  /**
   * As gzip(1) does: what trails after the end of the stream is not minded, if that is its end by its own account. Not
   * where it may say something: nobody would be told that it was not read.
   */
  async function withoutTail(bytes: Buffer, owner: Owner): Promise<Buffer | undefined> {
    // The last four bytes are the size; of one that may come, the last of them is a zero.
    const end = bytes.lastIndexOf(0) + 1
    if (end === bytes.length || end < GZIP_TRAILER_BYTES || saysSomething(bytes.subarray(end)))
      return undefined
    const body = await inflateWith(codecs.gzip, bytes.subarray(0, end), owner)
    return body?.length === bytes.readUInt32LE(end - 4) ? body : undefined
  }

  /** What the next codecs make of it, where the first, which has begun, makes nothing of it. */
  async function inflateOtherwise(
    first: Promise<Buffer | undefined> | undefined,
    { bytes, tried, owner }: Layer,
  ): Promise<Buffer> {
    let body = await first
    for (const codec of tried.slice(1)) body ??= await inflateWith(codec, bytes, owner)
    if (tried.includes(codecs.gzip)) body ??= await withoutTail(bytes, owner)
    if (body === undefined) throw new AppError('malformed_body', 'The body cannot be inflated to its end.')
    return body
  }

  function tooLarge(): AppError {
    onAlarm()
    return new AppError('body_too_large', `The inflated body exceeds ${MAX_INFLATED_BODY_BYTES} bytes.`)
  }

  async function inflateBody(
    bytes: Buffer,
    contentEncoding: string | undefined,
    owner: Owner,
  ): Promise<Buffer> {
    let announced = announcedBy(contentEncoding, known)
    let body = bytes
    for (let layer = 0; layer < MAX_LAYERS; layer++) {
      const tried = candidates(body, announced)
      const [first] = tried
      if (first === undefined) break
      const made = inflateWith(first, body, owner)
      // Most bodies are small and what they say that they are: there is nobody to wait for.
      body = Buffer.isBuffer(made) ? made : await inflateOtherwise(made, { bytes: body, tried, owner })
      announced = { codings: announced.codings.slice(0, -1), isStrange: false }
    }
    if (body.length > bytes.length * RATIO_ALARM) onAlarm()
    return body
  }
  const isPlain = (bytes: Buffer, contentEncoding: string | undefined): boolean =>
    contentEncoding === undefined && magicOf(bytes) === undefined
  return Object.assign(inflateBody, { isPlain, encodings: known.join(', ') })
}

/** An event, or something compressed: no line end or boundary of multipart is either. */
const saysSomething = (tail: Buffer): boolean => tail.includes('{') || !isText(tail)

const isAnnouncedPlain = ({ codings, isStrange }: Announced): boolean => codings.length === 0 && !isStrange

function unsupported(known: readonly string[]): never {
  throw new AppError(
    'unsupported_encoding',
    `content-encoding must be one of ${known.join(', ')}, or left out.`,
  )
}
