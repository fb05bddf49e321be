import { join } from 'node:path'
import { test } from 'tap'
import { MAX_MINUTES } from '../../../../src/aggregation/ingest/compact/compact.ts'
import {
  entryText,
  type IndexEntry,
  type StoredEntry,
} from '../../../../src/aggregation/ingest/index/entry-text.ts'
import { indexEntries, MAX_ENTRY_BYTES } from '../../../../src/aggregation/ingest/index/index-entries.ts'
import { MAX_INPUTS } from '../../../../src/aggregation/ingest/index/pending.ts'
import { fsLake } from '../../../../src/lake/fs.ts'
import type { Lake } from '../../../../src/lake/lake.ts'
import { runToEnd } from '../../../../src/std/async/yielding.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { createTelemetry, quietTelemetry } from '../../../../src/std/telemetry.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { minuteRows } from '../../../fakes/aggregation/minutes.ts'
import { HUGE_BYTES, putZeros } from '../../../fakes/files/sparse-files.ts'

const { log } = quietTelemetry()

const entry = (change: Partial<StoredEntry> = {}): StoredEntry => ({
  version: 1,
  key: 'raw/a.parquet',
  rows: 1,
  bytes: 10,
  inputs: ['raw/a.ndjson'],
  minutes: minuteRows({ 60000: 1 }),
  malformed: 0,
  arrivalMinMs: 1,
  arrivalMaxMs: 2,
  ...change,
})

/** What is kept of it in memory. */
function loaded(change: Partial<StoredEntry> = {}): IndexEntry {
  const { inputs: _, ...kept } = entry(change)
  return kept
}

const textOf = (of: StoredEntry) => runToEnd(entryText(of))

test('an entry is committed once, and read back as it was', async (t) => {
  const entries = indexEntries(memoryLake(), log)
  t.equal(await entries.commit('index/a.json', entry()), 'stored')
  t.equal(await entries.commit('index/a.json', entry({ rows: 2 })), 'exists')
  await entries.commit('index/b.json', entry({ rows: 3 }))
  t.same(await entries.keys('index/'), ['index/a.json', 'index/b.json'])
  t.same(await entries.load(['index/a.json', 'index/gone.json', 'index/b.json']), [
    loaded(),
    loaded({ rows: 3 }),
  ])
})

test('many entries are read in one go where the lake can, and what that leaves out one by one', async (t) => {
  const lake = memoryLake()
  const reads: string[] = []
  const inOneGo: number[] = []
  const keys = Array.from({ length: 1_030 }, (_, at) => `index/${String(at).padStart(4, '0')}`)
  const left = keys[7] as string
  const rounds = [256, 256, 256, 256]
  const reading: Lake = {
    ...lake,
    get: (key) => lake.get(key).finally(() => reads.push(key)),
    async getSmall(some) {
      inOneGo.push(some.length)
      return new Map(some.flatMap((key) => (key === left ? [] : [[key, lake.objects.get(key) as Buffer]])))
    },
  }
  for (const [rows, key] of keys.entries())
    await indexEntries(lake, log).commit(key, entry({ rows: rows + 1 }))
  const entries = indexEntries(reading, log)
  const expected = keys.map((_, at) => loaded({ rows: at + 1 }))
  t.same(await entries.load(keys), expected)
  t.same([inOneGo, reads], [rounds, [left, ...keys.slice(1_024)]], 'a few are read as fast one by one')
  const visited: string[] = []
  await entries.visit(keys, async (key) => void visited.push(key))
  t.same(visited, keys)
  t.same(inOneGo, rounds, 'what is known is not read again')
})

test('entries are read once, as long as they are not too many', async (t) => {
  const lake = memoryLake()
  const reads: string[] = []
  const counting = { ...lake, get: (key: string) => lake.get(key).finally(() => reads.push(key)) }
  const entries = indexEntries(counting, log, 2 * (512 + 16))
  const keys = ['index/1', 'index/2', 'index/3']
  for (const key of keys) await entries.commit(key, entry({ key }))
  for (const key of [...keys, 'index/3', 'index/2', 'index/1']) await entries.load([key])
  t.same(reads, ['index/1', 'index/2', 'index/3', 'index/1'], 'the oldest read is forgotten')
})

test('an entry of a later version is left out and left alone, once named; the others are read', async (t) => {
  const lines: string[] = []
  const lake = memoryLake()
  const entries = indexEntries(lake, createTelemetry('error', { write: (line) => lines.push(line) }).log)
  await lake.put('index/a', Buffer.from('{"version":2}'))
  await entries.commit('index/b', entry())
  for (let look = 0; look < 2; look++) t.same(await entries.load(['index/a', 'index/b']), [loaded()])
  t.same([...entries.leftOut().keys()], ['index/a'])
  t.match(entries.leftOut().get('index/a'), /index\/a is of version 2, and this Headgate knows version 1/)
  t.same(entries.damaged(), [], 'nothing to be mended')
  t.equal(await entries.commit('index/a', entry()), 'exists')
  t.equal(lines.length, 1)

  await lake.put('index/a', Buffer.from(textOf(entry({ rows: 2 }))))
  entries.refresh('index/a')
  t.same(await entries.load(['index/a']), [loaded({ rows: 2 })])
  t.same([...entries.leftOut()], [])
})

