import fc from 'fast-check'
import { test } from 'tap'
import type { Static } from 'typebox'
import type { RollupDefinition } from '../../../../src/aggregation/rollup/model/definition.ts'
import { RELATIVE_ERROR } from '../../../../src/aggregation/rollup/model/measure.ts'
import type { ChangesAnswer } from '../../../../src/aggregation/serve/api/period-answers.ts'
import { type ChangesQuery, computeChanges } from '../../../../src/aggregation/serve/periods/changes.ts'
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
const now = { fromMs: noon - HOUR, toMs: noon }
const base = { fromMs: noon - DAY - HOUR, toMs: noon - DAY }
const asked: ChangesQuery = {
  ...{ app: 'shop', metric: 'browser.web_vital.lcp', q: 0.75, base, now, sets: undefined },
}

type Answer = Static<typeof ChangesAnswer>

/** With the sets that the windows here have. */
const ofThree = {
  ...quarterly,
  sets: quarterly.sets.filter(({ name }) => ['app', 'route', 'country'].includes(name)),
}

function queriesOver(definitions: readonly RollupDefinition[] = [ofThree]) {
  const store = memoryStore()
  const queries = queriesHere({ store, definitions, clock: fakeClock(noon) })
  const changes = async (its: Partial<ChangesQuery> = {}, asking: QueryContext = all): Promise<Answer> =>
    JSON.parse((await queries.changes({ ...asked, ...its }, asking)).text)
  return { store, changes }
}

interface RawView {
  readonly value: number
  readonly weight: number
  readonly route: string
  readonly country: string
}

/** Rows of a window, as an engine groups them: all, by route and by country. */
function rowsOf(events: readonly RawView[]) {
  const groups = (set: string, nameOf: (event: RawView) => string) =>
    [...new Set(events.map(nameOf))].map((value) => {
      const own = events.filter((event) => nameOf(event) === value)
      return rollupRow(
        { set, value },
        own.map((event) => event.value),
        Number(own[0]?.weight),
      )
    })
  return [
    ...groups('app', () => ''),
    ...groups('route', ({ route }) => route),
    ...groups('country', ({ country }) => country),
  ]
}

/** Each weight in a window of its own. */
async function fill(store: ReturnType<typeof memoryStore>, fromMs: number, events: readonly RawView[]) {
  for (const [i, weight] of [1, 2.5, 10].entries()) {
    const own = events.filter((event) => event.weight === weight)
    if (own.length > 0) await store.fill(committed(fromMs + i * QUARTER), rowsOf(own))
  }
}

const event = (value: number, route: string, country = 'DE'): RawView => ({
  value,
  weight: 1,
  route,
  country,
})

test('a set that counts all is read once', async (t) => {
  const route = quarterly.sets.filter(({ name }) => name === 'route')
  const { store, changes } = queriesOver([{ ...quarterly, sets: route }])
  for (const { fromMs } of [base, now]) await fill(store, fromMs, [event(1, '/a')])
  t.match(await changes(), { sets: [{ set: 'route' }], base: { n: 1 }, now: { n: 1 } })
  t.equal(store.asked.series, 2, 'for the base and for now')
})

test('a change is of one unit, by default that of most rows of both ranges', async (t) => {
  const { store, changes } = queriesOver()
  const measured = (unit: string, values: readonly number[]) => [
    rollupRow({ unit }, values),
    rollupRow({ unit, set: 'route', value: '/a' }, values),
  ]
  await store.fill(committed(base.fromMs), [...measured('ms', [100, 100]), ...measured('s', [1, 1, 1])])
  await store.fill(committed(now.fromMs), [...measured('ms', [300, 300]), ...measured('s', [1])])
  const most = { unit: 'ms', otherUnits: ['s'], base: { n: 2 }, now: { n: 2 }, delta: -1 }
  t.match(await changes(), most)
  t.match(await changes({ unit: 's' }), {
    unit: 's',
    otherUnits: ['ms'],
    base: { n: 3 },
    now: { n: 1 },
    delta: 0,
  })
})

