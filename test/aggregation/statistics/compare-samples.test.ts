import { test } from 'tap'
import { bucketOf, emptyHistogram, parseHistogram } from '../../../src/aggregation/rollup/model/measure.ts'
import { compareSamples } from '../../../src/aggregation/statistics/compare-samples.ts'
import type { Sample } from '../../../src/aggregation/statistics/sample.ts'

const none: Sample = { histogram: emptyHistogram(), bounds: { min: 0, max: 0 }, nEff: 0 }

/** So many of one value, each of a weight in thousandths. */
const many = (n: number, value: number, weight = 1_000): Sample => ({
  histogram: parseHistogram(`${bucketOf(value)}:${n * weight}`),
  bounds: { min: value, max: value },
  nEff: n,
})
const asked = { q: 0.75, at: undefined, sequential: false }

test('what is told of two samples', async (t) => {
  const nothing = { q: null, ci: null, share: null }
  const unknown = { ratio: null, ratioCi: null, shareDiff: null, shape: null, verdict: 'no evidence' }
  const infinity = Number.POSITIVE_INFINITY
  const alpha = 0.05
  for (const [rule, a, b, its, told] of [
    ['nothing of nothing', none, none, { at: 5 }, { a: nothing, b: nothing, ...unknown, alpha }],
    ['of the base alone', none, many(50, 8), {}, { a: nothing, b: { q: 8, ci: [8, 8] }, ...unknown, alpha }],
    [
      'nor with a share',
      many(50, 8),
      none,
      { at: 9, sequential: true },
      { a: { q: 8, share: 1 }, ...unknown },
    ],
    ['slower', many(50, 9), many(50, 8), {}, { ratio: 9 / 8, verdict: 'slower', shareDiff: null }],
    ['faster', many(50, 7), many(50, 8), {}, { ratio: 7 / 8, verdict: 'faster', shape: { auc: 0 } }],
    ['too few', many(10, 9), many(10, 8), {}, { verdict: 'no evidence', shape: { auc: 1 } }],
    ['too few for many looks', many(50, 9), many(50, 8), { sequential: true }, { ratioCi: [0, infinity] }],
    ['as fast', many(50, 8), many(50, 8), { at: 8 }, { verdict: 'no evidence', shape: { auc: 0.5, p: 1 } }],
    ['shares', many(50, 8), many(50, 9), { at: 8.5 }, { shareDiff: { diff: 1 }, b: { share: 0 } }],
    ['slower than zero', many(50, 9), many(50, 0), {}, { ratio: infinity, verdict: 'slower' }],
    ['faster, as zero is', many(50, 0), many(50, 9), {}, { ratio: 0, verdict: 'faster', ratioCi: [0, 0] }],
    ['zero and zero', many(50, 0), many(50, 0), {}, { ratio: Number.NaN, verdict: 'no evidence' }],
  ] as const)
    t.match(compareSamples(a, b, { ...asked, ...its }), told, rule)
})

test('the quantile that is told lies in its interval, also of weights that together are hardly one', async (t) => {
  const histogram = parseHistogram(`${bucketOf(1)}:50,${bucketOf(1_000)}:50`)
  const light = { histogram, bounds: { min: 1, max: 1_000 }, nEff: 100 }
  const { a } = compareSamples(light, many(100, 1_000), asked)
  t.match(a, { q: 1, ci: [1, 1_000] })
})