test('what was left out and is gone is missing no more, whoever removed it', async (t) => {
  const lake = memoryLake()
  const entries = indexEntries(lake, log)
  const keys = ['index/dt=a/1', 'index/dt=a/2', 'index/dt=b/1']
  for (const key of keys) await lake.put(key, Buffer.from('{"version":2}'))
  await lake.put('index/dt=b/2', Buffer.from('cut off'))
  await entries.load([...keys, 'index/dt=b/2'])
  t.same([...entries.leftOut().keys()], keys)
  await lake.remove(['index/dt=a/1'])
  await entries.keys('index/dt=b/')
  t.same([...entries.leftOut().keys()], keys, 'not by a listing of something else')
  await entries.keys('index/dt=a/')
  t.same([...entries.leftOut().keys()], keys.slice(1), 'by another process')
  for (const key of ['index/dt=b/1', 'index/dt=b/2']) await entries.remove(key)
  t.same([...entries.leftOut().keys()], ['index/dt=a/2'], 'by this one')
  t.same(entries.damaged(), [])
  for (const key of ['index/dt=a/1', 'index/dt=b/1']) {
    t.equal(await entries.commit(key, entry()), 'stored')
    t.same(await entries.load([key]), [loaded()], 'what comes in its place is read')
  }
})

test('an entry that cannot be read now is left out and looked for again; a lake that fails is an error', async (t) => {
  const lake = memoryLake()
  const failures: unknown[] = []
  const failing = {
    ...lake,
    async get(key: string) {
      const failure = failures.shift()
      if (failure) throw failure
      return lake.get(key)
    },
  }
  const entries = indexEntries(failing, log)
  await entries.commit('index/a', entry())
  const fails = (code: string) =>
    new AppError('lake_failed', `Lake get index/a failed: ${code}`, {
      cause: Object.assign(new Error(code), { code }),
    })
  for (const code of ['EACCES', 'EPERM', 'ESTALE', 'EIO']) {
    failures.push(fails(code))
    t.same(await entries.load(['index/a']), [], code)
    t.match(entries.leftOut().get('index/a'), code)
    entries.refresh('index/a')
    t.same(await entries.load(['index/a']), [loaded()], 'mended by itself')
    t.equal(entries.leftOut().size, 0)
    entries.refresh('index/a')
  }
  for (const failure of [fails('EMFILE'), fails('ECONNREFUSED'), new RangeError('a mistake of ours')]) {
    failures.push(failure)
    await t.rejects(entries.load(['index/a']), failure as Error)
  }
})

for (const [what, bytes] of Object.entries(HUGE_BYTES)) {
  test(`${what} in the place of an entry are damage of that one, named once, and mended`, async (t) => {
    const lines: string[] = []
    const { log } = createTelemetry('error', { write: (line) => lines.push(line) })
    const root = t.testdir({ index: {} })
    const entries = indexEntries(fsLake(root), log)
    await entries.commit('index/a.json', entry())
    putZeros(join(root, 'index/b.json'), bytes)
    for (let look = 0; look < 2; look++) t.same(await entries.load(await entries.keys('index/')), [loaded()])
    t.same([entries.damaged(), entries.leftOut().size], [['index/b.json'], 0])
    t.equal(lines.length, 1)
    t.match(lines[0], /index\/b.json is too large/)
    await entries.mend('index/b.json', entry({ rows: 2 }))
    entries.refresh('index/b.json')
    t.same(await entries.load(['index/b.json']), [loaded({ rows: 2 })])
    t.same(entries.damaged(), [])
  })
}

test('the largest entry that there can be is far below what is read of one', async (t) => {
  const starts = Array.from({ length: MAX_MINUTES }, (_, at) => [at * 60_000 + 8.6e15 - 6e10, 1_000_000_000])
  const inputs = Array.from({ length: MAX_INPUTS }, () => `raw/${'x'.repeat(1_000)}`)
  const largest = textOf(entry({ inputs, minutes: minuteRows(Object.fromEntries(starts)) }))
  t.ok(largest.length * 3 < MAX_ENTRY_BYTES, `${largest.length} bytes`)
})

test('a damaged entry is named once and left out; the others are not', async (t) => {
  const whole = textOf(entry())
  for (const [what, text] of [
    ['empty', ''],
    ['cut off', whole.slice(0, whole.length / 2)],
    ['null', 'null'],
    ['JSON of something else', '{"version":1}'],
    ['without a version', '{}'],
    ['minutes that are none', whole.replace('"60000":1', '"60000":"x"')],
  ] as const) {
    const lines: string[] = []
    const lake = memoryLake()
    const entries = indexEntries(lake, createTelemetry('error', { write: (line) => lines.push(line) }).log)
    await entries.commit('index/a.json', entry())
    await lake.put('index/b.json', Buffer.from(text))
    for (let look = 0; look < 2; look++) {
      t.same(await entries.load(['index/a.json', 'index/b.json']), [loaded()], what)
    }
    t.same(entries.damaged(), ['index/b.json'])
    t.equal(lines.length, 1)
    t.match(lines[0], 'index/b.json')
    await entries.mend('index/b.json', entry({ rows: 2 }))
    t.same(await entries.load(['index/b.json']), [loaded({ rows: 2 })])
    t.same(entries.damaged(), [])
  }
  const lake = memoryLake()
  const entries = indexEntries(lake, log)
  await lake.put('index/b.json', Buffer.from(''))
  await entries.load(['index/b.json'])
  await lake.put('index/b.json', Buffer.from(textOf(entry())))
  t.equal((await entries.load(['index/b.json'])).length, 1)
  t.same(entries.damaged(), [], 'another process mended it')
})
