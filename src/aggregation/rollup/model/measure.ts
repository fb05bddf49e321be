import { MAX_VALUE } from '../../../event/schema/event.ts'
import { AppError } from '../../../std/errors.ts'
import type { Thresholds } from './thresholds.ts'

/**
 * The histogram: base-2 exponential buckets at scale 5, which is OpenTelemetry's exponential histogram (index + 1) and
 * Prometheus' native-histogram schema 5. Bucket b holds (g^(b−1), g^b] with g = 2^(1/32).
 */
export const SCALE = 5
export const GAMMA = 2 ** (1 / 2 ** SCALE)
/** Largest |estimate − x| / x, x the order statistic x[floor(q·(n−1))]: (g−1)/(g+1) = 1.083 %. */
export const RELATIVE_ERROR = (GAMMA - 1) / (GAMMA + 1)
/** 32 / ln 2 as text for SQL: `ceil(ln(v)·K − ε)` is the bucket. */
export const K_SQL = '4.616624130844683E1'
/** Keeps engines whose `ln` differs in the last bit on one side of a bucket's border. */
export const EPSILON_SQL = '1E-9'
/** Values below this are counted as zero. */
export const ZERO_BELOW_SQL = '1E-6'
export const ZERO_BUCKET = -32_768
/** Weights are kept in thousandths: w = round(weight × 1000). */
export const WEIGHT_UNIT = 1_000
/** Values are summed in millionths, as integers: sums of doubles differ from run to run. */
export const MICROS = 1_000_000
/** The largest value so: 10¹⁸, which a BIGINT holds. Above 2^53 of them the double itself is what a value is kept to. */
export const MAX_MICROS = BigInt(MAX_VALUE) * BigInt(MICROS)

const K = Number(K_SQL)
const EPSILON = Number(EPSILON_SQL)
export const ZERO_BELOW = Number(ZERO_BELOW_SQL)

/** The bucket of a value in [0, MAX_VALUE]: the same formula as the SQL, so that every engine and this file agree. */
export const bucketOf = (value: number): number =>
  value < ZERO_BELOW ? ZERO_BUCKET : Math.ceil(Math.log(value) * K - EPSILON)

const FIRST_BUCKET = bucketOf(ZERO_BELOW)
const SLOTS = 1 + bucketOf(MAX_VALUE) - FIRST_BUCKET + 1

/**
 * Σ w by slot: slot 0 is the zero bucket, slot i bucket FIRST_BUCKET + i − 1. Dense, because all values that may be
 * stored fit 1,915 slots, and adding arrays is faster than any map. Whole numbers, hence exact up to 2^53 thousandths.
 */
export type Histogram = Float64Array

export const emptyHistogram = (): Histogram => new Float64Array(SLOTS)

const COMMA = 44
const MINUS = 45
const COLON = 58
const DIGIT_ZERO = 48

/** Adds a stored row's `index:Σw,…` to a histogram: one pass over the text, nothing allocated. */
export function addHistogram(into: Histogram, text: string): void {
  let number = 0
  let sign = 1
  let bucket = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character === MINUS) sign = -1
    else if (character === COLON) {
      bucket = sign * number
      number = 0
      sign = 1
    } else if (character === COMMA) {
      addWeight(into, slotOf(bucket), number)
      number = 0
    } else number = number * 10 + (character - DIGIT_ZERO)
  }
  if (text !== '') addWeight(into, slotOf(bucket), number)
}

const bucketIn = (slot: number): number => slot + FIRST_BUCKET - 1
const slotOf = (bucket: number): number => (bucket === ZERO_BUCKET ? 0 : bucket - FIRST_BUCKET + 1)

function addWeight(into: Histogram, slot: number, weight: number): void {
  const before = into[slot]
  if (before === undefined) throw new AppError('internal', `A histogram cannot hold slot ${slot}`)
  into[slot] = before + weight
}

/** A bucket that is not empty: its index, and Σ w of what lies in it. */
export type WeightedBucket = readonly [index: number, weight: number]

/** Those above zero, in order. */
export const bucketsOf = (histogram: Histogram): readonly WeightedBucket[] =>
  Array.from(histogram.subarray(1), (weight, i): WeightedBucket => [bucketIn(i + 1), weight]).filter(
    ([, weight]) => weight > 0,
  )

/** Σ w of what is counted as zero. */
export const zeroWeight = (histogram: Histogram): number => Number(histogram[0])

