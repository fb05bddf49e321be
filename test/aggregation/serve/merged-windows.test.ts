import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { keptDefinition, type RollupDefinition } from '../../../src/aggregation/rollup/model/definition.ts'
import { thresholdsOf } from '../../../src/aggregation/rollup/model/thresholds.ts'
import { localStore } from '../../../src/aggregation/rollup/stores/local-store.ts'
import type { RollupRow, RollupStore } from '../../../src/aggregation/rollup/stores/store.ts'
import { memoryCache } from '../../../src/aggregation/serve/answer/query-cache.ts'
import { createQueries } from '../../../src/aggregation/serve/query.ts'
import type { Queries } from '../../../src/aggregation/serve/query-port.ts'
import { DAY_MS, HOUR_MS } from '../../../src/std/durations.ts'
import { blockingFiles } from '../../../src/std/files/blocking-files.ts'
import type { FileOps } from '../../../src/std/files/files.ts'
import { chunks, committed, memoryStore, rollupRow } from '../../fakes/aggregation/store.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { seededEntropy } from '../../fakes/entropy.ts'
import { datedFolders } from '../../fakes/files/dated-folders.ts'

const GRAIN_MS = 900_000
/** On the second of these days clocks are put back in Europe. */
const FIRST = Date.UTC(2026, 9, 24)
const DAYS = 4
/** Nothing waits for the disk, nor for libuv: there are thousands of small files. */
const quickFiles: FileOps = {
  ...blockingFiles,
  open: async (...given) => ({ ...(await blockingFiles.open(...given)), sync: nothing, datasync: nothing }),
}
const nothing = async () => {}
const never = new AbortController().signal
/** Some windows of each day are to be repeated. */
const lackingRows = new Map([
  ['default', Float64Array.from({ length: 40 }, (_, at) => FIRST + 11 * at * GRAIN_MS)],
])
const asking = { signal: never, ofAllApps: true, lackingRows }
const LCP = 'browser.web_vital.lcp'
const definition: RollupDefinition = {
  id: 'default',
  grainMs: GRAIN_MS,
  sets: [
    { name: 'app', dimensions: [] },
    { name: 'route', dimensions: ['page_route'] },
  ],
  bots: 'exclude',
  maxMetrics: 500,
  maxValues: 500,
}

const byBytes = (a: RollupRow, b: RollupRow) =>
  [
    [a.metric, b.metric],
    [a.unit, b.unit],
    [a.set, b.set],
    [a.value, b.value],
  ]
    .map(([one, other]) => Buffer.compare(Buffer.from(one ?? ''), Buffer.from(other ?? '')))
    .find((order) => order !== 0) ?? 0

/** Rows of a window: some values of some routes, `~other` among them, in one unit or two. */
function rowsOf(uniform: () => number): RollupRow[] {
  const rows: RollupRow[] = []
  for (const [metric, unit] of [
    [LCP, 'ms'],
    [LCP, 's'],
    ['checkout', 'ms'],
  ] as const) {
    if (uniform() < 0.2) continue
    const routes: string[] = ['/a', '/b', '/ü', '😀', '~other', '~unknown'].filter(() => uniform() < 0.5)
    if (uniform() < 0.05) routes.push('/zürich')
    const values = routes.map(() => Array.from({ length: 1 + 5 * uniform() }, () => 5_000 * uniform() ** 3))
    const weight = [1, 0.5, 10][Math.floor(3 * uniform())] ?? 1
    if (routes.length > 0) rows.push(rollupRow({ metric, unit }, values.flat(), weight))
    for (const [at, value] of routes.entries())
      rows.push(rollupRow({ metric, unit, set: 'route', value }, values[at] ?? [], weight))
  }
  return rows.sort(byBytes)
}

