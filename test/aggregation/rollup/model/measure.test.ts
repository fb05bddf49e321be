import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'tap'
import {
  addHistogram,
  bucketOf,
  bucketsOf,
  emptyHistogram,
  GAMMA,
  type Histogram,
  MAX_MICROS,
  MICROS,
  mergeHistogram,
  parseHistogram,
  quantile,
  RELATIVE_ERROR,
  SCALE,
  upperBound,
  WEIGHT_UNIT,
  ZERO_BUCKET,
  zeroWeight,
} from '../../../../src/aggregation/rollup/model/measure.ts'

const MAX_VALUE = 1e12
const value = fc.double({ min: 0, max: MAX_VALUE, noNaN: true })
const values = fc.array(value, { minLength: 1, maxLength: 300 })
const stored = fc.dictionary(
  fc.integer({ min: -637, max: 1276 }).map(String),
  fc.integer({ min: 1, max: 2 ** 40 }),
)

/** What an engine would write for these values, each of the same weight. */
function histogramText(of: readonly number[], weight = 1): string {
  const counts = new Map<number, number>()
  for (const one of of) counts.set(bucketOf(one), (counts.get(bucketOf(one)) ?? 0) + weight * WEIGHT_UNIT)
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([bucket, sum]) => `${bucket}:${sum}`)
    .join(',')
}

const boundsOf = (of: readonly number[]) => ({ min: Math.min(...of), max: Math.max(...of) })
const orderStatistic = (of: readonly number[], q: number) =>
  [...of].sort((a, b) => a - b)[rankOf(q, of.length)]!

/** floor(q·(n−1)) in whole millionths, which nothing rounds. */
const rankOf = (q: number, n: number) => Number((BigInt(Math.round(q * 1e6)) * BigInt(n - 1)) / 1_000_000n)

test('a bucket holds (g^(b−1), g^b], powers of two lie on their border', async (t) => {
  for (const [what, input, bucket] of [
    ['zero', 0, ZERO_BUCKET],
    ['minus zero', -0, ZERO_BUCKET],
    ['what is too small to tell from zero', 9.99e-7, ZERO_BUCKET],
    ['the smallest value told from zero', 1e-6, -637],
    ['one', 1, 0],
    ['just above one', 1.0001, 1],
    ['two', 2, 32],
    ['a thousand and twenty-four', 1024, 320],
    ['a half', 0.5, -32],
    ['a thousand million', 1e9, 957],
    ['the largest value', MAX_VALUE, 1276],
  ] as const) {
    t.equal(bucketOf(input), bucket, what)
  }
  for (let power = -19; power < 40; power++)
    t.equal(bucketOf(2 ** power), power * 2 ** SCALE, `2^${power} closes its bucket`)
})

test('the buckets of a histogram, and zero apart from them', async (t) => {
  const histogram = parseHistogram('-32768:5,-637:1,0:2000,1276:9007199254740991')
  t.equal(zeroWeight(histogram), 5)
  t.same(bucketsOf(histogram), [
    [-637, 1],
    [0, 2_000],
    [1276, 9_007_199_254_740_991],
  ])
  t.same([zeroWeight(emptyHistogram()), bucketsOf(emptyHistogram())], [0, []])
  t.same([-32, 0, 32, 320].map(upperBound), [0.5, 1, 2, 1024], 'powers of two are themselves')
})

test('every value lies in its bucket, within the epsilon of the border', async (t) => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: MAX_VALUE, noNaN: true }), (x) => {
      const bucket = bucketOf(x)
      return x > GAMMA ** (bucket - 1) * (1 - 1e-10) && x <= GAMMA ** bucket * (1 + 1e-10)
    }),
  )
  t.ok(RELATIVE_ERROR < 0.01084)
})

/** What a histogram holds, by bucket. */
const bucketsIn = (histogram: Histogram) =>
  Object.fromEntries(
    [...histogram]
      .map((weight, slot) => [bucketOfSlot(slot), weight] as const)
      .filter(([, weight]) => weight > 0),
  )
const bucketOfSlot = (slot: number) => (slot === 0 ? ZERO_BUCKET : bucketOf(1e-6) + slot - 1)

