import { test } from 'tap'
import { bucketOf, parseHistogram } from '../../../src/aggregation/rollup/model/measure.ts'
import { ofManyLooks, ofOneLook } from '../../../src/aggregation/statistics/confidence.ts'
import { differenceOf, ratioOf } from '../../../src/aggregation/statistics/interval.ts'
import { mannWhitney } from '../../../src/aggregation/statistics/mann-whitney.ts'
import { twoSided, upperQuantile, upperTail } from '../../../src/aggregation/statistics/normal.ts'
import { differenceOfShares } from '../../../src/aggregation/statistics/proportions.ts'
import { rankInterval } from '../../../src/aggregation/statistics/rank-interval.ts'
import type { Sample } from '../../../src/aggregation/statistics/sample.ts'

const once = ofOneLook(0.05)
const infinity = Number.POSITIVE_INFINITY

/** As a rollup row counts them, each with the same weight in thousandths. */
function sampleOf(values: readonly number[], weight = 1_000): Sample {
  const text = values.map((value) => `${bucketOf(value)}:${weight}`).join(',')
  const bounds = { min: Math.min(...values), max: Math.max(...values) }
  return { histogram: parseHistogram(text), bounds, nEff: values.length }
}

const near = (told: number, exact: number, relative: number) =>
  told === exact || Math.abs(told - exact) <= relative * Math.abs(exact)

test('tails of the normal distribution, as tables have them', async (t) => {
  for (const [z, tail] of [
    [0, 0.5],
    [-0, 0.5],
    [1, 0.158655253931457],
    [-1, 0.841344746068543],
    [1.959963984540054, 0.025],
    [2.999999, 0.0013499024634851],
    [3, 0.00134989803163009],
    [5, 2.86651571879194e-7],
    [8, 6.22096057427178e-16],
    [10, 7.61985302416053e-24],
    [37, 5.72557122252458e-300],
    [40, 0],
    [infinity, 0],
    [-infinity, 1],
  ] as const)
    t.ok(near(upperTail(z), tail, 1e-11), `${z}: ${upperTail(z)}`)
  t.ok(near(twoSided(-1.959963984540054), 0.05, 1e-12))
})

test('the place above which lies so much of it', async (t) => {
  for (const [chance, z] of [
    [0.5, 0],
    [0.25, 0.674489750196082],
    [0.1, 1.2815515655446],
    [0.025, 1.95996398454005],
    [0.005, 2.5758293035489],
    [1e-10, 6.36134090240406],
  ] as const)
    t.ok(near(upperQuantile(chance), z, 1e-12), `${chance}: ${upperQuantile(chance)}`)
})

test('a difference, and a ratio, from two intervals', async (t) => {
  // Legs of 3 and 4, and of 5 and 12.
  const [a, b] = [
    { value: 20, interval: [17, 25] },
    { value: 10, interval: [-2, 14] },
  ] as const
  t.same(differenceOf(a, b), [10 - 5, 10 + 13])
  const of = (value: number, lo: number, hi: number) => ({ value, interval: [lo, hi] as const })
  const e = Math.exp
  for (const [rule, one, other, lo, hi] of [
    ['the same with logarithms', of(e(20), e(17), e(25)), of(e(10), e(-2), e(14)), e(5), e(23)],
    ['nothing is known of an end', of(8, 4, infinity), of(2, 2, 2), 2, infinity],
    ['nor of another', of(8, 8, 8), of(2, 0, 2), 4, infinity],
    ['zero has no logarithm', of(4, 2, 6), of(0, 0, 1), 2, infinity],
    ['nor has it above', of(0, 0, 1), of(4, 2, 6), 0, 0.5],
    ['above nothing at all', of(4, 2, 6), of(0, 0, 0), infinity, infinity],
    ['of nothing there is no ratio', of(0, 0, 0), of(0, 0, 0), Number.NaN, Number.NaN],
  ] as const) {
    const told = ratioOf(one, other)
    t.ok(Object.is(told[0], lo) || near(told[0], lo, 1e-12), `${rule}: from ${told[0]}`)
    t.ok(Object.is(told[1], hi) || near(told[1], hi, 1e-12), `${rule}: to ${told[1]}`)
  }
})

test('a quantile lies between two order statistics, those of the tables', async (t) => {
  /** Each in a bucket of its own. */
  const value = (rank: number) => 100 * 1.03 ** rank
  const outer = (first: number, last: number) => [lower(value(first)), upper(value(last))]
  const lower = (of: number) => 2 ** ((bucketOf(of) - 1) / 32)
  const upper = (of: number) => 2 ** (bucketOf(of) / 32)
  for (const [n, q, first, last] of [
    // n·q ± 1.96·√(n·q·(1 − q)), rounded outward: 50 ± 9.8, 75 ± 8.5, 300 ± 17.0, 380 ± 8.5
    [100, 0.5, 40, 61],
    [100, 0.75, 66, 85],
    [400, 0.75, 283, 318],
    [400, 0.95, 371, 390],
  ] as const) {
    const sample = sampleOf(Array.from({ length: n }, (_, i) => value(i + 1)))
    t.same(rankInterval(sample, q, once.z), outer(first, last), `${q} of ${n}`)
    const heavy = { ...sample, histogram: sample.histogram.map((weight) => 7 * weight) }
    t.same(rankInterval(heavy, q, once.z), outer(first, last), 'whatever all of them weigh')
  }
})

