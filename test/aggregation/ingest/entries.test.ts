import { test } from 'tap'
import { type IndexEntry, indexEntries } from '../../../src/aggregation/ingest/entries.ts'
import { createTelemetry, quietTelemetry } from '../../../src/std/telemetry.ts'
import { memoryLake } from '../../fakes/lake.ts'

const { log } = quietTelemetry()

const entry = (change: Partial<IndexEntry> = {}): IndexEntry => ({
  version: 1,
  key: 'raw/a.parquet',
  rows: 1,
  bytes: 10,
  inputs: ['raw/a.ndjson'],
  minutes: { '60000': 1 },
  malformed: 0,
  arrivalMinMs: 1,
  arrivalMaxMs: 2,
  ...change,
})

test('an entry is committed once, and read back as it was', async (t) => {
  const entries = indexEntries(memoryLake(), log)
  t.equal(await entries.commit('index/a.json', entry()), 'stored')
  t.equal(await entries.commit('index/a.json', entry({ rows: 2 })), 'exists')
  await entries.commit('index/b.json', entry({ rows: 3 }))
  t.same(await entries.keys('index/'), ['index/a.json', 'index/b.json'])
  t.same(await entries.load(['index/a.json', 'index/gone.json', 'index/b.json']), [
    entry(),
    entry({ rows: 3 }),
  ])
})

test('entries are read once, as long as they are not too many', async (t) => {
  const lake = memoryLake()
  const reads: string[] = []
  const counting = { ...lake, get: (key: string) => lake.get(key).finally(() => reads.push(key)) }
  const entries = indexEntries(counting, log, 2)
  const keys = ['index/1', 'index/2', 'index/3']
  for (const key of keys) await entries.commit(key, entry({ key }))
  for (const key of [...keys, 'index/3', 'index/2', 'index/1']) await entries.load([key])
  t.same(reads, ['index/1', 'index/2', 'index/3', 'index/1'], 'the oldest read is forgotten')
})

test('an entry of a later version is not guessed at', async (t) => {
  const lake = memoryLake()
  await lake.put('index/a', Buffer.from('{"version":2}'))
  await t.rejects(indexEntries(lake, log).load(['index/a']), { code: 'lake_failed', message: /version 2/ })
})

test('a damaged entry is named once and left out; the others are not', async (t) => {
  const whole = JSON.stringify(entry())
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
      t.same(await entries.load(['index/a.json', 'index/b.json']), [entry()], what)
    }
    t.same(entries.damaged(), ['index/b.json'])
    t.equal(lines.length, 1)
    t.match(lines[0], 'index/b.json')
    await entries.mend('index/b.json', entry({ rows: 2 }))
    t.same(await entries.load(['index/b.json']), [entry({ rows: 2 })])
    t.same(entries.damaged(), [])
  }
  const lake = memoryLake()
  const entries = indexEntries(lake, log)
  await lake.put('index/b.json', Buffer.from(''))
  await entries.load(['index/b.json'])
  await lake.put('index/b.json', Buffer.from(JSON.stringify(entry())))
  t.equal((await entries.load(['index/b.json'])).length, 1)
  t.same(entries.damaged(), [], 'another process mended it')
})