/** By which a day was computed: as now, of fewer metrics, and before a set was kept. */
const byDay = [
  definition,
  { ...definition, maxMetrics: 9 },
  { ...definition, sets: definition.sets.slice(0, 1) },
]
const definitionAt = (ms: number) => byDay[Math.floor((ms - FIRST) / DAY_MS)] ?? definition

/** A window as the definition of its day computes it. */
const computed: typeof committed = (ms, more) => ({
  ...committed(ms, more),
  definition: keptDefinition(definitionAt(ms)),
})
const computedRows = (ms: number, uniform: () => number) => {
  const sets = new Set(definitionAt(ms).sets.map(({ name }) => name))
  return rowsOf(uniform).filter(({ set }) => sets.has(set))
}

/** Some days, some windows of which are empty, not there, or not complete, and late rows in others. */
async function filled(t: Test, uniform: () => number) {
  const dir = join(t.testdir(), 'store')
  const store = localStore({ dir, files: datedFolders(quickFiles) })
  for (let ms = FIRST; ms < FIRST + DAYS * DAY_MS; ms += GRAIN_MS) {
    if (uniform() < 0.03 || ms < FIRST + 5 * HOUR_MS) continue
    const its = {
      late: Math.floor(3 * uniform()),
      rejected: Math.floor(3 * uniform()),
      complete: ms < FIRST + DAY_MS || uniform() > 0.002,
    }
    await store.publish(computed(ms, its), chunks(uniform() < 0.1 ? [] : computedRows(ms, uniform)))
  }
  return { store, dir }
}

const merge = (store: RollupStore, day: number) =>
  store.merged.merge(
    { rollup: 'default', fromMs: FIRST + day * DAY_MS, toMs: FIRST + (day + 1) * DAY_MS },
    never,
  )

/** The same store, as if nothing had been merged. */
const asWindows = (store: RollupStore): RollupStore => ({
  ...store,
  contents: ({ mergedWithin: _, ...request }, signal) => store.contents(request, signal),
  series: ({ mergedWithin: _, ...request }, signal) => store.series(request, signal),
})

function queriesOf(store: RollupStore, nowMs: number, cache = memoryCache(1_000_000)): Queries {
  const ports = { definitions: [definition], thresholds: thresholdsOf([]), clock: fakeClock(nowMs) }
  return createQueries({ ...ports, store, openStore: memoryStore(), cache })
}

type Ask = (queries: Queries) => Promise<unknown>

const objective = { id: 'fast', at: 500, share: 0.75, windowMs: 3 * DAY_MS, value: undefined }

/** Any question, of any range, by any clock. */
function question(uniform: () => number): { readonly what: string; readonly ask: Ask } {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(uniform() * from.length)] as T
  const range = () => {
    const align = pick([1, GRAIN_MS, HOUR_MS, DAY_MS])
    const fromMs = FIRST - DAY_MS + Math.floor((uniform() * DAYS * DAY_MS) / align) * align
    return { fromMs, toMs: fromMs + Math.ceil((uniform() * 6 * DAY_MS) / align) * align }
  }
  const step = pick([
    undefined,
    'day',
    ...[15, 30, 45, 60, 90, 105, 180, 720, 1_440].map((m) => m * 60_000),
  ] as const)
  const timeZone = pick([
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Asia/Kolkata',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
  ])
  const [set, values] = pick([
    ['app', []],
    ['route', ['/a']],
    ['route', ['😀', '~other', '/b']],
    ['route', ['/zurich']],
  ] as const)
  const of = { app: 'shop', metric: pick([LCP, 'checkout', 'none']), quantiles: [0.5, 0.95] }
  const unit = pick([undefined, 'ms', 's', 'min'])
  const asked = { ...of, ...range(), set, values, unit, step, timeZone }
  const others = { ...of, set: 'route', unit, ...range() }
  const [a, b] = [range(), range()]
  const kinds: Readonly<Record<string, Ask>> = {
    series: (queries) => queries.series(asked, asking),
    histogram: (queries) => queries.histogram({ ...asked, format: 'json' }, asking),
    top: (queries) => queries.top({ ...others, by: 'n', limit: 100, minN: 0 }, asking),
    compare: (queries) =>
      queries.compare(
        {
          ...of,
          unit,
          q: 0.75,
          at: undefined,
          sequential: false,
          a: { ...a, set, values },
          b: { ...b, set, values },
        },
        asking,
      ),
    changes: (queries) => queries.changes({ ...of, unit, q: 0.75, base: a, now: b, sets: undefined }, asking),
    releases: (queries) => queries.releases({ ...others, limit: 100 }, asking),
    objectives: (queries) => queries.objectives({ objectives: [{ ...objective, ...of, set, unit }] }, asking),
  }
  const kind = pick(Object.keys(kinds))
  return { what: `${kind} ${JSON.stringify({ asked, others, a, b })}`, ask: kinds[kind] as Ask }
}

