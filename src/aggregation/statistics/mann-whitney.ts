import type { Confidence } from './confidence.ts'
import { inStandardErrors } from './proportions.ts'
import { type Sample, totalOf } from './sample.ts'

/** How two whole distributions lie to each other. */
export interface Shape {
  /** The chance that one of a is above one of b, a tie for a half: 0.5 of equal distributions. U ÷ (n·m). */
  readonly auc: number
  readonly p: number
}

/**
 * The test of Mann and Whitney over buckets, within each of which all are ties: normal approximation with the variance that ties
 * leave, without correction for continuity. https://en.wikipedia.org/wiki/Mann–Whitney_U_test
 */
export function mannWhitney(a: Sample, b: Sample, { p }: Confidence): Shape {
  const [ofA, ofB, n] = [totalOf(a.histogram), totalOf(b.histogram), a.nEff + b.nEff]
  let [below, auc, cubes] = [0, 0, 0]
  a.histogram.forEach((weight, slot) => {
    const [here, there] = [weight / ofA, Number(b.histogram[slot]) / ofB]
    auc += here * (below + there / 2)
    cubes += (here * a.nEff + there * b.nEff) ** 3
    below += there
  })
  const variance = (n + 1 - (cubes - n) / (n * (n - 1))) / (12 * a.nEff * b.nEff)
  return { auc, p: p(inStandardErrors(auc - 0.5, variance)) }
}
