import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { HEADER_BYTES, headerFor } from '../../../../../src/aggregation/rollup/stores/file-header.ts'
import { WINDOW_FILE } from '../../../../../src/aggregation/rollup/stores/local-file.ts'
import { localStore } from '../../../../../src/aggregation/rollup/stores/local-store.ts'
import { linesOf, windowSource } from '../../../../../src/aggregation/rollup/stores/merged/window-source.ts'
import type { RollupStore } from '../../../../../src/aggregation/rollup/stores/store.ts'
import { DAY_MS, HOUR_MS } from '../../../../../src/std/durations.ts'
import { createTelemetry } from '../../../../../src/std/telemetry.ts'
import { chunks, committed, gathered, rollupRow } from '../../../../fakes/aggregation/store.ts'
import { datedFolders } from '../../../../fakes/files/dated-folders.ts'
import { unsyncedFiles } from '../../../../fakes/files/unsynced-files.ts'

const DAY = Date.UTC(2026, 10, 22)
const GRAIN_MS = 900_000
const never = new AbortController().signal
const day = { rollup: 'default', fromMs: DAY, toMs: DAY + DAY_MS }
const definition = { sets: [['app', 'a1b2c3d4'] as const] }
const quarter = (at: number, generation = 1) => ({
  ...committed(DAY + at * GRAIN_MS, { generation }),
  definition,
})
const asked = { ...day, app: 'shop', metric: 'browser.web_vital.lcp', unit: 'ms', set: 'app' }

async function scene(t: Test, options: { maxGroupBytes?: number } = {}) {
  const dir = join(t.testdir(), 'store')
  const lines: string[] = []
  const { log } = createTelemetry('error', { write: (line) => lines.push(line) })
  const files = datedFolders(unsyncedFiles)
  const open = () => localStore({ dir, files, log, ...options })
  const store = open()
  for (let at = 0; at < 8; at++) await store.publish(quarter(at), chunks([rollupRow({}, [at + 1])]))
  const merged = join(`${dir}-merged`, 'default')
  const fileOf = async () =>
    join(merged, String((await readdir(merged)).find((name) => name.endsWith('.merged'))))
  return { dir, store, open, lines, files, merged, fileOf }
}

/** How many rows are read, and what they count, by windows of these spans. */
async function read(store: RollupStore, lengthMs = DAY_MS) {
  const mergedWithin = Array.from({ length: DAY_MS / lengthMs }, (_, at) => ({
    fromMs: DAY + at * lengthMs,
    toMs: DAY + (at + 1) * lengthMs,
  }))
  const windows = await store.contents({ ...asked, mergedWithin })
  const rows = await gathered(store.series({ ...asked, mergedWithin }))
  return [windows.length, rows.length, rows.reduce((sum, row) => sum + row.rows, 0)]
}

const flipped = (at: (bytes: Buffer) => number) => (bytes: Buffer) => {
  const place = at(bytes)
  bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place)
  return bytes
}

for (const [what, damage] of [
  ['an empty file', () => Buffer.alloc(0)],
  ['a file that is cut', (bytes: Buffer) => bytes.subarray(0, -1)],
  ['a flipped bit of its index', flipped((bytes) => bytes.length - 3)],
  ['a flipped bit of what it says of a metric', flipped((bytes) => bytes.indexOf('\n[0,"ms"') + 3)],
  ['an earlier version that there never was', () => Buffer.from('headgate-merged 0 ')],
] as const) {
  test(`${what} is set aside, and its windows answer`, async (t) => {
    const { store, open, lines, fileOf } = await scene(t)
    await store.merged.merge(day, never)
    const path = await fileOf()
    await writeFile(path, damage(await readFile(path)))
    t.same(await read(open()), [8, 8, 8])
    t.equal(lines.length, 1)
    t.match(lines, [path])
    t.match(await store.merged.days('default'), [{ isSettled: false }])
    t.equal(await store.merged.merge(day, never), 'merged')
    t.same(await read(open()), [1, 1, 8])
  })
}