const told = (answer: unknown) =>
  JSON.parse((answer as { text: string }).text, (key, value) => (key === 'dataGen' ? undefined : value))
const toldBy = (queries: Queries, ask: Ask) =>
  ask(queries).then(told, (error: unknown) => ({ failed: String(error) }))

test('answers are the same from windows and from days that are merged, whatever happens to them', async (t) => {
  const { uniform } = seededEntropy(2026)
  const { store, dir } = await filled(t, uniform)
  const nowMs = FIRST + DAYS * DAY_MS + 3 * GRAIN_MS
  const kept = { whole: memoryCache(100_000_000), own: memoryCache(100_000_000) }
  const answered = new Map<string, string>()
  let differ = 0
  const compareAll = async (state: string) => {
    const [whole, own] = [queriesOf(store, nowMs, kept.whole), queriesOf(asWindows(store), nowMs, kept.own)]
    for (let i = 0; i < 15; i++) {
      const { what, ask } = question(uniform)
      const [found, wanted] = [await toldBy(whole, ask), await toldBy(own, ask)]
      if (JSON.stringify(found) === JSON.stringify(wanted)) continue
      differ += 1
      t.same(found, wanted, `${state}: ${what}`)
    }
  }
  await compareAll('nothing is merged')
  answered.set('first', await merge(store, 0))
  await compareAll('one day')
  for (let day = 0; day < DAYS; day++) answered.set(`${day}`, await merge(store, day))
  t.ok([...answered.values()].filter((outcome) => outcome === 'merged').length >= 3, [...answered].join())
  await compareAll('all days')
  for (let round = 0; round < 3; round++) {
    const day = FIRST + Math.floor(DAYS * uniform()) * DAY_MS
    const ms = day + Math.floor(96 * uniform()) * GRAIN_MS
    const late = { generation: 2 + round, complete: true, late: 1 }
    await store.publish(computed(ms, late), chunks(computedRows(ms, uniform)))
    await compareAll('late rows')
    const folder = join(dir, 'default', new Date(day).toISOString().slice(0, 10))
    const names = await readdir(folder)
    await rm(join(folder, String(names[Math.floor(names.length * uniform())])))
    await compareAll('a window that was erased')
    await merge(store, (day - FIRST) / DAY_MS)
    await compareAll('merged anew')
  }
  t.equal(differ, 0)
})

const asked = {
  ...{ app: 'shop', metric: LCP, set: 'app', values: [], quantiles: [0.75], unit: 'ms' },
  ...{ fromMs: FIRST + DAY_MS, toMs: FIRST + DAYS * DAY_MS, timeZone: 'UTC' },
}

