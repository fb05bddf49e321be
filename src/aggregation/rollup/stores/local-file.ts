import { crc32 } from '@node-rs/crc32'
import { type OpenFile, writeFully } from '../../../std/files/files.ts'
import { type FileForm, HEADER_BYTES, headerFor } from './file-header.ts'
import { type CommittedWindow, damaged, type RollupRow, type StoredRow } from './store.ts'
import type { WrittenRow } from './written-row.ts'

/**
 * One window as one file that is written once and then only read:
 *
 *     headgate-rollup 3 <offset of the index> <its bytes> <its SHA-256>      HEADER_BYTES long
 *     {"value":"/a","n":"1000",…}                                            rows, sorted, one a line
 *     {"rollup":"vitals","fromMs":…}                                         the index: the window, then
 *     ["app","metric","unit","set",offset,bytes,crc32,rows]                  one line a group of rows
 *
 * Lines begin with what they are looked up by, as JSON, so that a lookup is one search in bytes, without parsing what is not
 * asked for. JSON keeps line ends out of strings.
 */
export const WINDOW_FILE: FileForm = { name: 'headgate-rollup', version: 3 }
/** Lines of an index parsed at a time: some forty groups, in 50 µs. A call for each took twice as long. Ours. */
const PARSED_BYTES = 4_096
/** Rows are handed to the file system in pieces of at least this many bytes. Ours: large enough for few system calls. */
const WRITE_BYTES = 262_144

export interface RowGroup {
  readonly app: string
  readonly metric: string
  readonly unit: string
  readonly set: string
  readonly offset: number
  readonly bytes: number
  readonly crc: number
  /** Rows measured, not lines of the file. */
  readonly rows: number
}

export interface WindowContent {
  readonly window: CommittedWindow
  readonly rows: AsyncIterable<readonly WrittenRow[]>
}

export async function writeContent(file: OpenFile, { window, rows }: WindowContent): Promise<void> {
  const index = [`${JSON.stringify(window)}\n`]
  let written = HEADER_BYTES
  let offset = HEADER_BYTES
  let pending: Buffer[] = []
  for await (const { group, bytes, rows: measured } of groups(rows)) {
    index.push(`[${group},${offset},${bytes.length},${crc32(bytes)},${measured}]\n`)
    offset += bytes.length
    pending.push(bytes)
    if (offset - written < WRITE_BYTES) continue
    await writeFully(file, Buffer.concat(pending), written)
    written = offset
    pending = []
  }
  const indexBytes = Buffer.from(index.join(''))
  await writeFully(file, Buffer.concat([...pending, indexBytes]), written)
  await writeFully(file, headerFor(WINDOW_FILE, offset, indexBytes), 0)
}

interface RawGroup {
  /** As its rows have it. */
  readonly group: string
  readonly rows: number
  readonly bytes: Buffer
}

async function* groups(chunks: AsyncIterable<readonly WrittenRow[]>): AsyncIterable<RawGroup> {
  let group: string | undefined
  let lines: string[] = []
  let rows = 0
  for await (const chunk of chunks) {
    for (const row of chunk) {
      if (group !== undefined && group !== row.group) {
        yield { group, rows, bytes: Buffer.from(lines.join('')) }
        lines = []
        rows = 0
      }
      group = row.group
      lines.push(rowLine(row))
      rows += Number(row.rows)
    }
  }
  if (group !== undefined) yield { group, rows, bytes: Buffer.from(lines.join('')) }
}

type IndexLine = [string, string, string, string, number, number, number, number]

export function indexLine({ app, metric, unit, set, offset, bytes, crc, rows }: RowGroup): string {
  const line: IndexLine = [app, metric, unit, set, offset, bytes, crc, rows]
  return `${JSON.stringify(line)}\n`
}

/** A `StoredLine`. */
export const rowLine = (row: Omit<WrittenRow, 'group'>): string =>
  `{"value":${row.value},"n":"${row.n}","rows":${row.rows},"sum":"${row.sum}","squares":"${row.squares}","minMicros":"${row.minMicros}","maxMicros":"${row.maxMicros}","histogram":"${row.histogram}"}\n`

export function windowOf(index: Buffer): CommittedWindow {
  return JSON.parse(index.toString('utf8', 0, index.indexOf(0x0a))) as CommittedWindow
}