test('rows that are damaged are set aside, and those of the windows go on from there', async (t) => {
  const { store, open, lines, fileOf } = await scene(t)
  await store.merged.merge(day, never)
  const path = await fileOf()
  await writeFile(path, flipped((bytes) => bytes.indexOf('"n":"4000"') + 5)(await readFile(path)))
  t.same(await read(open(), HOUR_MS), [2, 8, 8])
  t.equal(lines.length, 1)
})

test('a file that is a folder, is gone or may not be read costs no answer', async (t) => {
  const { store, open, lines, fileOf, dir, files } = await scene(t)
  await store.merged.merge(day, never)
  const path = await fileOf()
  const bytes = await readFile(path)
  await rm(path)
  t.same(await read(open()), [8, 8, 8])
  t.same(lines, [], 'it may have been replaced')
  await mkdir(path)
  t.same(await read(open()), [8, 8, 8])
  t.equal(lines.length, 1)
  await writeFile(path, bytes)
  t.same(await read(open()), [1, 1, 8])
  const failing = (error: Error) =>
    localStore({
      dir,
      files: {
        ...files,
        open: (name, ...more) => (name === path ? Promise.reject(error) : files.open(name, ...more)),
      },
    })
  t.same(await read(failing(Object.assign(new Error('no'), { code: 'EACCES' }))), [8, 8, 8])
  t.same(await readFile(path), bytes, 'it stays as it is')
  await t.rejects(read(failing(new TypeError('a mistake'))), TypeError)
})

test('a later version of a file or of the catalogue is left out, told once, and stays', async (t) => {
  const { store, open, lines, fileOf, merged } = await scene(t)
  await store.merged.merge(day, never)
  const path = await fileOf()
  await writeFile(path, 'headgate-merged 2 ')
  const reader = open()
  t.same(await read(reader), [8, 8, 8])
  t.same(await read(reader), [8, 8, 8])
  t.equal(lines.length, 1)
  t.equal(String(await readFile(path)), 'headgate-merged 2 ')
  const catalogue = join(merged, 'days.json')
  await writeFile(catalogue, '{"version":2,"days":[]}')
  t.same(await read(reader), [8, 8, 8])
  t.equal(lines.length, 2)
  await t.rejects(store.merged.merge(day, never), { code: 'later_version' })
  await writeFile(catalogue, 'none')
  t.equal(await store.merged.merge(day, never), 'merged', 'what is no catalogue is as good as none')
  t.same(await read(reader), [1, 1, 8])
})

test('a file in the place of their folder costs no answer', async (t) => {
  const { store, lines, dir } = await scene(t)
  await writeFile(`${dir}-merged`, '')
  t.same(await read(store), [8, 8, 8])
  t.equal(lines.length, 1)
  await t.rejects(store.merged.merge(day, never), { code: 'ENOTDIR' })
})

test('rows of windows as they are come from their files, unless these are others', async (t) => {
  const { store, dir } = await scene(t)
  await store.merged.merge(day, never)
  t.same(await read(store, GRAIN_MS), [8, 8, 8])
  const place = (at: number) => join(dir, 'default', '2026-11-22', `${DAY + at * GRAIN_MS}.rollup`)
  // Nothing shows of a file that is written over.
  await writeFile(place(1), await readFile(place(7)))
  const rows = await gathered(
    store.series({ ...asked, mergedWithin: [{ fromMs: DAY, toMs: DAY + GRAIN_MS }] }),
  )
  t.equal(rows.length, 8)
})

