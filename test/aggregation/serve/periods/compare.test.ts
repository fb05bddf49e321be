import fc from 'fast-check'
import { test } from 'tap'
import type { Static } from 'typebox'
import { RELATIVE_ERROR } from '../../../../src/aggregation/rollup/model/measure.ts'
import type { ComparisonAnswer } from '../../../../src/aggregation/serve/api/period-answers.ts'
import type { CompareQuery } from '../../../../src/aggregation/serve/periods/compare.ts'
import type { QueryContext } from '../../../../src/aggregation/serve/query-port.ts'
import {
  all,
  allThere,
  HOUR,
  noon,
  QUARTER,
  quarterly,
  queriesHere,
} from '../../../fakes/aggregation/queries.ts'
import { committed, memoryStore, rollupRow } from '../../../fakes/aggregation/store.ts'
import { fakeClock } from '../../../fakes/clock.ts'

const DAY = 24 * HOUR
const now = { set: 'app', values: [], fromMs: noon - HOUR, toMs: noon }
const yesterday = { set: 'app', values: [], fromMs: noon - DAY - HOUR, toMs: noon - DAY }
const asked: CompareQuery = {
  ...{ app: 'shop', metric: 'browser.web_vital.lcp', a: now, b: yesterday },
  ...{ q: 0.75, at: undefined, sequential: false },
}

function queriesOver(definitions = [quarterly]) {
  const store = memoryStore()
  const queries = queriesHere({ store, definitions, clock: fakeClock(noon) })
  const compare = async (its: Partial<CompareQuery> = {}, asking: QueryContext = all) =>
    JSON.parse((await queries.compare({ ...asked, ...its }, asking)).text) as Static<typeof ComparisonAnswer>
  return { store, queries, compare }
}

/** So many values, each a thousandth larger than the one before. */
const spread = (from: number, many: number) => Array.from({ length: many }, (_, i) => from * 1.001 ** i)

test('two ranges, and what one says of the other', async (t) => {
  const { store, compare, queries } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, spread(2_200, 300))])
  await store.fill(committed(noon - QUARTER), [rollupRow({}, spread(2_200, 300), 2)])
  await store.fill(committed(noon - DAY - HOUR), [rollupRow({}, spread(2_000, 500))])
  const answer = await compare()
  t.same(Object.keys(answer), [
    ...['grain', 'scale', 'relError', 'completeness', 'dataGen', 'unit', 'thresholds', 'at', 'a', 'b'],
    ...['ratio', 'ratioCi', 'shareDiff', 'shape', 'verdict', 'alpha'],
  ])
  t.match(answer, {
    ...{ grain: '15m', scale: 5, relError: RELATIVE_ERROR, unit: 'ms', at: 2_500, alpha: 0.05 },
    completeness: { windows: 3, missing: 5, partial: 0, lateRows: 0, rejected: 0 },
    a: { from: noon - HOUR, to: noon, n: 900, nEff: 540 },
    b: { from: noon - DAY - HOUR, to: noon - DAY, n: 500, nEff: 500 },
    thresholds: { good: 2_500, poor: 4_000 },
    notices: undefined,
  })
  t.same(Object.keys(answer.a), ['from', 'to', 'n', 'nEff', 'q', 'ci', 'share'])
  const series = async ({ fromMs, toMs }: typeof now) =>
    JSON.parse(
      (
        await queries.series(
          { ...asked, ...now, fromMs, toMs, step: undefined, timeZone: 'UTC', quantiles: [0.75] },
          all,
        )
      ).text,
    ).total
  t.equal(answer.a.q, (await series(now)).q['0.75'])
  t.equal(answer.b.share, (await series(yesterday)).shares.good)
  t.equal(answer.ratio, Number(answer.a.q) / Number(answer.b.q))
  t.equal(answer.shareDiff?.diff, Number(answer.a.share) - Number(answer.b.share))
})

test('values of a set beside others, or beside all, of the same range', async (t) => {
  const { store, compare } = queriesOver()
  const route = (value: string, ms: number) => rollupRow({ set: 'route', value }, spread(ms, 200))
  await store.fill(committed(noon - HOUR), [
    rollupRow({}, spread(500, 600)),
    ...[route('/cart', 500), route('/home', 250), route('/pay', 700)],
  ])
  const of = (...values: string[]) => ({ ...now, set: 'route', values })
  t.match(await compare({ a: of('/cart'), b: of('/home') }), { verdict: 'slower', a: { n: 200 } })
  t.match(await compare({ a: of('/home'), b: of('/cart', '/pay') }), { verdict: 'faster', b: { n: 400 } })
  t.match(await compare({ a: of('/pay', '/home', '/pay'), b: now }), { a: { n: 400 }, b: { n: 600 } })
})

