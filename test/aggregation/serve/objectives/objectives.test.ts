import fc from 'fast-check'
import { test } from 'tap'
import type { RollupRow } from '../../../../src/aggregation/rollup/stores/store.ts'
import { computeObjective } from '../../../../src/aggregation/serve/objectives/compute-objective.ts'
import type { Objective } from '../../../../src/aggregation/serve/objectives/objective.ts'
import { addRow, emptyAggregate } from '../../../../src/aggregation/serve/tally/tally.ts'
import { DAY_MS } from '../../../../src/std/durations.ts'
import { AppError, type ErrorCode } from '../../../../src/std/errors.ts'
import { all, HOUR, noon, QUARTER, quarterly, queriesHere } from '../../../fakes/aggregation/queries.ts'
import { committed, memoryStore, rollupRow } from '../../../fakes/aggregation/store.ts'
import { fakeClock } from '../../../fakes/clock.ts'

const LCP = 'browser.web_vital.lcp'
const fast: Objective = {
  id: 'fast',
  app: 'shop',
  metric: LCP,
  set: 'app',
  at: 1_000,
  share: 0.75,
  windowMs: 28 * DAY_MS,
}
const asking = { ...all, firstEventMs: noon - 60 * DAY_MS }

function objectivesOver(store = memoryStore(), nowMs = noon, grainMs = QUARTER) {
  const queries = queriesHere({ store, definitions: [{ ...quarterly, grainMs }], clock: fakeClock(nowMs) })
  const asked = async (...objectives: readonly Objective[]) =>
    JSON.parse((await queries.objectives({ objectives }, asking)).text).objectives
  return { store, asked }
}

/** One event, as it was measured. */
interface Raw {
  readonly windowFromMs: number
  readonly route: string
  readonly value: number
  readonly weight: number
}

/** What an engine makes of events: rows of the app and of each route, of each window. */
function rowsOf(events: readonly Raw[]): ReadonlyMap<number, readonly RollupRow[]> {
  const windows = new Map<number, RollupRow[]>()
  const groups = new Map<string, Raw[]>()
  for (const event of events)
    for (const group of ['', event.route]) {
      const key = JSON.stringify([event.windowFromMs, group])
      groups.set(key, [...(groups.get(key) ?? []), event])
    }
  for (const [key, of] of groups) {
    const [fromMs, route] = JSON.parse(key)
    const group = route === '' ? {} : { set: 'route', value: route }
    const rows = windows.get(fromMs) ?? []
    windows.set(fromMs, rows)
    // A row of the fake is of one weight: those of several are added up.
    rows.push(merged(of.map(({ value, weight }) => rollupRow(group, [value], weight))))
  }
  return windows
}

function merged(rows: readonly RollupRow[]): RollupRow {
  const tally = emptyAggregate()
  for (const row of rows) addRow(tally, row)
  const buckets = new Map<number, number>()
  for (const [bucket, weight] of rows.flatMap(({ histogram }) =>
    histogram.split(',').map((each) => each.split(':').map(Number) as [number, number]),
  ))
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + weight)
  const { histogram: _, ...numbers } = tally
  const written = [...buckets].sort(([a], [b]) => a - b).map((each) => each.join(':'))
  return { ...rows[0]!, ...numbers, histogram: written.join(',') }
}

/** By the events alone, in whole thousandths: none of them lies in a bucket that a value of `at` is in. */
function exactly(events: readonly Raw[], { at, share }: Objective, lengthMs: number, toMs: number) {
  const those = events.filter(({ windowFromMs }) => windowFromMs >= toMs - lengthMs && windowFromMs < toMs)
  const thousandths = (of: readonly Raw[]) =>
    of.reduce((sum, { weight }) => sum + Math.round(weight * 1_000), 0)
  const [n, bad] = [thousandths(those), thousandths(those.filter(({ value }) => value > at))]
  return n === 0
    ? { n: 0, share: null, total: 0, left: null, burn: null }
    : {
        n: n / 1_000,
        share: (n - bad) / n,
        total: (1 - share) * (n / 1_000),
        left: 1 - bad / ((1 - share) * n),
        burn: bad / n / (1 - share),
      }
}

const near = (told: number | null, exact: number | null): boolean =>
  told === null || exact === null
    ? told === exact
    : Math.abs(told - exact) <= 1e-9 * Math.max(1, Math.abs(exact))

const BURNS = { '1h': HOUR, '6h': 6 * HOUR, '3d': 72 * HOUR } as const

interface Told {
  readonly n: number
  readonly share: number | null
  readonly budget: { readonly total: number; readonly left: number | null }
  readonly burn: Readonly<Record<string, number | null>>
}

/** What is told differs from what the events say. */
function wrong(told: Told, events: readonly Raw[], objective: Objective, toMs: number): boolean {
  const exact = exactly(events, objective, objective.windowMs, toMs)
  const { n, share, budget, burn } = told
  return !(
    near(n, exact.n) &&
    near(share, exact.share) &&
    near(budget.total, exact.total) &&
    near(budget.left, exact.left) &&
    Object.entries(BURNS).every(([name, lengthMs]) =>
      near(burn[name] ?? null, exactly(events, objective, lengthMs, toMs).burn),
    )
  )
}