test('an answer of days reads two sums for each, and is another when one of their windows is', async (t) => {
  const { uniform } = seededEntropy(7)
  const { store } = await filled(t, () => Math.max(0.05, uniform()))
  for (let day = 1; day < DAYS; day++) t.equal(await merge(store, day), 'merged')
  const read: number[] = []
  const counting: RollupStore = {
    ...store,
    contents: async (...asked) => {
      const windows = await store.contents(...asked)
      read.push(windows.length)
      return windows
    },
  }
  const nowMs = FIRST + DAYS * DAY_MS + HOUR_MS
  const queries = queriesOf(counting, nowMs)
  const days = async () => JSON.parse((await queries.series({ ...asked, step: 'day' }, asking)).text)
  const before = await days()
  const sums = 2 * (DAYS - 1)
  t.same(read, [sums, sums], 'of windows with rows of the metric, and of those without, before and after')
  t.ok(before.completeness.windows > 2 * 96, 'it tells how many windows they are made of')
  t.same((await days()).dataGen, before.dataGen)
  await queries.objectives({ objectives: [{ ...objective, ...asked }] }, asking)
  const objectiveRead = read.splice(3)
  t.ok(objectiveRead.length === 2 && Math.max(...objectiveRead) < 96, `${objectiveRead} of three days`)
  const late = computed(FIRST + 3 * DAY_MS, { generation: 2 })
  await store.publish(late, chunks([rollupRow({}, [1, 2, 3])]))
  const after = await days()
  t.not(after.dataGen, before.dataGen)
  const fewer = 2 * (DAYS - 2) + 96
  t.same(read, [sums, sums, sums, fewer, fewer])
  t.same(
    told(await queries.series({ ...asked, step: 'day' }, asking)),
    told(await queriesOf(asWindows(store), nowMs).series({ ...asked, step: 'day' }, asking)),
  )
})

test('what is kept of an answer is never older than its name, whoever publishes while it is made', async (t) => {
  const dir = join(t.testdir(), 'store')
  const files = datedFolders(quickFiles)
  const store = localStore({ dir, files })
  const other = localStore({ dir, files })
  const days = [0, 1].map((day) => FIRST + day * DAY_MS)
  for (const ms of days) {
    for (const [at, values] of [[1], [2, 3]].entries())
      await store.publish(
        computed(ms + at * GRAIN_MS),
        chunks([rollupRow({}, values), rollupRow({ set: 'route', value: '/a' }, values)]),
      )
  }
  const range = (ms: number) => ({ fromMs: ms, toMs: ms + DAY_MS })
  const [base, now] = days.map(range) as [ReturnType<typeof range>, ReturnType<typeof range>]
  let meanwhile = async () => {}
  const racing: RollupStore = {
    ...store,
    async *series(...given) {
      await meanwhile()
      yield* store.series(...given)
    },
  }
  const cache = memoryCache(1_000_000)
  const of = { app: 'shop', metric: LCP, unit: undefined, q: 0.5, base, now, sets: undefined }
  const changes = async (cached = cache) => {
    const { now, dataGen } = JSON.parse(
      (await queriesOf(racing, FIRST + 3 * DAY_MS, cached).changes(of, asking)).text,
    )
    return { n: now.n, dataGen }
  }
  let generation = 1
  const publish = async () => {
    const values = Array.from({ length: ++generation }, () => 1)
    const rows = [rollupRow({}, values), rollupRow({ set: 'route', value: '/a' }, values)]
    await other.publish(computed(FIRST + DAY_MS, { generation }), chunks(rows))
  }
  for (const isMerged of [false, true]) {
    for (const what of ['publishes', 'merges', 'publishes and merges']) {
      await publish()
      if (isMerged) await merge(store, 1)
      meanwhile = async () => {
        meanwhile = async () => {}
        if (what !== 'merges') await publish()
        if (what !== 'publishes') await merge(other, 1)
      }
      await changes()
      const again = await changes()
      t.same(again, await changes(memoryCache(1_000_000)), `${what}, ${isMerged}`)
      t.same(await changes(), again)
    }
  }
})

