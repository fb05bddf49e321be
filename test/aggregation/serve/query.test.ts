import { test } from 'tap'
import type { Static } from 'typebox'
import {
  DEFAULT_SETS,
  keptDefinition,
  type RollupDefinition,
} from '../../../src/aggregation/rollup/model/definition.ts'
import { RELATIVE_ERROR } from '../../../src/aggregation/rollup/model/measure.ts'
import type { SeriesAnswer, TopAnswer } from '../../../src/aggregation/serve/api/query-answers.ts'
import type { HistogramQuery } from '../../../src/aggregation/serve/histogram.ts'
import type { QueryContext } from '../../../src/aggregation/serve/query-port.ts'
import {
  computeRanking,
  MAX_RANKED_WINDOWS,
  type RankingQuery,
} from '../../../src/aggregation/serve/ranking.ts'
import { defaultStep, type SeriesQuery } from '../../../src/aggregation/serve/series.ts'
import {
  all,
  allThere,
  HOUR,
  lastHour,
  noon,
  QUARTER,
  quarterly,
  queriesHere,
} from '../../fakes/aggregation/queries.ts'
import { committed, memoryStore, rollupRow } from '../../fakes/aggregation/store.ts'
import { fakeClock } from '../../fakes/clock.ts'

const MINUTE = 60_000

const hourly: RollupDefinition = {
  ...quarterly,
  id: 'hourly',
  grainMs: HOUR,
  sets: [{ name: 'stage', dimensions: ['environment'] }],
}

function queriesOver(definitions: readonly RollupDefinition[] = [quarterly, hourly]) {
  const store = memoryStore()
  const clock = fakeClock(noon)
  const queries = queriesHere({ store, definitions, clock })
  const series = async (
    its: Partial<SeriesQuery> = {},
    asking = all,
  ): Promise<Static<typeof SeriesAnswer>> => {
    const query = { ...lastHour, quantiles: [0.5, 0.75], ...its }
    return JSON.parse((await queries.series(query, asking)).text)
  }
  const top = async (its: Partial<RankingQuery> = {}, asking = all): Promise<Static<typeof TopAnswer>> => {
    const ranked = { set: 'route', quantiles: [0.75], by: 'q' as const, limit: 20, minN: 1 }
    const { app, metric, fromMs, toMs } = lastHour
    return JSON.parse((await queries.top({ app, metric, fromMs, toMs, ...ranked, ...its }, asking)).text)
  }
  return { store, clock, queries, series, top }
}

const near = (actual: number | undefined, exact: number) =>
  actual !== undefined && Math.abs(actual - exact) <= exact * RELATIVE_ERROR

/** 1, 2, … n, times `unit`. */
const ramp = (n: number, unit = 100) => Array.from({ length: n }, (_, i) => (i + 1) * unit)

test('a point for each step with data, and one for the whole range from the same histograms', async (t) => {
  const { store, series } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, ramp(40))])
  await store.fill(committed(noon - QUARTER), [rollupRow({}, ramp(60, 10))])

  const answer = await series()
  t.match(answer, {
    step: '15m',
    grain: '15m',
    scale: 5,
    relError: RELATIVE_ERROR,
    unit: 'ms',
    from: noon - HOUR,
    to: noon,
    points: [
      { t: noon - HOUR, n: 40, avg: 2050, min: 100, max: 4000 },
      { t: noon - QUARTER, n: 60, avg: 305, min: 10, max: 600 },
    ],
    total: { t: noon - HOUR, n: 100, avg: 1003, min: 10, max: 4000 },
  })
  const [first, second] = answer.points
  t.equal(near(first?.q['0.5'], 2000), true, 'x[19] of 40')
  t.equal(near(first?.q['0.75'], 3000), true, 'x[29] of 40')
  t.equal(near(second?.q['0.75'], 450), true, 'x[44] of 60')
  const both = [...ramp(40), ...ramp(60, 10)].sort((a, b) => a - b)
  t.equal(
    near(answer.total?.q['0.75'], both[74]!),
    true,
    'x[74] of all 100, which no average of percentiles can tell',
  )
})

test('ranges are aligned outward to the step, so that those who ask within a step share an answer', async (t) => {
  const { store, series } = queriesOver()
  for (let i = 1; i <= 8; i++) await store.fill(committed(noon - i * QUARTER), [rollupRow({}, ramp(20))])
  const first = await series({ fromMs: noon - HOUR + 1, toMs: noon - 5 })
  t.match(first, { from: noon - HOUR, to: noon, points: { length: 4 } })
  const second = await series({ fromMs: noon - HOUR + 7, toMs: noon - 3 })
  t.same(second, first)
  t.equal(store.asked.series, 1)

  const hours = await series({ fromMs: noon - HOUR - 1, toMs: noon, step: HOUR })
  t.same(
    hours.points.map(({ t: at, n }) => [at, n]),
    [
      [noon - 2 * HOUR, 80],
      [noon - HOUR, 80],
    ],
  )
  t.equal(hours.step, '1h')
})

test('a new generation of a window is a new answer; until then the cache has it', async (t) => {
  const { store, series } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, ramp(20))])
  const before = await series()
  await series()
  t.equal(store.asked.series, 1)
  await store.fill(committed(noon - HOUR, { generation: 2 }), [rollupRow({}, ramp(30))])
  const after = await series()
  t.equal(after.points[0]?.n, 30)
  t.not(after.dataGen, before.dataGen)
  t.match(before.dataGen, /^[0-9a-f]{16}$/)
  t.equal(store.asked.series, 2)
})

