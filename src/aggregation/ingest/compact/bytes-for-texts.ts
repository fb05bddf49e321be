import { copyFile, type FileHandle, open } from 'node:fs/promises'
import { columns } from '../../../event/schema/event.ts'

/** Ends a Parquet file, behind the length of its footer. That of an encrypted one is another. */
const MAGIC = 'PAR1'
const LENGTH_BYTES = 4
const ENDING_BYTES = LENGTH_BYTES + MAGIC.length
/** A longer footer is not held in memory. Ours: it tells of some hundred thousand pages. */
const MAX_FOOTER_BYTES = 33_554_432

const TEXTS: ReadonlySet<string> = new Set(
  columns.flatMap(({ name, type }) => (type === 'text' || type === 'json' ? [name] : [])),
)

/**
 * Copies a Parquet file that DuckDB can open, with our columns of texts being columns of bytes there: it fails with all of a
 * column that is said to hold texts when one of its values is no UTF-8. False where its footer is none that we read.
 */
export async function copyWithBytes(path: string, to: string): Promise<boolean> {
  const found = await footerOf(path)
  if (found === undefined) return false
  const footer = withoutTexts(found.footer)
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32LE(footer.length)
  await copyFile(path, to)
  const copy = await open(to, 'r+')
  try {
    await copy.truncate(found.from)
    await copy.write(Buffer.concat([footer, length, Buffer.from(MAGIC)]), 0, null, found.from)
  } finally {
    await copy.close()
  }
  return true
}

async function footerOf(
  path: string,
): Promise<{ readonly from: number; readonly footer: Buffer } | undefined> {
  const file = await open(path)
  try {
    const end = (await file.stat()).size - ENDING_BYTES
    const ending = await bytesAt(file, end, ENDING_BYTES)
    const length = ending.readUInt32LE()
    if (ending.toString('latin1', LENGTH_BYTES) !== MAGIC || length > MAX_FOOTER_BYTES) return undefined
    return { from: end - length, footer: await bytesAt(file, end - length, length) }
  } finally {
    await file.close()
  }
}

const bytesAt = async (file: FileHandle, from: number, length: number): Promise<Buffer> =>
  (await file.read(Buffer.alloc(length), 0, length, from)).buffer

// A footer is written in Thrift's compact protocol: first its version, then the list of all parts of the schema.
// https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
const KIND = { booleans: [1, 2], byte: 3, numbers: [4, 5, 6], binary: 8, struct: 12 }
const FIELD = { type: 1, name: 4, convertedType: 6, logicalType: 10 }
/** As the number is written. */
const BYTE_ARRAY = 6 << 1
const STOP = 0

/** DuckDB has read it before: what comes out of one that is built in another way is refused as it was. */
function withoutTexts(footer: Buffer): Buffer {
  const list = varintAt(footer, 1).to + 1
  const few = byteAt(footer, list) >> 4
  const { value: size, to: first } = few < 15 ? { value: few, to: list + 1 } : varintAt(footer, list + 1)
  const parts = [footer.subarray(0, first)]
  let at = first
  for (let left = size; left > 0 && at < footer.length; left -= 1) {
    const part = schemaPartAt(footer, at)
    parts.push(isText(footer, part.fields) ? asBytes(footer, part.fields) : footer.subarray(at, part.to))
    at = part.to
  }
  return Buffer.concat([...parts, footer.subarray(at)])
}

interface Field {
  readonly id: number
  readonly kind: number
  /** Where its value begins; it ends before `to`. */
  readonly from: number
  readonly to: number
}

function schemaPartAt(
  footer: Buffer,
  from: number,
): { readonly fields: readonly Field[]; readonly to: number } {
  const fields: Field[] = []
  let [at, id] = [from, 0]
  for (let header = byteAt(footer, at); header !== STOP; header = byteAt(footer, at)) {
    const kind = header & 15
    id += header >> 4
    const to = kind === KIND.struct ? behindStruct(footer, at + 1) : behind(footer, at + 1, kind)
    fields.push({ id, kind, from: at + 1, to })
    at = to
  }
  return { fields, to: at + 1 }
}

/** Not by a call for each struct in another: they may be as many as there are bytes. */
function behindStruct(footer: Buffer, from: number): number {
  let at = from
  for (let depth = 1; depth > 0 && at < footer.length; ) {
    const header = byteAt(footer, at)
    const kind = header & 15
    // The ids of later kinds of texts and numbers stand behind the header.
    at = header !== STOP && header < 16 ? varintAt(footer, at + 1).to : at + 1
    if (header === STOP) depth -= 1
    else if (kind === KIND.struct) depth += 1
    else at = behind(footer, at, kind)
  }
  return at
}

/** A part of a schema has nothing else. */
function behind(footer: Buffer, at: number, kind: number): number {
  if (KIND.booleans.includes(kind)) return at
  if (kind === KIND.byte) return at + 1
  if (KIND.numbers.includes(kind)) return varintAt(footer, at).to
  if (kind !== KIND.binary) return footer.length
  const length = varintAt(footer, at)
  return length.to + length.value
}

function isText(footer: Buffer, fields: readonly Field[]): boolean {
  const type = fields.find(({ id }) => id === FIELD.type)
  const name = fields.find(({ id }) => id === FIELD.name)
  if (type === undefined || name === undefined || byteAt(footer, type.from) !== BYTE_ARRAY) return false
  return TEXTS.has(footer.toString('utf8', varintAt(footer, name.from).to, name.to).toLowerCase())
}

/** The part of a schema, without what says that its bytes are text. */
function asBytes(footer: Buffer, fields: readonly Field[]): Buffer {
  const kept = fields.filter(({ id }) => id !== FIELD.convertedType && id !== FIELD.logicalType)
  const parts = kept.flatMap(({ id, kind, from, to }, at) => [
    Buffer.of(((id - (kept[at - 1]?.id ?? 0)) << 4) | kind),
    footer.subarray(from, to),
  ])
  return Buffer.concat([...parts, Buffer.of(STOP)])
}

function varintAt(footer: Buffer, from: number): { readonly value: number; readonly to: number } {
  let [at, value, scale] = [from, 0, 1]
  for (; byteAt(footer, at) > 127; at += 1, scale *= 128) value += (byteAt(footer, at) & 127) * scale
  return { value: value + byteAt(footer, at) * scale, to: at + 1 }
}

/** There are only zeros behind its end, which end whatever is read. */
const byteAt = (footer: Buffer, at: number): number => footer[at] ?? 0
