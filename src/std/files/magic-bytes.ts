/** What bytes say that they are: each kind begins as nothing else does. */

export const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/** RFC 8878: a frame, or one of the sixteen kinds that are skipped, by which pzstd begins. */
export function isZstd(bytes: Buffer): boolean {
  if (bytes.length < 4) return false
  const magic = bytes.readUInt32LE(0)
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5
}

const begins =
  (...heads: readonly string[]) =>
  (bytes: Buffer): boolean =>
    heads.some((hex) => bytes.toString('hex', 0, hex.length / 2) === hex)

/**
 * What lines come as, and are not read from: compressed by what compresses files and logs, in the UTF-16 of a shell on
 * Windows (with its mark, or before a quote), or as what a name says that is another. Brotli says nothing.
 */
const UNREADABLE_KINDS: readonly (readonly [what: string, is: (bytes: Buffer) => boolean])[] = [
  ['compressed by Zstandard', isZstd],
  ['a ZIP archive', begins('504b0304', '504b0506')],
  ['compressed by bzip2', begins(...'123456789'.split('').map((level) => `425a683${level}314159265359`))],
  ['compressed by xz', begins('fd377a585a00')],
  ['compressed by LZ4', begins('04224d18')],
  ['compressed by Snappy', begins('ff060000734e61507059')],
  ['text in UTF-16', begins('fffe', 'feff', '7b002200', '007b0022', '5b007b00', '005b007b')],
  ['Parquet', begins('50415231')],
]

/** What it is, in words, of bytes that begin as something that holds no lines as they stand, and is no gzip. */
export const unreadableAs = (bytes: Buffer): string | undefined =>
  UNREADABLE_KINDS.find(([, is]) => is(bytes))?.[0]
