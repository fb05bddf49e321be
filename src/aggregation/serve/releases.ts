import { WEIGHT_UNIT } from '../rollup/model/measure.ts'
import type { RollupStore, SeriesRequest } from '../rollup/stores/store.ts'
import type { Selection } from './parameters.ts'
import type { KeptAnswer } from './query-cache.ts'
import { MAX_RANKED_ROWS, rowBudget } from './tally/by-value.ts'
import { eachRow } from './tally/rows.ts'

/** When the values of a set appeared: as a rule of the set of `app_version`. */
export interface ReleasesQuery extends Omit<Selection, 'metric' | 'quantiles'> {
  /** In which they are looked for; undefined: that of most rows. */
  readonly metric?: string | undefined
}

interface Appearance {
  readonly fromMs: number
  n: bigint
  rows: number
}

/** Values that are none: of events that say none, and of the rarest. */
const isUnnamed = (value: string): boolean => value.startsWith('~')

/** In which window each value of the set has its first rows, the latest first. */
export async function computeReleases(
  store: Pick<RollupStore, 'series'>,
  request: SeriesRequest,
  { signal, maxRows = MAX_RANKED_ROWS }: { readonly signal: AbortSignal; readonly maxRows?: number },
): Promise<KeptAnswer> {
  const budget = rowBudget(maxRows)
  const found = new Map<string, Appearance>()
  let firstMs: number | undefined
  let unnamedRows = 0
  await eachRow(store, request, {
    signal,
    take({ value, windowFromMs, n, rows }) {
      budget()
      firstMs ??= windowFromMs
      if (isUnnamed(value)) {
        unnamedRows += rows
        return
      }
      const appearance = found.get(value) ?? { fromMs: windowFromMs, n: 0n, rows: 0 }
      found.set(value, appearance)
      appearance.n += n
      appearance.rows += rows
    },
  })
  const releases = [...found].map(([value, { fromMs, n, rows }]) => ({
    value,
    t: fromMs,
    // Nothing is known of the time before.
    ...(fromMs === firstMs && { mayBeEarlier: true }),
    n: Number(n) / WEIGHT_UNIT,
    rows,
  }))
  releases.sort((a, b) => b.t - a.t || (a.value < b.value ? -1 : 1))
  return { text: JSON.stringify({ releases, unnamedRows }), isEmpty: [firstMs === undefined] }
}
