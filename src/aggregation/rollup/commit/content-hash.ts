import { createHash } from 'node:crypto'
import { AppError } from '../../../std/errors.ts'
import type { RowsDigest } from '../engines/engine.ts'
import type { RollupRow } from '../stores/store.ts'

/**
 * One row as one JSON array of strings and integers: the form is unambiguous whatever the values hold, and the line end
 * cannot occur inside. `sortedLines` says it in SQL. Changing it changes every hash: raise ROLLUP_VERSION with it.
 */
function canonical(row: RollupRow): string {
  const fields = [
    row.app,
    row.metric,
    row.unit,
    row.set,
    row.value,
    `${row.n}`,
    row.rows,
    `${row.sum}`,
    `${row.squares}`,
    `${row.minMicros}`,
    `${row.maxMicros}`,
    row.histogram,
  ]
  return `${JSON.stringify(fields)}\n`
}

/** Hashes rows as they stream by. Rejects with `engine_failed` when they are not strictly ascending. */
export async function contentOf(chunks: AsyncIterable<readonly RollupRow[]>): Promise<RowsDigest> {
  const hash = createHash('sha256')
  let rows = 0
  let previous: RollupRow | undefined
  for await (const chunk of chunks) {
    let text = ''
    for (const row of chunk) {
      if (previous !== undefined && compareRows(previous, row) >= 0) {
        throw new AppError('engine_failed', `Row ${rows} of the window is out of order or there twice`)
      }
      text += canonical(row)
      previous = row
      rows++
    }
    hash.update(text)
  }
  return { hash: hash.digest('hex'), rows }
}

/** The one order of rows: app, metric, unit, set, value, each by its UTF-8 bytes, which is how every engine can sort. */
export function compareRows(a: RollupRow, b: RollupRow): number {
  return (
    compareUtf8(a.app, b.app) ||
    compareUtf8(a.metric, b.metric) ||
    compareUtf8(a.unit, b.unit) ||
    compareUtf8(a.set, b.set) ||
    compareUtf8(a.value, b.value)
  )
}

/** JavaScript's own order is by UTF-16 units, which puts emoji before U+E000…U+FFFF; UTF-8 does not. */
function compareUtf8(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
