import { createHash } from 'node:crypto'
import { crc32 } from '@node-rs/crc32'
import { AppError } from '../../../std/errors.ts'
import { type OpenFile, readFully } from '../../../std/files/files.ts'
import { groupsIn, type Header, type RowGroup, readHeader, windowOf, writtenRow } from './local-file.ts'
import { type CommittedWindow, damaged } from './store.ts'
import type { WrittenRow } from './written-row.ts'

/** Read at a time, of rows and of the index each. Ours: a day has 96 quarter hours, which are read at the same time. */
const BLOCK_BYTES = 65_536
/** Rows handed on at a time. */
const ROWS_AT_ONCE = 128
const LINE_END = 0x0a

/** A window that is to be read whole. */
export interface WholeRead {
  readonly file: OpenFile
  readonly path: string
  readonly window: CommittedWindow
}

/** All rows of a window's file, in their order: no more is held than some blocks, and the rows of one group. */
export async function* rowsInOrder(read: WholeRead): AsyncGenerator<readonly WrittenRow[]> {
  const take = blocks(read.file)
  for await (const { app, metric, unit, set, offset, bytes, crc } of groupsInOrder(read)) {
    const lines = await take(offset, bytes)
    if (crc32(lines) !== crc) throw damaged(read.path, 'rows are not what was written')
    const group = JSON.stringify([app, metric, unit, set]).slice(1, -1)
    let piece: WrittenRow[] = []
    for (const line of lines.toString('utf8', 0, lines.length - 1).split('\n')) {
      piece.push(writtenRow(group, line))
      if (piece.length < ROWS_AT_ONCE) continue
      yield piece
      piece = []
    }
    yield piece
  }
}

async function* groupsInOrder(read: WholeRead): AsyncGenerator<RowGroup> {
  const header = await readHeader(read.file, read.path)
  if (header === undefined) throw replaced(read)
  await checkIndex(read, header)
  let isFirst = true
  for await (const lines of indexLines(read.file, header)) {
    if (isFirst && windowOf(lines).generation !== read.window.generation) throw replaced(read)
    yield* groupsIn(isFirst ? lines.subarray(lines.indexOf(LINE_END) + 1) : lines)
    isFirst = false
  }
}

const replaced = ({ path }: WholeRead) =>
  new AppError('run_conflict', `The rollup file ${path} was replaced while it was to be read`)

/** Nothing of it is believed before all of it is what was written. */
async function checkIndex({ file, path }: WholeRead, header: Header): Promise<void> {
  const hash = createHash('sha256')
  for await (const block of indexBlocks(file, header)) hash.update(block)
  if (hash.digest('hex') !== header.indexSha256) throw damaged(path, 'its index is not what was written')
}

async function* indexBlocks(file: OpenFile, { indexOffset, indexBytes }: Header): AsyncGenerator<Buffer> {
  for (let at = 0; at < indexBytes; at += BLOCK_BYTES)
    yield await readFully(file, indexOffset + at, Math.min(BLOCK_BYTES, indexBytes - at))
}

/** Whole lines, as many as end in a block. */
async function* indexLines(file: OpenFile, header: Header): AsyncGenerator<Buffer> {
  let begun = Buffer.alloc(0)
  for await (const block of indexBlocks(file, header)) {
    const read = Buffer.concat([begun, block])
    const end = read.lastIndexOf(LINE_END) + 1
    begun = read.subarray(end)
    if (end > 0) yield read.subarray(0, end)
  }
}

/** Parts of a file that follow on each other, of which many lie in one block. */
function blocks(file: OpenFile) {
  let from = 0
  let block: Buffer = Buffer.alloc(0)
  return async (offset: number, bytes: number): Promise<Buffer> => {
    if (offset + bytes > from + block.length) {
      from = offset
      block = await readFully(file, offset, Math.max(bytes, BLOCK_BYTES))
    }
    return block.subarray(offset - from, offset - from + bytes)
  }
}
