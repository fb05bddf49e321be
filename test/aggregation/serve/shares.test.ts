import fc from 'fast-check'
import { test } from 'tap'
import { bucketOf } from '../../../src/aggregation/rollup/model/measure.ts'
import { thresholdsOf } from '../../../src/aggregation/rollup/model/thresholds.ts'
import { addRow, emptyAggregate, sharesOf } from '../../../src/aggregation/serve/tally/tally.ts'
import {
  all,
  HOUR,
  lastHour,
  noon,
  QUARTER,
  quarterly,
  queriesHere,
} from '../../fakes/aggregation/queries.ts'
import { committed, memoryStore, rollupRow } from '../../fakes/aggregation/store.ts'
import { fakeClock } from '../../fakes/clock.ts'

function tallyOf(values: readonly number[], weight = 1) {
  const tally = emptyAggregate()
  addRow(tally, rollupRow({}, values, weight))
  return tally
}

/** How much of the bucket (2^(1/32·(b−1)), 2^(1/32·b)] lies below, by the definition. */
function below(threshold: number, bucket: number) {
  const [lower, upper] = [2 ** ((bucket - 1) / 32), 2 ** (bucket / 32)]
  return (Math.log(threshold) - Math.log(lower)) / (Math.log(upper) - Math.log(lower))
}

test('shares are what lies up to each threshold, the bucket around it split by logarithms', async (t) => {
  const thresholds = { good: 100, poor: 200 }
  const [aroundGood, aroundPoor] = [below(100, 213), below(200, 245)]
  for (const [rule, values, good, needs, poor] of [
    ['all good', [1, 2, 99, 100], 1, 0, 0],
    ['the largest is the threshold', [100, 100], 1, 0, 0],
    ['all poor', [201, 9_000], 0, 0, 1],
    ['all between, in the buckets of both', [100.5, 150, 199.9], 0, 1, 0],
    ['zero is below', [0, 1e-7, 300, 300], 0.5, 0, 0.5],
    ['one in each', [50, 150, 250], 1 / 3, 1 / 3, 1 / 3],
    ['in the bucket of the first', [50, 99.5, 300, 300], (1 + aroundGood) / 4, (1 - aroundGood) / 4, 0.5],
    ['in that of the second', [50, 199.5, 300, 300], 1 / 4, aroundPoor / 4, (3 - aroundPoor) / 4],
  ] as const) {
    const shares = sharesOf(tallyOf(values), thresholds)
    for (const [name, exact] of Object.entries({ good, needs, poor }))
      t.ok(Math.abs(Object(shares)[name] - exact) < 1e-9, `${rule}: ${name}`)
  }
  t.same(sharesOf(tallyOf([0, 5]), { good: 0, poor: 1 }), { good: 0.5, needs: 0, poor: 0.5 }, 'up to zero')
  t.same(
    sharesOf(tallyOf([2, 2.01]), { good: 2, poor: 2.02 }),
    { good: 0.5, needs: 0.5, poor: 0 },
    'a border',
  )
  const [first, second] = [below(100, 213), below(100.5, 213)]
  const one = sharesOf(tallyOf([50, 100.2, 300]), { good: 100, poor: 100.5 })
  for (const [name, exact] of Object.entries({
    good: (1 + first) / 3,
    needs: (second - first) / 3,
    poor: (2 - second) / 3,
  }))
    t.ok(Math.abs(Object(one)[name] - exact) < 1e-9, `two thresholds in one bucket: ${name}`)
})

const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 })
const two = fc
  .tuple(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), fc.double({ min: 1e-3, max: 1e6, noNaN: true }))
  .map(([a, b]) => ({ good: Math.min(a, b), poor: Math.max(a, b) }))

test('shares are 1 together, none is negative, and each is right but for what lies around its threshold', async () => {
  fc.assert(
    fc.property(values, two, fc.integer({ min: 1, max: 5_000 }), (of, thresholds, weight) => {
      const { good, needs, poor } = sharesOf(tallyOf(of, weight / 1_000), thresholds)
      if (Math.min(good, needs, poor) < 0 || Math.abs(good + needs + poor - 1) > 1e-12) return false
      for (const [told, threshold] of [
        [good, thresholds.good],
        [good + needs, thresholds.poor],
      ] as const) {
        const exact = of.filter((value) => value <= threshold).length / of.length
        const around = of.filter((value) => bucketOf(value) === bucketOf(threshold)).length
        // Values are kept to a millionth, so one of them may seem to be the least or the largest.
        if (Math.abs(told - exact) > around / of.length + 1e-9) return false
      }
      return true
    }),
  )
})

