import { quantile, sharesAtMost } from '../rollup/model/measure.ts'
import { ALPHA, type Confidence, ofManyLooks, ofOneLook } from './confidence.ts'
import { type Estimate, type Interval, ratioOf } from './interval.ts'
import { mannWhitney, type Shape } from './mann-whitney.ts'
import { differenceOfShares, type ShareDifference } from './proportions.ts'
import { rankInterval } from './rank-interval.ts'
import type { Sample } from './sample.ts'

export interface ComparisonOf {
  /** The quantile that is compared. */
  readonly q: number
  /** Shares at or below it are compared, too; undefined: none. */
  readonly at: number | undefined
  /** Whether it holds of any number of looks while more is measured, or of one. */
  readonly sequential: boolean
}

/** What is told of a sample: nothing of an empty one, and a share where one is asked for. */
interface SampleQuantile {
  readonly q: number | null
  readonly ci: Interval | null
  readonly share: number | null
}

export const VERDICTS = ['slower', 'faster', 'no evidence'] as const

/** What cannot be told where a sample is empty is null. */
export interface Comparison {
  readonly a: SampleQuantile
  readonly b: SampleQuantile
  readonly ratio: number | null
  readonly ratioCi: Interval | null
  readonly shareDiff: ShareDifference | null
  readonly shape: Shape | null
  readonly verdict: (typeof VERDICTS)[number]
  readonly alpha: number
}

/** How a compares with its base b: its quantile, its share at or below a value, and all of its distribution. */
export function compareSamples(a: Sample, b: Sample, asked: ComparisonOf): Comparison {
  const confidence = asked.sequential ? ofManyLooks(ALPHA, [a.nEff, b.nEff]) : ofOneLook(ALPHA)
  const [ofA, ofB] = [knownOf(a, asked, confidence), knownOf(b, asked, confidence)]
  const compared = ofA && ofB ? between(ofA, ofB, confidence) : NOTHING
  return { a: told(ofA), b: told(ofB), ...compared, alpha: ALPHA }
}

/** What is known of a sample that is not empty: its quantile, and the share. */
interface Known extends Estimate {
  readonly sample: Sample
  readonly share: number | undefined
}

function knownOf(sample: Sample, { q, at }: ComparisonOf, { z }: Confidence): Known | undefined {
  const { histogram, bounds, nEff } = sample
  if (nEff === 0) return undefined
  const value = quantile(histogram, q, bounds)
  const [lo, hi] = rankInterval(sample, q, z)
  return {
    sample,
    value,
    // Where weights are below 1 there are more measurements than occurrences: q is then told lower than its place among them.
    interval: [Math.min(lo, value), Math.max(hi, value)],
    share: at === undefined ? undefined : sharesAtMost(histogram, { good: at, poor: at }, bounds)[0],
  }
}

const told = (known: Known | undefined): SampleQuantile => ({
  q: known?.value ?? null,
  ci: known?.interval ?? null,
  share: known?.share ?? null,
})

type Compared = Omit<Comparison, 'a' | 'b' | 'alpha'>

const NOTHING: Compared = {
  ratio: null,
  ratioCi: null,
  shareDiff: null,
  shape: null,
  verdict: 'no evidence',
}

function between(a: Known, b: Known, confidence: Confidence): Compared {
  const ratioCi = ratioOf(a, b)
  return {
    ratio: a.value / b.value,
    ratioCi,
    shareDiff: sharesBetween(a, b, confidence),
    shape: mannWhitney(a.sample, b.sample, confidence),
    verdict: verdictOf(ratioCi),
  }
}

function sharesBetween(a: Known, b: Known, confidence: Confidence): ShareDifference | null {
  if (a.share === undefined || b.share === undefined) return null
  const [ofA, ofB] = [
    { share: a.share, n: a.sample.nEff },
    { share: b.share, n: b.sample.nEff },
  ]
  return differenceOfShares(ofA, ofB, confidence)
}

/** By the interval alone: one that holds 1 is no evidence, nor is one without numbers. */
function verdictOf([lo, hi]: Interval): Comparison['verdict'] {
  if (lo > 1) return 'slower'
  return hi < 1 ? 'faster' : 'no evidence'
}