test('an hour whose windows a larger one replaces while they are read is read anew', async (t) => {
  const { store, dir, files } = await scene(t)
  await store.merged.merge(day, never)
  let generation = 1
  for (const replacedAt of [0, 2, 3, 5]) {
    const hourMs = DAY + HOUR_MS * Math.floor(replacedAt / 4)
    const other = localStore({ dir, files })
    let isReplaced = false
    const reading = localStore({
      dir,
      files: {
        ...files,
        async open(path, ...given) {
          if (!isReplaced && path.endsWith(`${DAY + replacedAt * GRAIN_MS}.rollup`)) {
            isReplaced = true
            generation += 1
            const hour = { ...committed(hourMs, { toMs: hourMs + HOUR_MS, generation }), definition }
            await other.publish(hour, chunks([rollupRow({}, [9]), rollupRow({ value: '/late' }, [1, 2])]))
          }
          return files.open(path, ...given)
        },
      },
    })
    const mergedWithin = [{ fromMs: DAY, toMs: DAY }]
    const rows = await gathered(reading.series({ ...asked, mergedWithin }))
    t.ok(isReplaced)
    const ofFirst = rows.filter(({ windowFromMs }) => windowFromMs < DAY + HOUR_MS)
    t.same([ofFirst.length, rows.length], replacedAt < 4 ? [2, 6] : [4, 6], `${replacedAt}`)
    generation += 1
    for (let at = 0; at < 8; at++)
      await other.publish(quarter(at, generation), chunks([rollupRow({}, [at + 1])]))
    t.equal(await store.merged.merge(day, never), 'merged')
  }
})

test('a day whose groups have too many rows is not merged, and not tried again', async (t) => {
  const { store } = await scene(t, { maxGroupBytes: 100 })
  t.equal(await store.merged.merge(day, never), 'too_large')
  t.match(await store.merged.days('default'), [{ isSettled: true }])
  t.same(await read(store), [8, 8, 8])
})

test('a damaged window makes no sum', async (t) => {
  const { store, dir } = await scene(t)
  const place = join(dir, 'default', '2026-11-22', `${DAY}.rollup`)
  await writeFile(place, flipped((bytes) => bytes.indexOf('"n":') + 5)(await readFile(place)))
  t.equal(await store.merged.merge(day, never), 'unlike')
  t.match(await store.merged.days('default'), [{ isSettled: true }], 'as long as it is there')
})

test('a line that is none makes no sum either', async (t) => {
  const { store, dir } = await scene(t)
  const place = join(dir, 'default', '2026-11-22', `${DAY}.rollup`)
  const bytes = await readFile(place)
  bytes.write('x', bytes.indexOf('"n":') + 5)
  await writeFile(place, bytes)
  t.equal(await store.merged.merge(day, never), 'unlike')
})

test('a day that changed since it was seen to be at rest is left', async (t) => {
  const { store } = await scene(t)
  const [seen = { changedMs: 0 }] = await store.merged.days('default')
  t.equal(await store.merged.merge({ ...day, changedMs: seen.changedMs - 1 }, never), 'changed')
  t.equal(await store.merged.merge({ ...day, changedMs: seen.changedMs }, never), 'merged')
})

test('a window that comes while a day is merged makes that void', async (t) => {
  const { dir, files, store, merged } = await scene(t)
  const other = localStore({
    dir,
    files: {
      ...files,
      async open(path, flags, mode) {
        if (path.endsWith('.merged')) await store.publish(quarter(9), chunks([rollupRow({}, [1])]))
        return files.open(path, flags, mode)
      },
    },
  })
  t.equal(await other.merged.merge(day, never), 'changed')
  t.same(await read(store), [9, 9, 9])
  t.same(await readdir(merged), [])
})

test('of a time that is forgotten nothing lies there but its windows', async (t) => {
  const { dir, store, merged } = await scene(t)
  const folder = join(dir, 'default', '2026-11-22')
  const windows = (await readdir(folder)).sort()
  await store.merged.merge(day, never)
  const later = `${DAY + HOUR_MS}.rollup.damaged`
  const beside = [
    `${DAY}.rollup.damaged`,
    `${DAY}.rollup.damaged-2`,
    `${DAY + GRAIN_MS}.rollup.3.abc.part`,
    later,
  ]
  for (const name of beside) await writeFile(join(folder, name), 'what was')
  await writeFile(join(merged, '2026-11-23.abc.merged'), 'another day')
  await store.merged.forget({ rollup: 'default', fromMs: DAY, toMs: DAY + HOUR_MS })
  t.same((await readdir(folder)).sort(), [...windows, later].sort())
  t.same((await readdir(merged)).sort(), ['2026-11-23.abc.merged', 'days.json'])
  t.same(await read(store), [8, 8, 36 - 28])
  await store.merged.forget({ rollup: 'other', fromMs: DAY, toMs: DAY + HOUR_MS })
})

