import { hash } from 'node:crypto'
import { type OpenFile, readFully } from '../../../std/files/files.ts'
import { laterVersion } from '../../../std/files/later-version.ts'
import { damaged } from './store.ts'

/** A kind of file that is written once: a header, content, and an index at its end, which the header names. */
export interface FileForm {
  readonly name: 'headgate-rollup' | 'headgate-merged'
  readonly version: number
}

export interface Header {
  readonly indexOffset: number
  readonly indexBytes: number
  /** Names the index, and by its checksums and counts the content: a cache key that cannot go stale. */
  readonly indexSha256: string
}

/** Name and version, offset of the index, its bytes, its SHA-256. */
export const HEADER_BYTES = 17 + 1 + 15 + 1 + 15 + 1 + 64 + 1
/** Larger than any index: some million groups of rows. Of a damaged header only, which may name any size. */
const MAX_INDEX_BYTES = 1_073_741_824

export function headerFor({ name, version }: FileForm, indexOffset: number, index: Buffer): Buffer {
  const [offset, bytes] = [indexOffset, index.length].map((value) => `${value}`.padStart(15, '0'))
  return Buffer.from(`${name} ${version} ${offset} ${bytes} ${sha256(index)}\n`)
}

const sha256 = (bytes: Buffer) => hash('sha256', bytes, 'hex')

/** Undefined of a file of an earlier version. */
export async function readHeader(file: OpenFile, path: string, form: FileForm): Promise<Header | undefined> {
  const text = (await readFully(file, 0, HEADER_BYTES)).toString('latin1')
  const [, name, version = '', offset, bytes, sum] =
    /^(headgate-\w+) (\d{1,9}) (?:(\d{15}) (\d{15}) ([0-9a-f]{64})\n$)?/.exec(text) ?? []
  const isOfForm = name === form.name
  if (isOfForm && Number(version) > form.version)
    throw laterVersion(`The rollup file ${path}`, Number(version), form.version)
  if (isOfForm && Number(version) < form.version) return undefined
  if (!isOfForm || sum === undefined) throw damaged(path, 'it has no header of a rollup file')
  const header = { indexOffset: Number(offset), indexBytes: Number(bytes), indexSha256: sum }
  if (header.indexBytes > MAX_INDEX_BYTES) throw damaged(path, 'its header names an index that cannot be')
  return header
}

/** Reads it into `room`, where that is large enough. */
export async function readIndex(
  file: OpenFile,
  path: string,
  at: Header,
  room: Buffer = Buffer.alloc(0),
): Promise<Buffer> {
  const into = at.indexBytes > room.length ? Buffer.allocUnsafeSlow(at.indexBytes) : room
  const index = await readFully(file, at.indexOffset, at.indexBytes, into)
  if (sha256(index) !== at.indexSha256) throw damaged(path, 'its index is not what was written')
  return index
}