test('what changed between two ranges, and where', async (t) => {
  const { store, changes } = queriesOver()
  const times = Array.from({ length: 4 }, () => [100, 110, 120, 130]).flat()
  const before = times.flatMap((ms) => [event(ms, '/cart'), event(ms, '/home')])
  const after = times.flatMap((ms) => [event(ms * 3, '/cart'), event(ms, '/home', 'FR')])
  await fill(store, base.fromMs, before)
  await fill(store, now.fromMs, after)
  const answer = await changes()
  t.same(Object.keys(answer), [
    ...['grain', 'scale', 'relError', 'completeness', 'dataGen', 'unit'],
    ...['thresholds', 'at', 'base', 'now', 'delta', 'sets', 'sentence'],
  ])
  t.match(answer, {
    ...{ grain: '15m', scale: 5, relError: RELATIVE_ERROR, unit: 'ms', notices: undefined },
    completeness: { windows: 2, missing: 5 },
    // The bucket of 120 ends with 2^(222/32); of those up to it three quarters were, and three eighths are.
    ...{ at: 2 ** (222 / 32), delta: -0.375 },
    base: { from: base.fromMs, to: base.toMs, n: 32, share: 0.75 },
    now: { from: now.fromMs, to: now.toMs, n: 32, share: 0.375 },
    sets: [
      {
        ...{ set: 'route', mix: 0, behaviour: -0.375 },
        values: [
          { value: '/cart', p: [0.5, 0.5], share: [0.75, 0], mix: 0, behaviour: -0.375 },
          { value: '/home', p: [0.5, 0.5], share: [0.75, 0.75], mix: 0, behaviour: 0 },
        ],
      },
      {
        set: 'country',
        values: [
          { value: 'DE', p: [1, 0.5], share: [0.75, 0], mix: -0.5 * 0.375, behaviour: 0.75 * -0.75 },
          { value: 'FR', p: [0, 0.5], share: [0.75, 0.75], mix: 0.375, behaviour: 0 },
        ],
      },
    ],
  })
  t.match(answer.sentence, /^75\.0 % were at or below 122\.6 ms, and now 37\.5 % are: 37\.5 points fewer, /)
  t.match(answer.sentence, /fewer, 37\.5 of them where route is "\/cart", which became slower by itself\.$/)
})

test('the sets are those that are asked for, each once, and all is counted by the shortest', async (t) => {
  const own = { ...quarterly, id: 'own', sets: quarterly.sets.filter(({ name }) => name === 'route') }
  const { store, changes } = queriesOver([own, quarterly])
  for (const period of [base, now])
    for (const rollup of ['own', 'default'])
      await store.fill(committed(period.fromMs, { rollup }), rowsOf([event(1, '/a'), event(2, '/b')]))
  const names = async (its: Partial<ChangesQuery>) => (await changes(its)).sets.map(({ set }) => set)
  t.same(await names({}), ['route'], 'of the first rollup')
  const divided = quarterly.sets.filter(({ dimensions }) => dimensions.length > 0).map(({ name }) => name)
  t.same(await names({ rollup: 'default' }), divided)
  const ofOthers = await changes({ rollup: 'default', metric: 'checkout' })
  t.equal(ofOthers.delta, null, 'a set of other metrics is none of them')
  t.same(await names({ sets: ['country', 'route', 'country'] }), ['country', 'route'])
  const whole = await changes({ sets: ['app'] })
  t.match(whole.sets, [{ set: 'app', mix: 0, behaviour: 0, values: [{ value: '', p: [1, 1] }] }])
  t.match(await changes(), { base: { n: 2 }, now: { n: 2 }, delta: 0 })
  for (const [its, message] of [
    [{ sets: ['route', 'rout'] }, /^sets must be one of .*did you mean "route"/],
    [{ rollup: 'own', sets: ['country'] }, /^sets must be one of route/],
    [{ rollup: 'none' }, /^rollup must be one of own, default/],
  ] as const)
    await t.rejects(changes(its), { code: 'invalid_request', message })
})