/** The largest value of a bucket, as the power itself: one of a power rounds again at each step. */
export const upperBound = (index: number): number => 2 ** (index / 2 ** SCALE)

/** Between which values those of a slot lie. */
export const edgesOf = (slot: number): readonly [lower: number, upper: number] =>
  slot === 0 ? [0, ZERO_BELOW] : [upperBound(bucketIn(slot) - 1), upperBound(bucketIn(slot))]

export function parseHistogram(text: string): Histogram {
  const histogram = emptyHistogram()
  addHistogram(histogram, text)
  return histogram
}

/** Adds a histogram to another: associative and commutative, as whole numbers are. */
export function mergeHistogram(into: Histogram, other: Histogram): void {
  other.forEach((weight, slot) => {
    addWeight(into, slot, weight)
  })
}

/** As a row has it. */
export function histogramText(histogram: Histogram): string {
  const parts: string[] = []
  histogram.forEach((weight, slot) => {
    if (weight > 0) parts.push(`${slot === 0 ? ZERO_BUCKET : bucketIn(slot)}:${weight}`)
  })
  return parts.join(',')
}

/** The smallest and the largest value counted, which every estimate is held to. */
export interface ValueBounds {
  readonly min: number
  readonly max: number
}

/**
 * The value at quantile q in (0, 1) of a histogram that is not empty. With N = Σw / 1000 occurrences it is the smallest
 * bucket whose cumulative count exceeds q·(N − 1): for rows of weight 1 that is exactly the bucket of the order
 * statistic x[floor(q·(n−1))]; a row of weight k counts as k copies of it, fractions of copies included.
 * Within RELATIVE_ERROR of that value, or within the half millionth to which min and max are kept.
 */
export function quantile(histogram: Histogram, q: number, { min, max }: ValueBounds): number {
  const slot = quantileSlot(histogram, q)
  const estimate = slot === 0 ? 0 : (2 * GAMMA ** bucketIn(slot)) / (1 + GAMMA)
  return Math.min(max, Math.max(min, estimate))
}

/**
 * By what N − 1 is multiplied for the rank of a quantile: q and 2^-50 of it more, as q · (N − 1) may be a whole number whose
 * doubles are below it, by three roundings of 2^-53 at most: 0.29 · 100 is 28.999…. What lies below it indeed, by one digit
 * of q, stays so up to 10⁹ rows and six digits.
 */
export const rankFactor = (q: number): number => q * (1 + 2 ** -50)

/** Where that value lies. */
export function quantileSlot(histogram: Histogram, q: number): number {
  const total = histogram.reduce((sum, weight) => sum + weight)
  // Divided first: N − 1 is then the whole number that the definition multiplies, and rounds as it does.
  const rank = Math.max(0, rankFactor(q) * (total / WEIGHT_UNIT - 1))
  let cumulative = 0
  return histogram.findIndex((weight) => {
    cumulative += weight
    return cumulative / WEIGHT_UNIT > rank
  })
}

/**
 * The shares of a histogram that is not empty at or below two thresholds: of the bucket that holds one so much as lies below
 * it where values are spread evenly over its logarithm, of zero all. Held to the least and the largest value. In one pass:
 * a chart asks for both at each of its points.
 */
export function sharesAtMost(
  histogram: Histogram,
  { good, poor }: Thresholds,
  { min, max }: ValueBounds,
): readonly [ofGood: number, ofNotPoor: number] {
  let slot = 0
  let below = 0
  const sumTo = (end: number) => {
    for (; slot < end; slot++) below += Number(histogram[slot])
    return below
  }
  const weightAtMost = (threshold: number) => {
    if (threshold >= max) return Number.POSITIVE_INFINITY
    if (threshold < min) return 0
    const bucket = bucketOf(threshold)
    const around = slotOf(bucket)
    return sumTo(around) + Number(histogram[around]) * fractionBelow(threshold, bucket)
  }
  const [ofGood, ofNotPoor] = [weightAtMost(good), weightAtMost(poor)]
  const total = sumTo(histogram.length)
  return [Math.min(1, ofGood / total), Math.min(1, ofNotPoor / total)]
}

/** A threshold on the border of its bucket may seem beyond it by the last bit of a logarithm. */
const fractionBelow = (threshold: number, bucket: number): number =>
  bucket === ZERO_BUCKET ? 1 : Math.min(1, Math.log2(threshold) * 2 ** SCALE - (bucket - 1))
