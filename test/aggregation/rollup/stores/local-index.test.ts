import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { groupsOf, windowOf } from '../../../../src/aggregation/rollup/stores/local-file.ts'
import {
  firstOfEachApp,
  fullestOfApp,
  groupsOfMetric,
  indexReader,
  NO_GROUPS,
} from '../../../../src/aggregation/rollup/stores/local-index.ts'
import { localStore } from '../../../../src/aggregation/rollup/stores/local-store.ts'
import type { RollupRow, RollupStore } from '../../../../src/aggregation/rollup/stores/store.ts'
import { type FileOps, nodeFiles, type OpenFile } from '../../../../src/std/files/files.ts'
import { committed, row } from '../../../contracts/store.ts'
import { chunks, gathered } from '../../../fakes/aggregation/store.ts'
import { isTimed, longestStretch } from '../../../fakes/stretch.ts'

const MINUTE_MS = 60_000
const fromMs = Date.UTC(2026, 10, 22, 12)
const WINDOWS = 40
const METRICS = Array.from({ length: 30 }, (_, i) => `metric-${10 + i}`)
const SETS = ['app', 'browser', 'route']
const range = { rollup: 'vitals', app: 'shop', fromMs, toMs: fromMs + WINDOWS * MINUTE_MS }
const series = { ...range, metric: 'metric-20', unit: 'ms', set: 'route' }
const pathOf = (dir: string, minute: number) =>
  join(dir, 'vitals', '2026-11-22', `${fromMs + minute * MINUTE_MS}.rollup`)

const rowsOf = (minute: number): RollupRow[] =>
  METRICS.flatMap((metric, at) =>
    SETS.map((set) => row({ metric, set, rows: set === 'app' ? 2 : 1, n: BigInt(1 + minute * 100 + at) })),
  )

/** Minutes with ninety groups each, and what is asked of the files since it was last told. */
async function minutes(t: Test, indexCacheBytes?: number) {
  const dir = t.testdir()
  const kept = indexCacheBytes === undefined ? {} : { indexCacheBytes }
  for (let minute = 0; minute < WINDOWS; minute++) {
    const window = committed({
      fromMs: fromMs + minute * MINUTE_MS,
      toMs: fromMs + (minute + 1) * MINUTE_MS,
    })
    await localStore({ dir }).publish(window, chunks(rowsOf(minute)))
  }
  const { files, counted } = countingFiles()
  return { dir, counted, store: localStore({ dir, files, ...kept }) }
}

/** The real files. The header comes first, and of an index and rows only the one is as long as thousands of bytes. */
function countingFiles() {
  let counts = { opens: 0, headers: 0, indexes: 0, rows: 0 }
  const countRead = (length: number, position: number) => {
    if (position === 0) counts.headers++
    else if (length > 2_000) counts.indexes++
    else counts.rows++
  }
  const files: FileOps = {
    ...nodeFiles,
    async open(...args) {
      counts.opens++
      const file = await nodeFiles.open(...args)
      const read: OpenFile['read'] = (into, offset, length, position) => {
        countRead(length, position)
        return file.read(into, offset, length, position)
      }
      return Object.assign(Object.create(file), { read, close: () => file.close() })
    },
  }
  const counted = () => {
    const told = counts
    counts = { opens: 0, headers: 0, indexes: 0, rows: 0 }
    return told
  }
  return { files, counted }
}

const once = { opens: WINDOWS, headers: WINDOWS, indexes: 0, rows: 0 }

test('a question reads each index once, and none when it is asked again', async (t) => {
  const { store, counted } = await minutes(t)
  const first = await store.contents(series)
  t.same(counted(), { ...once, indexes: WINDOWS })
  t.equal(new Set(first.flatMap(({ units }) => units.map(({ content }) => content))).size, WINDOWS)
  t.same(await store.contents(series), first)
  t.same(counted(), once)
  const rows = await gathered(store.series(series))
  t.same(counted(), { ...once, rows: WINDOWS }, 'its rows need no index either')
  t.same(
    rows.map(({ n }) => n),
    Array.from({ length: WINDOWS }, (_, minute) => BigInt(1 + minute * 100 + 10)),
  )
  t.same(await gathered(store.series({ ...series, set: 'app' })), wantedOf('app'), 'nor another set of it')
  t.same(counted(), { ...once, rows: WINDOWS })

  const names = await store.metrics(range)
  t.same(counted(), { ...once, indexes: WINDOWS })
  t.same(
    names,
    METRICS.map((metric) => ({ metric, units: [{ unit: 'ms', rows: 2 * WINDOWS }] })),
    'those of the fullest set',
  )
  t.same(await store.metrics(range), names)
  t.same(counted(), once)
  t.equal((await store.windows('vitals', range.fromMs, range.toMs)).length, WINDOWS)
  t.same(counted(), { ...once, indexes: WINDOWS })
  t.equal((await store.held('vitals', range.fromMs, range.toMs)).length, WINDOWS)
  t.same(counted(), once)
})

const wantedOf = (set: string) =>
  Array.from({ length: WINDOWS }, (_, minute) => ({
    ...rowsOf(minute).find((each) => each.metric === series.metric && each.set === set),
    windowFromMs: fromMs + minute * MINUTE_MS,
  }))