test('what other apps have changes nothing in an answer, not even by a digest or the time that it takes', async (t) => {
  const { store, series, top } = queriesOver()
  const own = [rollupRow({}, ramp(20)), rollupRow({ set: 'route', value: '/a' }, ramp(20))]
  await store.fill(committed(noon - HOUR), own)
  await store.fill(committed(noon - QUARTER), [])
  const limited: QueryContext = { ...all, ofAllApps: false }
  for (const asking of [limited, all]) {
    const before = [await series({}, asking), await top({}, asking)]
    const computed = store.asked.series
    const others = (generation: number) => [
      rollupRow({ app: 'blog' }, ramp(10 + generation)),
      rollupRow({ metric: 'other' }, ramp(10 + generation)),
    ]
    const generation = asking === limited ? 2 : 3
    const its = { generation, late: generation, rejected: generation }
    await store.fill(committed(noon - HOUR, its), [...others(generation), ...own])
    await store.fill(committed(noon - QUARTER, its), others(generation))
    const after = [await series({}, asking), await top({}, asking)]
    if (asking === limited) t.same(after, before)
    t.same(
      after.map(({ dataGen }) => dataGen),
      before.map(({ dataGen }) => dataGen),
    )
    t.equal(store.asked.series, computed, 'from the cache')
  }
  await store.fill(committed(noon - QUARTER, { generation: 4 }), [rollupRow({}, ramp(1))])
  const { dataGen } = await series({}, limited)
  await store.fill(committed(noon - QUARTER, { generation: 5 }), [rollupRow({}, ramp(2))])
  t.not((await series({}, limited)).dataGen, dataGen, 'its own rows do')
})

test('completeness: what is committed, overdue, partial, late and rejected', async (t) => {
  const { store, clock, series } = queriesOver()
  t.match((await series({ fromMs: noon - HOUR, toMs: noon + HOUR })).completeness, { windows: 0, missing: 3 })
  await store.fill(committed(noon - HOUR, { late: 2, rejected: 3 }), [])
  await store.fill(committed(noon, { complete: false, late: 1 }), [])
  const answer = await series({ fromMs: noon - HOUR, toMs: noon + HOUR })
  t.same(answer.completeness, { windows: 2, missing: 2, partial: 1, dirty: 0, lateRows: 3, rejected: 3 })
  clock.advance(QUARTER)
  t.equal((await series()).completeness.missing, 3, 'a window is overdue one grain after its end')
  t.equal(
    (await series({ fromMs: noon + HOUR, toMs: noon + 2 * HOUR })).completeness.missing,
    0,
    'the future is not',
  )
})

test('windows of another grain, from before a change of it, are complete for the time that they hold', async (t) => {
  const { store, clock, series } = queriesOver()
  clock.advance(QUARTER)
  const before = await series()
  await store.fill(committed(noon - HOUR, { toMs: noon }), [])
  const { completeness, dataGen } = await series()
  t.match(completeness, { windows: 1, missing: 0 })
  t.equal(dataGen, before.dataGen, 'it has no rows of the series')
  const half = noon - HOUR / 2
  t.match((await series({ fromMs: half })).completeness, { windows: 0, missing: 2 }, 'one that began before')
  t.match((await series({ toMs: half })).completeness, { windows: 1, missing: 0 }, 'one that ends after')
  await store.fill(committed(noon - 2 * HOUR, { toMs: noon - 2 * HOUR + 5 * MINUTE }), [])
  t.equal((await series({ fromMs: noon - 2 * HOUR })).completeness.missing, 4, 'a part of one is missing')
})

test('nothing measured is no point and no total', async (t) => {
  const { store, series, top } = queriesOver()
  t.match(await series(), { points: [], total: null, unit: '1' })
  t.match(await top(), { values: [], found: 0 })
  await store.fill(committed(noon - HOUR), [
    { ...rollupRow({}, [5]), n: 0n, sum: 0n, histogram: '0:0' },
    { ...rollupRow({ set: 'route', value: '/' }, [5]), n: 0n, sum: 0n, histogram: '0:0' },
  ])
  t.match(await series(), { points: [], total: null }, 'nor is a row whose weights round to nothing')
  t.match(await top(), { values: [], found: 0 })
})

test('without a list of apps none is told to be unknown; of too many windows the names are not looked up', async (t) => {
  const { store, series, top } = queriesOver()
  const nothing = { notices: ['Nothing of this app is in this range.'] }
  t.match(await series({}, allThere), nothing)
  t.match(await top({}, { ...allThere, apps: [] }), {
    notices: ['The app is neither configured nor in this range.'],
  })
  const windows = Array.from({ length: MAX_RANKED_WINDOWS + 1 }, (_, i) => noon - (i + 1) * QUARTER)
  for (const fromMs of windows) await store.fill(committed(fromMs), [])
  const long = await series({ fromMs: noon - windows.length * QUARTER })
  t.equal(long.completeness.windows, windows.length)
  t.same(long.notices, ['Nothing of this metric is in this range.'])
  t.match(await series({ fromMs: noon - (windows.length - 1) * QUARTER, step: HOUR }, allThere), nothing)
})

test('an empty answer says that windows of its range are not computed yet', async (t) => {
  const { store, series, queries } = queriesOver()
  const since = (firstEventMs: number | undefined) => ({ ...all, apps: ['shop'], firstEventMs })
  const metrics = async (asking: QueryContext) =>
    JSON.parse((await queries.metrics({ app: 'shop', fromMs: noon - HOUR, toMs: noon }, asking)).text)
  const toCome = [
    'Windows of this range are not computed, or not yet, as after a change of rollups or of their grain: what is in them is in no answer.',
  ]
  const nothing = ['Nothing of this app is in this range.']
  for (const [rule, firstEventMs, notices] of [
    ['a rollup that is new', noon - HOUR, toCome],
    ['before the first look', undefined, toCome],
    ['a lake without events', Number.POSITIVE_INFINITY, nothing],
    ['before the first event', noon, nothing],
    [
      'and in the window that is not over',
      noon - 1,
      [
        'The newest window of this range is not computed yet: the schedule does so once it is over, and POST /aggregations/run at once.',
      ],
    ],
  ] as const) {
    t.same((await series({}, since(firstEventMs))).notices, notices, rule)
    t.same((await metrics(since(firstEventMs))).notices, notices, rule)
  }
  t.same((await series({}, { ...since(noon - HOUR), apps: [] })).notices, [
    'The app is neither configured nor in this range.',
    ...toCome,
  ])
  await store.fill(committed(noon - HOUR), [rollupRow({ metric: 'other' }, [1])])
  t.same((await series({}, since(noon - HOUR))).notices, [
    'The metric is not among those of the app in this range.',
    ...toCome,
  ])
  t.notOk('notices' in (await metrics(since(noon - HOUR))), 'what is there needs no reason')
  for (const i of [1, 2, 3]) await store.fill(committed(noon - i * QUARTER), [])
  t.same((await series({ app: 'blog' }, { ...since(noon - HOUR), apps: ['blog'] })).notices, nothing)
})