function queriesOver() {
  const store = memoryStore()
  const queries = queriesHere({
    store,
    definitions: [quarterly],
    clock: fakeClock(noon),
    thresholds: thresholdsOf([{ metric: 'checkout', good: 10, poor: 20 }]),
  })
  return { store, queries }
}

test('a series tells shares of metrics with thresholds, those of web vitals and those configured', async (t) => {
  const { store, queries } = queriesOver()
  await store.fill(committed(noon - 2 * QUARTER), [
    rollupRow({}, [1_000, 9_000]),
    rollupRow({ metric: 'checkout' }, [1, 15, 15, 30]),
    rollupRow({ metric: 'constructor' }, [1]),
  ])
  await store.fill(committed(noon - QUARTER), [rollupRow({}, [3_000, 3_000])])
  const series = async (metric: string) =>
    JSON.parse((await queries.series({ ...lastHour, metric, quantiles: [0.75] }, all)).text)
  const { points, total } = await series('browser.web_vital.lcp')
  t.same(
    [...points, total].map(({ shares }) => shares),
    [
      { good: 0.5, needs: 0, poor: 0.5 },
      { good: 0, needs: 1, poor: 0 },
      { good: 0.25, needs: 0.5, poor: 0.25 },
    ],
  )
  t.same((await series('checkout')).total.shares, { good: 0.25, needs: 0.5, poor: 0.25 })
  t.equal('shares' in (await series('constructor')).total, false)
  const own = thresholdsOf([{ metric: 'browser.web_vital.lcp', good: 1, poor: 2 }])
  t.same(own.get('browser.web_vital.lcp'), { good: 1, poor: 2 }, 'what is configured goes first')
})

test('numbers in another unit than the thresholds are not divided by them', async (t) => {
  const { store, queries } = queriesOver()
  await store.fill(committed(noon - QUARTER), [
    rollupRow({ unit: 's' }, [1, 2, 3]),
    rollupRow({ unit: 'ms' }, [1_000, 9_000]),
    rollupRow({ metric: 'checkout', unit: 'ms' }, [1]),
    rollupRow({ metric: 'checkout', unit: 'By' }, [1, 15]),
  ])
  for (const [metric, unit, is] of [
    ['browser.web_vital.lcp', undefined, false],
    ['browser.web_vital.lcp', 's', false],
    ['browser.web_vital.lcp', 'ms', true],
    ['browser.web_vital.lcp', 'h', false],
    ['checkout', undefined, true],
    ['checkout', 'By', true],
    ['checkout', 'ms', false],
  ] as const) {
    const answer = JSON.parse(
      (await queries.series({ ...lastHour, metric, unit, quantiles: [0.75] }, all)).text,
    )
    t.equal('thresholds' in answer, is, `${metric} ${unit}`)
    t.equal('shares' in (answer.total ?? {}), is, `${metric} ${unit}`)
  }
})

test('an answer has the thresholds of its metric, also where nothing was measured', async (t) => {
  const { queries } = queriesOver()
  const ranked = { set: 'route', quantiles: [0.75], by: 'q', limit: 1, minN: 1 } as const
  for (const [metric, thresholds] of [
    ['browser.web_vital.lcp', { good: 2_500, poor: 4_000 }],
    ['checkout', { good: 10, poor: 20 }],
    ['constructor', undefined],
  ] as const) {
    const query = { ...lastHour, metric }
    for (const { text } of [
      await queries.series({ ...query, quantiles: [0.75] }, all),
      await queries.top({ ...query, ...ranked }, all),
      await queries.histogram({ ...query, format: 'json' }, all),
      await queries.histogram({ ...query, format: 'json', step: HOUR }, all),
    ])
      t.same(JSON.parse(text).thresholds, thresholds, metric)
  }
})