test('a stored histogram is read without loss', async (t) => {
  t.same(bucketsIn(parseHistogram('-32768:3000,-5:1000,0:250,957:1')), {
    [ZERO_BUCKET]: 3000,
    '-5': 1000,
    0: 250,
    957: 1,
  })
  t.same(bucketsIn(parseHistogram('')), {}, 'nothing is nothing')
  fc.assert(
    fc.property(stored, (weights) => {
      const text = Object.entries(weights).map(([bucket, weight]) => `${bucket}:${weight}`)
      t.same(bucketsIn(parseHistogram(text.join(','))), weights)
    }),
    { numRuns: 25 },
  )
})

test('a bucket that no value can have is refused, not silently lost', async (t) => {
  t.throws(() => parseHistogram('1277:1000'), { code: 'internal' })
  t.throws(() => parseHistogram('-639:1000'), { code: 'internal' })
})

test('what an event may hold can be added up, however many there are', async (t) => {
  t.equal(MAX_MICROS, BigInt(MAX_VALUE) * BigInt(MICROS))
  t.ok(MAX_MICROS < 2n ** 63n, 'the parts of a value are a BIGINT')
  t.ok(MAX_MICROS * 2n ** 63n < 10n ** 38n, 'the sum fits DECIMAL(38,0) while the sum of weights is a BIGINT')
})

test('a quantile keeps its error up to the largest value', async (t) => {
  for (const value of [1e9, 1e9 + 1, 2_147_483_648, 9_007_199_254.740993, 1e10, 5e11, 1e12 - 1, MAX_VALUE]) {
    // The bounds tell nothing: a smaller and a larger value are counted as well.
    const estimate = quantile(parseHistogram(histogramText([0, value, value, MAX_VALUE])), 0.5, {
      min: 0,
      max: MAX_VALUE,
    })
    const error = Math.abs(estimate - value) / value
    t.ok(error <= RELATIVE_ERROR + 1e-9, `${value}: ${estimate}`)
  }
})

test('merging is associative and commutative, and equals counting everything at once', async (t) => {
  const histogramOf = (of: readonly number[]) => parseHistogram(histogramText(of))
  const merged = (...parts: readonly Histogram[]) => {
    const sum = emptyHistogram()
    for (const part of parts) mergeHistogram(sum, part)
    return sum
  }
  fc.assert(
    fc.property(values, values, values, (...of) => {
      const [a, b, c] = of.map(histogramOf) as [Histogram, Histogram, Histogram]
      const all = histogramOf(of.flat())
      for (const sum of [merged(merged(a, b), c), merged(a, merged(b, c)), merged(c, b, a)]) {
        t.ok(sum.every((weight, slot) => weight === all[slot]))
      }
    }),
    { numRuns: 25 },
  )
})

test('a quantile is within the relative error of the exact order statistic', async (t) => {
  fc.assert(
    fc.property(values, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (of, q) => {
      const estimate = quantile(parseHistogram(histogramText(of)), q, boundsOf(of))
      const exact = orderStatistic(of, q)
      const isNear =
        exact < 1e-6 ? estimate <= 1e-6 : Math.abs(estimate - exact) <= exact * (RELATIVE_ERROR + 1e-9)
      t.ok(isNear, `q = ${q} of ${of.length}: ${estimate} for ${exact}`)
    }),
    { numRuns: 1_000 },
  )
})

test('small numbers are exact where they can be', async (t) => {
  const estimate = (of: readonly number[], q: number) =>
    quantile(parseHistogram(histogramText(of)), q, boundsOf(of))
  t.equal(estimate([2500], 0.75), 2500, 'a single value is itself, by its bounds')
  t.equal(estimate([0, 0, 0, 9], 0.5), 0, 'zeros are zero')
  t.equal(estimate([1e-7, 0], 0.5), 0)
  for (const [value, kept] of [
    [4e-7, 0],
    [5e-7, 1e-6],
    [9e-7, 1e-6],
  ] as const) {
    // Bounds are kept in millionths, rounded.
    const bounds = { min: kept, max: kept }
    t.equal(
      quantile(parseHistogram(histogramText([value, value])), 0.99, bounds),
      kept,
      `${value} is not below its minimum`,
    )
  }
  for (const [q, rank] of [
    [0.25, 1],
    [0.5, 2],
    [0.74, 2],
    [0.75, 3],
    [0.999, 3],
  ] as const) {
    t.equal(Math.round(Math.log10(estimate([1, 10, 100, 1000, 1e4], q))), rank, `q = ${q} is x[${rank}]`)
  }
})

