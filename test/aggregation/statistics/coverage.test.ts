import { test } from 'tap'
import {
  edgesOf,
  emptyHistogram,
  type Histogram,
  mergeHistogram,
  WEIGHT_UNIT,
} from '../../../src/aggregation/rollup/model/measure.ts'
import { type Comparison, compareSamples } from '../../../src/aggregation/statistics/compare-samples.ts'
import { upperTail } from '../../../src/aggregation/statistics/normal.ts'
import type { Sample } from '../../../src/aggregation/statistics/sample.ts'
import { seededEntropy } from '../../fakes/entropy.ts'

/** The share of a distribution at or below a value. */
type Distribution = (value: number) => number

const logNormal =
  (median: number, sigma: number): Distribution =>
  (value) =>
    1 - upperTail(Math.log(value / median) / sigma)
const distributions: Readonly<Record<string, Distribution>> = {
  'log-normal': logNormal(1_000, 0.6),
  // Its 75th percentile lies between the humps, where there is next to nothing.
  'of two humps': (value) => 0.75 * logNormal(300, 0.25)(value) + 0.25 * logNormal(4_000, 0.3)(value),
  'with a heavy tail': (value) => Math.max(0, 1 - (100 / value) ** 1.1),
}

const GUIDE = 4_096

/** Draws slots as values of the distribution would fall into them: one look at a table, and a step or two from there. */
function drawing(distribution: Distribution, uniform: () => number): () => number {
  const cumulative = Float64Array.from(emptyHistogram(), (_, slot) => distribution(edgesOf(slot)[1]))
  cumulative[cumulative.length - 1] = 1
  const guide = Uint16Array.from({ length: GUIDE }, (_, i) =>
    cumulative.findIndex((share) => share > i / GUIDE),
  )
  return () => {
    const chance = uniform()
    let slot = Number(guide[Math.floor(chance * GUIDE)])
    while (Number(cumulative[slot]) <= chance) slot++
    return slot
  }
}

function histogramOf(n: number, draw: () => number, weight = WEIGHT_UNIT): Histogram {
  const histogram = emptyHistogram()
  for (let i = 0; i < n; i++) {
    const slot = draw()
    histogram[slot] = Number(histogram[slot]) + weight
  }
  return histogram
}

const boundsOf = (histogram: Histogram) => ({
  min: edgesOf(histogram.findIndex((weight) => weight > 0))[0],
  max: edgesOf(histogram.findLastIndex((weight) => weight > 0))[1],
})

const sampleOf = (histogram: Histogram, nEff: number): Sample => ({
  histogram,
  bounds: boundsOf(histogram),
  nEff,
})
const drawn = (n: number, draw: () => number): Sample => sampleOf(histogramOf(n, draw), n)

const once = { q: 0.75, at: 1_000, sequential: false }
/** Few are large: they take most of the time, and prove the least. */
const SIZES = [
  ...[50, 50, 50, 50, 200, 200, 200, 200, 1_000, 1_000, 1_000, 1_000],
  ...[5_000, 5_000, 20_000, 50_000],
]

/** Of what is told, how much says that equals differ. */
function alarmsIn(comparisons: readonly Comparison[]) {
  const share = (rings: (of: Comparison) => boolean) => comparisons.filter(rings).length / comparisons.length
  return {
    verdict: share(({ verdict }) => verdict !== 'no evidence'),
    shareDiff: share(({ shareDiff }) => Number(shareDiff?.p) < 0.05),
    shareDiffCi: share(({ shareDiff }) => Number(shareDiff?.ci[0]) > 0 || Number(shareDiff?.ci[1]) < 0),
    shape: share(({ shape }) => Number(shape?.p) < 0.05),
  }
}

test('of equals, one in twenty is told to differ at most, whatever their distribution and number', async (t) => {
  const { uniform } = seededEntropy(20_261_130)
  const size = () => Number(SIZES[Math.floor(uniform() * SIZES.length)])
  const pairs = Object.entries(distributions).flatMap(([what, distribution]) => {
    const draw = drawing(distribution, uniform)
    const own = Array.from({ length: 700 }, () =>
      compareSamples(drawn(size(), draw), drawn(size(), draw), once),
    )
    const { verdict } = alarmsIn(own)
    t.ok(verdict <= 0.06, `${what}: ${verdict}`)
    return own
  })
  t.equal(pairs.length, 2_100)
  const { verdict, ...exact } = alarmsIn(pairs)
  t.ok(verdict <= 0.05, `${verdict}`)
  // These are off in one of twenty, not at most: what 2,100 pairs show is that within three standard errors.
  for (const [of, rate] of Object.entries(exact)) t.ok(Math.abs(rate - 0.05) <= 0.0143, `${of}: ${rate}`)
})

