import type { TimeSpan } from '../../../std/durations.ts'
import type { RollupStore, SeriesRequest } from '../../rollup/stores/store.ts'
import { type ComparisonOf, compareSamples } from '../../statistics/compare-samples.ts'
import type { Sample } from '../../statistics/sample.ts'
import { eachRow } from '../tally/rows.ts'
import { addRow, boundsOf, countedIn, emptyAggregate, nEff, type SeriesAggregate } from '../tally/tally.ts'

/** One side of a comparison: values of a set, merged, in a range. */
export interface ComparedSide extends TimeSpan {
  readonly set: string
  /** Empty for the set without dimensions. */
  readonly values: readonly string[]
}

export interface CompareQuery extends ComparisonOf {
  readonly app: string
  readonly metric: string
  /** Undefined: that of most rows of both. */
  readonly unit?: string | undefined
  /** Answers to it; undefined: the first rollup that keeps both sets. */
  readonly rollup?: string | undefined
  readonly bots?: 'exclude' | 'include' | undefined
  /** What is asked about. */
  readonly a: ComparedSide
  /** Its base. */
  readonly b: ComparedSide
}

/** How one side differs from the other, from the histograms of their rows. */
export async function computeComparison(
  store: Pick<RollupStore, 'series'>,
  { a, b, ...asked }: CompareQuery & { readonly rollup: string; readonly unit: string },
  signal: AbortSignal,
) {
  const { rollup, app, metric, unit } = asked
  async function tallyOf(side: ComparedSide): Promise<SeriesAggregate> {
    const tally = emptyAggregate()
    const request: SeriesRequest = { rollup, app, metric, unit, ...side, mergedWithin: [side] }
    await eachRow(store, request, { signal, take: (row) => addRow(tally, row) })
    return tally
  }
  const [ofA, ofB] = [await tallyOf(a), await tallyOf(b)]
  const compared = compareSamples(sampleOf(ofA), sampleOf(ofB), asked)
  const text = JSON.stringify({
    at: asked.at ?? null,
    ...compared,
    a: { ...countedIn(a, ofA), nEff: nEff(ofA), ...compared.a },
    b: { ...countedIn(b, ofB), nEff: nEff(ofB), ...compared.b },
  })
  return { text, isEmpty: [ofA.rows === 0, ofB.rows === 0] }
}

function sampleOf(tally: SeriesAggregate): Sample {
  return { histogram: tally.histogram, bounds: boundsOf(tally), nEff: nEff(tally) }
}
