import { mkdir, open, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { localStore } from '../../../../src/aggregation/rollup/stores/local-store.ts'
import type { RollupStore } from '../../../../src/aggregation/rollup/stores/store.ts'
import { DAY_MS } from '../../../../src/std/durations.ts'
import { AppError } from '../../../../src/std/errors.ts'

import { blockingFiles } from '../../../../src/std/files/blocking-files.ts'
import type { FileOps } from '../../../../src/std/files/files.ts'
import { createTelemetry } from '../../../../src/std/telemetry.ts'
import { mergedContract } from '../../../contracts/merged-store.ts'
import { committed, type Minutes, publishMinutes, row, storeContract } from '../../../contracts/store.ts'
import { chunks, gathered } from '../../../fakes/aggregation/store.ts'
import { datedFolders } from '../../../fakes/files/dated-folders.ts'
import { faultyFiles } from '../../../fakes/files/faulty-files.ts'
import { killedAt } from '../../../fakes/files/killed.ts'
import { noFiles, replaceByNoFile } from '../../../fakes/files/not-files.ts'
import { pausedAt } from '../../../fakes/files/paused.ts'
import { unsyncedFiles } from '../../../fakes/files/unsynced-files.ts'

for (const [name, options] of [
  ['local', {}],
  ['local that blocks', { files: blockingFiles }],
  ['local without cache', { indexCacheBytes: 0 }],
] as readonly [string, { files?: FileOps; indexCacheBytes?: number }][]) {
  test(`the store keeps the contract of stores: ${name}`, async (t) => {
    const fresh = (t: Test) => {
      const dir = join(t.testdir(), 'store')
      const files = datedFolders(options.files ?? unsyncedFiles)
      return () => localStore({ dir, ...options, files })
    }
    storeContract(t, name, fresh)
    mergedContract(t, name, fresh)
  })
}

const window = committed()
const series = {
  rollup: 'vitals',
  app: 'shop',
  metric: 'lcp',
  unit: 'ms',
  set: 'app',
  fromMs: window.fromMs,
  toMs: window.toMs,
}

test('a window is one private file; what a killed publish left is ignored and overwritten', async (t) => {
  const dir = t.testdir()
  const day = join(dir, 'vitals', '2026-11-22')
  await mkdir(day, { recursive: true })
  const file = `${window.fromMs}.rollup`
  await writeFile(join(day, `${file}.1.part`), 'half a fi', { mode: 0o600 })
  await writeFile(join(dir, 'vitals', '.DS_Store.part'), '')
  const store = localStore({ dir })
  t.same(await store.windows('vitals', 0, window.toMs), [])
  await store.publish(window, chunks([row()]))
  t.same(await readdir(day), [file])
  const handle = await open(join(day, file))
  t.equal((await handle.stat()).mode & 0o777, 0o600)
  await store.publish(committed({ generation: 2 }), chunks([row({ n: 7n })]))
  t.match(await handle.readFile('utf8'), '"n":"2000"', 'a reader keeps the file it has open')
  await handle.close()
  t.same(await readdir(day), [file])
})

for (const { name, paused, other, counts } of [
  { name: 'an older generation never covers a newer one', paused: 2, other: 3, counts: 3 },
  { name: 'an older generation gives way', paused: 3, other: 2, counts: 3 },
  { name: 'two of one generation never share a file', paused: 2, other: 2, counts: 2 },
]) {
  test(`whoever is paused at any call, and wakes when another has published: ${name}`, async (t) => {
    const day = (dir: string) => join(dir, 'vitals', '2026-11-22')
    const rowsOf = (generation: number) => [row({ n: BigInt(generation) })]
    const publish = (store: RollupStore, generation: number) =>
      store.publish(committed({ generation }), chunks(rowsOf(generation)))
    const nOf = async (store: RollupStore) => (await gathered(store.series(series))).map(({ n }) => n)
    let pauses = 0
    for (let step = 1; ; step++) {
      const dir = t.testdir()
      const awake = localStore({ dir, files: unsyncedFiles })
      await publish(awake, 1)
      const { drowsy, wasPaused } = pausedAt(step, () => publish(awake, other))
      const files = drowsy(unsyncedFiles, ['open', 'readdir', 'rename', 'unlink'])
      const outcome = await publish(localStore({ dir, files }), paused).catch(codeOf)
      if (!wasPaused()) break
      pauses += 1
      if (outcome === 'run_conflict') {
        // The older one had removed its part.
        t.ok(paused > other)
        await publish(awake, paused)
      }
      t.same(await generations(awake), [counts], `paused at step ${step}`)
      t.same(await nOf(awake), [BigInt(counts)])
      t.same(await readdir(day(dir)), [`${window.fromMs}.rollup`], 'nothing is left beside it')
    }
    t.ok(pauses >= 10, `${pauses} points of a pause`)
  })
}

const every = (minutes: number, to: number): readonly Minutes[] =>
  Array.from({ length: to / minutes }, (_, at) => [at * minutes, (at + 1) * minutes] as const)

for (const [what, before, after] of [
  ['smaller ones that of a larger one', [[0, 15]], every(5, 15)],
  ['smaller ones that of a larger one, the last first', [[0, 15]], every(5, 15).toReversed()],
  ['a larger one that of smaller ones', every(5, 15), [[0, 15]]],
  ['a larger one that of many', every(5, 30), [[0, 30]]],
  ['a larger one that of larger ones', every(15, 30), [[0, 30]]],
] as const) {
  test(`whoever reads while windows take the place of others has all of it: ${what}`, async (t) => {
    const hour = { ...series, fromMs: window.fromMs - 3_600_000, toMs: window.fromMs + 3_600_000 }
    const minutes = Number(before.at(-1)?.[1])
    let pauses = 0
    for (const read of [
      async (store: RollupStore) =>
        (await gathered(store.series(hour))).reduce((sum, { rows }) => sum + rows, 0),
      async (store: RollupStore) =>
        (await store.contents(hour)).reduce((sum, { fromMs, toMs }) => sum + (toMs - fromMs) / 60_000, 0),
    ]) {
      for (let step = 1; ; step++) {
        const dir = t.testdir()
        const awake = localStore({ dir, files: unsyncedFiles })
        for (const each of before) await publishMinutes(awake, each, 1)
        const { drowsy, wasPaused } = pausedAt(step, async () => {
          for (const each of after) await publishMinutes(awake, each, 2)
        })
        const store = localStore({ dir, files: drowsy(unsyncedFiles, ['open', 'readdir']) })
        const found = await read(store)
        if (!wasPaused()) break
        pauses += 1
        t.equal(found, minutes, `paused at step ${step}`)
      }
    }
    t.ok(pauses >= 8, `${pauses} points of a pause`)
  })
}

const codeOf = (error: unknown) => (error instanceof AppError ? error.code : error)

const generations = async (store: RollupStore) =>
  (await store.windows('vitals', window.fromMs, window.toMs)).map(({ generation }) => generation)

test('windows larger than one write are whole', async (t) => {
  const store = localStore({ dir: t.testdir() })
  const histogram = Array.from({ length: 300 }, (_, i) => `${i}:1000`).join(',')
  const rows = Array.from({ length: 600 }, (_, i) =>
    row({ metric: `m${i >> 1}`.padStart(4, '0'), set: i % 2 ? 'route' : 'app', histogram, n: BigInt(i) }),
  ).sort((a, b) => (a.metric < b.metric ? -1 : a.metric > b.metric ? 1 : 0))
  await store.publish(window, chunks(rows.slice(0, 301), rows.slice(301)))
  for (const i of [0, 301, 599]) {
    const { metric, set, n } = rows[i] ?? row()
    t.same(
      (await gathered(store.series({ ...series, metric, set }))).map((read) => read.n),
      [n],
    )
  }
})

const quarters = [
  [0, 15],
  [15, 30],
  [30, 45],
  [45, 60],
] as const

const damages: readonly [string, (bytes: Buffer) => Buffer, RegExp][] = [
  ['an empty file', () => Buffer.alloc(0), /no header/],
  ['another header', (bytes) => Buffer.concat([Buffer.from('x'), bytes]), /no header/],
  ['a file cut short', (bytes) => bytes.subarray(0, -1), /index is not what was written/],
  ['a file cut in the middle', (bytes) => bytes.subarray(0, 150), /index is not what was written/],
  [
    'a flipped bit of the index',
    (bytes) => flipped(bytes, bytes.length - 2),
    /index is not what was written/,
  ],
  [
    'a flipped bit of a row',
    (bytes) => flipped(bytes, bytes.indexOf('2000')),
    /rows are not what was written/,
  ],
  [
    'a header that names an index of any size',
    (bytes) =>
      Buffer.from(bytes.toString('latin1').replace(/ (\d{15}) \d{15} /, ' $1 999999999999999 '), 'latin1'),
    /an index that cannot be/,
  ],
]

const later = committed({ fromMs: window.toMs, toMs: 2 * window.toMs - window.fromMs })
const whole = { fromMs: 0, toMs: later.toMs }

/** A store of two windows, where the first of them lies, and what is logged as an error. */
async function withTwoWindows(t: Test) {
  const dir = join(t.testdir(), 'store')
  const lines: string[] = []
  const { log } = createTelemetry('error', { write: (line) => lines.push(line) })
  const store = localStore({ dir, log })
  for (const each of [window, later]) await store.publish(each, chunks([row()]))
  return { store, path: join(dir, 'vitals', '2026-11-22', `${window.fromMs}.rollup`), lines }
}

for (const [what, damage, message] of damages) {
  test(`${what} is set aside by name, costs no other window, and is published again`, async (t) => {
    const { store, path, lines } = await withTwoWindows(t)
    await writeFile(path, damage(await readFile(path)))
    const asked = { ...series, ...whole }
    await t.rejects(
      gathered(store.series(asked)),
      { code: 'internal', message },
      'never silence or wrong numbers',
    )
    t.match(lines, [path])
    t.same(
      (await gathered(store.series(asked))).map(({ windowFromMs }) => windowFromMs),
      [later.fromMs],
      'the next answer is of what is left',
    )
    t.same(
      (await store.windows('vitals', 0, whole.toMs)).map(({ fromMs }) => fromMs),
      [later.fromMs],
    )
    t.ok((await readdir(join(path, '..'))).includes(`${window.fromMs}.rollup.damaged`))
    t.equal(await store.publish(window, chunks([row()])), 'published', 'the same generation mends it')
    t.equal((await gathered(store.series(asked))).length, 2)
  })
}

test('thousands of metrics of one app are told, each with its rows', async (t) => {
  const store = localStore({ dir: t.testdir() })
  const named = Array.from({ length: 4_000 }, (_, i) => `metric.${10_000 + i}`)
  const rows = named.flatMap((metric) => [
    row({ metric }),
    row({ metric, set: 'route', value: '/a' }),
    row({ metric, set: 'route', value: '/b' }),
  ])
  await store.publish(committed(), chunks(rows))
  const { rollup, app, fromMs, toMs } = series
  const told = await store.metrics({ rollup, app, fromMs, toMs })
  t.same(new Set(told.map(({ metric }) => metric)), new Set(named))
  t.ok(
    told.every(({ units }) => units.length === 1 && units[0]?.rows === 2 * row().rows),
    'those of its fullest set',
  )
})

test('windows are told without the damaged ones, whoever finds them', async (t) => {
  const dir = t.testdir()
  const store = localStore({ dir })
  for (const each of [window, later]) await store.publish(each, chunks([row()]))
  for (const { fromMs } of [window, later]) {
    await writeFile(join(dir, 'vitals', '2026-11-22', `${fromMs}.rollup`), '')
  }
  t.same(await store.windows('vitals', 0, whole.toMs), [])
})

test('a window that cannot take its place leaves nothing unfinished', async (t) => {
  const dir = t.testdir()
  const { files, fail } = faultyFiles()
  fail({ call: 'rename', code: 'EIO' })
  await t.rejects(localStore({ dir, files }).publish(window, chunks([row()])), { code: 'EIO' })
  t.same(await readdir(join(dir, 'vitals', '2026-11-22')), [])
})

test('a file that the disk does not give back is damaged; a want of handles is not', async (t) => {
  const dir = t.testdir()
  const { files, fail } = faultyFiles()
  const lines: string[] = []
  const { log } = createTelemetry('error', { write: (line) => lines.push(line) })
  const store = localStore({ dir, files, log })
  await store.publish(window, chunks([row()]))
  fail({ call: 'open', code: 'EMFILE', file: /rollup$/ })
  await t.rejects(store.windows('vitals', 0, whole.toMs), { code: 'EMFILE' })
  t.equal((await store.windows('vitals', 0, whole.toMs)).length, 1)
  fail({ call: 'open', code: 'EMFILE', file: /rollup$/ })
  await t.rejects(store.publish(window, chunks([row()])), { code: 'EMFILE' })

  fail({ call: 'read', code: 'EIO' }, { call: 'rename', code: 'EROFS' })
  t.same(await store.windows('vitals', 0, whole.toMs), [], 'left out where it cannot be renamed')
  t.same(await store.windows('vitals', 0, whole.toMs), [])
  t.equal(await store.publish(window, chunks([row()])), 'published')
  t.equal((await store.windows('vitals', 0, whole.toMs)).length, 1)
  fail({ call: 'read', code: 'EIO' }, { call: 'rename', code: 'EROFS' })
  t.same(await store.windows('vitals', 0, whole.toMs), [])
  t.equal(await localStore({ dir }).publish(committed({ generation: 2 }), chunks([row()])), 'published')
  t.match(await store.windows('vitals', 0, whole.toMs), [{ generation: 2 }], 'another wrote it anew')
  fail({ call: 'read', code: 'EIO' }, { call: 'rename', code: 'EROFS' })
  t.same(await store.windows('vitals', 0, whole.toMs), [])
  const path = join(dir, 'vitals', '2026-11-22', `${window.fromMs}.rollup`)
  await rm(path)
  t.same(await store.held('vitals', 0, whole.toMs), [], 'and nothing is to be read where it is gone')
  t.equal(await store.publish(window, chunks([row()])), 'published')
  fail({ call: 'read', code: 'EIO' }, { call: 'rename', code: 'ENOENT' })
  t.equal(
    (await store.windows('vitals', 0, whole.toMs)).length,
    1,
    'another set it aside, and a third published',
  )
})

test('damage is told as damage where the file can neither be renamed nor looked at', async (t) => {
  const dir = t.testdir()
  const { files, fail } = faultyFiles()
  const store = localStore({ dir, files })
  const window = committed({ generation: 1 })
  t.equal(await store.publish(window, chunks([row()])), 'published')
  const unreadable = () => fail({ call: 'read', code: 'EIO' }, { call: 'rename', code: 'EROFS' })
  for (const code of ['EACCES', 'EIO']) {
    unreadable()
    fail({ call: 'stat', code, times: 2 })
    t.same(await store.windows('vitals', 0, whole.toMs), [], `${code}: it is left out`)
    t.equal((await store.windows('vitals', 0, whole.toMs)).length, 1, 'until it can be looked at')
    unreadable()
    t.same(await store.windows('vitals', 0, whole.toMs), [], 'then it is read again')
    await utimes(join(dir, 'vitals', '2026-11-22', `${window.fromMs}.rollup`), 1, code.length)
    t.equal(
      (await store.windows('vitals', 0, whole.toMs)).length,
      1,
      'and once more when it was written anew',
    )
  }
  unreadable()
  fail({ call: 'stat', code: 'none of the system' })
  await t.rejects(store.windows('vitals', 0, whole.toMs), { code: 'none of the system' })
})

test('a file that is kept from us stays in its place, and is named; what was given back is read', async (t) => {
  const dir = t.testdir()
  const { files, fail } = faultyFiles()
  const store = localStore({ dir, files })
  await store.publish(window, chunks([row()]))
  const folder = join(dir, 'vitals', '2026-11-22')
  for (const code of ['EACCES', 'EPERM', 'EBUSY', 'ETXTBSY', 'ESTALE']) {
    for (const ask of [
      () => store.windows('vitals', 0, whole.toMs),
      () => store.held('vitals', 0, whole.toMs),
      () => gathered(store.series({ ...series, ...whole })),
      () => store.publish({ ...window, generation: 9 }, chunks([row()])),
    ]) {
      fail({ call: 'open', code, file: /rollup$/ })
      await t.rejects(Promise.resolve<unknown>(ask()), {
        code: 'storage_denied',
        message: new RegExp(`${window.fromMs}.rollup cannot be read \\(${code}\\)`),
      })
    }
    t.same(await readdir(folder), [`${window.fromMs}.rollup`], code)
    t.match(await store.windows('vitals', 0, whole.toMs), [{ generation: window.generation }])
  }
})

test('a file of a later version is left out, named once, and never written over', async (t) => {
  const dir = t.testdir()
  const lines: string[] = []
  const { log } = createTelemetry('error', { write: (line) => lines.push(line) })
  const store = localStore({ dir, log })
  const next = { ...window, fromMs: window.toMs, toMs: 2 * window.toMs - window.fromMs }
  await store.publish(window, chunks([row()]))
  await store.publish(next, chunks([row()]))
  const path = join(dir, 'vitals', '2026-11-22', `${window.fromMs}.rollup`)
  const text = `headgate-rollup 4 of which nothing is known here`
  await writeFile(path, text)
  for (let look = 0; look < 2; look++) {
    t.match(await store.windows('vitals', 0, whole.toMs), [{ fromMs: next.fromMs }])
    t.match(await store.held('vitals', 0, whole.toMs), [{ fromMs: next.fromMs }])
    t.equal((await gathered(store.series({ ...series, ...whole }))).length, 1)
  }
  await t.rejects(store.publish({ ...window, generation: 9 }, chunks([row()])), {
    code: 'later_version',
    message: /rollup is of version 4, and this Headgate knows version 3/,
  })
  t.equal(await readFile(path, 'utf8'), text)
  t.equal(lines.length, 1)
  t.match(lines[0], path)
})

test('a file of an earlier version is as good as none: nothing of it is told, and its window is published anew', async (t) => {
  const dir = t.testdir()
  const store = localStore({ dir })
  const old = { ...window, generation: 5 }
  await store.publish(old, chunks([row()]))
  const path = join(dir, 'vitals', '2026-11-22', `${window.fromMs}.rollup`)
  const text = await readFile(path, 'latin1')
  await writeFile(path, text.replace('headgate-rollup 3', 'headgate-rollup 2'), 'latin1')
  t.same(await store.windows('vitals', 0, whole.toMs), [])
  t.same(await store.held('vitals', 0, whole.toMs), [])
  t.same(await store.contents({ ...series, ...whole }), [])
  t.same(await gathered(store.series({ ...series, ...whole })), [])
  t.same(await readdir(join(dir, 'vitals', '2026-11-22')), [`${window.fromMs}.rollup`], 'nor set aside')
  t.equal(await store.publish(window, chunks([row({ n: 7n })])), 'published')
  t.match(await gathered(store.series({ ...series, ...whole })), [{ n: 7n }])
})

test('a publish mends the damaged file that it meets, and misses none that somebody took away', async (t) => {
  const dir = t.testdir()
  const { files, fail } = faultyFiles()
  const store = localStore({ dir, files })
  await store.publish(window, chunks([row()]))
  await writeFile(join(dir, 'vitals', '2026-11-22', `${window.fromMs}.rollup`), 'x')
  t.equal(await store.publish(window, chunks([row()])), 'published')
  fail({ call: 'open', code: 'ENOENT', file: /rollup$/ })
  t.same(await store.windows('vitals', 0, whole.toMs), [], 'gone since it was listed')
  t.equal((await store.windows('vitals', 0, whole.toMs)).length, 1)
})

test('a folder that cannot be read is an error, not an empty store', async (t) => {
  const dir = t.testdir({ vitals: 'a file where a folder belongs' })
  await t.rejects(localStore({ dir }).windows('vitals', 0, window.toMs), { code: 'ENOTDIR' })
})

for (const [what, before, after] of [
  ['four quarters to an hour', quarters, [[0, 60]]],
  ['an hour to four quarters', [[0, 60]], quarters],
] as const) {
  test(`a change of ${what} that is killed at any step counts each minute once`, async (t) => {
    let kills = 0
    for (let step = 1; ; step++) {
      const dir = join(t.testdir(), `${step}`)
      const all = async (store: RollupStore, windows: readonly Minutes[], generation: number) => {
        for (const minutes of windows) await publishMinutes(store, minutes, generation)
      }
      await all(localStore({ dir, files: unsyncedFiles }), before, 1)
      const { death, mortal } = killedAt(step)
      const killed = localStore({ dir, files: mortal(unsyncedFiles, ['rename', 'unlink']) })
      const died = await Promise.race([death.then(() => true), all(killed, after, 2).then(() => false)])
      const next = localStore({ dir, files: unsyncedFiles })
      if (died) t.equal(await measuredRows(next), 60, `killed at step ${step}`)
      await all(next, after, 2)
      t.same(
        (await next.held('vitals', 0, whole.toMs + DAY_MS)).length,
        after.length,
        `step ${step}: done again`,
      )
      t.equal(await measuredRows(next), 60)
      if (!died) break
      kills++
    }
    t.ok(kills >= 8, `${kills} points of death`)
  })
}

test('an hour that is damaged gives way to the quarters that wait in its shadow', async (t) => {
  const dir = t.testdir()
  const store = localStore({ dir })
  await publishMinutes(store, [0, 60], 1)
  for (const minutes of quarters.slice(0, 2)) await publishMinutes(store, minutes, 2)
  await writeFile(join(dir, 'vitals', '2026-11-23', `${Date.UTC(2026, 10, 23)}.rollup`), '')
  t.equal((await store.windows('vitals', 0, whole.toMs + DAY_MS)).length, 2)
  t.equal(await publishMinutes(store, quarters[0], 2), 'unchanged', 'it is held')
  t.equal(await measuredRows(store), 30)
  for (const minutes of quarters.slice(2)) await publishMinutes(store, minutes, 2)
  t.equal(await publishMinutes(store, quarters[0], 3), 'published')
  t.equal(await measuredRows(store), 60)
})

async function measuredRows(store: RollupStore): Promise<number> {
  const rows = await gathered(store.series({ ...series, fromMs: 0, toMs: whole.toMs + DAY_MS }))
  return rows.reduce((sum, { rows }) => sum + rows, 0)
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

for (const what of Object.keys(noFiles)) {
  test(`${what} in the place of a window is set aside by name, and the window published again`, async (t) => {
    const { store, path, lines } = await withTwoWindows(t)
    for (let time = 0; time < 2; time++) {
      await replaceByNoFile(what, path)
      t.same(
        (await store.windows('vitals', 0, whole.toMs)).map(({ fromMs }) => fromMs),
        [later.fromMs],
        'the other is there',
      )
      t.equal(await store.publish(window, chunks([row()])), 'published')
      t.equal((await gathered(store.series({ ...series, ...whole }))).length, 2)
    }
    // Of a link to nothing there is nothing to set aside: it is as if there were no window.
    if (what !== 'a link to nothing') t.match(lines[0], `${window.fromMs}.rollup`)
  })
}
