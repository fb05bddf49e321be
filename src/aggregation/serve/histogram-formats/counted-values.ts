import type { WeightedBucket } from '../../rollup/model/measure.ts'

/** What is known of the values that were counted in a range. */
export interface CountedValues {
  /** Half-open, UTC epoch ms. */
  readonly fromMs: number
  readonly toMs: number
  /** Σ w of what is counted as zero. */
  readonly zero: number
  /** In index order, none empty. */
  readonly buckets: readonly WeightedBucket[]
  readonly sum: number
  /** Left out where nothing was counted. */
  readonly bounds?: { readonly min: number; readonly max: number }
}
