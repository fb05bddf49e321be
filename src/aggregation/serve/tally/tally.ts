import Type, { type Static } from 'typebox'
import type { TimeSpan } from '../../../std/durations.ts'
import {
  addHistogram,
  emptyHistogram,
  type Histogram,
  MAX_MICROS,
  MICROS,
  mergeHistogram,
  quantile,
  sharesAtMost,
  type ValueBounds,
  WEIGHT_UNIT,
} from '../../rollup/model/measure.ts'
import type { Thresholds } from '../../rollup/model/thresholds.ts'
import type { RollupRow } from '../../rollup/stores/store.ts'

/** Below this many, a percentile says little: the answer carries it, and says so. */
export const LOW_COUNT = 20

/** What is known of a set of measurements. */
export const Summary = Type.Object({
  n: Type.Number({ description: 'Occurrences: the sum of the weights.' }),
  avg: Type.Number(),
  min: Type.Number(),
  max: Type.Number(),
  q: Type.Record(Type.String(), Type.Number(), {
    description: 'Quantile → order statistic x[floor(q·(n−1))], within relError.',
  }),
  lowCount: Type.Optional(
    Type.Literal(true, {
      description: `Fewer than ${LOW_COUNT} occurrences, or measured rows: of rows whose weights differ, as many as tell as much with equal ones, (Σw)²/Σw².`,
    }),
  ),
})
export type Summary = Static<typeof Summary>

/** How the occurrences of a metric with thresholds are divided by them. */
export const Shares = Type.Object({
  good: Type.Number({ description: 'At or below the first threshold.' }),
  needs: Type.Number({ description: 'Above it, at or below the second: needs improvement.' }),
  poor: Type.Number({ description: 'Above the second.' }),
})
export type Shares = Static<typeof Shares>

/** A running sum of rollup rows. Sums and counts are whole numbers, so the order of adding changes nothing. */
export interface SeriesAggregate {
  n: bigint
  rows: number
  sum: bigint
  squares: bigint
  minMicros: bigint
  maxMicros: bigint
  readonly histogram: Histogram
}

export const emptyAggregate = (): SeriesAggregate => ({
  n: 0n,
  rows: 0,
  sum: 0n,
  squares: 0n,
  minMicros: MAX_MICROS,
  maxMicros: 0n,
  histogram: emptyHistogram(),
})

export function addRow(into: SeriesAggregate, row: RollupRow): void {
  addNumbers(into, row)
  addHistogram(into.histogram, row.histogram)
}

export function addAggregate(into: SeriesAggregate, other: SeriesAggregate): void {
  addNumbers(into, other)
  mergeHistogram(into.histogram, other.histogram)
}

function addNumbers(into: SeriesAggregate, other: Omit<SeriesAggregate, 'histogram'>): void {
  into.n += other.n
  into.rows += other.rows
  into.sum += other.sum
  into.squares += other.squares
  if (other.minMicros < into.minMicros) into.minMicros = other.minMicros
  if (other.maxMicros > into.maxMicros) into.maxMicros = other.maxMicros
}

/** The least and the largest value of an aggregate that is not empty. */
export const boundsOf = ({ minMicros, maxMicros }: SeriesAggregate): ValueBounds => ({
  min: Number(minMicros) / MICROS,
  max: Number(maxMicros) / MICROS,
})

/** What is good of an aggregate that is not empty, what needs improvement, and what is poor: 1 together. */
export function sharesOf(tally: SeriesAggregate, thresholds: Thresholds): Shares {
  const [ofGood, ofNotPoor] = sharesAtMost(tally.histogram, thresholds, boundsOf(tally))
  return { good: ofGood, needs: ofNotPoor - ofGood, poor: 1 - ofNotPoor }
}

/**
 * How many rows of equal weight tell as much as those of an aggregate (Kish): never more than its rows, and fewer the more
 * their weights differ. A thousand of weight 1 beside one of a million are one.
 */
export const nEff = ({ n, squares }: SeriesAggregate): number =>
  // Whole thousandths: as a quotient of doubles, twenty equal rows may be a little fewer than twenty.
  squares === 0n ? 0 : Number((n * n * 1_000n) / squares) / 1_000

/** Whether so little was measured that a percentile, or a share, says little. */
export const isLow = (tally: SeriesAggregate): boolean =>
  Math.min(Number(tally.n) / WEIGHT_UNIT, nEff(tally)) < LOW_COUNT

/** How much was measured in a range, as answers say it. */
export const countedIn = ({ fromMs, toMs }: TimeSpan, { n }: SeriesAggregate) => ({
  from: fromMs,
  to: toMs,
  n: Number(n) / WEIGHT_UNIT,
})

/** Summarises an aggregate that is not empty. */
export function summarise(tally: SeriesAggregate, quantiles: readonly number[]): Summary {
  const n = Number(tally.n) / WEIGHT_UNIT
  const bounds = boundsOf(tally)
  return {
    n,
    avg: Number(tally.sum) / Number(tally.n) / MICROS,
    ...bounds,
    q: Object.fromEntries(quantiles.map((q) => [String(q), quantile(tally.histogram, q, bounds)])),
    ...(isLow(tally) && { lowCount: true }),
  }
}