test('shares are of the value that is asked for, else of the good threshold, else there are none', async (t) => {
  const { store, compare } = queriesOver()
  for (const fromMs of [noon - HOUR, noon - DAY - HOUR])
    await store.fill(committed(fromMs), [
      rollupRow({}, [1_000, 3_000]),
      rollupRow({ metric: 'checkout' }, [1, 2, 3, 4]),
    ])
  t.match(await compare({ at: 2_000 }), { at: 2_000, a: { share: 0.5 }, shareDiff: { diff: 0, p: 1 } })
  t.match(await compare({ at: 0 }), { at: 0, a: { share: 0 } })
  t.match(await compare(), { at: 2_500, a: { share: 0.5 } })
  t.match(await compare({ metric: 'checkout' }), { at: null, a: { share: null }, shareDiff: null })
  t.match(await compare({ metric: 'checkout', at: 2 }), { at: 2, a: { share: 0.5 } })
})

test('of too few nothing is sure, and of none nothing is known', async (t) => {
  const { store, compare } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, [1_000, 2_000, 3_000])])
  const nothing = { n: 0, nEff: 0, q: null, ci: null, share: null }
  const unknown = { ratio: null, ratioCi: null, shareDiff: null, shape: null, verdict: 'no evidence' }
  t.match(await compare(), { a: { n: 3, ci: [0, null] }, b: nothing, ...unknown, unit: 'ms' })
  t.match(await compare({ b: now, sequential: true }), {
    ratio: 1,
    ratioCi: [0, null],
    verdict: 'no evidence',
  })
  t.match(await compare({ a: yesterday }), { a: nothing, b: nothing, ...unknown, unit: '1' })
})

test('two sides are compared in one unit, by default that of most rows of both', async (t) => {
  const { store, compare } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, [1, 2, 3]), rollupRow({ unit: 's' }, [1])])
  await store.fill(committed(noon - DAY - HOUR), [rollupRow({}, [1]), rollupRow({ unit: 's' }, [1, 2])])
  t.match(await compare(), { unit: 'ms', otherUnits: ['s'], at: 2_500, a: { n: 3 }, b: { n: 1 } })
  t.match(await compare({ unit: 's' }), { unit: 's', otherUnits: ['ms'], at: null, a: { n: 1 }, b: { n: 2 } })
  const { notices } = await compare({ unit: 'h' })
  t.match(notices, [/^a: Nothing of the metric is in this unit/, /^b: Nothing of the metric is in this unit/])
})

test('a value that is not there in the unit of the answer may be there in another', async (t) => {
  const { store, compare } = queriesOver()
  const route = { set: 'route', value: '/cart' }
  await store.fill(committed(noon - HOUR), [
    rollupRow(route, [1, 2]),
    rollupRow({ ...route, unit: 's' }, [1]),
  ])
  const { notices } = await compare({ a: { ...now, set: 'route', values: ['/crat'] } })
  t.match(notices, [/^a: The set route has no such value in this unit in this range/])
})

test('who looks again and again is told later', async (t) => {
  const { store, compare } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, spread(1_100, 600))])
  await store.fill(committed(noon - DAY - HOUR), [rollupRow({}, spread(1_000, 600))])
  const [once, always] = [await compare(), await compare({ sequential: true })]
  const width = ({ ratioCi }: typeof once) => Number(ratioCi?.[1]) - Number(ratioCi?.[0])
  t.ok(width(always) > width(once), `${width(always)} and ${width(once)}`)
  t.ok(Number(always.shape?.p) > Number(once.shape?.p))
})

const overlap =
  'a and b overlap: what is measured in both makes intervals, p and the verdict less sure than they say. Ranges that are apart do not, nor do other values of one set.'

