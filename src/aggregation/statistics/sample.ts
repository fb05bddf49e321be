import type { Histogram, ValueBounds } from '../rollup/model/measure.ts'

/** What was measured, by buckets. */
export interface Sample {
  readonly histogram: Histogram
  readonly bounds: ValueBounds
  /** The effective number: how many of equal weight tell as much, (Σw)² ÷ Σw². At least 1, but 0 of an empty one. (Kish 1965) */
  readonly nEff: number
}

export const totalOf = (histogram: Histogram): number => histogram.reduce((sum, weight) => sum + weight)
