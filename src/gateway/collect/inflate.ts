import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { createFairQueue, type Owner } from '../../std/async/fair-queue.ts'
import { AppError } from '../../std/errors.ts'
import { codeOf } from '../../std/expected-errors.ts'
import { type Announced, announcedBy, CODINGS, isAnyZlib, isText, magicOf } from './codings.ts'

/** After inflating. Ours. zlib stops there: a bomb costs its first 4 MiB and no more. */
export const MAX_INFLATED_BODY_BYTES = 4_194_304
/** Honest batches shrink 4 to 10 times; far beyond is worth a look, not a refusal. */
export const RATIO_ALARM = 20
/** Inflating a small body takes less time than handing it to another thread… */
const INLINE_BYTES = 16_384
/** …unless it grows: that much takes half a millisecond. */
const INLINE_INFLATED_BYTES = 262_144
/** The threads of libuv's pool. More at once would not finish sooner, but each may hold 4 MiB that no budget knows yet. */
const LANES = 4
/** RFC 1952: a checksum and a size, of four bytes each. */
const GZIP_TRAILER_BYTES = 8
/** A proxy compresses what a client has compressed. Whoever wraps more often wants work done. */
const MAX_LAYERS = 2

interface Codec {
  now(bytes: Buffer): Buffer
  later(bytes: Buffer): Promise<Buffer>
}

interface Layer {
  readonly bytes: Buffer
  readonly tried: readonly Codec[]
  readonly owner: Owner
}

/** Where the runtime has it: Node 22.15 and later. */
export interface Zstd {
  zstdDecompressSync(bytes: Buffer, options: object): Buffer
  zstdDecompress(bytes: Buffer, options: object, done: (error: Error | null, result: Buffer) => void): void
}

const atOnce = { maxOutputLength: INLINE_INFLATED_BYTES }
const limit = { maxOutputLength: MAX_INFLATED_BODY_BYTES }
/** Streams may lack their final block, where a client closes them too late: what is there counts. */
const openEnded = { finishFlush: zlib.constants.Z_SYNC_FLUSH }
const openAtOnce = { ...atOnce, ...openEnded }
const openLimit = { ...limit, ...openEnded }

const gunzip = promisify<Buffer, object, Buffer>(zlib.gunzip)
const inflate = promisify<Buffer, object, Buffer>(zlib.inflate)
const inflateRaw = promisify<Buffer, object, Buffer>(zlib.inflateRaw)
const brotli = promisify<Buffer, object, Buffer>(zlib.brotliDecompress)

const codecs = {
  gzip: {
    now: (bytes) => zlib.gunzipSync(bytes, openAtOnce),
    later: (bytes) => gunzip(bytes, openLimit),
  },
  zlib: {
    now: (bytes) => zlib.inflateSync(bytes, openAtOnce),
    later: (bytes) => inflate(bytes, openLimit),
  },
  raw: {
    now: (bytes) => zlib.inflateRawSync(bytes, openAtOnce),
    later: (bytes) => inflateRaw(bytes, openLimit),
  },
  br: { now: (bytes) => zlib.brotliDecompressSync(bytes, atOnce), later: (bytes) => brotli(bytes, limit) },
} satisfies Record<string, Codec>

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
      if (bytes.length <= INLINE_BYTES) return codec.now(bytes)
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

  /** As gzip(1) does: what trails after the end of the stream is not minded, if that is its end by its own account. */
  async function withoutTail(bytes: Buffer, owner: Owner): Promise<Buffer | undefined> {
    // The last four bytes are the size; of one that may come, the last of them is a zero.
    const end = bytes.lastIndexOf(0) + 1
    if (end === bytes.length || end < GZIP_TRAILER_BYTES) return undefined
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
    if (body === undefined) throw new AppError('malformed_body', 'The body cannot be inflated.')
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

const isAnnouncedPlain = ({ codings, isStrange }: Announced): boolean => codings.length === 0 && !isStrange

function zstdOf(runtime: object): Codec | undefined {
  if (!('zstdDecompress' in runtime)) return undefined
  const { zstdDecompressSync, zstdDecompress } = runtime as Zstd
  const later = promisify<Buffer, object, Buffer>(zstdDecompress)
  return { now: (bytes) => zstdDecompressSync(bytes, atOnce), later: (bytes) => later(bytes, limit) }
}

function unsupported(known: readonly string[]): never {
  throw new AppError(
    'unsupported_encoding',
    `content-encoding must be one of ${known.join(', ')}, or left out.`,
  )
}

const isTooLarge = (error: unknown): boolean => codeOf(error) === 'ERR_BUFFER_TOO_LARGE'

/** By which the codecs say that bytes are none of theirs, or cut, or broken. They fail for want of memory, too. */
const OF_THE_BODY: ReadonlySet<string> = new Set([
  // zlib; the second of Brotli and Zstandard as well.
  ...['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT'],
  ...[
    ...['prefix_unknown', 'version_unsupported', 'frameParameter_unsupported'],
    ...['frameParameter_windowTooLarge', 'corruption_detected', 'checksum_wrong', 'literals_headerWrong'],
    ...['dictionary_corrupted', 'dictionary_wrong', 'tableLog_tooLarge', 'maxSymbolValue_tooLarge'],
    ...['maxSymbolValue_tooSmall', 'srcSize_wrong'],
  ].map((name) => `ZSTD_error_${name}`),
])
/** The beginning of Brotli's error codes; what follows says what in the format is broken. */
const BROTLI_FORMAT = 'ERR__ERROR_FORMAT_'

const isOfTheBody = (error: unknown): boolean =>
  OF_THE_BODY.has(codeOf(error)) || codeOf(error).startsWith(BROTLI_FORMAT)
