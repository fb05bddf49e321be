import Type, { type Static } from 'typebox'
import { createYielder } from '../../std/async/yielding.ts'
import { outward, type TimeSpan } from '../../std/durations.ts'
import { AppError } from '../../std/errors.ts'
import type { RollupStore } from '../rollup/stores/store.ts'
import type { KeptAnswer } from './answer/query-cache.ts'
import { durationText, type Selection, spanText } from './parameters.ts'
import type { DecidedQuery } from './series.ts'
import { MAX_RANKED_ROWS, MAX_TALLIES, rowBudget, tallyByValue } from './tally/by-value.ts'
import { Summary, summarise } from './tally/tally.ts'

/** Windows that are opened for one: a week of minutes, three months of quarter hours. */
export const MAX_RANKED_WINDOWS = 10_100
/** Most windows × sets of each of two periods: in nine sets, and all together, 20 days of quarter hours. */
export const MAX_CHANGED_WINDOWS = 20_000

export const RankedValue = Type.Object({ value: Type.String(), ...Summary.properties })
export type RankedValue = Static<typeof RankedValue>

export interface RankingQuery extends Selection {
  /** By the first of the quantiles, or by count. */
  readonly by: 'q' | 'n'
  readonly limit: number
  readonly minN: number
}

/** The range aligned outward to whole windows. */
export const alignedRange = (range: TimeSpan, grainMs: number): TimeSpan =>
  aligned(range, { grainMs, most: MAX_RANKED_WINDOWS - 2 })

/** One of two periods of which so many sets are read, likewise. */
export const alignedPeriod = (
  range: TimeSpan,
  { grainMs, sets }: { readonly grainMs: number; readonly sets: number },
): TimeSpan => aligned(range, { grainMs, most: Math.floor(MAX_CHANGED_WINDOWS / sets) })

function aligned(
  { fromMs, toMs }: TimeSpan,
  { grainMs, most }: { readonly grainMs: number; readonly most: number },
): TimeSpan {
  if ((toMs - fromMs) / grainMs > most) {
    const covered = `${most} windows of ${durationText(grainMs)}`
    const range = spanText(most * grainMs)
    throw new AppError('query_too_large', `The range covers more than ${covered}; ask for at most ${range}.`)
  }
  return outward({ fromMs, toMs }, grainMs)
}

export interface RankingBounds {
  readonly signal: AbortSignal
  readonly maxTallies?: number
  readonly maxRows?: number
}

/** Every value of a set with its summary, highest first; equals by name, so that the order is the same each time. */
export async function computeRanking(
  store: Pick<RollupStore, 'series'>,
  query: RankingQuery & DecidedQuery,
  { signal, maxTallies = MAX_TALLIES, maxRows = MAX_RANKED_ROWS }: RankingBounds,
): Promise<KeptAnswer> {
  const breath = createYielder(signal)
  const { rollup, app, metric, unit, set, fromMs, toMs } = query
  const request = { rollup, app, metric, unit, set, fromMs, toMs }
  const work = { signal, maxTallies, budget: rowBudget(maxRows) }
  const { tallies, notices } = await tallyByValue(store, request, work)
  const ranked: RankedValue[] = []
  for (const [value, tally] of tallies) {
    if (breath.shouldYield()) await breath.yieldNow()
    const summary = summarise(tally, query.quantiles)
    if (summary.n >= query.minN) ranked.push({ value, ...summary })
  }
  const rank = ({ n, q }: RankedValue) => (query.by === 'n' ? n : Number(q[String(query.quantiles[0])]))
  ranked.sort((a, b) => rank(b) - rank(a) || (a.value < b.value ? -1 : 1))
  const answer = { values: ranked.slice(0, query.limit), found: ranked.length }
  return { text: JSON.stringify(answer), isEmpty: [tallies.size === 0], notices }
}