test('why an answer is empty is looked for in each window once, however many there are', async (t) => {
  let reads = 0
  const windows = Array.from({ length: 500 }, (_, i) => {
    const window = committed(noon - (500 - i) * QUARTER)
    return Object.defineProperty({ ...window }, 'fromMs', {
      get() {
        reads++
        return window.fromMs
      },
    })
  })
  const there = async () => windows
  const store = { ...memoryStore(), windows: there, held: there }
  const queries = queriesHere({ store, definitions: [quarterly], clock: fakeClock(noon) })
  const asking = { ...all, firstEventMs: noon - 500 * QUARTER }
  const range = { app: 'shop', fromMs: noon - 500 * QUARTER, toMs: noon }
  const { text } = await queries.metrics({ ...range, rollup: undefined }, asking)
  t.match(JSON.parse(text).notices, ['Nothing of this app is in this range.'])
  t.ok(reads < 20 * windows.length, `${reads} reads of ${windows.length} windows`)
})

test('and that they count in a larger window until all of its time is computed', async (t) => {
  const { store, series } = queriesOver()
  await store.fill(committed(noon - HOUR, { toMs: noon }), [rollupRow({}, [1])])
  const asking = { ...all, firstEventMs: noon - HOUR }
  t.notOk('notices' in (await series({}, asking)))
  t.match((await series({ fromMs: noon - QUARTER }, asking)).notices, [
    /^Windows of this range are not computed/,
  ])
})

/** Of the set route, unless said otherwise. */
const newerSet = (of: string, set = 'route') =>
  `Computed before the set ${set} was kept of this metric, and missing in this answer: ${of} windows of this range. The schedule computes them anew, oldest first, as far as their events are still in raw/.`

test('windows from before a set was kept are missing in an answer by it, and told', async (t) => {
  const { store, queries, series, top } = queriesOver()
  const routes = { set: 'route', values: ['/a'] }
  await store.fill(committed(noon - HOUR, { late: 1, rejected: 1 }), [rollupRow({}, ramp(9))])
  const none = await series(routes, allThere)
  t.same(none.notices, [newerSet('1 of 1')])
  t.same(
    none.completeness,
    { windows: 0, missing: 3, partial: 0, dirty: 0, lateRows: 0, rejected: 0 },
    'and waited for as what was committed, though their events are no more',
  )
  await store.fill(committed(noon - 3 * QUARTER), [
    rollupRow({}, ramp(8)),
    rollupRow({ set: 'route', value: '/a' }, ramp(5)),
    rollupRow({ set: 'route', value: '/b' }, ramp(3)),
  ])
  await store.fill(committed(noon - 2 * QUARTER), [rollupRow({ metric: 'other' }, ramp(9))])
  const format = 'json' as const
  const ask = { ...lastHour, ...routes, format }
  const asked = { releases: { set: 'route', limit: 9 }, side: { ...routes, fromMs: noon - HOUR, toMs: noon } }
  const { app, metric, fromMs, toMs } = lastHour
  for (const [rule, text] of [
    ['a series', JSON.stringify(await series(routes))],
    ['a ranking', JSON.stringify(await top())],
    ['a histogram', (await queries.histogram(ask, all)).text],
    ['its steps', (await queries.histogram({ ...ask, step: QUARTER }, all)).text],
    ['releases', (await queries.releases({ app, fromMs, toMs, ...asked.releases }, all)).text],
  ] as const) {
    const { completeness, notices } = JSON.parse(text)
    t.match(completeness, { windows: 2, missing: 1, lateRows: 0 }, rule)
    t.same(notices, [newerSet('1 of 3')], rule)
  }
  const otel = await queries.histogram({ ...ask, format: 'otel' }, all)
  t.same(otel.notices, [newerSet('1 of 3')], 'beside what has no room for it')
  const sides = { a: asked.side, b: { ...asked.side, set: 'app', values: [] } }
  const compared = await queries.compare({ app, metric, q: 0.5, at: 1, sequential: false, ...sides }, all)
  const { completeness, notices } = JSON.parse(compared.text)
  t.match(completeness, { windows: 5, missing: 1 })
  t.equal(notices[1], `a: ${newerSet('1 of 3')}`)
  t.match((await series({ ...routes, values: ['/x'] })).notices, [newerSet('1 of 3'), /no such value/])
  t.notOk('notices' in (await series()), 'what has the set lacks nothing')
  t.match((await series()).completeness, { windows: 3, missing: 0, lateRows: 1 })
})

test('and so are those of which a part is from before', async (t) => {
  const { store, top } = queriesOver()
  await store.fill(committed(noon - HOUR), [
    rollupRow({}, ramp(9)),
    rollupRow({ set: 'route', value: '/a' }, ramp(5)),
    rollupRow({ unit: 's' }, [1]),
    rollupRow({ unit: 's', set: 'route', value: '/a' }, [1]),
  ])
  t.match(await top(), { completeness: { windows: 0 }, notices: [newerSet('1 of 1')], found: 1 })
})

