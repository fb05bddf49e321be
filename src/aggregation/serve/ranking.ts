import { createYielder } from '../../std/async/yielding.ts'
import { AppError } from '../../std/errors.ts'
import type { LocalDay } from '../../std/input/time-zone.ts'
import { OTHER } from '../rollup/model/definition.ts'
import { type UnitVotes, unitOf, unitVotes } from '../rollup/model/units.ts'
import type { RollupStore, StoredRow } from '../rollup/stores/store.ts'
import { durationText, type Selection, spanText } from './parameters.ts'
import type { RankedValue } from './query-answers.ts'
import type { KeptAnswer } from './query-cache.ts'
import { eachRow } from './tally/rows.ts'
import { addAggregate, addRow, emptyAggregate, type SeriesAggregate, summarise } from './tally/tally.ts'

/** Windows that are opened for one: a week of minutes, three months of quarter hours. */
export const MAX_RANKED_WINDOWS = 10_100
/** A ranking reads every value of a set: of 500 a window a month of quarter hours. Small windows may be more. */
export const MAX_RANKED_ROWS = 1_500_000
/**
 * Values whose histograms are held at a time, at 13 KB each: a window has 500, and the next ones may have others. When
 * they are more, the half with fewest measurements goes on as one, under the name that it has within a window.
 */
export const MAX_TALLIES = 4_000

export interface RankingQuery extends Selection {
  /** By the first of the quantiles, or by count. */
  readonly by: 'q' | 'n'
  readonly limit: number
  readonly minN: number
}

/** The range aligned outward to whole windows. */
export function alignedRange({ fromMs, toMs }: LocalDay, grainMs: number): LocalDay {
  if ((toMs - fromMs) / grainMs > MAX_RANKED_WINDOWS - 2) {
    const most = `${MAX_RANKED_WINDOWS - 2} windows of ${durationText(grainMs)}`
    const range = spanText((MAX_RANKED_WINDOWS - 2) * grainMs)
    throw new AppError('query_too_large', `The range covers more than ${most}; ask for at most ${range}.`)
  }
  return { fromMs: Math.floor(fromMs / grainMs) * grainMs, toMs: Math.ceil(toMs / grainMs) * grainMs }
}

export interface RankingBounds {
  readonly signal: AbortSignal
  readonly maxTallies?: number
  readonly maxRows?: number
}

/** Every value of a set with its summary, highest first; equals by name, so that the order is the same each time. */
export async function computeRanking(
  store: Pick<RollupStore, 'series'>,
  query: RankingQuery & { readonly rollup: string },
  { signal, maxTallies = MAX_TALLIES, maxRows = MAX_RANKED_ROWS }: RankingBounds,
): Promise<KeptAnswer> {
  const breath = createYielder(signal)
  const units = unitVotes()
  const tallies = await tallyByValue(store, query, { signal, units, maxTallies, maxRows })
  const ranked: RankedValue[] = []
  for (const [value, tally] of tallies) {
    if (breath.shouldYield()) await breath.yieldNow()
    const summary = summarise(tally, query.quantiles)
    if (summary.n >= query.minN) ranked.push({ value, ...summary })
  }
  const rank = ({ n, q }: RankedValue) => (query.by === 'n' ? n : Number(q[String(query.quantiles[0])]))
  ranked.sort((a, b) => rank(b) - rank(a) || (a.value < b.value ? -1 : 1))
  const answer = { ...unitOf(units), values: ranked.slice(0, query.limit), found: ranked.length }
  return { text: JSON.stringify(answer), isEmpty: tallies.size === 0 }
}

interface Work {
  readonly signal: AbortSignal
  readonly units: UnitVotes
  readonly maxTallies: number
  readonly maxRows: number
}

async function tallyByValue(
  store: Pick<RollupStore, 'series'>,
  { rollup, app, metric, set, fromMs, toMs }: RankingQuery & { readonly rollup: string },
  { signal, units, maxTallies, maxRows }: Work,
): Promise<ReadonlyMap<string, SeriesAggregate>> {
  let tallies = new Map<string, SeriesAggregate>()
  let rows = 0
  const take = (row: StoredRow) => {
    if (++rows > maxRows)
      throw new AppError(
        'query_too_large',
        `The range holds more than ${maxRows} values × windows; ask for a shorter one.`,
      )
    units.add(row)
    const tally = tallies.get(row.value) ?? emptyAggregate()
    tallies.set(row.value, tally)
    addRow(tally, row)
    if (tallies.size > maxTallies) tallies = largest(tallies, maxTallies / 2)
  }
  await eachRow(store, { rollup, app, metric, set, fromMs, toMs }, { signal, take })
  return tallies
}

/** The tallies with most measurements; the others as one. Adding a histogram takes a microsecond or two. */
function largest(tallies: ReadonlyMap<string, SeriesAggregate>, kept: number): Map<string, SeriesAggregate> {
  const other = tallies.get(OTHER) ?? emptyAggregate()
  const named = [...tallies].filter(([value]) => value !== OTHER)
  named.sort(([a, one], [b, two]) => Number(two.n - one.n) || (a < b ? -1 : 1))
  for (const [, tally] of named.slice(kept)) addAggregate(other, tally)
  return new Map([...named.slice(0, kept), [OTHER, other]])
}
