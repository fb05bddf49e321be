import fc from 'fast-check'
import { test } from 'tap'
import type { Static } from 'typebox'
import { RELATIVE_ERROR } from '../../../src/aggregation/rollup/model/measure.ts'
import type { HistogramAnswer, StepsAnswer } from '../../../src/aggregation/serve/api/query-answers.ts'
import { computeSteps, type HistogramQuery } from '../../../src/aggregation/serve/histogram.ts'
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

const whole: HistogramQuery = { ...lastHour, format: 'json' }

function queriesOver() {
  const store = memoryStore()
  const queries = queriesHere({ store, definitions: [quarterly], clock: fakeClock(noon) })
  const ask = async (its: Partial<HistogramQuery> = {}, asking = all) =>
    JSON.parse((await queries.histogram({ ...whole, ...its }, asking)).text)
  const histogram = (its: Partial<HistogramQuery> = {}): Promise<Static<typeof HistogramAnswer>> => ask(its)
  const steps = (its: Partial<HistogramQuery>): Promise<Static<typeof StepsAnswer>> => ask(its)
  return { store, queries, ask, histogram, steps }
}

/** By the definition alone: how many of the values lie in (lower, upper]. */
const within = (values: readonly number[], lower: number, upper: number) =>
  values.filter((value) => value > lower && value <= upper).length

test('the buckets of a range hold what was measured, counted by their bounds', async (t) => {
  const { store, histogram } = queriesOver()
  const [before, after] = [
    [0, 1e-7, 0.5, 1, 1.01, 2, 100, 100],
    [100, 250.25, 3_999.999, 1e12],
  ]
  await store.fill(committed(noon - HOUR), [rollupRow({}, before)])
  await store.fill(committed(noon - QUARTER), [rollupRow({}, after)])
  const answer = await histogram({ fromMs: noon - HOUR + 5, toMs: noon - 5 })
  t.match(answer, {
    ...{ from: noon - HOUR, to: noon, grain: '15m', scale: 5, relError: RELATIVE_ERROR, unit: 'ms' },
    completeness: { windows: 2, missing: 2, partial: 0, lateRows: 0, rejected: 0 },
    ...{ zero: 2, n: 12, rows: 12, min: 0, max: 1e12 },
  })
  t.match(answer.dataGen, /^[0-9a-f]{16}$/)
  t.same(
    answer.buckets.map(([index, , , n]) => [index, n]),
    [
      [-32, 1],
      [0, 1],
      [1, 1],
      [32, 1],
      [213, 3],
      [255, 1],
      [383, 1],
      [1276, 1],
    ],
  )
  const values = [...before, ...after]
  for (const [index, lower, upper, n] of answer.buckets) {
    t.equal(n, within(values, Number(lower), Number(upper)), `${index}`)
    t.equal(upper, 2 ** (Number(index) / 32))
    t.equal(lower, 2 ** ((Number(index) - 1) / 32))
  }
  t.ok(Math.abs(answer.sum - 1_000_000_004_554.759) < 0.001, 'to the last digit or so of a double')
})

test('weights count as copies, fractions of copies included', async (t) => {
  const { store, histogram } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, [1, 1, 2], 2.5)])
  t.match(await histogram(), { n: 7.5, rows: 3, sum: 10, zero: 0, min: 1, max: 2 })
  const { buckets } = await histogram()
  t.same(
    buckets.map(([index, , , n]) => [index, n]),
    [
      [0, 5],
      [32, 2.5],
    ],
  )
})

test('where nothing was measured there is no bucket, and no least', async (t) => {
  const { store, ask, histogram, steps } = queriesOver()
  const nothing = { unit: '1', zero: 0, buckets: [], n: 0, rows: 0, sum: 0, min: null, max: null }
  t.match(await histogram(), nothing)
  t.same((await steps({ step: HOUR })).steps, [])
  t.match(await ask({ format: 'otel' }), { count: '0', positive: { bucketCounts: [] } })
  await store.fill(committed(noon - HOUR), [rollupRow({}, [0])])
  t.match(await histogram(), { zero: 1, buckets: [], n: 1, min: 0, max: 0, notices: undefined })
})

test('a heat map has a histogram for each step with data', async (t) => {
  const { store, steps } = queriesOver()
  await store.fill(committed(noon - 5 * HOUR), [rollupRow({}, [1, 2])])
  await store.fill(committed(noon - 5 * HOUR + QUARTER), [rollupRow({}, [2, 0])])
  await store.fill(committed(noon - HOUR), [rollupRow({}, [4])])
  const range = { fromMs: noon - 5 * HOUR, toMs: noon }
  const answer = await steps({ ...range, step: HOUR })
  t.match(answer, { step: '1h', unit: 'ms', from: noon - 5 * HOUR, to: noon, grain: '15m', scale: 5 })
  t.same(answer.steps, [
    {
      t: noon - 5 * HOUR,
      zero: 1,
      buckets: [
        [0, 1],
        [32, 2],
      ],
    },
    { t: noon - HOUR, zero: 0, buckets: [[64, 1]] },
  ])
  const days = await steps({ ...range, step: 'day', timeZone: 'Asia/Kathmandu' })
  t.match(days, { step: '1d', steps: [{ t: Date.UTC(2026, 10, 21, 18, 15), zero: 1 }] })
})

