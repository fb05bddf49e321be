import { AppError } from '../../std/errors.ts'
import { appliesTo, type DimensionSet } from '../rollup/model/definition.ts'
import { WEIGHT_UNIT } from '../rollup/model/measure.ts'
import { metricsIn } from '../rollup/model/units.ts'
import type { MetricsRequest, RollupStore, SeriesRequest } from '../rollup/stores/store.ts'
import type { KeptAnswer } from './answer/query-cache.ts'
import type { Selection } from './parameters.ts'
import { MAX_RANKED_ROWS, rowBudget } from './tally/by-value.ts'
import { eachRow } from './tally/rows.ts'

/** Most releases of one answer: with the longest texts half a megabyte. Ours. */
export const MAX_RELEASES = 500
/**
 * Characters of the values that are told apart to find those which appeared last: 200,000 versions of 40. Ours: whose
 * version is another with each build of each branch has some hundred a day.
 */
export const MAX_APPEARED_CHARS = 33_554_432
/** What is counted of a value takes as much memory beside its text. */
const CHARS_OF_COUNTS = 128

/** When the values of a set appeared: as a rule of the set of `app_version`. */
export interface ReleasesQuery extends Omit<Selection, 'metric' | 'quantiles'> {
  /** In which they are looked for; undefined: that of most rows. */
  readonly metric?: string | undefined
  /** So many, of those that appeared last. */
  readonly limit: number
}

interface Appearance {
  readonly fromMs: number
  n: bigint
  rows: number
}

/** Values that are none: of events that say none, and of the rarest. */
const isUnnamed = (value: string): boolean => value.startsWith('~')

interface ReleasesWork {
  readonly signal: AbortSignal
  readonly maxRows?: number
  readonly maxChars?: number
}

/** The metric of most rows that has the set. Empty where the app has none. */
export async function fullestMetric(
  store: Pick<RollupStore, 'metrics'>,
  { rollup, app, fromMs, toMs }: MetricsRequest,
  { sets, signal }: { readonly sets: readonly DimensionSet[]; readonly signal: AbortSignal },
): Promise<string> {
  const found = await store.metrics({ rollup, app, fromMs, toMs }, signal)
  const those = metricsIn(found, undefined).filter(({ metric }) =>
    sets.some((each) => appliesTo(each, metric)),
  )
  return String(those[0]?.metric ?? '')
}

/** In which window the values of the set have their first rows, the latest first. */
export async function computeReleases(
  store: Pick<RollupStore, 'series'>,
  { limit, ...request }: SeriesRequest & Pick<ReleasesQuery, 'limit'>,
  { signal, maxRows = MAX_RANKED_ROWS, maxChars = MAX_APPEARED_CHARS }: ReleasesWork,
): Promise<KeptAnswer> {
  let room = maxChars
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
      const known = found.get(value)
      const appearance = known ?? { fromMs: windowFromMs, n: 0n, rows: 0 }
      if (known === undefined) {
        room -= value.length + CHARS_OF_COUNTS
        if (room < 0)
          throw new AppError('query_too_large', 'The range holds too many values; ask for a shorter one.')
        found.set(value, appearance)
      }
      appearance.n += n
      appearance.rows += rows
    },
  })
  const releases = newest([...found], limit).map(([value, { fromMs, n, rows }]) => ({
    value,
    t: fromMs,
    // Nothing is known of the time before.
    ...(fromMs === firstMs && { mayBeEarlier: true }),
    n: Number(n) / WEIGHT_UNIT,
    rows,
  }))
  return {
    text: JSON.stringify({ releases, found: found.size, unnamedRows }),
    isEmpty: [firstMs === undefined],
  }
}

/** Those that appeared last, the latest first, of all in the order in which they appeared. */
function newest(found: readonly (readonly [string, Appearance])[], limit: number) {
  // With all of the window in which the last of them appeared: its rows come in an order of their own.
  const sinceMs = found.at(-limit)?.[1].fromMs ?? 0
  return found
    .filter(([, { fromMs }]) => fromMs >= sinceMs)
    .sort(([a, one], [b, other]) => other.fromMs - one.fromMs || (a < b ? -1 : 1))
    .slice(0, limit)
}
