import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { AppError } from '../../std/errors.ts'

/** After inflating (design.md, section 5). zlib stops there: a bomb costs its first 4 MiB and no more. */
export const MAX_INFLATED_BYTES = 4_194_304
/** Honest batches shrink 4 to 10 times (ingest.md 7, L4); far beyond is worth a look, not a refusal. */
export const RATIO_ALARM = 20
/** Inflating a small body takes less time than handing it to another thread. */
const INLINE_BYTES = 16_384
/** The threads of libuv's pool. More at once would not finish sooner, but each may hold 4 MiB that no budget knows yet. */
const LANES = 4

interface Codec {
  now(bytes: Buffer): Buffer
  later(bytes: Buffer): Promise<Buffer>
}

/** Where the runtime has it: Node 22.15 and later. */
export interface Zstd {
  zstdDecompressSync(bytes: Buffer, options: object): Buffer
  zstdDecompress(bytes: Buffer, options: object, done: (error: Error | null, result: Buffer) => void): void
}

const limit = { maxOutputLength: MAX_INFLATED_BYTES }
/** Datadog's streams lack their final block (clients.md 1.6): what is there counts. */
const openEnded = { ...limit, finishFlush: zlib.constants.Z_SYNC_FLUSH }

const gunzip = promisify<Buffer, object, Buffer>(zlib.gunzip)
const inflate = promisify<Buffer, object, Buffer>(zlib.inflate)
const inflateRaw = promisify<Buffer, object, Buffer>(zlib.inflateRaw)
const brotli = promisify<Buffer, object, Buffer>(zlib.brotliDecompress)

const codecs = {
  gzip: { now: (bytes) => zlib.gunzipSync(bytes, limit), later: (bytes) => gunzip(bytes, limit) },
  zlib: { now: (bytes) => zlib.inflateSync(bytes, openEnded), later: (bytes) => inflate(bytes, openEnded) },
  raw: { now: (bytes) => zlib.inflateRawSync(bytes, limit), later: (bytes) => inflateRaw(bytes, limit) },
  br: { now: (bytes) => zlib.brotliDecompressSync(bytes, limit), later: (bytes) => brotli(bytes, limit) },
} satisfies Record<string, Codec>

const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b
const isZstd = (bytes: Buffer): boolean => bytes.length > 3 && bytes.readUInt32LE(0) === 0xfd2fb528
/** RFC 1950: deflate with a window, and a header that is a multiple of 31. No text starts like that. */
const isZlib = (bytes: Buffer): boolean =>
  bytes[0] === 0x78 && bytes.length > 1 && bytes.readUInt16BE(0) % 31 === 0

export interface Inflate {
  /** The body as its sender wrote it. Throws `unsupported_encoding`, `malformed_body` or `body_too_large`. */
  (bytes: Buffer, contentEncoding: string | undefined): Promise<Buffer>
  /** What this runtime can read, for the Accept-Encoding of a 415 (RFC 7694). */
  readonly encodings: string
}

/** `onAlarm` is told of each body that grew more than RATIO_ALARM times. */
export function createInflate(onAlarm: () => void, runtime: object = zlib): Inflate {
  const zstd = zstdOf(runtime)
  const inLane = lanes(LANES)
  const known = ['gzip', 'x-gzip', 'deflate', 'br', ...(zstd === undefined ? [] : ['zstd'])]

  /** By magic bytes: clients forget the header, and proxies inflate without removing it. */
  function codecOf(bytes: Buffer, encoding: string): Codec | undefined {
    if (encoding === 'br') return codecs.br
    if (isGzip(bytes)) return codecs.gzip
    if (isZlib(bytes)) return codecs.zlib
    if (isZstd(bytes)) return zstd ?? unsupported(known)
    return encoding === 'deflate' ? codecs.raw : undefined
  }

  async function inflateBody(bytes: Buffer, contentEncoding = 'identity'): Promise<Buffer> {
    const encoding = contentEncoding.trim().toLowerCase()
    if (encoding !== 'identity' && !known.includes(encoding)) unsupported(known)
    const codec = codecOf(bytes, encoding)
    if (codec === undefined) return bytes
    try {
      const small = bytes.length <= INLINE_BYTES
      const inflated = small ? codec.now(bytes) : await inLane(() => codec.later(bytes))
      if (inflated.length > bytes.length * RATIO_ALARM) onAlarm()
      return inflated
    } catch (error) {
      if (!isTooLarge(error)) throw new AppError('malformed_body', 'The body cannot be inflated.')
      onAlarm()
      throw new AppError('body_too_large', `The inflated body exceeds ${MAX_INFLATED_BYTES} bytes.`)
    }
  }
  return Object.assign(inflateBody, { encodings: known.join(', ') })
}

function zstdOf(runtime: object): Codec | undefined {
  if (!('zstdDecompress' in runtime)) return undefined
  const { zstdDecompressSync, zstdDecompress } = runtime as Zstd
  const later = promisify<Buffer, object, Buffer>(zstdDecompress)
  return { now: (bytes) => zstdDecompressSync(bytes, limit), later: (bytes) => later(bytes, limit) }
}

function unsupported(known: readonly string[]): never {
  throw new AppError(
    'unsupported_encoding',
    `content-encoding must be one of ${known.join(', ')}, or left out.`,
  )
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'

/** At most `count` at once; the others wait in line. */
function lanes(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let free = count
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