export const windowLine = (index: Buffer): Buffer => index.subarray(0, index.indexOf(0x0a) + 1)

/** Lines of groups that begin with these names, if any, of an app or of more: one piece of the index, as they are sorted. */
export function groupLines(index: Buffer, names: readonly string[]): Buffer {
  const beginning = `\n${beginningOf(names)}`
  const first = index.indexOf(beginning)
  if (first === -1) return index.subarray(0, 0)
  return index.subarray(first + 1, index.indexOf(0x0a, index.lastIndexOf(beginning) + 1) + 1)
}

/** How the line of a group begins that has these names. */
export const beginningOf = (names: readonly string[]): string =>
  `[${names.map((name) => `${JSON.stringify(name)},`).join('')}`

/** Groups of the index whose line begins with these names: of an app, of a metric, or the one of a unit and set. */
export const groupsOf = (index: Buffer, names: readonly string[]): Iterable<RowGroup> =>
  groupsIn(groupLines(index, names))

/** Groups whose lines these are. */
export function* groupsIn(lines: Buffer): Iterable<RowGroup> {
  let to = 0
  for (let from = 0; from < lines.length; from = to) {
    to = lines.indexOf(0x0a, from + PARSED_BYTES) + 1 || lines.length
    const parsed = JSON.parse(
      `[${lines.toString('utf8', from, to - 1).replaceAll('\n', ',')}]`,
    ) as IndexLine[]
    for (const [app, metric, unit, set, offset, bytes, crc, rows] of parsed)
      yield { app, metric, unit, set, offset, bytes, crc, rows }
  }
}

/** Integers beyond 2^53 are text in JSON, or they would lose digits. */
export interface StoredLine extends Pick<RollupRow, 'value' | 'rows' | 'histogram'> {
  readonly n: string
  readonly sum: string
  readonly squares: string
  readonly minMicros: string
  readonly maxMicros: string
}

export interface GroupRead {
  readonly path: string
  readonly windowFromMs: number
  readonly group: RowGroup
  /** As `groupRead` gave them. */
  readonly bytes: Buffer
}

/** A group's rows, all of them or those of some values. */
export function* rowsOf(read: GroupRead, values: readonly string[] | undefined): Iterable<StoredRow> {
  const { path, group, bytes } = read
  if (crc32(bytes.subarray(1)) !== group.crc) throw damaged(path, 'rows are not what was written')
  const [only = '', ...more] = values ?? []
  const lines =
    values === undefined || more.length > 0
      ? linesBeginning(bytes, VALUE)
      : linesBeginning(bytes, `${VALUE}${JSON.stringify(only)},`)
  const wanted = values && new Set(values.map((value) => JSON.stringify(value)))
  for (const line of lines) {
    if (wanted === undefined || wanted.has(valueText(line))) yield parseRow(read, line)
  }
}

const VALUE = '{"value":'
/** The value of a row's line as JSON: a quote within is escaped, so that the first such text ends it. */
const valueText = (line: string) => line.slice(VALUE.length, line.indexOf('","n":') + 1)

function parseRow({ group, windowFromMs }: GroupRead, line: string): StoredRow {
  const { app, metric, unit, set } = group
  const stored = storedLine(line)
  // Written out: a ranking parses a million of them, and copies by spreading take as long as the parsing.
  return {
    app,
    metric,
    unit,
    set,
    value: stored.value,
    n: BigInt(stored.n),
    rows: stored.rows,
    sum: BigInt(stored.sum),
    squares: BigInt(stored.squares),
    minMicros: BigInt(stored.minMicros),
    maxMicros: BigInt(stored.maxMicros),
    histogram: stored.histogram,
    windowFromMs,
  }
}

export const storedLine = (line: string): StoredLine => JSON.parse(line) as StoredLine

/** Lines after the first line end that begin so; sorted as they are, they stand together. */
function* linesBeginning(bytes: Buffer, beginning: string): Iterable<string> {
  const wanted = Buffer.from(`\n${beginning}`)
  let at = bytes.indexOf(wanted)
  while (at !== -1) {
    const end = bytes.indexOf(0x0a, at + 1)
    yield bytes.toString('utf8', at + 1, end)
    at = wanted.equals(bytes.subarray(end, end + wanted.length)) ? end : -1
  }
}