test('windows of a set that was another are told, and not missing', async (t) => {
  const rows = [rollupRow({}, ramp(9)), rollupRow({ set: 'route', value: '/a' }, ramp(9))]
  const before = (its: Partial<RollupDefinition>) => keptDefinition({ ...quarterly, ...its })
  const byPath = quarterly.sets.map((set) =>
    set.name === 'route' ? { ...set, dimensions: ['page_route', 'country'] as const } : set,
  )
  const others = (sets: string) =>
    `Computed while ${sets} of other dimensions, or counted bots otherwise, and in this answer as they were then: 1 of 2 windows of this range. The schedule computes them anew, oldest first, as far as their events are still in raw/.`
  for (const [rule, definition, ofApp, ofRoute] of [
    ['as now', before({}), false, false],
    ['of other dimensions', before({ sets: byPath }), false, true],
    ['with bots', before({ bots: 'include' }), true, true],
    ['beside other sets', before({ sets: byPath.slice(0, 1) }), false, false],
    ['of more metrics', before({ maxMetrics: 9_999 }), false, false],
    ['nobody knows', undefined, false, false],
  ] as const) {
    const { store, series, top } = queriesOver()
    await store.fill(committed(noon - HOUR, definition && { definition }), rows)
    await store.fill(committed(noon - QUARTER, { definition: before({}) }), rows)
    const [app, route] = [await series(), await top()]
    t.match([app.completeness.windows, route.completeness.windows, route.values[0]?.n], [2, 2, 18], rule)
    t.same(app.notices, ofApp ? [others('the set app was')] : undefined, rule)
    t.same(route.notices, ofRoute ? [others('the set route was')] : undefined, rule)
  }
})

const ANEW = 'The schedule computes them anew, oldest first, as far as their events are still in raw/.'

test('windows of more or fewer values, or metrics, are told', async (t) => {
  const bounded = (its: Partial<RollupDefinition>) => ({
    definition: keptDefinition({ ...quarterly, ...its }),
  })
  const rows = [rollupRow({}, ramp(9)), rollupRow({ set: 'route', value: '/a' }, ramp(9))]
  const { store, series, top, queries } = queriesOver()
  await store.fill(committed(noon - HOUR, bounded({ maxValues: 9, maxMetrics: 1 })), [
    ...rows,
    rollupRow({ metric: '~other' }, ramp(3)),
  ])
  await store.fill(committed(noon - QUARTER, bounded({})), [
    ...rows,
    rollupRow({ metric: 'checkout' }, ramp(3)),
  ])
  const within = (set: string) =>
    `Computed while the set ${set} was kept within other bounds (maxValues, maxMetrics), and in this answer as they were then: 1 of 2 windows of this range. ${ANEW}`
  t.same((await top()).notices, [within('route')])
  t.equal((await series()).notices, undefined, 'a set without values, of a metric that both have')
  t.same((await series({ metric: '~other' })).notices, [within('app')])
  const found = await series({ metric: 'checkout' })
  t.match(found.completeness, { windows: 1, missing: 3 })
  t.same(found.notices, [
    `Computed while the set app was kept of fewer metrics (maxMetrics), and perhaps missing in this answer: 1 of 2 windows of this range. ${ANEW}`,
  ])
  const { app, fromMs, toMs } = lastHour
  const listed = JSON.parse((await queries.metrics({ app, fromMs, toMs }, allThere)).text)
  t.same(listed.notices, [
    `Computed while more or fewer metrics were kept (maxMetrics): 1 of 2 windows of this range. ${ANEW}`,
  ])
})

test('of a metric that no set was kept of, nothing is known', async (t) => {
  const vitals = { name: 'app', dimensions: [], metrics: ['browser.web_vital.*'] }
  const all = [{ ...vitals, metrics: ['browser.web_vital.*', 'checkout'] }]
  const { store, series } = queriesOver([{ ...quarterly, sets: all }])
  const of = (sets: RollupDefinition['sets']) => ({ definition: keptDefinition({ ...quarterly, sets }) })
  await store.fill(committed(noon - HOUR, of([vitals])), [rollupRow({}, ramp(9))])
  await store.fill(committed(noon - QUARTER, of(all)), [rollupRow({}, ramp(9))])
  t.match(await series({ metric: 'checkout' }), {
    completeness: { windows: 1, missing: 3 },
    notices: [newerSet('1 of 2', 'app')],
  })
  t.match(await series(), { completeness: { windows: 2 }, notices: undefined })
  const release = [{ name: 'release', dimensions: ['app_version'] as const, metrics: ['checkout'] }]
  const own = queriesOver([{ ...quarterly, sets: release }])
  await own.store.fill(committed(noon - HOUR, of(release)), [rollupRow({}, ramp(9))])
  const { app, fromMs, toMs } = lastHour
  const { text } = await own.queries.releases({ app, set: 'release', limit: 9, fromMs, toMs }, allThere)
  t.match(JSON.parse(text), {
    metric: null,
    completeness: { windows: 1 },
    notices: ['No metric of the app in this range has the set release.'],
  })
})

test('nothing is missing from before the first event, unless it was committed once', async (t) => {
  const { store, series } = queriesOver()
  const missing = async (firstEventMs: number | undefined, its: Partial<SeriesQuery> = {}) =>
    (await series(its, { ...all, firstEventMs })).completeness.missing
  t.equal(await missing(undefined), 3, 'as long as nobody knows')
  t.equal(await missing(Number.POSITIVE_INFINITY), 0, 'a lake without events')
  t.equal(await missing(noon - 3 * QUARTER + 1), 2, 'its window is waited for')
  t.equal(await missing(noon - 5 * HOUR), 3)
  t.equal(await missing(noon + HOUR), 0, 'by a clock that is ahead')
  await store.fill(committed(noon - HOUR), [])
  t.equal(await missing(noon - QUARTER), 2, 'after a window that was committed')
})

test('windows for which rows came since are told to who may read all apps', async (t) => {
  const { store, series } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, [1])])
  await store.fill(committed(noon - 2 * QUARTER), [rollupRow({}, [1])])
  const dirty = async (starts: readonly number[], its: Partial<QueryContext> = {}) => {
    const lackingRows = new Map([['default', Float64Array.from(starts)]])
    return (await series({}, { ...allThere, lackingRows, ...its })).completeness.dirty
  }
  t.equal(await dirty([]), 0)
  t.equal(await dirty([noon - HOUR, noon - QUARTER]), 1, 'one that is not committed is missing')
  t.equal(await dirty([noon - HOUR, noon - 2 * QUARTER]), 2)
  t.equal(await dirty([noon - HOUR], { lackingRows: new Map() }), 0, 'of a rollup that nobody looked at')
  t.equal(await dirty([noon - HOUR], { ofAllApps: false }), undefined)
  await store.fill(committed(noon - 2 * HOUR, { toMs: noon - HOUR }), [rollupRow({}, [1])])
  const larger = await series(
    { fromMs: noon - 2 * HOUR },
    { ...allThere, lackingRows: new Map([['default', Float64Array.of(noon - HOUR - QUARTER)]]) },
  )
  t.equal(larger.completeness.dirty, 1, 'within a larger window of before')
})