test('an empty side says why, by its name', async (t) => {
  const { store, compare } = queriesOver()
  await store.fill(committed(noon - HOUR, { toMs: noon }), [
    rollupRow({}, [1]),
    rollupRow({ set: 'route', value: '/cart' }, [1]),
    rollupRow({ metric: 'other' }, [1]),
  ])
  const of = (side: typeof now, ...values: string[]) => ({ ...side, set: 'route', values })
  const unknown = 'The set route has no such value in this range; /query/top lists those that it has.'
  const nearly = 'The set route has no such value in this range; did you mean "/cart"?'
  for (const [rule, its, notices] of [
    ['both have rows', { b: now }, [overlap]],
    ['nothing was measured', {}, ['b: Nothing of this app is in this range.']],
    ['a value of a', { a: of(now, '/crat'), b: now }, [overlap, `a: ${nearly}`]],
    ['a value of b', { a: now, b: of(now, '/crat') }, [overlap, `b: ${nearly}`]],
    ['of both', { a: of(now, '/a'), b: of(now, '/b') }, [`a: ${unknown}`, `b: ${unknown}`]],
    ['one value of two', { a: of(now, '/crat', '/cart'), b: now }, [overlap]],
    [
      'the metric',
      { metric: 'othre', b: now },
      [
        overlap,
        ...['a', 'b'].map(
          (side) => `${side}: The metric is not among those of the app in this range; did you mean "other"?`,
        ),
      ],
    ],
  ] as const)
    t.same((await compare(its, allThere)).notices, notices, rule)
})

test('sides that have measurements in common are told to be less sure', async (t) => {
  const { store, compare } = queriesOver()
  const route = (value: string) => ({ set: 'route', values: [value] })
  const both = { set: 'route', values: ['/a', '/b'] }
  for (const { fromMs } of [now, yesterday])
    await store.fill(committed(fromMs), [
      rollupRow({}, [1, 1]),
      rollupRow({ set: 'route', value: '/a' }, [1]),
      rollupRow({ set: 'route', value: '/b' }, [1]),
      rollupRow({ set: 'country', value: 'DE' }, [1, 1]),
    ])
  const longer = { ...now, fromMs: yesterday.fromMs }
  for (const [rule, its, isTold] of [
    ['ranges apart', {}, false],
    ['one within the other', { b: longer }, true],
    ['a value and all', { a: { ...now, ...route('/a') }, b: now }, true],
    ['values of one set', { a: { ...now, ...route('/a') }, b: { ...now, ...route('/b') } }, false],
    ['some of both', { a: { ...now, ...both }, b: { ...now, ...route('/b') } }, true],
    ['of two sets', { a: { ...now, ...route('/a') }, b: { ...now, set: 'country', values: ['DE'] } }, true],
  ] as const)
    t.same((await compare(its)).notices, isTold ? [overlap] : undefined, rule)
})

test('each side is bounded as a series is, and its faults are named by its parameters', async (t) => {
  const weekly = { ...quarterly, id: 'weekly', sets: [{ name: 'weeks', dimensions: [] }] }
  const { compare } = queriesOver([quarterly, weekly])
  const values = Array.from({ length: 20 }, (_, i) => `/${i}`)
  const long = (days: number) => ({ ...now, fromMs: noon - days * DAY })
  t.match(await compare({ a: long(19_999), b: { ...long(2_999), set: 'route', values } }), { a: { n: 0 } })
  for (const [rule, its, failure] of [
    [
      'a too long',
      { a: long(20_001) },
      { code: 'query_too_large', message: /more than 20000 windows of 24h/ },
    ],
    [
      'b too long',
      { b: { ...long(3_001), set: 'route', values } },
      { message: /windows of 24h for 20 values/ },
    ],
    [
      'no such set',
      { b: { ...now, set: 'rout' } },
      { message: /^b\.set must be one of .*did you mean "route"/ },
    ],
    ['no value', { a: { ...now, set: 'route' } }, { message: /^a\.value is missing/ }],
    ['no set', { b: { ...now, values: ['/'] } }, { message: /^b\.value needs the set .* b\.set=route; / }],
    ['no rollup', { rollup: 'monthly' }, { message: 'rollup must be one of default, weekly.' }],
    ['another rollup', { rollup: 'weekly' }, { message: /^a\.set must be one of weeks/ }],
    [
      'no rollup of both',
      { b: { ...now, set: 'weeks' } },
      { message: /^b\.set must be a set of the same rollup/ },
    ],
  ] as const)
    await t.rejects(compare(its), failure, rule)
})

test('it is kept until rows of one of its sides are others', async (t) => {
  const { store, compare } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, [1])])
  await store.fill(committed(noon - DAY - HOUR), [rollupRow({}, [2])])
  const first = await compare()
  t.same(await compare(), first)
  t.equal(store.asked.series, 2)
  t.not(
    (await compare({ a: yesterday, b: now })).ratio,
    first.ratio,
    'the other way round is another question',
  )
  await store.fill(committed(noon - DAY - HOUR, { generation: 2 }), [rollupRow({}, [1])])
  const second = await compare()
  t.not(second.dataGen, first.dataGen)
  t.equal(second.ratio, 1)
})

