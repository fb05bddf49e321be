import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { codeOf } from '../../std/expected-errors.ts'

/** After inflating. Ours. zlib stops there: a bomb costs its first 4 MiB and no more. */
export const MAX_INFLATED_BODY_BYTES = 4_194_304
/** A small body is inflated at once, unless it grows: that much takes half a millisecond. */
const INLINE_INFLATED_BYTES = 262_144
/** What zlib takes for each piece of its output unless it is told, and the least that it is told of a gzip. */
const PIECE_BYTES = { most: 16_384, least: 1_024 } as const
/** Frames of Zstandard with contents. Ours: each costs 0.2 ms, so that so many cost what 4 MiB in one cost. */
const MAX_FRAMES = 128

/**
 * Takes a coding off a body, to the last of its bytes: where a stream ends before them, what stands behind it is more of
 * the coding, or padding that its tool passes over, or the body is none of the codec's. zlib says nothing of it.
 */
export interface Codec {
  /** Undefined for what takes several steps. */
  now(bytes: Buffer): Buffer | undefined
  later(bytes: Buffer): Promise<Buffer>
}

/** Where the runtime has it: Node 22.15 and later. */
export interface Zstd {
  zstdDecompressSync(bytes: Buffer, options: object): unknown
  zstdDecompress(bytes: Buffer, options: object, done: (error: Error | null, result: unknown) => void): void
}