test('a point of few measurements says so, by rows as well as by weight', async (t) => {
  const { store, series } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({}, ramp(19))])
  await store.fill(committed(noon - 45 * MINUTE), [rollupRow({}, ramp(20))])
  await store.fill(committed(noon - 30 * MINUTE), [rollupRow({}, ramp(2), 50)])
  await store.fill(committed(noon - 15 * MINUTE), [rollupRow({}, ramp(30), 0.5)])
  const { points, total } = await series()
  t.same(
    points.map(({ n, lowCount }) => [n, lowCount]),
    [
      [19, true],
      [20, undefined],
      [100, true],
      [15, true],
    ],
  )
  t.equal(total?.n, 154)
  t.equal(points[3]?.avg, 1550, 'a weight changes counts, not the average of equals')
})

test('several values of a set merge; the set without dimensions has one', async (t) => {
  const { store, series } = queriesOver()
  await store.fill(committed(noon - HOUR), [
    rollupRow({}, ramp(90)),
    rollupRow({ set: 'route', value: '/a' }, ramp(20)),
    rollupRow({ set: 'route', value: '/b' }, ramp(30, 1)),
    rollupRow({ set: 'route', value: '/c' }, ramp(40)),
  ])
  t.equal((await series({ set: 'route', values: ['/a'] })).total?.n, 20)
  t.match((await series({ set: 'route', values: ['/b', '/a', '/b'] })).total, { n: 50, min: 1, max: 2000 })
  t.equal((await series({ values: [''] })).total?.n, 90)
  const asked = store.asked.series
  await series({ set: 'route', values: ['/a', '/b'] })
  t.equal(store.asked.series, asked, 'in another order it is the same question')
  await t.rejects(series({ set: 'route' }), { code: 'invalid_request', message: /^value is missing: / })
})

test('a value that is nearly one of the set is asked for, by those of the newest windows', async (t) => {
  const { store, series } = queriesOver()
  await store.fill(committed(noon - HOUR + QUARTER), [rollupRow({ set: 'route', value: '/search' }, ramp(2))])
  await store.fill(committed(noon - HOUR), [
    rollupRow({ set: 'route', value: '/checkout' }, ramp(9)),
    rollupRow({ set: 'route', value: '~other' }, ramp(9)),
  ])
  const no = 'The set route has no such value in this range'
  for (const [asked, notice] of [
    ['checkout', `${no}; did you mean "/checkout"?`],
    ['/check-out', `${no}; did you mean "/checkout"?`],
    ['/serach', `${no}; did you mean "/search"?`],
    ['/x', `${no}; /query/top lists those that it has.`],
    ['~othr', `${no}; /query/top lists those that it has.`],
  ] as const)
    t.same((await series({ set: 'route', values: [asked] })).notices, [notice], asked)
})

test('values of several dimensions are told with what is between them', async (t) => {
  const sets = [...DEFAULT_SETS, { name: 'where', dimensions: ['page_route', 'country'] as const }]
  const { store, series } = queriesOver([{ ...quarterly, sets }])
  await store.fill(committed(noon - HOUR), [rollupRow({ set: 'where', value: '/cart | US' }, ramp(20))])
  t.equal((await series({ set: 'where', values: ['/cart | US'] })).total?.n, 20)
  t.same((await series({ set: 'where', values: ['/cart'] })).notices, [
    'The set where has no such value in this range; /query/top lists those that it has, each written as "page_route | country".',
  ])
  await t.rejects(series({ set: 'where' }), {
    message:
      'value is missing: it must be a value of the set where, as /query/top lists them, each written as "page_route | country".',
  })
})

test('a value is of a set that has values', async (t) => {
  const { series } = queriesOver([{ ...quarterly, sets: [{ name: 'app', dimensions: [] }] }])
  await t.rejects(series({ values: ['/a'] }), {
    message: 'value cannot be asked for: no set of the rollups has dimensions.',
  })
})

test('a day is local: DST days have 92 and 100 windows, half-hour zones work', async (t) => {
  const { store, series } = queriesOver()
  const fill = async (from: number, to: number) => {
    for (let at = from; at < to; at += QUARTER) await store.fill(committed(at), [rollupRow({}, [100])])
  }
  await fill(Date.UTC(2026, 2, 28, 22), Date.UTC(2026, 2, 31))
  const spring = await series({
    fromMs: Date.UTC(2026, 2, 28, 23),
    toMs: Date.UTC(2026, 2, 30, 22),
    step: 'day',
    timeZone: 'Europe/Berlin',
  })
  t.equal(spring.step, '1d')
  t.same(
    spring.points.map(({ n }) => n),
    [92, 96],
  )
  await fill(Date.UTC(2026, 9, 24, 18), Date.UTC(2026, 9, 26))
  const autumn = { fromMs: Date.UTC(2026, 9, 25), toMs: Date.UTC(2026, 9, 25, 1), step: 'day' as const }
  t.same(
    (await series({ ...autumn, timeZone: 'Europe/Berlin' })).points.map(({ n }) => n),
    [100],
  )
  const kolkata = await series({ ...autumn, timeZone: 'Asia/Kolkata' })
  t.same(
    kolkata.points.map(({ t: at, n }) => [new Date(at).toISOString(), n]),
    [['2026-10-24T18:30:00.000Z', 96]],
  )
  await t.rejects(series({ ...autumn, set: 'stage', values: ['test'], timeZone: 'Asia/Kolkata' }), {
    code: 'invalid_request',
    message: 'tz must be a zone whose days begin with a window of 1h, such as UTC.',
  })
})

