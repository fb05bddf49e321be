import type { Yielder } from '../../../../std/async/yielding.ts'
import { addHistogram, emptyHistogram, type Histogram, histogramText } from '../../model/measure.ts'
import { rowLine, storedLine } from '../local-file.ts'
import { leastFirst } from './least-first.ts'
import type { LineSource } from './window-source.ts'

const ROWS = Buffer.from(',"rows":')
const COMMA = 0x2c

/** One row of a sum. */
export interface AddedRow {
  /** Ends in a line end; valid until the next is asked for. */
  readonly line: Buffer
  /** How many rows were measured. */
  readonly rows: number
}

/**
 * Rows of one group in several windows as those of one, in their order: of each window one is in memory. So what is a value
 * of its own in one window and of `~other` in another is counted by both names, and each set counts every event once.
 */
export async function* addRows(sources: readonly LineSource[], breath: Yielder): AsyncGenerator<AddedRow> {
  const room = emptyHistogram()
  const waiting = leastFirst<LineSource>()
  for (const source of sources) waiting.add(source)
  for (let same = waiting.take(); same; same = waiting.take()) {
    yield addedRow(same, room)
    for (const source of same) if (await source.advance()) waiting.add(source)
    if (breath.shouldYield()) await breath.yieldNow()
  }
}

/** Lines of one value as one; `room` is empty, before and after. */
function addedRow(same: readonly [LineSource, ...LineSource[]], room: Histogram): AddedRow {
  const measured = same.reduce((sum, { line }) => sum + rowsIn(line), 0)
  const line = same.length === 1 ? same[0].line : Buffer.from(sumOf(same, measured, room))
  return { line, rows: measured }
}

/** The one number in a line that is no text. */
function rowsIn(line: Buffer): number {
  const at = line.indexOf(ROWS) + ROWS.length
  return Number(line.toString('latin1', at, line.indexOf(COMMA, at)))
}

function sumOf(same: readonly LineSource[], measured: number, room: Histogram): string {
  const rows = same.map(({ line }) => storedLine(line.toString()))
  let [n, sum, squares] = [0n, 0n, 0n]
  for (const row of rows) {
    n += BigInt(row.n)
    sum += BigInt(row.sum)
    squares += BigInt(row.squares)
    addHistogram(room, row.histogram)
  }
  const histogram = histogramText(room)
  room.fill(0)
  const bounds = rows.flatMap(({ minMicros, maxMicros }) => [BigInt(minMicros), BigInt(maxMicros)])
  bounds.sort((a, b) => (a < b ? -1 : 1))
  return rowLine({
    value: JSON.stringify(rows[0]?.value),
    ...{ n: `${n}`, rows: `${measured}`, sum: `${sum}`, squares: `${squares}` },
    ...{ minMicros: `${bounds.at(0)}`, maxMicros: `${bounds.at(-1)}`, histogram },
  })
}
