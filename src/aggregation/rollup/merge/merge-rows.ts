import { createYielder } from '../../../std/async/yielding.ts'
import { AppError } from '../../../std/errors.ts'
import { addHistogram, emptyHistogram, type Histogram, histogramText } from '../model/measure.ts'
import type { WrittenRow } from '../stores/written-row.ts'

/** Rows handed on at a time. */
const ROWS_AT_ONCE = 128

/** A row, with what it is sorted by. */
interface SortedRow {
  readonly row: WrittenRow
  readonly group: Buffer
  readonly value: Buffer
}

/** The rows of a window that are still to be taken. */
interface Source {
  readonly chunks: AsyncIterator<readonly WrittenRow[]>
  rows: readonly WrittenRow[]
  at: number
  /** Undefined when there is none left. */
  next: SortedRow | undefined
}

/**
 * The rows of several windows as those of one: equal ones added up, by what they are called there. So what is a value of its
 * own in one window and of `~other` in another is counted by both names, and each set counts every event once, as before.
 * Each window comes sorted, as a store hands it on, and so does the sum: of all of them some rows are in memory.
 */
export async function* mergeRows(
  windows: readonly AsyncIterable<readonly WrittenRow[]>[],
  signal: AbortSignal,
): AsyncGenerator<readonly WrittenRow[]> {
  const sources = windows.map(sourceOf)
  const breath = createYielder(signal)
  const room = emptyHistogram()
  let piece: WrittenRow[] = []
  try {
    for (const source of sources) await advance(source)
    for (let least = leastOf(sources); least; least = leastOf(sources)) {
      const same = withRow(sources, least.row)
      piece.push(sumOf(least.row, same, room))
      for (const { source } of same) if (!step(source)) await advance(source)
      if (breath.shouldYield()) await breath.yieldNow()
      if (piece.length < ROWS_AT_ONCE) continue
      yield piece
      piece = []
    }
    yield piece
  } finally {
    for (const { chunks } of sources) await chunks.return?.()
  }
}

const sourceOf = (window: AsyncIterable<readonly WrittenRow[]>): Source => ({
  chunks: window[Symbol.asyncIterator](),
  rows: [],
  at: 0,
  next: undefined,
})

/** False when the rows at hand are taken. */
function step(source: Source): boolean {
  const { rows, at, next: before } = source
  const row = rows[at]
  if (row === undefined) return false
  const group = before?.row.group === row.group ? before.group : groupBytes(row.group)
  const next = { row, group, value: Buffer.from(JSON.parse(row.value)) }
  if (before !== undefined && compare(before, next) >= 0)
    throw new AppError('internal', 'The rows of a window are not in order')
  source.next = next
  source.at += 1
  return true
}

/** To the next row, wherever it is. */
async function advance(source: Source): Promise<void> {
  while (!step(source)) {
    const { done, value } = await source.chunks.next()
    if (done) {
      source.next = undefined
      return
    }
    source.rows = value
    source.at = 0
  }
}

/** App, metric, unit and set, in an order that is that of each of them, also where one of them has U+0000. */
function groupBytes(group: string): Buffer {
  const names: readonly string[] = JSON.parse(`[${group}]`)
  return Buffer.from(names.map((name) => name.replaceAll('\0', '\0\u0001')).join('\0\0'))
}

function leastOf(sources: readonly Source[]): SortedRow | undefined {
  let least: SortedRow | undefined
  for (const { next } of sources) {
    if (next !== undefined && (least === undefined || compare(next, least) < 0)) least = next
  }
  return least
}

/** By app, metric, unit, set, value, each by its bytes in UTF-8. */
const compare = (a: SortedRow, b: SortedRow): number =>
  Buffer.compare(a.group, b.group) || Buffer.compare(a.value, b.value)

interface Taken {
  readonly source: Source
  readonly row: WrittenRow
}

/** Those whose next row is of the same name. */
function withRow(sources: readonly Source[], { group, value }: WrittenRow): readonly Taken[] {
  const same: Taken[] = []
  for (const source of sources) {
    const row = source.next?.row
    if (row?.value === value && row.group === group) same.push({ source, row })
  }
  return same
}

/** Rows of one name as one, which is one of them; `room` is empty, before and after. */
function sumOf(named: WrittenRow, rows: readonly Taken[], room: Histogram): WrittenRow {
  if (rows.length === 1) return named
  let [n, sum, squares, many] = [0n, 0n, 0n, 0]
  let [min, max] = [BigInt(named.minMicros), BigInt(named.maxMicros)]
  for (const { row } of rows) {
    n += BigInt(row.n)
    sum += BigInt(row.sum)
    squares += BigInt(row.squares)
    many += Number(row.rows)
    const [least, most] = [BigInt(row.minMicros), BigInt(row.maxMicros)]
    if (least < min) min = least
    if (most > max) max = most
    addHistogram(room, row.histogram)
  }
  const histogram = histogramText(room)
  room.fill(0)
  const numbers = { n: `${n}`, rows: `${many}`, sum: `${sum}`, squares: `${squares}` }
  return { ...named, ...numbers, minMicros: `${min}`, maxMicros: `${max}`, histogram }
}