test('the rollup is the first that keeps the set, or the one that is named', async (t) => {
  const { store, series, queries } = queriesOver()
  await store.fill(committed(noon - HOUR, { rollup: 'hourly' }), [
    rollupRow({ set: 'stage', value: 'test' }, ramp(20)),
  ])
  const found = await series({ set: 'stage', values: ['test'] })
  t.match(found, { grain: '1h', step: '1h', total: { n: 20 } }, 'a step is never shorter than the grain')
  await t.rejects(series({ set: 'stage', values: ['test'], rollup: 'default' }), {
    message: /^set must be one of app, route, .*, route-device\.$/,
  })
  await t.rejects(series({ set: 'colour', values: [''] }), { message: /target, route-device, stage\.$/ })
  await t.rejects(series({ rollup: 'weekly' }), { message: 'rollup must be one of default, hourly.' })
  await t.rejects(queries.metrics({ app: 'shop', rollup: 'weekly', fromMs: 0, toMs: 1 }, all), {
    code: 'invalid_request',
  })
})

test('steps and ranges are bounded', async (t) => {
  const { series, top, queries } = queriesOver()
  const day = 24 * HOUR
  for (const [what, query, expected] of [
    [
      'a step between grains',
      { step: 20 * MINUTE },
      { code: 'invalid_request', message: /^step must be a multiple of 15m, / },
    ],
    [
      'too many points',
      { fromMs: noon - 32 * day, step: QUARTER },
      { code: 'query_too_large', message: 'The range covers more than 2998 steps; ask for at most 31 days.' },
    ],
    [
      'too many windows',
      { fromMs: noon - 530 * day, step: 6 * QUARTER },
      {
        code: 'query_too_large',
        message: 'The range covers more than 20000 windows of 15m; ask for at most 208 days.',
      },
    ],
  ] as const) {
    await t.rejects(series(query), expected, what)
  }
  t.equal(
    (await series({ fromMs: noon - 31 * day, step: QUARTER })).points.length,
    0,
    'a month of quarters is fine',
  )
  await t.rejects(top({ fromMs: noon - 106 * day }), { code: 'query_too_large' })
  await t.rejects(
    queries.metrics({ app: 'shop', rollup: undefined, fromMs: noon - 106 * day, toMs: noon }, all),
    {
      code: 'query_too_large',
    },
  )
})

test('where no step is asked for it is the finest that grain and range have room for', async (t) => {
  for (const [grainMs, hours, stepMs] of [
    [MINUTE, 1, MINUTE],
    [MINUTE, 6, MINUTE],
    [MINUTE, 24, 5 * MINUTE],
    [MINUTE, 7 * 24, HOUR],
    [5 * MINUTE, 24, 5 * MINUTE],
    [QUARTER, 1, QUARTER],
    [QUARTER, 24, QUARTER],
    [QUARTER, 7 * 24, HOUR],
    [HOUR, 7 * 24, HOUR],
    [HOUR, 200 * 24, 12 * HOUR],
    [HOUR, 900 * 24, 24 * HOUR],
  ] as const) {
    t.equal(defaultStep({ fromMs: noon - hours * HOUR, toMs: noon }, grainMs), stepMs, `${hours} h`)
  }
})

test('a week of minutes is ranked, and of how many values is bounded by rows', async (t) => {
  const minutely = { ...quarterly, grainMs: MINUTE }
  const { top, queries, store } = queriesOver([minutely])
  const fromMs = noon - 7 * 24 * HOUR - 1
  t.equal((await top({ fromMs })).found, 0)
  t.ok(await queries.metrics({ app: 'shop', rollup: undefined, fromMs, toMs: noon }, all))
  const values = ['/a', '/b', '/c'].map((value) => rollupRow({ set: 'route', value }, [1]))
  await store.fill(committed(noon - HOUR), values)
  const query = {
    ...({
      app: 'shop',
      metric: 'browser.web_vital.lcp',
      unit: 'ms',
      set: 'route',
      rollup: 'default',
    } as const),
    ...({ fromMs: noon - HOUR, toMs: noon, quantiles: [0.75], by: 'q', limit: 9, minN: 1 } as const),
  }
  const { signal } = new AbortController()
  t.match(JSON.parse((await computeRanking(store, query, { signal, maxRows: 3 })).text), { found: 3 })
  await t.rejects(computeRanking(store, query, { signal, maxRows: 2 }), {
    code: 'query_too_large',
    message: 'The range holds more than 2 values × windows; ask for a shorter one.',
  })
})

test('a ranking merges each value over the range, slowest first', async (t) => {
  const { store, top } = queriesOver()
  const route = (value: string, values: readonly number[]) => rollupRow({ set: 'route', value }, values)
  await store.fill(committed(noon - 30 * HOUR), [route('/old', ramp(20, 5))])
  await store.fill(committed(noon - HOUR), [
    route('/a', ramp(20)),
    route('/b', ramp(20, 10)),
    route('/slow', [9000]),
  ])
  await store.fill(committed(noon - QUARTER), [route('/b', ramp(30, 10)), route('/c', ramp(20))])

  const answer = await top()
  t.match(answer, { unit: 'ms', found: 4, grain: '15m', from: noon - HOUR, to: noon })
  t.same(
    answer.values.map(({ value, n, lowCount }) => [value, n, lowCount]),
    [
      ['/slow', 1, true],
      ['/a', 20, undefined],
      ['/c', 20, undefined],
      ['/b', 50, undefined],
    ],
    'equals by name',
  )
  t.equal(near(answer.values[3]?.q['0.75'], 190), true)
  const byCount = await top({ by: 'n', minN: 20, limit: 2 })
  t.same(
    byCount.values.map(({ value }) => value),
    ['/b', '/a'],
  )
  t.equal(byCount.found, 3, 'the limit is told')
  t.equal((await top({ fromMs: noon - 31 * HOUR })).values.at(-1)?.value, '/old', 'days are read one by one')
})