test('an interval is held to the values that there are, and open where they are too few', async (t) => {
  for (const [rule, values, q, lo, hi] of [
    ['one', [7], 0.5, 0, infinity],
    ['the least of five would be the minus first', [1, 2, 3, 4, 5], 0.5, 0, infinity],
    ['the largest would be one more than there are', new Array(12).fill(3), 0.75, 3, infinity],
    ['the first of them would be none', new Array(12).fill(3), 0.25, 0, 3],
    ['all in a bucket', new Array(20).fill(3), 0.5, 3, 3],
    ['all zero', new Array(20).fill(0), 0.5, 0, 0],
    ['what counts as zero', new Array(20).fill(9e-7), 0.5, 9e-7, 9e-7],
    ['zero below, and one above', [...new Array(10).fill(0), ...new Array(10).fill(1)], 0.5, 0, 1],
  ] as const)
    t.same(rankInterval(sampleOf(values), q, once.z), [lo, hi], rule)
  t.same(
    rankInterval(sampleOf(new Array(99).fill(3)), 0.5, infinity),
    [0, infinity],
    'nothing is sure enough',
  )
})

test('two shares: the examples of Newcombe 1998, method 10', async (t) => {
  const share = (of: number, n: number) => ({ share: of / n, n })
  for (const [a, b, lo, hi] of [
    [share(56, 70), share(48, 80), 0.0524, 0.3339],
    [share(9, 10), share(3, 10), 0.1705, 0.809],
    [share(6, 7), share(2, 7), 0.0582, 0.8062],
    [share(5, 56), share(0, 29), -0.0381, 0.1926],
    [share(0, 10), share(0, 20), -0.1611, 0.2775],
    [share(0, 10), share(0, 10), -0.2775, 0.2775],
    [share(10, 10), share(0, 20), 0.6791, 1],
    [share(10, 10), share(0, 10), 0.6075, 1],
  ] as const) {
    const { diff, ci } = differenceOfShares(a, b, once)
    t.equal(diff, a.share - b.share)
    t.ok(Math.abs(ci[0] - lo) < 5e-5 && Math.abs(ci[1] - hi) < 5e-5, `${lo} to ${hi}: ${ci}`)
  }
  const p = (a: number, b: number) => differenceOfShares(share(a, 50), share(b, 50), once).p
  // z = 0.2 ÷ √(0.6 · 0.4 · 2/50) = 2.0412
  t.ok(near(p(35, 25), 0.0412268, 1e-5), `${p(35, 25)}`)
  t.ok(near(p(25, 35), 0.0412268, 1e-5), 'on either side')
  t.same([p(0, 0), p(50, 50), p(20, 20)], [1, 1, 1], 'no difference')
})

/** All ways to call so many of the values a: U of each, by pairs. */
function everyU(values: readonly number[], many: number, chosen: readonly number[] = [], from = 0): number[] {
  if (chosen.length === many) {
    const others = values.filter((_, i) => !chosen.includes(i))
    const above = (a: number, b: number): number => (a > b ? 1 : a === b ? 0.5 : 0)
    return [chosen.flatMap((i) => others.map((b) => above(Number(values[i]), b))).reduce((x, y) => x + y, 0)]
  }
  return values.flatMap((_, i) => (i < from ? [] : everyU(values, many, [...chosen, i], i + 1)))
}

test('the test of Mann and Whitney, against every way to divide the same values', async (t) => {
  for (const [rule, a, b] of [
    ['apart', [4, 8, 16], [1, 2]],
    ['the other way round', [1, 2], [4, 8, 16]],
    ['interleaved', [1, 4, 16, 64], [2, 8, 32]],
    ['ties within', [1, 1, 4], [2, 2, 2, 8]],
    ['ties between', [1, 2, 2, 4], [0, 1, 2, 2]],
    ['one each', [2], [1]],
  ] as const) {
    const all = everyU([...a, ...b], a.length)
    const mean = all.reduce((x, y) => x + y) / all.length
    const variance = all.reduce((sum, u) => sum + (u - mean) ** 2, 0) / all.length
    const u = Number(everyU([...a, ...b], a.length)[0])
    const { auc, p } = mannWhitney(sampleOf(a), sampleOf(b, 250), once)
    t.ok(near(auc, u / (a.length * b.length), 1e-12), `${rule}: ${auc}`)
    t.ok(near(p, twoSided((u - mean) / Math.sqrt(variance)), 1e-9), `${rule}: p ${p}`)
  }
  const same = sampleOf([3, 3, 3])
  t.same(mannWhitney(same, same, once), { auc: 0.5, p: 1 }, 'all are one tie')
  t.same(mannWhitney(sampleOf([3]), sampleOf([3]), once), { auc: 0.5, p: 1 }, 'so are two')
})

test('one look is as wide as ever; that of many looks is wider, and least where it should be', async (t) => {
  t.ok(near(once.z, 1.959963984540054, 1e-12))
  t.ok(near(once.p(once.z), 0.05, 1e-12))
  const many = (n: number, m = n) => ofManyLooks(0.05, [n, m])
  for (const [n, z] of [
    // (1 + 1/t)·ln((1 + t)·400) with t = 8.7817·(n/2)/1000
    [2_000, 3.0352],
    [20_000, 3.2553],
    [200, 3.7633],
  ] as const)
    t.ok(near(many(n).z, z, 1e-4), `${n}: ${many(n).z}`)
  t.ok(near(many(1_100, 11_000).z, many(2_000).z, 1e-12), 'the smaller of two says how much is known')
  for (const n of [20, 300, 4_000, 1e6])
    t.ok(near(many(n).p(many(n).z), 0.05, 1e-9), 'p is alpha at the bound')
  t.equal(many(100).p(0), 1, 'p is none above 1')
  t.equal(many(0, 50).z, infinity, 'nothing is known')
})