test('the interval of a quantile holds it as often as it says', async (t) => {
  const { uniform } = seededEntropy(11)
  const draw = drawing(logNormal(1_000, 0.6), uniform)
  for (const [q, z] of [
    [0.5, 0],
    [0.75, 0.674489750196082],
    [0.95, 1.64485362695147],
  ] as const) {
    const exact = 1_000 * Math.exp(0.6 * z)
    const intervals = Array.from({ length: 500 }, () => {
      const sample = drawn(200, draw)
      return compareSamples(sample, sample, { ...once, q }).a.ci ?? [Number.NaN, Number.NaN]
    })
    const holding = intervals.filter(([lo, hi]) => lo <= exact && exact <= hi).length / intervals.length
    t.ok(holding >= 0.95, `${q}: ${holding}`)
  }
})

test('of weights as unequal as 1 and 10 the number counts that is as good', async (t) => {
  const { uniform } = seededEntropy(12)
  const draw = drawing(logNormal(1_000, 0.6), uniform)
  const weighted = () => {
    const [light, heavy] = [400 + Math.floor(uniform() * 4_000), 200]
    const histogram = histogramOf(light, draw)
    mergeHistogram(histogram, histogramOf(heavy, draw, 10 * WEIGHT_UNIT))
    return sampleOf(histogram, (light + 10 * heavy) ** 2 / (light + 100 * heavy))
  }
  const pairs = Array.from({ length: 1_000 }, () => compareSamples(weighted(), weighted(), once))
  for (const [of, rate] of Object.entries(alarmsIn(pairs))) t.ok(rate <= 0.06, `${of}: ${rate}`)
})

test('a tenth slower is found among twenty thousand, nineteen times of twenty, and so is a tenth faster', async (t) => {
  const { uniform } = seededEntropy(13)
  const [base, slower] = [1_000, 1_100].map((median) => drawing(logNormal(median, 0.6), uniform))
  const found = { slower: 0, faster: 0 }
  const PAIRS = 100
  for (let i = 0; i < PAIRS; i++) {
    const [one, other] = [drawn(20_000, Object(slower)), drawn(20_000, Object(base))]
    if (compareSamples(one, other, once).verdict === 'slower') found.slower++
    if (compareSamples(other, one, once).verdict === 'faster') found.faster++
  }
  t.ok(found.slower >= 0.95 * PAIRS, `${found.slower} of ${PAIRS}`)
  t.ok(found.faster >= 0.95 * PAIRS, `${found.faster} of ${PAIRS}`)
})

test('who looks again and again while more is measured is told to differ no more often', async (t) => {
  const { uniform } = seededEntropy(14)
  const draw = drawing(logNormal(1_000, 0.6), uniform)
  const LOOKS = 18
  /** Alarms at any look of two that grow, one three times as fast as the other. */
  const alarms = Array.from({ length: 300 }, () => {
    const [a, b] = [emptyHistogram(), emptyHistogram()]
    let n = 0
    const comparisons = Array.from({ length: LOOKS }, () => {
      const more = Math.ceil(20 + n / 4)
      n += more
      mergeHistogram(a, histogramOf(more, draw))
      mergeHistogram(b, histogramOf(3 * more, draw))
      const samples = [sampleOf(a, n), sampleOf(b, 3 * n)] as const
      return [false, true].map((sequential) => compareSamples(...samples, { ...once, sequential }))
    })
    const ever = (kind: number) => alarmsIn(comparisons.flatMap((both) => both[kind] ?? []))
    return { once: ever(0), always: ever(1) }
  })
  const share = (rings: (of: (typeof alarms)[number]) => number) =>
    alarms.filter((of) => rings(of) > 0).length / alarms.length
  for (const what of ['verdict', 'shareDiff', 'shape'] as const)
    t.ok(share(({ always }) => always[what]) <= 0.05, `${what}: ${share(({ always }) => always[what])}`)
  t.ok(share((of) => of.once.shape) > 0.1, 'as each look by itself would be')
})