const event = fc.record({
  // Of four days, half of them within six hours.
  windowFromMs: fc
    .oneof(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 4 * 96 }))
    .map((back) => noon - back * QUARTER),
  route: fc.constantFrom('/', '/cart', '/pay'),
  value: fc.constantFrom(0, 1, 12.5, 400, 970, 1_020, 2_500, 60_000),
  weight: fc.constantFrom(1, 1, 0.25, 10),
})
const objective = fc.record({
  at: fc.constantFrom(1_000, 0.5, 2_000),
  share: fc.constantFrom(0.75, 0.9, 0.999),
  windowMs: fc.constantFrom(HOUR, DAY_MS, 3 * DAY_MS, 28 * DAY_MS),
})

test('what is told of an objective is what its events say: of the app, of a value, of each value', async () => {
  const events = fc.array(event, { maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(events, objective, async (of, its) => {
      const { store, asked } = objectivesOver()
      for (const [fromMs, rows] of rowsOf(of)) await store.fill(committed(fromMs), rows)
      await store.fill(committed(noon - QUARTER, { generation: 0 }), [])
      const whole = { ...fast, ...its }
      const cart = { ...whole, id: 'cart', set: 'route', value: '/cart' }
      const each = { ...whole, id: 'each', set: 'route' }
      const [ofApp, ofCart, ofEach] = await asked(whole, cart, each)
      const only = (route: string) => of.filter((one) => one.route === route)
      if (wrong(ofApp, of, whole, noon) || wrong(ofCart, only('/cart'), whole, noon)) return false
      if (wrong(ofEach, of, whole, noon)) return false
      const inWindow = of.filter(({ windowFromMs }) => windowFromMs >= noon - its.windowMs)
      const routes = new Set<string>(inWindow.map(({ route }) => route))
      return (
        ofEach.found === routes.size &&
        ofEach.values.length === routes.size &&
        ofEach.values.every(
          (one: Told & { readonly value: string }) =>
            routes.delete(one.value) && !wrong(one, only(one.value), whole, noon),
        )
      )
    }),
    { numRuns: 60 },
  )
})

test('an objective names itself, its range and its rows; the bucket of `at` is split as shares are', async (t) => {
  const { store, asked } = objectivesOver()
  await store.fill(committed(noon - QUARTER), [rollupRow({}, [...Array(19).fill(500), 1_010])])
  const [told] = await asked({ ...fast, at: 1_005, share: 0.9 })
  const below = Math.log2(1_005) * 32 - Math.floor(Math.log2(1_005) * 32)
  const share = (19 + below) / 20
  t.match(told, {
    id: 'fast',
    app: 'shop',
    metric: LCP,
    set: 'app',
    at: 1_005,
    target: 0.9,
    window: '28d',
    from: noon - 28 * DAY_MS,
    to: noon,
    unit: 'ms',
    n: 20,
    completeness: { windows: 1, missing: 28 * 96 - 1 },
  })
  t.ok(near(told.share, share) && near(told.budget.left, 1 - (1 - share) / (1 - 0.9)))
  t.notOk('lowCount' in told || 'values' in told || 'value' in told)
  t.equal((await asked({ ...fast, set: 'route', value: '/' }))[0].value, '/')
})

test('nothing measured is no share, and no reason to alarm', async (t) => {
  const { store, asked } = objectivesOver()
  await store.fill(committed(noon - QUARTER), [rollupRow({ metric: 'other' }, [1])])
  const nothing = {
    n: 0,
    share: null,
    budget: { total: 0, left: null },
    burn: { '1h': null, '6h': null, '3d': null },
    lowCount: true,
  }
  const [whole, each] = await asked(fast, { ...fast, set: 'route' })
  t.match(whole, { ...nothing, notices: [/^The metric is not among those of the app/, /./] })
  t.match(each, { ...nothing, values: [], found: 0 })
})

test('late data correct it: the rows of a newer generation count, under another dataGen', async (t) => {
  const { store, asked } = objectivesOver()
  await store.fill(committed(noon - QUARTER), [rollupRow({}, [1, 1, 1, 5_000])])
  const [before] = await asked(fast)
  t.same((await asked(fast))[0], before)
  const read = store.asked.series
  await asked(fast)
  t.equal(store.asked.series, read, 'what was computed is kept')
  await store.fill(committed(noon - QUARTER, { generation: 2, late: 4 }), [
    rollupRow({}, [1, 1, 1, 5_000, 5_000, 5_000, 5_000, 5_000]),
  ])
  const [after] = await asked(fast)
  t.match([before.share, before.budget.left, before.burn['1h']], [0.75, 0, 1])
  t.match([after.share, after.budget.left, after.burn['1h']], [0.375, -1.5, 2.5])
  t.not(before.dataGen, after.dataGen)
})

test('a burn of more than the window is of its own range, and dataGen names those rows as well', async (t) => {
  const { store, asked } = objectivesOver()
  const short = { ...fast, windowMs: HOUR }
  await store.fill(committed(noon - QUARTER), [rollupRow({}, [1, 1])])
  const [before] = await asked(short)
  await store.fill(committed(noon - 2 * DAY_MS), [rollupRow({}, [5_000, 5_000])])
  const [after] = await asked(short)
  t.match([before.n, before.burn['3d']], [2, 0])
  t.match([after.n, after.share, after.burn['6h'], after.burn['3d']], [2, 1, 0, 2])
  t.not(before.dataGen, after.dataGen)
})

test('all ranges end with the newest window that is over, or one before while it is not computed', async (t) => {
  const { store, asked } = objectivesOver(memoryStore(), noon + 60_000)
  await store.fill(committed(noon - 2 * QUARTER), [rollupRow({}, [1])])
  t.match((await asked(fast))[0], { n: 1, to: noon - QUARTER }, 'not computed yet')
  await store.fill(committed(noon), [rollupRow({}, [1, 1, 1, 1])])
  t.match((await asked(fast))[0], { n: 1, to: noon - QUARTER }, 'one that is not over counts in none')
  await store.fill(committed(noon - QUARTER), [rollupRow({}, [1, 1])])
  t.match((await asked(fast))[0], { n: 3, to: noon })
  const early = objectivesOver(memoryStore(), 2 * QUARTER)
  t.match((await early.asked(fast))[0], { from: 0, to: QUARTER }, 'time begins in 1970')
})

test('of a set those values are told that have most occurrences, of equals by name', async (t) => {
  const store = memoryStore()
  const route = (value: string, rows: number) => rollupRow({ set: 'route', value }, Array(rows).fill(100))
  await store.fill(committed(noon - QUARTER), [
    route('/a', 1),
    route('/b', 3),
    route('/c', 1),
    route('~other', 2),
  ])
  const query = { ...fast, set: 'route', rollup: 'default', unit: 'ms', toMs: noon, isByValue: true }
  const valuesOf = async (bounds: object) => {
    const { text } = await computeObjective(store, query, { signal: all.signal, ...bounds })
    const { values, found, n } = JSON.parse(text)
    return [n, found, ...values.map(({ value }: { value: string }) => value)]
  }
  t.same(await valuesOf({}), [7, 4, '/b', '~other', '/a', '/c'])
  t.same(await valuesOf({ maxValues: 3 }), [7, 4, '/b', '~other', '/a'])
  await t.rejects(valuesOf({ maxRows: 3 }), { code: 'query_too_large' })
})

test('of more values than are held apart it is told that some lack a part', async (t) => {
  const store = memoryStore()
  const route = (value: string, rows: number) => rollupRow({ set: 'route', value }, Array(rows).fill(100))
  for (const back of [1, 2]) {
    const rows = [route('/a', 1), route('/b', 3), route('/c', 2)]
    await store.fill(committed(noon - back * QUARTER), rows)
  }
  const query = { ...fast, set: 'route', rollup: 'default', unit: 'ms', toMs: noon, isByValue: true }
  const noticesOf = async (maxTallies: number) =>
    (await computeObjective(store, query, { signal: all.signal, maxTallies })).notices
  t.same(await noticesOf(3), [])
  t.match(await noticesOf(2), [/^The set route has more than 2 values in this range\. /])
  t.equal((await noticesOf(2)).length, 1, 'of four ranges once')
})

test('one that reads too much is told so in its place, and the others are answered', async (t) => {
  const memory = memoryStore()
  const message = 'The range holds more than 3 values × windows; ask for a shorter one.'
  const codes: ErrorCode[] = ['query_too_large']
  const store: typeof memory = {
    ...memory,
    series(request, signal) {
      if (request.set === 'route') throw new AppError(codes.at(-1) ?? 'internal', message)
      return memory.series(request, signal)
    },
  }
  await memory.fill(committed(noon - QUARTER), [
    rollupRow({}, [1]),
    rollupRow({ set: 'route', value: '/' }, [1]),
  ])
  const { asked } = objectivesOver(store)
  const each = { ...fast, id: 'each', set: 'route' }
  const [before, told, after] = await asked(fast, each, { ...fast, id: 'last' })
  t.match(
    [before, after],
    [
      { id: 'fast', n: 1 },
      { id: 'last', n: 1 },
    ],
  )
  t.same(told, {
    ...{ id: 'each', app: 'shop', metric: LCP, set: 'route' },
    problem: {
      type: 'urn:headgate:problem:query_too_large',
      title: 'The query asks for too much',
      status: 422,
      detail: message,
      code: 'query_too_large',
    },
  })
  codes.push('storage_failed')
  await t.rejects(asked(fast, each), { code: 'storage_failed' }, 'what is no fault of one alone ends all')
})

test('one of a unit counts that unit alone', async (t) => {
  const { store, asked } = objectivesOver()
  await store.fill(committed(noon - QUARTER), [rollupRow({}, [1, 1]), rollupRow({ unit: 'frames' }, [5_000])])
  t.match(await asked(fast, { ...fast, unit: 'frames' }), [
    { unit: 'ms', n: 2, share: 1, otherUnits: ['frames'] },
    { unit: 'frames', n: 1, share: 0 },
  ])
})
