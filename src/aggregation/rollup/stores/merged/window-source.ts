import { createHash } from 'node:crypto'
import { crc32 } from '@node-rs/crc32'
import { type OpenFile, readFully } from '../../../../std/files/files.ts'
import { type Header, readHeader } from '../file-header.ts'
import { groupsIn, type RowGroup, WINDOW_FILE } from '../local-file.ts'
import { damaged } from '../store.ts'

/** Read at a time, of the index and of rows of all windows, which are read side by side: a day of minutes has 1,440. Ours. */
const BLOCKS_BYTES = 8_388_608
/** The same of one window, at most: more makes it no faster. Ours. */
const MOST_BLOCK_BYTES = 32_768
const LINE_END = 0x0a
const BACKSLASH = 0x5c
const VALUE_AT = Buffer.byteLength('{"value":')
const VALUE_END = Buffer.from(',"n":"')

/** The groups of a window's file, in their order: some of them are in memory. */
export interface GroupSource {
  /** By app, metric, unit and set. */
  readonly key: Buffer
  readonly group: RowGroup
  readonly rows: RowSource
}

/** A window whose file is read from its beginning to its end. */
export interface WindowSource {
  /** Its next group; undefined when none is left. Rejects when the file is not what was written. */
  next(): Promise<GroupSource | undefined>
}

/** A window's rows, as they lie in its file. */
export interface RowSource {
  readonly path: string
  /** Valid until the next is asked for. */
  lineAt(offset: number): Promise<Buffer>
}

/** The rows of one group, one after the other. */
export interface LineSource {
  /** By the value. */
  key: Buffer
  /** Ends in a line end. */
  line: Buffer
  /** False when none is left. Rejects when they are not what was written. */
  advance(): Promise<boolean>
}

/** As many of them as `windows` says are read side by side. */
export async function windowSource(file: OpenFile, path: string, windows: number): Promise<WindowSource> {
  const blockBytes = Math.min(MOST_BLOCK_BYTES, Math.ceil(BLOCKS_BYTES / windows))
  const header = await readHeader(file, path, WINDOW_FILE)
  if (header === undefined) throw damaged(path, 'it was replaced by an earlier version of it')
  const rows = rowSource(file, path, blockBytes)
  const groups = groupsInOrder(file, path, { ...header, blockBytes })
  let some: Iterator<RowGroup> = [][Symbol.iterator]()

  async function next(): Promise<GroupSource | undefined> {
    for (;;) {
      const { done, value: group } = some.next()
      if (!done) return { key: groupKey(group), group, rows }
      const more = await groups.next()
      if (more.done) return undefined
      some = more.value[Symbol.iterator]()
    }
  }
  return { next }
}

/** In an order that is that of each of the names, also where one of them has U+0000. */
function groupKey({ app, metric, unit, set }: RowGroup): Buffer {
  return Buffer.from([app, metric, unit, set].map((name) => name.replaceAll('\0', '\0\u0001')).join('\0\0'))
}

/** Whole lines of the index, as many as end in a block; that it is what was written is known when all are taken. */
async function* groupsInOrder(
  file: OpenFile,
  path: string,
  { indexOffset, indexBytes, indexSha256, blockBytes }: Header & { readonly blockBytes: number },
): AsyncGenerator<Iterable<RowGroup>> {
  const hash = createHash('sha256')
  let begun = Buffer.alloc(0)
  let isFirst = true
  for (let at = 0; at < indexBytes; at += blockBytes) {
    const block = await readFully(file, indexOffset + at, Math.min(blockBytes, indexBytes - at))
    hash.update(block)
    const read = Buffer.concat([begun, block])
    const end = read.lastIndexOf(LINE_END) + 1
    begun = read.subarray(end)
    if (end === 0) continue
    // The first is about the window.
    const from = isFirst ? read.indexOf(LINE_END) + 1 : 0
    isFirst = false
    yield groupsIn(read.subarray(from, end))
  }
  if (hash.digest('hex') !== indexSha256) throw damaged(path, 'its index is not what was written')
}

function rowSource(file: OpenFile, path: string, blockBytes: number): RowSource {
  let room = Buffer.allocUnsafeSlow(blockBytes)
  let from = 0
  let held: Buffer = room.subarray(0, 0)

  function lineIn(offset: number): Buffer | undefined {
    const at = offset - from
    const end = at >= 0 && at < held.length ? held.indexOf(LINE_END, at) + 1 : 0
    return end === 0 ? undefined : held.subarray(at, end)
  }

  return {
    path,
    async lineAt(offset) {
      const known = lineIn(offset)
      if (known !== undefined) return known
      for (;;) {
        from = offset
        held = await readFully(file, offset, room.length, room)
        const line = lineIn(offset)
        if (line !== undefined) return line
        if (held.length < room.length) throw damaged(path, 'rows are not what was written')
        room = Buffer.allocUnsafeSlow(2 * room.length)
      }
    },
  }
}

/** The lines of a group, at the first of them: it has one at least. */
export async function linesOf({ group, rows }: GroupSource): Promise<LineSource> {
  const end = group.offset + group.bytes
  let offset = group.offset
  let crc = 0
  const lines: LineSource = {
    key: Buffer.alloc(0),
    line: Buffer.alloc(0),
    async advance() {
      if (offset >= end) {
        if (crc !== group.crc) throw damaged(rows.path, 'rows are not what was written')
        return false
      }
      lines.line = await rows.lineAt(offset)
      lines.key = valueKey(lines.line)
      offset += lines.line.length
      crc = crc32(lines.line, crc)
      return true
    },
  }
  await lines.advance()
  return lines
}

/** The value's bytes: few of them are escaped. */
function valueKey(line: Buffer): Buffer {
  const text = line.subarray(VALUE_AT, line.indexOf(VALUE_END))
  return text.includes(BACKSLASH) ? Buffer.from(JSON.parse(text.toString())) : text.subarray(1, -1)
}