test('the rank is x[floor(q(n−1))] for every n, also where q·(n−1) is rounded', async (t) => {
  const wrong: string[] = []
  const powers = Array.from({ length: 48 }, (_, i) => 2 ** (i - 18))
  for (let n = 1; n <= 48; n++) {
    const of = powers.slice(0, n)
    for (const q of [0.07, 0.29, 0.5, 0.57, 0.58, 0.75, 0.9, 0.95, 0.99]) {
      const estimate = quantile(parseHistogram(histogramText(of)), q, boundsOf(of))
      const exact = orderStatistic(of, q)
      if (Math.abs(estimate - exact) > exact * 0.011)
        wrong.push(`n = ${n}, q = ${q}: ${estimate} for ${exact}`)
    }
  }
  t.same(wrong, [])
})

test('a product that is whole is so, though its doubles lie below it; and what lies below it does not reach it', async (t) => {
  const wrong: string[] = []
  const twoValues = (below: number, above: number) =>
    parseHistogram(`0:${below * WEIGHT_UNIT},32:${above * WEIGHT_UNIT}`)
  for (const n of [91, 101, 1_001, 100_001, 1_000_000_001])
    for (const q of [0.07, 0.29, 0.57, 0.58, 0.7, 0.999, 0.123457]) {
      const rank = rankOf(q, n)
      const at = (below: number) => quantile(twoValues(below, n - below), q, { min: 1, max: 2 })
      if (at(rank) < 1.9 || at(rank + 1) > 1.1) wrong.push(`n = ${n}, q = ${q}`)
    }
  t.same(wrong, [])
})

test('a row of weight k counts like k rows, and a lone fraction of a row still has quantiles', async (t) => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 9 }), fc.constantFrom(0.1, 0.5, 0.75, 0.99), (of, k, q) => {
      const copies = of.flatMap((one) => Array.from({ length: k }, () => one))
      const bounds = boundsOf(of)
      return (
        quantile(parseHistogram(histogramText(of, k)), q, bounds) ===
        quantile(parseHistogram(histogramText(copies)), q, bounds)
      )
    }),
  )
  t.equal(quantile(parseHistogram('320:1'), 0.99, { min: 1024, max: 1024 }), 1024)
})

test('a month of windows adds up, bucket by bucket', async (t) => {
  const row = Array.from({ length: 255 }, (_, i) => `${i - 60}:${1_000 + i * 37}`).join(',')
  const windows = 2_976
  const sum = emptyHistogram()
  for (let window = 0; window < windows; window++) addHistogram(sum, row)
  t.same(
    bucketsIn(sum),
    Object.fromEntries(Array.from({ length: 255 }, (_, i) => [i - 60, windows * (1_000 + i * 37)])),
  )
  // 7 MB in one text: what is not linear in it would not end before the test's timeout.
  t.same(parseHistogram(Array.from({ length: windows }, () => row).join(',')), sum)
})

test('of few values the percentiles are those of the page on queries', async (t) => {
  const page = readFileSync('docs/queries.md', 'utf8')
  const rows = [...page.matchAll(/^\| (\d+) \| (\d+ \(.*) \|$/gm)]
  t.same(
    rows.map(([, n]) => Number(n)),
    [1, 2, 3, 4, 5, 20],
  )
  for (const [, count, told = ''] of rows) {
    const of = Array.from({ length: Number(count) }, (_, at) => (at + 1) * 100)
    const estimate = (q: number) => quantile(parseHistogram(histogramText(of)), q, boundsOf(of)).toFixed(1)
    const exact = (q: number) => of[Math.floor(q * (of.length - 1))]
    t.equal(told, [0.5, 0.75, 0.95].map((q) => `${exact(q)} (${estimate(q)})`).join(' | '), `${count} values`)
  }
})
