import { createHash } from 'node:crypto'
import { AppError } from '../../../std/errors.ts'
import type { WrittenRow } from '../stores/written-row.ts'

export interface RowsDigest {
  /** SHA-256 in hex over the logical rows: the same for every engine, file format and chunking. */
  readonly hash: string
  readonly rows: number
}

/**
 * One row as one JSON array of strings and integers: the form is unambiguous whatever the values hold, and the line end
 * cannot occur inside. Changing it changes every hash: raise ROLLUP_VERSION with it.
 */
const canonical = (row: WrittenRow): string =>
  `[${row.group},${row.value},"${row.n}",${row.rows},"${row.sum}","${row.squares}","${row.minMicros}","${row.maxMicros}","${row.histogram}"]\n`

/** Hashes sorted rows as they stream by. Rejects with `engine_failed` when one is there twice. */
export async function contentOf(chunks: AsyncIterable<readonly WrittenRow[]>): Promise<RowsDigest> {
  const hash = createHash('sha256')
  let rows = 0
  let previous: WrittenRow | undefined
  for await (const chunk of chunks) {
    let text = ''
    for (const row of chunk) {
      if (previous?.value === row.value && previous.group === row.group)
        throw new AppError('engine_failed', `Row ${rows} of the window is there twice`)
      text += canonical(row)
      previous = row
      rows++
    }
    hash.update(text)
  }
  return { hash: hash.digest('hex'), rows }
}
