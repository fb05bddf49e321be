import { setImmediate as othersFirst } from 'node:timers/promises'
import { AppError } from '../../std/errors.ts'
import type { RollupStore } from '../rollup/store.ts'
import type { RankedValue } from './answers.ts'
import { durationText, type Selection } from './parameters.ts'
import { addRow, emptyTally, summarise, type Tally } from './tally.ts'
import type { Span } from './time-zone.ts'

/** A ranking reads every value of a set, hundreds of rows a window: a month of quarter hours. */
export const MAX_RANKED_WINDOWS = 3_000
/** Windows read at a time, so that memory holds the rows of one day and not of the whole range. */
const SLICE_WINDOWS = 96
/** Rows merged, at some 5 µs each, before requests that wait get their turn. */
const ROWS_AT_ONCE = 500

export interface RankingQuery extends Selection {
  /** By the first of the quantiles, or by count. */
  readonly by: 'q' | 'n'
  readonly limit: number
  readonly minN: number
}

/** The range aligned outward to whole windows. */
export function alignedRange({ fromMs, toMs }: Span, grainMs: number): Span {
  if ((toMs - fromMs) / grainMs > MAX_RANKED_WINDOWS - 2) {
    const most = `${MAX_RANKED_WINDOWS} windows of ${durationText(grainMs)}`
    throw new AppError('query_too_large', `A ranking covers at most ${most}.`)
  }
  return { fromMs: Math.floor(fromMs / grainMs) * grainMs, toMs: Math.ceil(toMs / grainMs) * grainMs }
}

/** Every value of a set with its summary, highest first; equals by name, so that the order is the same each time. */
export async function computeRanking(
  store: Pick<RollupStore, 'series'>,
  query: RankingQuery & { readonly rollup: string },
  grainMs: number,
) {
  const tallies = await tallyByValue(store, query, grainMs)
  const ranked: RankedValue[] = [...tallies]
    .map(([value, tally]) => ({ value, ...summarise(tally, query.quantiles) }))
    .filter(({ n }) => n >= query.minN)
  const rank = ({ n, q }: RankedValue) => (query.by === 'n' ? n : Number(q[String(query.quantiles[0])]))
  ranked.sort((a, b) => rank(b) - rank(a) || (a.value < b.value ? -1 : 1))
  const [first = emptyTally()] = tallies.values()
  return { unit: first.unit, values: ranked.slice(0, query.limit), found: ranked.length }
}

async function tallyByValue(
  store: Pick<RollupStore, 'series'>,
  { rollup, app, metric, set, fromMs, toMs }: RankingQuery & { readonly rollup: string },
  grainMs: number,
): Promise<ReadonlyMap<string, Tally>> {
  const tallies = new Map<string, Tally>()
  const sliceMs = SLICE_WINDOWS * grainMs
  for (let start = fromMs; start < toMs; start += sliceMs) {
    const slice = { fromMs: start, toMs: Math.min(start + sliceMs, toMs) }
    const rows = await store.series({ rollup, app, metric, set, ...slice })
    for (const [i, row] of rows.entries()) {
      if (i % ROWS_AT_ONCE === 0) await othersFirst()
      // Weights that all round to nothing: no average, no rank.
      if (row.n === 0n) continue
      const tally = tallies.get(row.value) ?? emptyTally()
      tallies.set(row.value, tally)
      addRow(tally, row)
    }
  }
  return tallies
}