test('where nothing was measured there is nothing to split, and each range says why', async (t) => {
  const { store, changes } = queriesOver()
  const nothing = { at: null, delta: null, sets: [], unit: '1' }
  t.match(await changes({}, allThere), {
    ...nothing,
    base: { n: 0, q: null, share: null },
    sentence: 'Nothing was measured in the base.',
    notices: ['base: Nothing of this app is in this range.', 'now: Nothing of this app is in this range.'],
  })
  await fill(store, base.fromMs, [event(1, '/a')])
  t.match(await changes({}, allThere), {
    ...nothing,
    unit: 'ms',
    base: { n: 1, q: 1, share: null },
    sentence: 'Nothing was measured in the range that is asked about.',
    notices: ['now: Nothing of this app is in this range.'],
  })
})

test('windows from before a set was kept are missing in what is split by it, and told of each range', async (t) => {
  const { store, changes } = queriesOver([quarterly])
  const rows = rowsOf([event(1, '/a'), event(2, '/b')])
  await store.fill(committed(base.fromMs), rows)
  await store.fill(committed(now.fromMs), rows)
  await store.fill(
    committed(now.fromMs + QUARTER),
    rows.filter(({ set }) => set !== 'country'),
  )
  const told = (range: string, sets: string, of: string) =>
    `${range}: Computed before the ${sets} kept of this metric, and missing in this answer: ${of} windows of this range. The schedule computes them anew, oldest first, as far as their events are still in raw/.`
  const complete = await changes({ sets: ['route'] })
  t.match(complete.completeness, { windows: 3, missing: 4 })
  t.notOk('notices' in complete)
  const some = await changes({ sets: ['route', 'country', 'country'] })
  t.match(some.completeness, { windows: 2, missing: 5 })
  t.same(some.notices, [told('now', 'set country was', '1 of 2')])
  const others = await changes({ sets: ['os', 'country', 'device'] })
  t.match(others.completeness, { windows: 0, missing: 7 })
  t.same(others.notices, [
    told('base', 'sets os, device were', '1 of 1'),
    told('now', 'sets os, device were', '2 of 2'),
    told('now', 'set country was', '1 of 2'),
  ])
})

test('ranges are bounded by the sets that are read, and all by their rows and values', async (t) => {
  const { store, changes } = queriesOver([quarterly])
  const long = (days: number) => ({ fromMs: noon - days * DAY, toMs: noon })
  t.match(await changes({ now: long(20) }), { now: { n: 0 } })
  t.match(await changes({ now: long(104), base: long(104), sets: ['route'] }), { now: { n: 0 } })
  for (const [its, message] of [
    [{ now: long(21) }, 'The range covers more than 2000 windows of 15m; ask for at most 20 days.'],
    [
      { base: long(105), sets: ['route'] },
      'The range covers more than 10000 windows of 15m; ask for at most 104 days.',
    ],
  ] as const)
    await t.rejects(changes(its), { code: 'query_too_large', message })
  await fill(
    store,
    base.fromMs,
    ['/a', '/a', '/b', '/c'].map((route) => event(1, route)),
  )
  await fill(
    store,
    now.fromMs,
    ['/a', '/b', '/b', '/d'].map((route) => event(1, route)),
  )
  const query = { ...asked, unit: 'ms', rollup: 'default', sets: ['route'], total: 'app' }
  const work = { signal: all.signal, maxRows: 8 }
  const { text, notices } = await computeChanges(store, query, { ...work, maxValues: 2 })
  t.same(notices, [], 'of each range twice as many are held')
  const [{ values = [] } = {}] = (JSON.parse(text) as Answer).sets
  t.same(values.map(({ value }) => value).sort(), ['/a', '/b', '~other'])
  t.match((await computeChanges(store, query, { ...work, maxValues: 1 })).notices, [
    /^The set route has more than 2 values in this range\. /,
  ])
  await t.rejects(computeChanges(store, query, { ...work, maxRows: 7 }), {
    code: 'query_too_large',
    message: 'The range holds more than 7 values × windows; ask for a shorter one.',
  })
})

