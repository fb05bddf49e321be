import type { TimeSpan } from '../../std/durations.ts'
import { AppError } from '../../std/errors.ts'
import { bucketsOf, MICROS, upperBound, WEIGHT_UNIT, zeroWeight } from '../rollup/model/measure.ts'
import type { RollupStore } from '../rollup/stores/store.ts'
import type { KeptAnswer } from './answer/query-cache.ts'
import type { CountedValues } from './histogram-formats/counted-values.ts'
import { otelHistogram } from './histogram-formats/otel-histogram.ts'
import { prometheusHistogram } from './histogram-formats/prometheus-histogram.ts'
import type { DecidedQuery, SeriesQuery } from './series.ts'
import { eachStep } from './tally/rows.ts'
import { addAggregate, boundsOf, emptyAggregate, type SeriesAggregate } from './tally/tally.ts'

/** Most buckets in the steps of an answer, of some ten bytes each. Ours: in 3,000 steps those from 60 ms to a minute. */
export const MAX_STEP_BUCKETS = 1_000_000

export const HISTOGRAM_FORMATS = ['json', 'otel', 'prometheus'] as const

export interface HistogramQuery extends Omit<SeriesQuery, 'quantiles'> {
  /** Ours, of the range or of each step; or another's, of the range. */
  readonly format: (typeof HISTOGRAM_FORMATS)[number]
}

interface HistogramWork {
  readonly steps: readonly TimeSpan[]
  readonly signal: AbortSignal
}

/** One histogram of the whole range, merged from those of its rows. */
export async function computeHistogram(
  store: Pick<RollupStore, 'series'>,
  query: HistogramQuery & DecidedQuery,
  work: HistogramWork,
): Promise<KeptAnswer> {
  const total = emptyAggregate()
  const take = (_fromMs: number, tally: SeriesAggregate) => addAggregate(total, tally)
  await eachStep(store, query, { ...work, take })
  const counted = countedIn(total, query)
  const write = {
    json: () => histogramOf(counted, total),
    otel: () => otelHistogram(counted),
    prometheus: () => prometheusHistogram(counted),
  }
  return { text: JSON.stringify(write[query.format]()), isEmpty: [total.rows === 0] }
}

/** A histogram for each step that has data: a heat map. */
export async function computeSteps(
  store: Pick<RollupStore, 'series'>,
  query: HistogramQuery & DecidedQuery,
  { maxBuckets = MAX_STEP_BUCKETS, ...work }: HistogramWork & { readonly maxBuckets?: number },
): Promise<KeptAnswer> {
  const steps: string[] = []
  let held = 0
  const take = (t: number, { histogram }: SeriesAggregate) => {
    const buckets = bucketsOf(histogram).map(([index, weight]) => [index, weight / WEIGHT_UNIT])
    held += buckets.length
    if (held > maxBuckets)
      throw new AppError(
        'query_too_large',
        `The steps hold more than ${maxBuckets} buckets; ask for longer steps, or for a shorter range.`,
      )
    steps.push(JSON.stringify({ t, zero: zeroWeight(histogram) / WEIGHT_UNIT, buckets }))
  }
  await eachStep(store, query, { ...work, take })
  const text = `{"steps":[${steps.join(',')}]}`
  return { text, isEmpty: [steps.length === 0] }
}

function countedIn(total: SeriesAggregate, { fromMs, toMs }: TimeSpan): CountedValues {
  const { histogram } = total
  return {
    fromMs,
    toMs,
    zero: zeroWeight(histogram),
    buckets: bucketsOf(histogram),
    // Once: each division rounds.
    sum: Number(total.sum) / (MICROS * WEIGHT_UNIT),
    ...(total.rows > 0 && { bounds: boundsOf(total) }),
  }
}

function histogramOf({ zero, buckets, sum, bounds }: CountedValues, { n, rows }: SeriesAggregate) {
  return {
    zero: zero / WEIGHT_UNIT,
    buckets: buckets.map(([index, weight]) => [
      index,
      upperBound(index - 1),
      upperBound(index),
      weight / WEIGHT_UNIT,
    ]),
    n: Number(n) / WEIGHT_UNIT,
    rows,
    sum,
    ...(bounds ?? { min: null, max: null }),
  }
}
