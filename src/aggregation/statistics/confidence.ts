import { twoSided, upperQuantile } from './normal.ts'

/** One of twenty comparisons of equals may say otherwise, as is the custom. */
export const ALPHA = 0.05

/** How far a measured number must lie from what was expected, in standard errors, to be told as evidence. */
export interface Confidence {
  /** The share of false alarms that is put up with. */
  readonly alpha: number
  /** Half the width of an interval, in standard errors. */
  readonly z: number
  /** The least alpha at which a distance of so many standard errors is evidence. */
  readonly p: (distance: number) => number
}

/** The confidence of one look at what was measured. */
export const ofOneLook = (alpha: number): Confidence => ({
  alpha,
  z: upperQuantile(alpha / 2),
  p: twoSided,
})

/** How much has been measured where the bound for many looks is least wide: two samples of 2,000. Ours. */
const TIGHTEST_AT = 1_000

/**
 * The confidence of any number of looks while more and more is measured, whether or not one stops at the first alarm: the normal
 * mixture of Robbins in the form of Howard, Ramdas, McAuliffe & Sekhon 2021, https://arxiv.org/abs/1810.08240. Time is
 * the information of the two samples, 1 ÷ (1/n + 1/m), in which the estimate of a difference moves as a Brownian motion whatever
 * the rates at which they grow (Jennison & Turnbull 1999, Group Sequential Methods, chapter 3). It holds as well as the normal
 * distribution describes the first look.
 */
export function ofManyLooks(alpha: number, [n, m]: readonly [number, number]): Confidence {
  const about = -2 * Math.log(alpha)
  const time = (((n * m) / (n + m)) * (about + Math.log(about) + 1)) / TIGHTEST_AT
  return {
    alpha,
    z: Math.sqrt((1 + 1 / time) * Math.log((1 + time) / alpha ** 2)),
    p: (distance) =>
      Math.min(1, Math.sqrt(1 + time) * Math.exp((-(distance ** 2) * time) / (2 * (1 + time)))),
  }
}