test('a token for some apps is told no counts of all, and work that nobody waits for ends', async (t) => {
  const { store, compare } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, [1])])
  t.same(Object.keys((await compare({}, { ...all, ofAllApps: false })).completeness), [
    'windows',
    'missing',
    'partial',
  ])
  const gone = new AbortController()
  const asking = compare({ at: 1 }, { ...all, signal: gone.signal })
  gone.abort(new Error('gone'))
  await t.rejects(asking, { message: 'gone' })
})

const events = fc.array(fc.tuple(fc.double({ min: 1, max: 100, noNaN: true }), fc.constantFrom(1, 2, 10)), {
  minLength: 1,
  maxLength: 80,
})
type Events = readonly (readonly [value: number, weight: number])[]

const sum = (of: readonly number[]) => of.reduce((x, y) => x + y, 0)
const nOf = (of: Events) => sum(of.map(([, weight]) => weight))
const upTo = (of: Events, at: number) => nOf(of.filter(([value]) => value <= at))

/** The first value that has so many of nEff at or below it. */
const ranked = (of: Events, nEff: number, rank: number): number | undefined =>
  of
    .map(([value]) => value)
    .sort((a, b) => a - b)
    .find((value) => (upTo(of, value) / nOf(of)) * nEff >= rank - 1e-9)

/** Each weight in a window of its own. */
async function filled(store: ReturnType<typeof memoryStore>, fromMs: number, of: Events) {
  for (const [i, weight] of [1, 2, 10].entries()) {
    const values = of.flatMap(([value, its]) => (its === weight ? [value] : []))
    if (values.length > 0) await store.fill(committed(fromMs + i * QUARTER), [rollupRow({}, values, weight)])
  }
}

const GRAIN = 2 ** (1 / 32)

/** What is wrong with one side that was told, by its events alone; buckets leave a factor of GRAIN open. */
function faultsOf(told: Static<typeof ComparisonAnswer>['a'], of: Events): readonly string[] {
  const [n, nEff] = [nOf(of), told.nEff]
  const spread = 1.959964 * Math.sqrt(nEff * 0.75 * 0.25)
  const [first, last] = [Math.floor(0.75 * nEff - spread), Math.ceil(0.75 * nEff + spread) + 1]
  const [from, to] = [ranked(of, nEff, first), ranked(of, nEff, last)].map(Number)
  const [lo, hi, q] = [Number(told.ci?.[0]), told.ci?.[1] ?? Number.POSITIVE_INFINITY, Number(told.q)]
  const rules = {
    n: told.n === n,
    nEff: Math.abs(nEff - n ** 2 / sum(of.map(([, weight]) => weight ** 2))) < 0.001,
    'a threshold on the border of buckets': Math.abs(Number(told.share) - upTo(of, 32) / n) < 1e-9,
    lo: first < 1 ? lo === 0 : lo <= Number(from) + 1e-6 && lo * GRAIN >= Math.min(Number(from), q) - 1e-3,
    hi: last > nEff ? hi > 1e9 : hi >= Number(to) - 1e-6 && hi <= Math.max(Number(to), q) * GRAIN + 1e-3,
    q: lo <= q && q <= hi,
  }
  return Object.entries(rules).flatMap(([rule, holds]) => (holds ? [] : [rule]))
}

test('what is told is what the events themselves say, but for their buckets', async (t) => {
  await fc.assert(
    fc.asyncProperty(events, events, async (ofA, ofB) => {
      const { store, compare } = queriesOver()
      await filled(store, noon - HOUR, ofA)
      await filled(store, noon - DAY - HOUR, ofB)
      const answer = await compare({ at: 32 })
      t.same([faultsOf(answer.a, ofA), faultsOf(answer.b, ofB)], [[], []])
      const pairs = ofA.flatMap(([a, w]) => ofB.map(([b, v]) => ({ ratio: a / b, weight: w * v })))
      const weigh = (some: typeof pairs) => sum(some.map(({ weight }) => weight)) / (nOf(ofA) * nOf(ofB))
      const ties = pairs.filter(({ ratio }) => ratio < GRAIN && ratio > 1 / GRAIN)
      const [wins, open] = [weigh(pairs.filter(({ ratio }) => ratio > 1)), weigh(ties)]
      t.ok(Math.abs(Number(answer.shape?.auc) - wins) <= open + 1e-9, 'pair by pair')
    }),
    { numRuns: 100 },
  )
})
