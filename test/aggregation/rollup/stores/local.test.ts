import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { localStore } from '../../../../src/aggregation/rollup/stores/local.ts'
import { chunks, committed, row, storeContract } from '../../../contracts/store.ts'
import { gathered } from '../../../fakes/store.ts'

test('the local store keeps the contract of stores', async (t) => {
  storeContract(t, 'local', (t) => {
    const dir = t.testdir()
    return () => localStore({ dir })
  })
})

test('the local store keeps the contract when no index fits its cache', async (t) => {
  storeContract(t, 'local without cache', (t) => {
    const dir = t.testdir()
    return () => localStore({ dir, indexCacheBytes: 0 })
  })
})

const window = committed()
const series = {
  rollup: 'vitals',
  app: 'shop',
  metric: 'lcp',
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

test('damage is an error that names the file, never silence or wrong numbers', async (t) => {
  const damages: readonly [string, (bytes: Buffer) => Buffer, RegExp][] = [
    ['an empty file', () => Buffer.alloc(0), /no header/],
    ['another header', (bytes) => Buffer.concat([Buffer.from('x'), bytes]), /no header/],
    ['a file cut short', (bytes) => bytes.subarray(0, -1), /index is not what was written/],
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
  ]
  for (const [what, damage, message] of damages) {
    const dir = t.testdir()
    await localStore({ dir }).publish(window, chunks([row()]))
    const path = join(dir, 'vitals', '2026-11-22', `${window.fromMs}.rollup`)
    await writeFile(path, damage(await readFile(path)))
    await t.rejects(gathered(localStore({ dir }).series(series)), { code: 'internal', message }, what)
    await t.rejects(
      gathered(localStore({ dir }).series(series)),
      { message: new RegExp(`${window.fromMs}.rollup`) },
      what,
    )
  }
})

test('a folder that cannot be read is an error, not an empty store', async (t) => {
  const dir = t.testdir({ vitals: 'a file where a folder belongs' })
  await t.rejects(localStore({ dir }).windows('vitals', 0, window.toMs), { code: 'ENOTDIR' })
})

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
