import { join } from 'node:path'
import { type Test, test } from 'tap'
import { mergeRows } from '../../../src/aggregation/rollup/merge/merge-rows.ts'
import type { RollupDefinition } from '../../../src/aggregation/rollup/model/definition.ts'
import { thresholdsOf } from '../../../src/aggregation/rollup/model/thresholds.ts'
import { localStore } from '../../../src/aggregation/rollup/stores/local-store.ts'
import type { RollupRow, RollupStore } from '../../../src/aggregation/rollup/stores/store.ts'
import { createQueries } from '../../../src/aggregation/serve/query.ts'
import { memoryCache } from '../../../src/aggregation/serve/query-cache.ts'
import type { Queries } from '../../../src/aggregation/serve/query-port.ts'
import { DAY_MS, HOUR_MS } from '../../../src/std/durations.ts'
import { blockingFiles } from '../../../src/std/files/blocking-files.ts'
import type { FileOps } from '../../../src/std/files/files.ts'
import { chunks, committed, rollupRow } from '../../fakes/aggregation/store.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { seededEntropy } from '../../fakes/entropy.ts'

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
const asking = { signal: never, ofAllApps: true }
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
    const routes = ['/a', '/b', '/ü', '😀', '~other', '~unknown'].filter(() => uniform() < 0.5)
    const values = routes.map(() => Array.from({ length: 1 + 5 * uniform() }, () => 5_000 * uniform() ** 3))
    const weight = [1, 0.5, 10][Math.floor(3 * uniform())] ?? 1
    if (routes.length > 0) rows.push(rollupRow({ metric, unit }, values.flat(), weight))
    for (const [at, value] of routes.entries())
      rows.push(rollupRow({ metric, unit, set: 'route', value }, values[at] ?? [], weight))
  }
  return rows.sort(byBytes)
}

/** Some days, some windows of which are empty, not there, or not complete, and late rows in others. */
async function filled(t: Test, uniform: () => number) {
  const store = localStore({ dir: join(t.testdir(), 'store'), files: quickFiles })
  for (let ms = FIRST; ms < FIRST + DAYS * DAY_MS; ms += GRAIN_MS) {
    if (uniform() < 0.03 || ms < FIRST + 5 * HOUR_MS) continue
    const its = {
      late: Math.floor(3 * uniform()),
      rejected: Math.floor(3 * uniform()),
      complete: uniform() > 0.005,
    }
    await store.publish(committed(ms, its), chunks(uniform() < 0.1 ? [] : rowsOf(uniform)))
  }
  return store
}

async function merge(store: RollupStore, fromMs: number, lengthMs: number): Promise<void> {
  const span = { rollup: 'default', fromMs, toMs: fromMs + lengthMs }
  const windows = await store.windows('default', span.fromMs, span.toMs)
  const [first] = windows
  if (first === undefined || !windows.every(({ complete }) => complete)) return
  const sum = (of: 'late' | 'rejected') => windows.reduce((total, window) => total + window[of], 0)
  const from = {
    digest: '',
    windows: windows.length,
    firstMs: first.fromMs,
    heldMs: windows.length * GRAIN_MS,
  }
  await store.merged.put(span, {
    rows: mergeRows(
      windows.map((window) => store.merged.rowsOf(window)),
      never,
    ),
    finish: async () => ({
      ...committed(fromMs, { toMs: span.toMs, late: sum('late'), rejected: sum('rejected') }),
      merged: from,
    }),
  })
}

/** The same store, as if nothing had been merged. */
const asWindows = (store: RollupStore): RollupStore => ({
  ...store,
  contents: ({ mergedWithin: _, ...request }, signal) => store.contents(request, signal),
  series: ({ mergedWithin: _, ...request }, signal) => store.series(request, signal),
})

function queriesOf(store: RollupStore, nowMs: number): Queries {
  const ports = { definitions: [definition], thresholds: thresholdsOf([]), clock: fakeClock(nowMs) }
  return createQueries({ ...ports, store, cache: memoryCache(1_000_000) })
}

type Ask = (queries: Queries) => Promise<unknown>

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
    ['route', ['/nowhere']],
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
  }
  const kind = pick(Object.keys(kinds))
  return { what: `${kind} ${JSON.stringify({ asked, others, a, b })}`, ask: kinds[kind] as Ask }
}

const told = (answer: unknown) => {
  const { dataGen: _, ...rest } = JSON.parse((answer as { text: string }).text)
  return rest
}
const toldBy = (queries: Queries, ask: Ask) =>
  ask(queries).then(told, (error: unknown) => ({ failed: String(error) }))

