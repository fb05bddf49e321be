import { isUtf8 } from 'node:buffer'
import { isGzip, isZstd } from '../../std/files/magic-bytes.ts'

/** Names of codings by which bodies come (RFC 9110, section 8.4.1; RFC 8878). All but the last are in every runtime. */
export const CODINGS: readonly string[] = ['gzip', 'x-gzip', 'deflate', 'br']

/** What a Content-Encoding says of the bytes; its last entry is the outermost. */
export interface Announced {
  readonly codings: readonly string[]
  /** Whether it names something that no coding of ours is: `compress`, but also `utf-8`, which is none at all. */
  readonly isStrange: boolean
}

const NOTHING: Announced = { codings: [], isStrange: false }
/** Nobody wraps a body more often; beyond it a list is only there to be long. */
const MAX_CODINGS = 4

/** Clients and proxies write lists, capitals, nothing, `identity`, `none` and charsets. */
export function announcedBy(header: string | undefined, known: readonly string[]): Announced {
  if (header === undefined) return NOTHING
  if (known.includes(header)) return { codings: [header], isStrange: false }
  const names = header
    .slice(0, 256)
    .toLowerCase()
    .split(',', MAX_CODINGS + 1)
  const written = names.map((name) => name.trim()).filter((name) => !NO_CODING.has(name))
  const codings = written.filter((name) => known.includes(name))
  return { codings, isStrange: codings.length < written.length || names.length > MAX_CODINGS }
}

const NO_CODING: ReadonlySet<string> = new Set(['', 'identity', 'none', 'null', 'undefined'])

/** What bytes say that they are: each begins as nothing else does. */
export function magicOf(bytes: Buffer): 'gzip' | 'zlib' | 'zstd' | undefined {
  if (isGzip(bytes)) return 'gzip'
  if (isZlib(bytes)) return 'zlib'
  return isZstd(bytes) ? 'zstd' : undefined
}

/** RFC 1950: deflate with a window, and a header that is a multiple of 31. No text starts like that. */
const isZlib = (bytes: Buffer): boolean => bytes[0] === 0x78 && hasZlibCheck(bytes)

/** With a smaller window as well, where deflate was announced: `X` and `8` begin texts, too. */
export const isAnyZlib = (bytes: Buffer): boolean => {
  const [first = 0] = bytes
  return (first & 0x0f) === 8 && first < 0x80 && hasZlibCheck(bytes)
}

const hasZlibCheck = (bytes: Buffer): boolean => bytes.length > 1 && bytes.readUInt16BE(0) % 31 === 0

/**
 * Whether bytes are a text as they stand, whatever was announced. What is compressed is neither UTF-8 throughout nor free
 * of control characters, but for lengths at which nobody compresses.
 */
export const isText = (bytes: Buffer): boolean => bytes.subarray(0, 64).every(isWritten) && isUtf8(bytes)

const isWritten = (byte: number): boolean => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d)