test('metric names come with their units, most rows first', async (t) => {
  const { store, queries } = queriesOver()
  await store.fill(committed(noon - HOUR), [
    rollupRow({ metric: 'cls', unit: '1' }, [0.1]),
    rollupRow({ metric: 'lcp' }, ramp(9)),
    rollupRow({ metric: 'lcp', app: 'other' }, ramp(9)),
  ])
  const range = { rollup: undefined, fromMs: noon - HOUR + 1, toMs: noon }
  t.same(JSON.parse((await queries.metrics({ app: 'shop', ...range }, all)).text), {
    metrics: [
      { metric: 'lcp', unit: 'ms', rows: 9 },
      { metric: 'cls', unit: '1', rows: 1 },
    ],
  })
})

test('an answer is of one unit, by default that of most rows, and names the others', async (t) => {
  const { store, queries, series, top } = queriesOver()
  const histogram = async (its: Partial<HistogramQuery> = {}) =>
    JSON.parse((await queries.histogram({ ...lastHour, format: 'json', ...its }, all)).text)
  await store.fill(committed(noon - HOUR), [
    rollupRow({}, ramp(40)),
    rollupRow({ set: 'route', value: '/a' }, ramp(40)),
  ])
  for (const one of [await series(), await top(), await histogram()]) {
    t.equal(one.unit, 'ms')
    t.notOk('otherUnits' in one)
  }
  await store.fill(committed(noon - QUARTER), [
    rollupRow({ unit: 's' }, [1, 2, 3]),
    rollupRow({ unit: 's', set: 'route', value: '/a' }, [1, 2]),
    rollupRow({ unit: 's', set: 'route', value: '/b' }, [3]),
    rollupRow({ unit: '~other' }, ramp(90)),
    rollupRow({ unit: '~other', set: 'route', value: '/a' }, ramp(90)),
  ])
  const most = { unit: 'ms', otherUnits: ['s', '~other'] }
  t.match(await series(), { ...most, total: { n: 40, max: 4_000 } }, 'nothing of the others is in it')
  t.match(await series({ set: 'route', values: ['/a'] }), { ...most, total: { n: 40 } })
  t.match(await histogram(), { ...most, n: 40, max: 4_000 })
  t.match(await histogram({ step: QUARTER }), { ...most, steps: [{ t: noon - HOUR }] })
  t.match(await top(), { ...most, found: 1, values: [{ value: '/a', n: 40 }] })

  const asked = { unit: 's', otherUnits: ['ms', '~other'] }
  t.match(await series({ unit: 's' }), { ...asked, total: { n: 3, max: 3 } })
  t.match(await histogram({ unit: 's' }), { ...asked, n: 3, sum: 6 })
  t.match(await histogram({ unit: 's', format: 'otel' }), { count: '3', sum: 6 })
  t.match(await top({ unit: 's' }), { ...asked, found: 2 })
  t.match(await series({ unit: '~other' }), { unit: '~other', otherUnits: ['ms', 's'], total: { n: 90 } })
  t.match(await series({ fromMs: noon - QUARTER }), { unit: 's', otherUnits: ['~other'] }, 'of the range')
  const none = await series({ unit: 'h' })
  t.match(none, { unit: 'h', otherUnits: ['ms', 's', '~other'], total: null })
  t.match(none.notices, [/kept apart in this unit .* the 8 of most rows, and all others are ~other together/])
  const { notices } = await series({ set: 'route', values: ['/a'], unit: 'h' })
  t.match(notices, [/kept apart in this unit/])
  const two = queriesOver()
  for (const unit of ['ms', 's'])
    await two.store.fill(committed(unit === 's' ? noon - QUARTER : noon - HOUR), [
      rollupRow({ unit }, [1]),
      rollupRow({ unit, set: 'route', value: `/${unit}` }, [1]),
    ])
  t.match((await two.series({ unit: 'h' })).notices, [
    /^Nothing of the metric is in this unit in this range;/,
  ])
  t.match((await two.series({ set: 'route', values: ['/s'], unit: 'ms' })).notices, [
    /^The set route has no such value in this unit in this range/,
  ])
  t.notOk('notices' in (await series({ unit: 's' })))
})

test('whether bots are in a number is a matter of the rollup, and who asks for another is told', async (t) => {
  const people = queriesOver()
  await people.store.fill(committed(noon - HOUR), [rollupRow({}, ramp(40))])
  t.match(await people.series({ bots: 'exclude' }), { total: { n: 40 } })
  const { queries } = people
  const refused = { code: 'invalid_request', message: /^bots must be exclude: no rollup .*bots: include/ }
  await t.rejects(people.series({ bots: 'include' }), refused)
  await t.rejects(people.top({ bots: 'include' }), refused)
  await t.rejects(people.series({ bots: 'include', rollup: 'default' }), refused)
  await t.rejects(
    queries.metrics({ app: 'shop', bots: 'include', fromMs: noon - HOUR, toMs: noon }, all),
    refused,
  )
  const both = queriesOver([quarterly, { ...quarterly, id: 'everybody', bots: 'include' }])
  await both.store.fill(committed(noon - HOUR), [rollupRow({}, ramp(40))])
  await both.store.fill(committed(noon - HOUR, { rollup: 'everybody' }), [rollupRow({}, ramp(90))])
  t.match(await both.series(), { total: { n: 40 } })
  t.match(await both.series({ bots: 'include' }), { total: { n: 90 } })
  await t.rejects(both.series({ bots: 'exclude', rollup: 'everybody' }), {
    message: /^bots must be include: /,
  })
  await t.rejects(both.series({ bots: 'include', rollup: 'none' }), { message: /^rollup must be one of / })
})

test('a set that is kept of some metrics is asked for by those alone', async (t) => {
  const { store, series } = queriesOver()
  await store.fill(committed(noon - HOUR), [rollupRow({ set: 'target', value: '#a' }, ramp(40))])
  t.match(await series({ set: 'target', values: ['#a'] }), { total: { n: 40 } })
  await t.rejects(series({ metric: 'checkout', set: 'target', values: ['#a'] }), {
    code: 'invalid_request',
    message: 'set is kept of other metrics alone: browser.web_vital.*',
  })
})