test('steps hold so many buckets and no more', async (t) => {
  const { store } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, [1, 2])])
  await store.fill(committed(noon - QUARTER), [rollupRow({}, [3, 4])])
  const windows = [noon - HOUR, noon - QUARTER].map((fromMs) => ({ fromMs, toMs: fromMs + QUARTER }))
  const asked = { ...whole, unit: 'ms', values: [''], rollup: 'default' }
  const work = { steps: windows, signal: all.signal }
  t.match(JSON.parse((await computeSteps(store, asked, { ...work, maxBuckets: 4 })).text), {
    steps: { length: 2 },
  })
  await t.rejects(computeSteps(store, asked, { ...work, maxBuckets: 3 }), {
    code: 'query_too_large',
    message: 'The steps hold more than 3 buckets; ask for longer steps, or for a shorter range.',
  })
})

test('the bounds of a range are those of a series', async (t) => {
  const { ask } = queriesOver()
  const values = Array.from({ length: 20 }, (_, i) => `/${i}`)
  const DAY = 24 * HOUR
  t.match(await ask({ set: 'route', values, fromMs: noon - 31 * DAY }), { n: 0 })
  for (const [its, message] of [
    [
      { set: 'route', values, fromMs: noon - 32 * DAY, step: 3 * QUARTER },
      'The range covers more than 3000 windows of 15m for 20 values; ask for at most 31 days.',
    ],
    [
      { fromMs: noon - 300 * DAY, step: 6 * QUARTER },
      'The range covers more than 20000 windows of 15m; ask for at most 208 days.',
    ],
    [
      { fromMs: noon - 40 * DAY, step: QUARTER },
      'The range covers more than 2998 steps; ask for at most 31 days.',
    ],
  ] as const)
    await t.rejects(ask(its), { code: 'query_too_large', message })
})

test('each form is kept in the cache under its own name, until the rows are others', async (t) => {
  const { store, ask } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, [1])])
  const questions = [{}, { format: 'otel' }, { format: 'prometheus' }, { step: HOUR }] as const
  const first = []
  for (const its of questions) first.push(await ask(its))
  t.equal(store.asked.series, 4)
  for (const [i, its] of questions.entries()) t.same(await ask(its), first[i])
  t.equal(store.asked.series, 4)
  await store.fill(committed(noon - HOUR, { generation: 2 }), [rollupRow({}, [1, 1])])
  t.match(await ask({ format: 'otel' }), { count: '2', startTimeUnixNano: `${noon - HOUR}000000` })
  await t.rejects(ask({ format: 'otel', step: HOUR }), {
    code: 'invalid_request',
    message: 'format must be json beside step.',
  })
})

test('work that nobody waits for any more ends', async (t) => {
  const { store, ask } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, [1])])
  const gone = new AbortController()
  const first = ask({}, { ...all, signal: gone.signal })
  gone.abort(new Error('gone'))
  await t.rejects(first, { message: 'gone' })
})

const window = fc.tuple(
  fc.array(fc.double({ min: 0, max: 1e12, noNaN: true }), { minLength: 1, maxLength: 40 }),
  fc.integer({ min: 1, max: 20_000 }).map((thousandths) => thousandths / 1_000),
)

test('zero and buckets together are n, which is that of the series; so are those of all steps', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(window, { minLength: 1, maxLength: 4 }), async (windows) => {
      const { store, queries, histogram, steps } = queriesOver()
      for (const [i, [values, weight]] of windows.entries())
        await store.fill(committed(noon - (i + 1) * QUARTER), [rollupRow({}, values, weight)])
      const { total } = JSON.parse((await queries.series({ ...whole, quantiles: [0.5] }, all)).text)
      const one = await histogram()
      // In thousandths, where sums are exact.
      const weigh = (n: number | undefined) => Math.round(Number(n) * 1_000)
      const sum = one.buckets.reduce((all, [, , , n]) => all + weigh(n), weigh(one.zero))
      t.equal(sum, weigh(one.n))
      t.same([one.n, one.min, one.max], [total.n, total.min, total.max])
      t.ok(Math.abs(one.sum / one.n - total.avg) <= 1e-12 * total.avg, 'and the mean is that of the sum')
      const { steps: each } = await steps({ step: QUARTER })
      t.equal(each.length, windows.length)
      const merged = new Map<number, number>()
      for (const [index, n] of each.flatMap(({ buckets }) => buckets))
        merged.set(Number(index), (merged.get(Number(index)) ?? 0) + weigh(n))
      t.same(
        [...merged].sort(([a], [b]) => a - b),
        one.buckets.map(([index, , , n]) => [index, weigh(n)]),
      )
      t.equal(
        each.reduce((all, { zero }) => all + weigh(zero), 0),
        weigh(one.zero),
      )
    }),
    { numRuns: 60 },
  )
})
