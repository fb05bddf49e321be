import { createYielder } from '../../std/async/yielding.ts'
import type { RollupStore, SeriesRequest, StoredRow } from '../rollup/stores/store.ts'

/** Gives each row that counts to `take`, in time order, as it is read: memory never holds them all. */
export async function eachRow(
  store: Pick<RollupStore, 'series'>,
  request: SeriesRequest,
  { signal, take }: { readonly signal: AbortSignal; readonly take: (row: StoredRow) => void },
): Promise<void> {
  const breath = createYielder(signal)
  for await (const rows of store.series(request, signal)) {
    for (const row of rows) {
      if (breath.shouldYield()) await breath.yieldNow()
      // Weights that all round to nothing: no average, no rank.
      if (row.n > 0n) take(row)
    }
  }
}