test('metrics are told by the rows of one unit, and of those that are asked for one', async (t) => {
  const { store, queries } = queriesOver()
  await store.fill(committed(noon - HOUR), [
    rollupRow({ metric: 'wait', unit: 'By' }, ramp(9)),
    rollupRow({ metric: 'wait', unit: 'ms' }, ramp(8)),
    rollupRow({ metric: 'pure' }, ramp(10)),
  ])
  const metrics = async (unit?: string) =>
    JSON.parse(
      (await queries.metrics({ app: 'shop', unit, rollup: undefined, fromMs: noon - HOUR, toMs: noon }, all))
        .text,
    )
  t.same(await metrics(), {
    metrics: [
      { metric: 'pure', unit: 'ms', rows: 10 },
      { metric: 'wait', unit: 'By', otherUnits: ['ms'], rows: 9 },
    ],
  })
  t.same(await metrics('ms'), {
    metrics: [
      { metric: 'pure', unit: 'ms', rows: 10 },
      { metric: 'wait', unit: 'ms', otherUnits: ['By'], rows: 8 },
    ],
  })
  t.same(await metrics('h'), { metrics: [] })
})

test('what is kept of an answer is of its unit, and does not change with the others', async (t) => {
  const { store, series } = queriesOver()
  const rows = [rollupRow({}, ramp(40))]
  await store.fill(committed(noon - HOUR), rows)
  const { dataGen } = await series()
  const before = store.asked.series
  await store.fill(committed(noon - HOUR, { generation: 2 }), [...rows, rollupRow({ unit: 's' }, [1])])
  t.match(await series(), { dataGen, otherUnits: ['s'], total: { n: 40 } })
  t.equal(store.asked.series, before)
  t.match(await series({ unit: 's' }), { total: { n: 1 } })
  t.equal(store.asked.series, before + 1)
})

test('of more values than are held at a time, those with fewest measurements go on as one', async (t) => {
  const { store } = queriesOver()
  const route = (value: string, n: number) => rollupRow({ set: 'route', value }, ramp(n))
  await store.fill(committed(noon - HOUR), [route('/a', 50), route('/b', 1), route('/c', 40), route('/d', 2)])
  await store.fill(committed(noon - QUARTER), [route('/a', 5), route('/b', 9), route('~other', 3)])
  const query = {
    ...{ app: 'shop', metric: 'browser.web_vital.lcp', unit: 'ms', set: 'route', rollup: 'default' },
    ...{ fromMs: noon - HOUR, toMs: noon, quantiles: [0.5], by: 'n' as const, limit: 20, minN: 1 },
  }
  const { signal } = all
  const { text, notices } = await computeRanking(store, query, { signal, maxTallies: 3 })
  const { values, found } = JSON.parse(text)
  t.same(
    values.map(({ value, n }: { value: string; n: number }) => [value, n]),
    [
      ['/a', 55],
      ['~other', 46],
      ['/b', 9],
    ],
    'no measurement is lost',
  )
  t.equal(found, 3)
  t.match(notices, [/^The set route has more than 3 values in this range\. /])
})

test('a token that is for some apps is not told what is about all', async (t) => {
  const { store, series, top } = queriesOver()
  await store.fill(committed(noon - HOUR, { late: 2, rejected: 3 }), [rollupRow({}, ramp(40))])
  const some = { ...all, ofAllApps: false }
  t.same((await series({}, some)).completeness, { windows: 1, missing: 2, partial: 0 })
  t.same(Object.keys((await top({}, some)).completeness), ['windows', 'missing', 'partial'])
  t.match((await series()).completeness, { lateRows: 2, rejected: 3 }, 'whoever asked first')
})

test('work that nobody waits for any more ends, and spoils nothing for who asks the same', async (t) => {
  const { store, series } = queriesOver()
  for (let i = 1; i <= 4; i++) await store.fill(committed(noon - i * QUARTER), [rollupRow({}, ramp(20))])
  const gone = new AbortController()
  const [first, second] = [series({}, { ...all, signal: gone.signal }), series()]
  gone.abort(new Error('gone'))
  await t.rejects(first, { message: 'gone' })
  t.equal((await second).total?.n, 80)
})

test('windows times values are bounded, and the largest range that fits is named', async (t) => {
  const { series } = queriesOver()
  const values = Array.from({ length: 20 }, (_, i) => `/${i}`)
  const query = { set: 'route', values, step: 3 * QUARTER }
  t.equal((await series({ ...query, fromMs: noon - 31 * 24 * HOUR })).total, null)
  await t.rejects(series({ ...query, fromMs: noon - 32 * 24 * HOUR }), {
    code: 'query_too_large',
    message: 'The range covers more than 3000 windows of 15m for 20 values; ask for at most 31 days.',
  })
  await t.rejects(series({ fromMs: noon - 40 * 24 * HOUR, step: QUARTER }), {
    message: /ask for at most 31 days/,
  })
})

test('of values with as many measurements, the first by name are kept', async (t) => {
  const { store } = queriesOver()
  const names = ['/d', '/b', '/a', '/c', '/e']
  await store.fill(
    committed(noon - HOUR),
    names.map((value) => rollupRow({ set: 'route', value }, ramp(9))),
  )
  const query = {
    ...{ app: 'shop', metric: 'browser.web_vital.lcp', unit: 'ms', set: 'route', rollup: 'default' },
    ...{ fromMs: noon - HOUR, toMs: noon, quantiles: [0.5], by: 'n' as const, limit: 20, minN: 1 },
  }
  const { values } = JSON.parse(
    (await computeRanking(store, query, { signal: all.signal, maxTallies: 4 })).text,
  )
  t.same(
    values.map(({ value, n }: { value: string; n: number }) => [value, n]),
    [
      ['~other', 27],
      ['/a', 9],
      ['/b', 9],
    ],
  )
})