test('what is kept is a hundredth of the indexes: a cache that could hold a few of those holds all of it', async (t) => {
  const { dir, store, counted } = await minutes(t, WINDOWS * 1_500)
  const whole = await readFile(pathOf(dir, 0))
  t.ok(whole.length > WINDOWS * 100)
  await store.contents(series)
  counted()
  await store.contents(series)
  t.same(counted(), once)
})

test('a cache that is full forgets, and every answer stays the same', async (t) => {
  const { store, counted } = await minutes(t, 5_000)
  const first = await store.contents(series)
  counted()
  t.same(await store.contents(series), first)
  t.same(counted(), { ...once, indexes: WINDOWS })
})

const ask = async (store: RollupStore) => {
  await store.contents(series)
  return gathered(store.series(series))
}

for (const [what, damage, meets] of [
  ['an empty file', () => Buffer.alloc(0), 'contents'],
  ['a header', (bytes: Buffer) => flipped(bytes, 3), 'contents'],
  ['rows that are asked for', (bytes: Buffer) => flipped(bytes, bytes.lastIndexOf('"n":"11"') + 5), 'series'],
] as const) {
  test(`what is kept of an index hides no damage: ${what}`, async (t) => {
    const { dir, store } = await minutes(t)
    t.equal((await ask(store)).length, WINDOWS)
    const path = pathOf(dir, 0)
    await writeFile(path, damage(await readFile(path)))
    if (meets === 'series') await t.rejects(ask(store), { code: 'internal', message: basename(path) })
    t.equal((await ask(store)).length, WINDOWS - 1)
    t.ok((await readdir(dirname(path))).includes(`${basename(path)}.damaged`))
  })
}

test('damage of an index is found by the next question that reads it', async (t) => {
  const { dir, store } = await minutes(t)
  t.equal((await ask(store)).length, WINDOWS)
  const path = pathOf(dir, 3)
  const bytes = await readFile(path)
  await writeFile(path, flipped(bytes, bytes.length - 3))
  await t.rejects(gathered(store.series({ ...series, metric: 'metric-11' })), {
    code: 'internal',
    message: 'its index is not what was written',
  })
  t.equal((await ask(store)).length, WINDOWS - 1)
})

test('indexes that are read at one time do not mix, however many and however large', async (t) => {
  const { dir } = await minutes(t)
  const large = Array.from({ length: 20_000 }, (_, i) => row({ metric: `metric-${10_000 + i}` }))
  const later = committed({ fromMs: range.toMs, toMs: range.toMs + MINUTE_MS })
  await localStore({ dir }).publish(later, chunks(large))
  const lookups = ['metric-11', 'metric-12', 'metric-13', 'metric-14', 'metric-15', 'metric-10007']
  let waiting = lookups.length
  let open = () => {}
  const gate = new Promise<void>((resolve) => (open = resolve))
  const indexes = indexReader(1_000_000)
  const found = await Promise.all(
    lookups.map(async (metric, at) => {
      const path = pathOf(dir, at === 5 ? WINDOWS : at)
      const file = await nodeFiles.open(path, 'r')
      const { key, linesIn } = groupsOfMetric('shop', metric)
      // All are read before one is looked at.
      const patient = async (index: Buffer) => {
        if (--waiting === 0) open()
        await gate
        return linesIn(index)
      }
      const cut = await indexes.cut(file, path, { lookup: { key, linesIn: patient }, keeps: false })
      await file.close()
      return [windowOf(known(cut)).fromMs, [...groupsOf(known(cut), ['shop'])].map((group) => group.metric)]
    }),
  )
  t.same(
    found,
    lookups.map((metric, at) => [
      fromMs + (at === 5 ? WINDOWS : at) * MINUTE_MS,
      at === 5 ? [metric] : SETS.map(() => metric),
    ]),
  )
})

test('names among tens of thousands of groups are gathered in short steps, and no line but theirs is kept', async (t) => {
  const dir = t.testdir()
  const named = Array.from({ length: 10_000 }, (_, i) => `metric-${10_000 + i}`)
  const rows = [
    ...named.flatMap((metric) => [row({ metric }), row({ metric, set: 'route' })]),
    row({ app: 'wiki' }),
  ]
  await localStore({ dir }).publish(committed({ fromMs }), chunks(rows))
  const file = await nodeFiles.open(pathOf(dir, 0), 'r')
  const cut = async (lookup = fullestOfApp('shop')) =>
    known(await indexReader(0).cut(file, pathOf(dir, 0), { lookup, keeps: true }))
  await cut()
  const { result, ms } = await longestStretch(cut)
  if (isTimed) t.ok(ms < 50, `${ms.toFixed(1)} ms`)
  t.equal([...groupsOf(result, ['shop'])].length, named.length)
  t.same([...groupsOf(await cut(NO_GROUPS), ['shop'])], [])
  const apps = await longestStretch(() => cut(firstOfEachApp()))
  if (isTimed) t.ok(apps.ms < 50, `${apps.ms.toFixed(1)} ms`)
  t.same(
    [...groupsOf(apps.result, [])].map(({ app }) => app),
    ['shop', 'wiki'],
  )
  const ended = new AbortController()
  ended.abort(new Error('gone'))
  for (const lookup of [fullestOfApp('shop', ended.signal), firstOfEachApp(ended.signal)])
    await t.rejects(cut(lookup), { message: 'gone' })
  await file.close()
})

function known(cut: Buffer | undefined): Buffer {
  if (cut === undefined) throw new Error('of an earlier version')
  return cut
}

const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at)
  return copy
}