test('it is kept until rows of any of its sets are others', async (t) => {
  const { store, changes } = queriesOver()
  await fill(store, base.fromMs, [event(1, '/a')])
  await fill(store, now.fromMs, [event(1, '/a'), event(2, '/b')])
  const first = await changes()
  const { series } = store.asked
  t.same(await changes(), first)
  t.equal(store.asked.series, series)
  // The same values, elsewhere: of all together nothing has changed.
  await store.fill(committed(now.fromMs, { generation: 2 }), rowsOf([event(1, '/b'), event(2, '/a')]))
  t.not((await changes()).dataGen, first.dataGen)
  const gone = new AbortController()
  const asking = changes({ q: 0.5 }, { ...all, signal: gone.signal })
  gone.abort(new Error('gone'))
  await t.rejects(asking, { message: 'gone' })
})

const events = fc.array(
  fc.record({
    value: fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 1e4, noNaN: true })),
    weight: fc.constantFrom(1, 2.5, 10),
    route: fc.constantFrom('/a', '/b', '/c', '~other', '~unknown'),
    country: fc.constantFrom('DE', 'FR', ''),
  }),
  { minLength: 1, maxLength: 60 },
)

/** Σ w of events, in tenths: whole numbers. */
const weigh = (of: readonly RawView[]) => of.reduce((sum, { weight }) => sum + 10 * weight, 0)

/** The share at or below, and the weight among others, from events alone. */
const exactly = (of: readonly RawView[], at: number, among: readonly RawView[]) => ({
  share: weigh(of.filter(({ value }) => value <= at)) / weigh(of),
  p: weigh(of) / weigh(among),
})

const isNear = (a: number | null, b: number) => Math.abs(Number(a) - b) < 1e-9

test('each number is what the events themselves say, and the parts of each set are the whole change', async (t) => {
  await fc.assert(
    fc.asyncProperty(events, events, fc.constantFrom(0.5, 0.75, 0.95), async (before, after, q) => {
      const { store, changes } = queriesOver()
      await fill(store, base.fromMs, before)
      await fill(store, now.fromMs, after)
      const { at, delta, sets, ...sides } = await changes({ q, sets: ['route', 'country'] })
      const of = { base: exactly(before, Number(at), before), now: exactly(after, Number(at), after) }
      t.ok(isNear(sides.base.share, of.base.share) && isNear(sides.now.share, of.now.share))
      t.ok(isNear(delta, of.now.share - of.base.share))
      t.ok(Number(sides.base.q) <= Number(at) && Number(sides.base.q) * 2 ** (1 / 16) + 1e-6 >= Number(at))
      for (const { set, mix, behaviour, values } of sets) {
        t.ok(isNear(delta, mix + behaviour), set)
        for (const { value, p, share } of values) {
          const its = (event: RawView) => (set === 'route' ? event.route : event.country) === value
          const [own, ownNow] = [
            exactly(before.filter(its), Number(at), before),
            exactly(after.filter(its), Number(at), after),
          ]
          t.ok(isNear(p[0] ?? null, own.p) && isNear(p[1] ?? null, ownNow.p), `${set} ${value}: p`)
          const [exact, exactNow] = [own.share, ownNow.share].map((one, i, both) =>
            Number.isNaN(one) ? Number(both[1 - i]) : one,
          )
          t.ok(
            isNear(share[0] ?? null, Number(exact)) && isNear(share[1] ?? null, Number(exactNow)),
            `${value}: share`,
          )
        }
      }
    }),
    { numRuns: 100 },
  )
})
