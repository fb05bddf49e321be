import { test } from 'tap'
import {
  arrivalDayOf,
  folderOf,
  indexFolderOf,
  indexFolders,
} from '../../../../src/aggregation/ingest/index/index-folders.ts'
import { fsLake } from '../../../../src/lake/fs.ts'
import { nodeFiles } from '../../../../src/std/files/files.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'

const NOON = Date.UTC(2026, 10, 22, 12)
const A = 'index/dt=2026-11-20/hr=01/'
const B = 'index/dt=2026-11-20/hr=02/'
const body = (text: string) => Buffer.from(text)

test('a listing gives a folder another stamp with each entry that comes, goes or is replaced', async (t) => {
  let nowMs = NOON
  const lake = memoryLake(() => nowMs)
  const later = NOON + 60_000
  const stamps = async (atMs = later) =>
    (await indexFolders(lake, 'index/', atMs)).map(({ prefix, stamp }) => [prefix, stamp] as const)
  const stampOfA = async () => new Map(await stamps()).get(A)
  await lake.put(`${A}1.json`, body('one'))
  await lake.put(`${A}2.json`, body('two'))
  await lake.put(`${B}1.json`, body('other'))
  const first = await stampOfA()
  t.type(first, 'string')
  t.equal(await stampOfA(), first, 'nothing happened')
  await lake.put(`${B}2.json`, body('elsewhere'))
  t.equal(await stampOfA(), first, 'nothing happened there')
  const seen = new Set([first])
  for (const [what, change] of [
    ['one more', () => lake.put(`${A}3.json`, body('three'))],
    ['one less', () => lake.remove([`${A}2.json`])],
    ['a longer one', () => lake.put(`${A}1.json`, body('longer'))],
    ['one of the same length, later', () => lake.put(`${A}1.json`, body('LONGER'))],
  ] as const) {
    nowMs += 1
    await change()
    const stamp = await stampOfA()
    t.notOk(seen.has(stamp), what)
    seen.add(stamp)
  }
  t.same(
    (await indexFolders(lake, 'index/', later)).map(({ keys }) => keys),
    [
      [`${A}1.json`, `${A}3.json`],
      [`${B}1.json`, `${B}2.json`],
    ],
  )
  t.same(
    (await stamps(nowMs + 2_000)).map(([prefix, stamp]) => [prefix, stamp !== undefined]),
    [
      [A, false],
      [B, true],
    ],
    'what changed within two seconds may do so again unseen',
  )
})

test('where folders tell when they changed, nothing is listed', async (t) => {
  const lake = fsLake(t.testdir())
  await lake.put(`${B}1.json`, body('one'))
  await lake.put(`${A}1.json`, body('one'))
  await lake.put('index/dt=2026-11-21/hr=00/1.json', body('one'))
  const unlisted = {
    ...lake,
    list: async () => {
      throw new Error('listed')
    },
  }
  const inAnHour = Date.now() + 3_600_000
  const folders = async (prefix: string, nowMs = inAnHour) =>
    (await indexFolders(unlisted, prefix, nowMs)).map(({ prefix, stamp }) => [prefix, stamp] as const)
  const before = await folders('index/dt=2026-11-20/')
  t.same(
    before.map(([prefix]) => prefix),
    [A, B],
  )
  t.ok(before.every(([, stamp]) => stamp !== undefined))
  await lake.put(`${A}1.json`, body('mended'))
  const after = await folders('index/')
  t.equal(after.length, 3)
  t.not(after[0]?.[1], before[0]?.[1], 'an entry was replaced')
  t.equal(after[1]?.[1], before[1]?.[1])
  t.same(
    (await folders('index/', Date.now())).map(([, stamp]) => stamp),
    [undefined, undefined, undefined],
    'just now',
  )
})

test('a local lake tells when a partition changed, and of nothing that is none', async (t) => {
  const root = t.testdir({
    raw: {},
    index: { 'dt=2026-11-20': { 'hr=03': {}, 'a.json': '{}' }, 'x.json': '{}' },
  })
  const lake = fsLake(root)
  await lake.put(`${A}1.json`, body('one'))
  const changes = await lake.changes?.('index/')
  t.same([...(changes?.keys() ?? [])].sort(), [A, 'index/dt=2026-11-20/hr=03/'])
  t.ok([...(changes?.values() ?? [])].every((ms) => Math.abs(Date.now() - ms) < 60_000))
  t.same([...((await lake.changes?.('index/dt=2026-11-21/')) ?? [])], [], 'a day without any')
  const files = {
    ...nodeFiles,
    stat: async () => Promise.reject(Object.assign(new Error(), { code: 'ENOENT' })),
  }
  t.same([...((await fsLake(root, { files }).changes?.('index/')) ?? [])], [], 'what goes meanwhile')
})

test('a key tells its folder and its day of arrival', (t) => {
  for (const [key, folder, day] of [
    [`${A}c-gateway-000001.json`, A, '2026-11-20'],
    [A, A, '2026-11-20'],
    ['index/odd.json', 'index/', ''],
  ] as const)
    t.same([folderOf(key), arrivalDayOf(key)], [folder, day], key)
  t.equal(indexFolderOf('raw/gateway/dt=2026-11-20/hr=01/c-000001-0123456789abcdef.parquet'), A)
  t.equal(indexFolderOf('raw/odd'), 'index/')
  t.end()
})