test('days that are gone are forgotten, and names that are none passed over', async (t) => {
  const { dir, store, merged } = await scene(t)
  await store.merged.merge(day, never)
  await mkdir(join(dir, 'default', 'notes'))
  await symlink('nowhere', join(dir, 'default', '2026-11-23'))
  t.match(await store.merged.days('default'), [{ fromMs: DAY }])
  await rm(join(dir, 'default', '2026-11-22'), { recursive: true })
  t.same(await read(store), [0, 0, 0])
  await store.merged.tidy('default')
  t.same(await readdir(merged), ['days.json'])
})

test('names and values of any length and character are added up as they are', async (t) => {
  const { store } = await scene(t)
  const values = ['', '\0', '\u0001', '"', '/a', '/ü', '\\', 'x'.repeat(70_000), '\ufffd', '😀']
  const metrics = ['m', 'm\0n', `m${'y'.repeat(100_000)}`]
  for (let at = 0; at < 4; at++) {
    const rows = metrics.flatMap((metric) =>
      values
        .filter((_, i) => (i + at) % 3 > 0)
        .map((value) => rollupRow({ metric, set: 'route', value }, [1, 2 + at])),
    )
    await store.publish(quarter(at, 2), chunks(rows))
  }
  t.equal(await store.merged.merge(day, never), 'merged')
  for (const metric of metrics) {
    const of = { ...asked, metric, set: 'route' }
    const own = await gathered(store.series(of))
    const whole = await gathered(store.series({ ...of, mergedWithin: [day] }))
    t.ok(whole.map(({ value }) => value).join() === values.join(), 'in their order')
    for (const { value, n, sum, histogram } of whole) {
      const some = own.filter((row) => row.value === value)
      t.equal(
        n,
        some.reduce((all, row) => all + row.n, 0n),
      )
      t.equal(
        sum,
        some.reduce((all, row) => all + row.sum, 0n),
      )
      t.equal(
        histogram.split(',').length,
        new Set(some.flatMap((row) => row.histogram.match(/[^,:]+(?=:)/g))).size,
      )
    }
  }
})

/** A file of these bytes. */
const fileOf = (bytes: Buffer) => ({
  ...{ write: never as never, datasync: never as never, sync: never as never, truncate: never as never },
  ...{ chmod: never as never, close: async () => {} },
  read: async (into: Uint8Array, offset: number, length: number, position: number) => ({
    bytesRead: bytes.subarray(position, position + length).copy(into, offset),
  }),
})

test('a window is not believed before all of it is what was written', async (t) => {
  const index = Buffer.from('{}\n["a","m","ms","app",500,20,1,1]\n')
  const header = headerFor(WINDOW_FILE, HEADER_BYTES, index)
  const whole = Buffer.concat([header, index])
  const source = await windowSource(fileOf(whole), 'w', 1)
  const group = await source.next()
  t.match(group, { group: { app: 'a', offset: 500 } })
  if (group) await t.rejects(linesOf(group), { message: /rows are not what was written/ })
  t.equal(await source.next(), undefined)
  const other = await windowSource(
    fileOf(Buffer.concat([header, Buffer.from('{}\n["a","m","ms","app",501,20,1,1]\n')])),
    'w',
    1,
  )
  await other.next()
  await t.rejects(other.next(), { message: /its index is not what was written/ })
  await t.rejects(windowSource(fileOf(Buffer.from('headgate-rollup 2 ')), 'w', 1), {
    message: /earlier version/,
  })
})
