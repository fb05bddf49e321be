import type { Confidence } from './confidence.ts'
import { differenceOf, type Interval } from './interval.ts'

/** A share of n. */
interface Proportion {
  readonly share: number
  readonly n: number
}

/** By how much a share is larger than another, with the interval of the difference, and how surprising it is. */
export interface ShareDifference {
  readonly diff: number
  readonly ci: Interval
  readonly p: number
}

/**
 * Two proportions: the interval from those of Wilson (Newcombe 1998, method 10: https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I),
 * p from the pooled share.
 */
export function differenceOfShares(a: Proportion, b: Proportion, { z, p }: Confidence): ShareDifference {
  const estimate = (of: Proportion) => ({ value: of.share, interval: wilson(of, z) })
  const diff = a.share - b.share
  const pooled = (a.share * a.n + b.share * b.n) / (a.n + b.n)
  const variance = pooled * (1 - pooled) * (1 / a.n + 1 / b.n)
  return { diff, ci: differenceOf(estimate(a), estimate(b)), p: p(inStandardErrors(diff, variance)) }
}

/** Nothing is nothing, also where nothing varies. */
export const inStandardErrors = (difference: number, variance: number): number =>
  difference === 0 ? 0 : difference / Math.sqrt(variance)

/** The interval of a share: within [0, 1], and right for few and for extreme ones. */
function wilson({ share, n }: Proportion, z: number): Interval {
  const weight = 1 + z ** 2 / n
  const middle = share + z ** 2 / (2 * n)
  const spread = z * Math.sqrt((share * (1 - share)) / n + (z / (2 * n)) ** 2)
  return [(middle - spread) / weight, (middle + spread) / weight]
}