/** What zlib has read, and how far. */
interface Part {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

/** With `info`, zlib answers this; its types do not say so. */
const partOf = (read: unknown): Part => read as Part

const atOnce = { info: true, maxOutputLength: INLINE_INFLATED_BYTES }
const limit = { info: true, maxOutputLength: MAX_INFLATED_BODY_BYTES }
/** Streams may lack their final block, where a client closes them too late: what is there counts. */
const openEnded = { finishFlush: zlib.constants.Z_SYNC_FLUSH }
const openAtOnce = { ...atOnce, ...openEnded }
const openLimit = { ...limit, ...openEnded }

const gunzip = promisify<Buffer, object, unknown>(zlib.gunzip)
const inflate = promisify<Buffer, object, unknown>(zlib.inflate)
const inflateRaw = promisify<Buffer, object, unknown>(zlib.inflateRaw)
const brotli = promisify<Buffer, object, unknown>(zlib.brotliDecompress)

export const codecs = {
  /** zlib reads member after member, up to a zero (RFC 1952, section 2.2). */
  gzip: {
    now: (bytes) => padded(bytes, zlib.gunzipSync(bytes, { ...openAtOnce, chunkSize: pieceFor(bytes) })),
    later: async (bytes) => padded(bytes, await gunzip(bytes, openLimit)),
  },
  zlib: {
    now: (bytes) => whole(bytes, zlib.inflateSync(bytes, openAtOnce)),
    later: async (bytes) => whole(bytes, await inflate(bytes, openLimit)),
  },
  raw: {
    now: (bytes) => whole(bytes, zlib.inflateRawSync(bytes, openAtOnce)),
    later: async (bytes) => whole(bytes, await inflateRaw(bytes, openLimit)),
  },
  br: {
    now: (bytes) => whole(bytes, zlib.brotliDecompressSync(bytes, atOnce)),
    later: async (bytes) => whole(bytes, await brotli(bytes, limit)),
  },
} satisfies Record<string, Codec>

/**
 * By the length with which a gzip ends (RFC 1952, section 2.3.1), and a byte more: zlib asks for another piece when one is
 * full. Nobody has to be believed: where more comes than was said, there are more pieces.
 */
function pieceFor(bytes: Buffer): number {
  const said = bytes.length < 4 ? 0 : bytes.readUInt32LE(bytes.length - 4)
  return Math.min(PIECE_BYTES.most, Math.max(PIECE_BYTES.least, said + 1))
}

/** One stream, and nothing behind it: RFC 1950, 1951 and 7932 know of no second one. */
function whole(bytes: Buffer, read: unknown): Buffer {
  const { buffer, engine } = partOf(read)
  if (engine.bytesWritten < bytes.length) throw goesOn('Something stands behind the end of the stream')
  return buffer
}

/** As gzip(1) does: zeros are passed over to the end, and no member is looked for behind them. */
function padded(bytes: Buffer, read: unknown): Buffer {
  const { buffer, engine } = partOf(read)
  const end = engine.bytesWritten
  if (end < bytes.length && !isZeros(bytes.subarray(end))) throw goesOn('Something stands behind the padding')
  return buffer
}

const isZeros = (bytes: Buffer): boolean => bytes.equals(Buffer.alloc(bytes.length))

/** Undefined where the runtime lacks it. */
export function zstdOf(runtime: object): Codec | undefined {
  if (!('zstdDecompress' in runtime)) return undefined
  const { zstdDecompressSync, zstdDecompress } = runtime as Zstd
  const later = promisify<Buffer, object, unknown>(zstdDecompress)
  return {
    now(bytes) {
      const { buffer, engine } = partOf(zstdDecompressSync(bytes, atOnce))
      return engine.bytesWritten < bytes.length ? undefined : buffer
    },
    later: (bytes) => framesOf(bytes, async (frame, options) => partOf(await later(frame, options))),
  }
}

/** Sixteen magic numbers, then the length of what follows, each of four bytes. */
const SKIPPABLE = 0x184d2a50
const SKIPPABLE_HEAD_BYTES = 8

type ReadFrame = (bytes: Buffer, options: object) => Promise<Part>

/** All frames together (RFC 8878, section 3.1): zlib reads the first alone. */
async function framesOf(bytes: Buffer, read: ReadFrame): Promise<Buffer> {
  const contents: Buffer[] = []
  let room = MAX_INFLATED_BODY_BYTES
  for (let from = afterSkippable(bytes, 0); from < bytes.length; from = afterSkippable(bytes, from)) {
    if (contents.length === MAX_FRAMES) throw goesOn(`There are more than ${MAX_FRAMES} frames`)
    // zlib wants a limit that is not zero: what is one too large is found below.
    const options = { ...limit, maxOutputLength: room + 1 }
    const { buffer, engine } = await read(bytes.subarray(from), options)
    contents.push(buffer)
    from += engine.bytesWritten
    room -= buffer.length
    if (room < 0) throw beyond()
  }
  return Buffer.concat(contents)
}

/** Where the next frame with contents begins: what is to be skipped (section 3.1.2) says how long it is. */
function afterSkippable(bytes: Buffer, start: number): number {
  let from = start
  while (from + SKIPPABLE_HEAD_BYTES <= bytes.length && bytes.readUInt32LE(from) >>> 4 === SKIPPABLE >>> 4)
    from += SKIPPABLE_HEAD_BYTES + bytes.readUInt32LE(from + 4)
  if (from > bytes.length) throw goesOn('A frame that is skipped ends behind the body')
  return from
}

const GOES_ON = 'STREAM_GOES_ON'
const goesOn = (message: string) => Object.assign(new Error(message), { code: GOES_ON })

/** As zlib says it. */
const TOO_LARGE = 'ERR_BUFFER_TOO_LARGE'
const beyond = () =>
  Object.assign(new Error(`More than ${MAX_INFLATED_BODY_BYTES} bytes`), { code: TOO_LARGE })

export const isTooLarge = (error: unknown): boolean => codeOf(error) === TOO_LARGE

/** By which the codecs say that bytes are none of theirs, or cut, or broken. They fail for want of memory, too. */
const OF_THE_BODY: ReadonlySet<string> = new Set([
  GOES_ON,
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

export const isOfTheBody = (error: unknown): boolean =>
  OF_THE_BODY.has(codeOf(error)) || codeOf(error).startsWith(BROTLI_FORMAT)
