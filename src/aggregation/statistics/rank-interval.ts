import { edgesOf } from '../rollup/model/measure.ts'
import type { Interval } from './interval.ts'
import { type Sample, totalOf } from './sample.ts'

/**
 * The interval of the quantile q of whatever the sample is of, whatever its distribution: between two of its order statistics,
 * n·q ± z·√(n·q·(1 − q)), rounded outward and read off the outer edges of their buckets. Where the sample has no such place, it is
 * open: it begins with 0, below which nothing is measured, or never ends.
 * Conover, Practical Nonparametric Statistics, 3.2; https://online.stat.psu.edu/stat415/lesson/19/19.2
 */
export function rankInterval({ histogram, bounds, nEff }: Sample, q: number, z: number): Interval {
  const total = totalOf(histogram)
  /** The slot of the order statistic of a rank, which counts from 1. */
  const slotAt = (rank: number) => {
    let cumulative = 0
    return histogram.findIndex((weight) => {
      cumulative += weight
      return cumulative * nEff >= rank * total
    })
  }
  const spread = z * Math.sqrt(nEff * q * (1 - q))
  const [first, last] = [Math.floor(nEff * q - spread), Math.ceil(nEff * q + spread) + 1]
  return [
    first < 1 ? 0 : Math.max(bounds.min, edgesOf(slotAt(first))[0]),
    last > nEff ? Number.POSITIVE_INFINITY : Math.min(bounds.max, edgesOf(slotAt(last))[1]),
  ]
}