test('a notice is the same whether windows are merged or not', async (t) => {
  const before: RollupDefinition = {
    ...definition,
    sets: [
      { name: 'app', dimensions: [] },
      { name: 'route', dimensions: ['country'] },
    ],
  }
  const sets = [{ name: 'app', dimensions: [] }]
  for (const by of [before, undefined, { ...definition, sets }, { ...definition, maxMetrics: 9 }] as const) {
    const store = localStore({ dir: join(t.testdir(), 'store'), files: datedFolders(quickFiles) })
    for (let at = 0; at < 8; at++) {
      const window = committed(FIRST + at * GRAIN_MS)
      const rows = [
        rollupRow({}, [1]),
        ...(by?.sets === sets ? [] : [rollupRow({ set: 'route', value: '/a' }, [1])]),
      ].filter(() => at % 4 > 0)
      const its = by && { definition: keptDefinition(by), late: at }
      await store.publish({ ...window, ...its }, chunks(rows))
    }
    const range = { fromMs: FIRST, toMs: FIRST + DAY_MS }
    const answer = async () =>
      told(
        await queriesOf(store, FIRST + 2 * DAY_MS).series(
          { ...asked, ...range, set: 'route', values: ['/a'], step: DAY_MS },
          asking,
        ),
      )
    const own = await answer()
    t.equal(await merge(store, 0), by ? 'merged' : 'unlike')
    t.same(await answer(), own)
    t.equal(own.notices?.length, by && 1)
  }
})

test('values that may have been meant are those of the newest windows, merged or not', async (t) => {
  const store = localStore({ dir: join(t.testdir(), 'store'), files: datedFolders(quickFiles) })
  for (let at = 0; at < 12; at++) {
    const value = at === 2 ? '/basket' : '/b'
    const rows = [rollupRow({}, [1]), rollupRow({ set: 'route', value }, [1])]
    await store.publish(
      { ...committed(FIRST + at * GRAIN_MS), definition: keptDefinition(definition) },
      chunks(at === 7 ? [] : rows),
    )
  }
  const notice = async (untilMs: number) => {
    const range = { fromMs: FIRST, toMs: untilMs, set: 'route', values: ['/baskets'], step: DAY_MS }
    return told(await queriesOf(store, FIRST + 2 * DAY_MS).series({ ...asked, ...range }, asking)).notices
  }
  const [far] = await notice(FIRST + DAY_MS)
  t.notMatch(far, /basket/)
  await merge(store, 0)
  t.same(await notice(FIRST + DAY_MS), [far])
})

test('years are answered by days, where they are merged', async (t) => {
  const store = localStore({ dir: join(t.testdir(), 'store'), files: datedFolders(quickFiles) })
  for (let at = 0; at < 400; at++) {
    await store.publish(computed(FIRST + at * DAY_MS), chunks([rollupRow({}, [at])]))
    await merge(store, at)
  }
  const toMs = FIRST + 400 * DAY_MS
  const queries = queriesOf(store, toMs + DAY_MS)
  const years = { ...asked, unit: undefined, fromMs: FIRST, toMs, step: 'day' as const }
  const { points, completeness } = JSON.parse((await queries.series(years, asking)).text)
  t.equal(points.length, 400)
  t.match(completeness, { windows: 400 })
  const { n } = JSON.parse(
    (await queries.histogram({ ...years, step: undefined, format: 'json' }, asking)).text,
  )
  t.equal(n, 400)
  const many = { ...years, timeZone: 'Asia/Tokyo', fromMs: FIRST, toMs: FIRST + 2_000 * DAY_MS }
  await t.rejects(queries.series(many, asking), {
    message: /more than 20000 windows of 1h; ask for at most 833 days/,
  })
  const set = { set: 'route', values: ['/a', '/b', '/c'] }
  await t.rejects(queries.series({ ...many, ...set, timeZone: 'UTC', step: HOUR_MS }, asking), {
    message: /more than 20000 windows of 1h for 3 values/,
  })
})
