import { constants } from 'node:fs'
import { copyFile, open } from 'node:fs/promises'
import { AppError } from '../../../std/errors.ts'

/** The length of the footer, and `PAR1`: https://parquet.apache.org/docs/file-format/ */
const TAIL_BYTES = 8

/**
 * A copy of a Parquet file that says less of its columns, for a reader that gives up all of a file for one value: a text is
 * bytes there, and milliseconds are a number. Columns within columns stay what they are. It has the same length, so that all
 * that is said of places in it holds.
 */
export async function copyUntyped(path: string, copy: string): Promise<void> {
  await copyFile(path, copy, constants.COPYFILE_FICLONE)
  const file = await open(copy, 'r+')
  try {
    const end = (await file.stat()).size - TAIL_BYTES
    const tail = Buffer.alloc(TAIL_BYTES)
    await file.read(tail, 0, TAIL_BYTES, end)
    const footer = Buffer.alloc(tail.readUInt32LE())
    await file.read(footer, 0, footer.length, end - footer.length)
    untype(footer)
    await file.write(footer, 0, footer.length, end - footer.length)
  } finally {
    await file.close()
  }
}

/** Fields of a file, of an element of its schema, and of a time: parquet.thrift of Apache Parquet, as all numbers here. */
const FIELD = { schema: 2, children: 5, converted: 6, logical: 10 }
const UNIT = 2
const MILLIS = 1
/** UTF8, ENUM, JSON, and TIMESTAMP_MILLIS. */
const CONVERTED: readonly number[] = [0, 4, 19, 9]
/** A time without a zone is said here alone. */
const TIMESTAMP = 8

const TYPE = { booleans: [1, 2], integers: [4, 5, 6], binary: 8, list: 9, struct: 12 }
/** How many bytes booleans within lists, bytes and doubles take, by their types. */
const SIZES: ReadonlyMap<number, number> = new Map([1, 2, 3, 7].map((type) => [type, type === 7 ? 8 : 1]))
/** Above all that ten bytes say, as many as 64 bits take. */
const VARINT_END = 128 ** 10
/** What is within another, of what is passed over. Ours: metadata of Parquet has five. */
const MAX_DEPTH = 32
/** The id of a field is said by how much it is above that of the one before: by so much, and it and all behind it are unknown. */
const FAR = 0xf0

/** The schema is a list of columns, each before those that are within it; the first is the table. */
function untype(footer: Buffer): void {
  const thrift = thriftReader(footer)
  thrift.fields((id) => {
    if (id !== FIELD.schema) return false
    let left = thrift.listLength() - 1
    elementOf(thrift)
    for (let within = 0; left > 0; left--) {
      const { children, typeAt } = elementOf(thrift)
      if (within === 0 && typeAt !== undefined) footer[typeAt] = FAR + (Number(footer[typeAt]) % 16)
      within += children - Math.min(within, 1)
    }
    return 'last'
  })
}

type Thrift = ReturnType<typeof thriftReader>

/** An element, and where it says what its bytes mean, where it may better not. */
function elementOf(thrift: Thrift): { readonly children: number; readonly typeAt: number | undefined } {
  let children = 0
  let at: number | undefined
  let isText = false
  let isMillis = false
  thrift.fields((id, head) => {
    if (id >= FIELD.converted) at ??= head
    if (id === FIELD.children) children = thrift.integer()
    else if (id === FIELD.converted) isText = CONVERTED.includes(thrift.integer())
    else if (id === FIELD.logical) isMillis = saysMillis(thrift)
    else return false
    return true
  })
  return { children, typeAt: isText || isMillis ? at : undefined }
}

/** Whether a type is that of times in milliseconds: unions are structs of one field. */
function saysMillis(thrift: Thrift): boolean {
  let found = false
  const within = (wanted: number, take: () => boolean) => thrift.fields((id) => id === wanted && take())
  within(TIMESTAMP, () => {
    within(UNIT, () => {
      within(MILLIS, () => {
        found = true
        return false
      })
      return true
    })
    return true
  })
  return found
}

const damaged = () => new AppError('malformed_body', 'It cannot be read as Parquet. Its footer is damaged.')

/**
 * What is written in Thrift's compact form: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 * Each step goes on by a byte at least, so that no footer takes more steps than it has bytes.
 */
function thriftReader(bytes: Buffer) {
  let at = 0
  let depth = 0

  function skip(count: number): void {
    if (count > bytes.length - at) throw damaged()
    at += count
  }

  function byte(): number {
    skip(1)
    return bytes.readUInt8(at - 1)
  }

  function varint(): number {
    let value = 0
    for (let scale = 1; scale < VARINT_END; scale *= 128) {
      const next = byte()
      value += (next % 128) * scale
      if (next < 128) return value
    }
    throw damaged()
  }

  /** None is below zero where it matters. */
  const integer = (): number => varint() / 2

  function list(): { readonly length: number; readonly type: number } {
    const head = byte()
    const length = head < FAR ? head >> 4 : varint()
    if (length > bytes.length - at) throw damaged()
    return { length, type: head % 16 }
  }

  /** Told of each field, and where its head is: it is taken, or else passed over. Behind the last that is wanted nothing is read. */
  function fields(take: (id: number, head: number) => boolean | 'last'): void {
    for (let id = 0, head = byte(); head !== 0; head = byte()) {
      const headAt = at - 1
      id = head < 16 ? integer() : id + (head >> 4)
      const taken = take(id, headAt)
      if (taken === 'last') return
      // A boolean is all in its head.
      if (!taken && !TYPE.booleans.includes(head % 16)) pass(head % 16)
    }
  }

  function passList(): void {
    const { length, type } = list()
    for (let left = length; left > 0; left--) pass(type)
  }

  /** The types that Parquet's metadata is written in, which has neither sets nor maps. */
  function pass(type: number): void {
    if (++depth > MAX_DEPTH) throw damaged()
    const size = SIZES.get(type)
    if (size !== undefined) skip(size)
    else if (type === TYPE.struct) fields(() => false)
    else if (type === TYPE.list) passList()
    else if (type === TYPE.binary) skip(varint())
    else if (TYPE.integers.includes(type)) varint()
    else throw damaged()
    depth -= 1
  }

  return { integer, fields, listLength: () => list().length }
}