test('answers are the same from quarter hours, hours, days, and any of them together', async (t) => {
  const { uniform } = seededEntropy(2026)
  const store = await filled(t, uniform)
  const nowMs = FIRST + DAYS * DAY_MS + 3 * GRAIN_MS
  let differ = 0
  const compareAll = async (share: string) => {
    const [whole, own] = [queriesOf(store, nowMs), queriesOf(asWindows(store), nowMs)]
    for (let i = 0; i < 40; i++) {
      const { what, ask } = question(uniform)
      const [found, wanted] = [await toldBy(whole, ask), await toldBy(own, ask)]
      if (JSON.stringify(found) === JSON.stringify(wanted)) continue
      differ += 1
      t.same(found, wanted, `${share}: ${what}`)
    }
  }
  await compareAll('nothing')
  for (let at = 0; at < DAYS * 24; at++)
    if (uniform() < 0.5) await merge(store, FIRST + at * HOUR_MS, HOUR_MS)
  await compareAll('some hours')
  for (let at = 0; at < DAYS; at++) if (uniform() < 0.5) await merge(store, FIRST + at * DAY_MS, DAY_MS)
  await compareAll('some hours and days')
  t.ok((await store.merged.windows({ rollup: 'default', fromMs: 0, toMs: nowMs }, DAY_MS)).length > 1)
  for (let at = 0; at < DAYS * 24; at++) await merge(store, FIRST + at * HOUR_MS, HOUR_MS)
  await compareAll('all hours')
  t.equal(differ, 0)
})

test('an answer of days reads one window for each, and is another when one of their windows is', async (t) => {
  const { uniform } = seededEntropy(7)
  const store = await filled(t, () => Math.max(0.05, uniform()))
  for (let at = 1; at < DAYS; at++) await merge(store, FIRST + at * DAY_MS, DAY_MS)
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
  const asked = {
    ...{ app: 'shop', metric: LCP, set: 'app', values: [], quantiles: [0.75], unit: 'ms' },
    ...{ fromMs: FIRST + DAY_MS, toMs: FIRST + DAYS * DAY_MS, timeZone: 'UTC' },
  }
  const days = async () => JSON.parse((await queries.series({ ...asked, step: 'day' }, asking)).text)
  const before = await days()
  t.same(read, [DAYS - 1])
  t.equal(before.completeness.windows, (DAYS - 1) * 96, 'it tells how many windows they are made of')
  t.same((await days()).dataGen, before.dataGen)
  const late = committed(FIRST + 3 * DAY_MS, { generation: 2 })
  await store.publish(late, chunks([rollupRow({}, [1, 2, 3])]))
  const after = await days()
  t.not(after.dataGen, before.dataGen)
  t.same(read.slice(2), [DAYS - 2 + 96])
  t.same(
    told(await queries.series({ ...asked, step: 'day' }, asking)),
    told(await queriesOf(asWindows(store), nowMs).series({ ...asked, step: 'day' }, asking)),
  )
})

test('years are answered by days, where they are merged', async (t) => {
  const store = localStore({ dir: join(t.testdir(), 'store'), files: quickFiles })
  const from = { digest: '', windows: 96, heldMs: DAY_MS }
  for (let at = 0; at < 400; at++) {
    const fromMs = FIRST + at * DAY_MS
    await store.merged.put(
      { rollup: 'default', fromMs, toMs: fromMs + DAY_MS },
      {
        rows: chunks([rollupRow({}, [at])]),
        finish: async () => ({
          ...committed(fromMs, { toMs: fromMs + DAY_MS }),
          merged: { ...from, firstMs: fromMs },
        }),
      },
    )
  }
  const toMs = FIRST + 400 * DAY_MS
  const queries = queriesOf(store, toMs + DAY_MS)
  const asked = {
    ...{ app: 'shop', metric: LCP, set: 'app', values: [], quantiles: [0.75], unit: undefined },
    ...{ fromMs: FIRST, toMs, timeZone: 'UTC', step: 'day' as const },
  }
  const { points, completeness } = JSON.parse((await queries.series(asked, asking)).text)
  t.equal(points.length, 400)
  t.match(completeness, { windows: 38_400, missing: 0 })
  const { n } = JSON.parse(
    (await queries.histogram({ ...asked, step: undefined, format: 'json' }, asking)).text,
  )
  t.equal(n, 400)
  const many = { ...asked, timeZone: 'Asia/Tokyo', fromMs: FIRST, toMs: FIRST + 2_000 * DAY_MS }
  await t.rejects(queries.series(many, asking), {
    message: /more than 20000 windows of 1h; ask for at most 833 days/,
  })
  const set = { set: 'route', values: ['/a', '/b', '/c'] }
  await t.rejects(queries.series({ ...many, ...set, timeZone: 'UTC', step: HOUR_MS }, asking), {
    message: /more than 20000 windows of 1h for 3 values/,
  })
  const missing = { ...asked, fromMs: FIRST + 399 * DAY_MS, toMs: FIRST + 700 * DAY_MS }
  for (let at = 0; at < 3; at++) await store.publish(committed(toMs + at * GRAIN_MS), chunks([]))
  t.equal(
    JSON.parse((await queries.series(missing, asking)).text).points.length,
    1,
    'nothing else is there to be read',
  )
})
