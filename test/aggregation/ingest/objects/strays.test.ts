import { once } from 'node:events'
import { cpSync } from 'node:fs'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { duckdbEngine } from '../../../../src/aggregation/rollup/engines/duckdb-engine.ts'
import type { Lake } from '../../../../src/lake/lake.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'
import { eventLine, NOON, storedEvent, writeParquet } from '../../../fakes/events.ts'
import { CLEAN, HOUR, setUp, signal } from '../harness.ts'

const lines = (...ids: string[]) => ids.map((id) => `${eventLine({ event_id: id })}\n`).join('')
const NOTHING = { inputs: 0, rows: 0, malformed: 0, ...CLEAN }
const SLOT_1 = `raw/gateway/${HOUR}/c-000001-0123456789abcdef.parquet`
const ENTRY_1 = `index/${HOUR}/c-gateway-000001.json`
const parquetIn = async (keys: (prefix: string) => Promise<string[]>) =>
  (await keys('raw/')).filter((key) => key.endsWith('.parquet'))

test('Parquet of others that is called like ours is counted once and stays, whatever its slot', async (t) => {
  const { put, ingester, keys, session, places, eventIds } = await setUp()
  const arrivals = ingester()
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines('own'))
  await arrivals.ingest(signal)
  const own = await keys('raw/')
  const foreign = [
    SLOT_1,
    `raw/gateway/${HOUR}/c-000009-0123456789abcdef.parquet`,
    `raw/gateway/${HOUR}/c-000001-0123456789abcdef-7.parquet`,
    `raw/elsewhere/${HOUR}/c-000001-0123456789abcdef.parquet`,
  ]
  for (const [at, key] of foreign.entries())
    await writeParquet(session, [storedEvent({ event_id: `f${at}` })], join(places.lakeDir, key))
  t.same(await arrivals.ingest(signal), { ...NOTHING, inputs: 4, rows: 4 })
  await put(`raw/gateway/${HOUR}/b.ndjson`, lines('own2'))
  await arrivals.ingest(signal)
  for (const later of [arrivals, arrivals, ingester()]) t.same(await later.ingest(signal), NOTHING)
  t.same(await eventIds(), ['f0', 'f1', 'f2', 'f3', 'own', 'own2'])
  for (const key of [...own, ...foreign]) t.ok((await keys('raw/')).includes(key), key)
})

test('what an ingest of another lake wrote is taken in whole, though its inputs may have had the same keys', async (t) => {
  const [here, there] = [await setUp(), await setUp()]
  for (const [lake, id] of [
    [there, 'there'],
    [here, 'here'],
  ] as const) {
    await lake.put(`raw/gateway/${HOUR}/a.ndjson`, lines(id.padEnd(5)))
    if (lake === here) await utimes(join(here.places.lakeDir, `raw/gateway/${HOUR}/a.ndjson`), 1, 1)
    await lake.ingester().ingest(signal)
  }
  const [copied = ''] = await there.keys('raw/')
  t.not(copied, (await here.keys('raw/'))[0], 'nothing is overwritten by a copy')
  cpSync(join(there.places.lakeDir, 'raw'), join(here.places.lakeDir, 'raw'), { recursive: true })
  const arrivals = here.ingester()
  t.same(await arrivals.ingest(signal), { ...NOTHING, inputs: 1, rows: 1 })
  t.same(await here.eventIds(), ['here ', 'there'])
  await here.put(`raw/gateway/${HOUR}/b.ndjson`, lines('b'))
  await arrivals.ingest(signal)
  t.same(await here.eventIds(), ['b', 'here ', 'there'])
})

test('raw/ that is restored without its index is taken in whole, and counted once when that comes too', async (t) => {
  const { put, ingester, keys, lake, eventIds } = await setUp()
  for (const id of ['1', '2']) {
    await put(`raw/gateway/${HOUR}/${id}.ndjson`, lines(id))
    await ingester().ingest(signal)
  }
  const entries = await Promise.all(
    (await keys('index/')).map(async (key) => ({ key, body: await lake.get(key) })),
  )
  await lake.remove(entries.map(({ key }) => key))
  await put(`raw/gateway/${HOUR}/3.ndjson`, lines('3'))
  t.same(await ingester().ingest(signal), { ...NOTHING, inputs: 3, rows: 3 })
  t.same(await eventIds(), ['1', '2', '3'])

  await lake.remove([ENTRY_1])
  for (const { key, body } of entries) await put(key, body ?? '')
  const arrivals = ingester()
  await arrivals.ingest(signal)
  const objects = await arrivals.touching(NOON, NOON + 1)
  t.equal(new Set(objects.map(({ key }) => key)).size, objects.length, 'each object once')
  t.same(await eventIds(), ['1', '2', '3'])
})

test('an object without a word of its inputs, as older versions left behind, is counted once with what took them', async (t) => {
  const { put, ingester, keys, session, places, lake, openSession } = await setUp()
  const left = [storedEvent({ event_id: '1', value: 5 }), storedEvent({ event_id: '2', value: 5 })]
  await writeParquet(session, left, join(places.lakeDir, SLOT_1))
  await put(
    `raw/gateway/${HOUR}/a.ndjson`,
    left.map((event) => `${JSON.stringify({ v: 1, ...event })}\n`).join(''),
  )
  const arrivals = ingester()
  await arrivals.ingest(signal)
  const inputs = (await arrivals.touching(NOON, NOON + 1)).map(({ key }) => key)
  t.same(inputs, await parquetIn(keys))
  t.equal(inputs.length, 2)
  const options = { tempDir: places.tempDir, memoryLimitBytes: 512_000_000, entropy: seededEntropy() }
  const engine = duckdbEngine({ lake, openSession, ...options })
  const definition = {
    id: 'd',
    grainMs: 900_000,
    sets: [{ name: 'app', dimensions: [] }],
    bots: 'exclude' as const,
    maxMetrics: 9,
    maxValues: 9,
  }
  const range = { fromMs: NOON, toMs: NOON + 900_000, lateAfterMs: NOON + 900_000 }
  const { counts } = await engine.compute(
    { definition, ...range, inputs, outputPrefix: 'rollups/x/' },
    signal,
  )
  t.match(counts, { read: 4, duplicates: 2, kept: 2 })
})

test('what lost its inputs to another batch is removed, and what it set aside, but nothing that is called like them', async (t) => {
  const { put, ingester, keys, lake, eventIds, dead } = await setUp()
  await put(`raw/gateway/${HOUR}/a.ndjson`, `${lines('1')}malformed\n`)
  await put(`raw/gateway/${HOUR}/b.ndjson.gz`, gzipSync(lines('2')).subarray(0, -4))
  const life = new AbortController()
  const killed: Lake = {
    ...lake,
    put: async (key, ...body) => {
      if (!key.startsWith('index/')) return lake.put(key, ...body)
      life.abort()
      throw new AppError('lake_failed', 'killed')
    },
  }
  await t.rejects(ingester({ lake: killed }).ingest(life.signal))
  const [lost = ''] = await parquetIn(keys)
  t.equal((await keys('dead/')).length, 3, 'the line, the object, and why')
  const others = `dead/ingest-gateway/${HOUR}/c-000001-0123456789abcdef.ndjson`
  await put(others, 'of another lake\n')
  await put(`dead/ingest-gateway/${HOUR}/readme.txt`, 'of whoever\n')
  await put(`raw/gateway/${HOUR}/c.ndjson`, lines('3'))
  await ingester().ingest(signal)
  t.notOk((await keys('raw/')).includes(lost))
  t.same(await eventIds(), ['1', '2', '3'])
  t.equal((await dead()).split('malformed').length, 2)
  t.ok((await keys('dead/')).includes(others))
  t.equal((await keys('dead/')).length, 5)
})

test('what is left of a batch without events goes after a crash, and what it set aside stays', async (t) => {
  const { put, ingester, keys, lake, dead } = await setUp()
  await put(`raw/gateway/${HOUR}/a.ndjson`, 'malformed\n')
  const killed: Lake = {
    ...lake,
    remove: async (removed) => {
      if (removed.length > 0) throw new AppError('lake_failed', 'killed')
    },
  }
  await ingester({ lake: killed }).ingest(signal)
  t.equal((await keys('raw/')).length, 2)
  t.same(await ingester().ingest(signal), NOTHING)
  t.same(await keys('raw/'), [])
  t.equal(await dead(), 'malformed\n')
})

test('what waits for its inputs is looked into once, and is neither counted nor removed', async (t) => {
  const { put, ingester, keys, lake, eventIds } = await setUp()
  const input = `raw/gateway/${HOUR}/a.ndjson`
  await put(input, lines('1'))
  const killed: Lake = {
    ...lake,
    put: async () => {
      throw new AppError('lake_failed', 'killed')
    },
  }
  await ingester({ lake: killed }).ingest(signal)
  const opened: string[] = []
  let isWell = false
  const arrivals = ingester({
    lake: {
      ...lake,
      open: async (key) => {
        opened.push(key)
        if (key === input && !isWell) throw new AppError('lake_failed', 'EIO')
        return lake.open(key)
      },
    },
  })
  const [waiting = ''] = await parquetIn(keys)
  for (let pass = 0; pass < 3; pass += 1)
    t.match(await arrivals.ingest(signal), { inputs: 0, setAside: [], failed: [{ key: input }] })
  t.equal(opened.filter((key) => key === waiting).length, 1)
  t.same(await eventIds(), [])
  isWell = true
  await put(`raw/gateway/${HOUR}/b.ndjson`, lines('2'))
  await arrivals.ingest(signal)
  t.same(await eventIds(), ['1', '2'])
  t.equal((await parquetIn(keys)).length, 1)
  t.notOk((await keys('raw/')).includes(waiting))
})

test('what another ingester commits while it is looked at is its own, and stays', async (t) => {
  const { put, ingester, keys, lake, eventIds } = await setUp()
  const input = `raw/gateway/${HOUR}/a.ndjson`
  await put(input, lines('1'))
  const [gate, stored] = [new AbortController(), new AbortController()]
  const of = ({ signal }: AbortController) => signal.aborted || once(signal, 'abort')
  const slow = ingester({
    lake: {
      ...lake,
      put: async (...args) => {
        stored.abort()
        await of(gate)
        return lake.put(...args)
      },
    },
  }).ingest(signal)
  await of(stored)
  const watching = ingester({
    lake: {
      ...lake,
      open: async (key) => {
        if (key === input) throw new AppError('lake_failed', 'EIO')
        gate.abort()
        await slow
        return lake.open(key)
      },
    },
  })
  await watching.ingest(signal)
  t.same(await watching.ingest(signal), NOTHING)
  t.same(await eventIds(), ['1'])
  t.equal((await keys('index/')).length, 1)
})

test('nothing is decided while an entry of the hour cannot be read, and that is told', async (t) => {
  const { put, ingester, keys, lake, eventIds } = await setUp()
  for (const id of ['1', '2']) {
    await put(`raw/gateway/${HOUR}/${id}.ndjson`, lines(id))
    await ingester().ingest(signal)
  }
  const second = await lake.get(`index/${HOUR}/c-gateway-000002.json`)
  const [first = '', other = ''] = await parquetIn(keys)
  await lake.remove([`index/${HOUR}/c-gateway-000002.json`])
  await put(ENTRY_1, '{"version":2}')
  const arrivals = ingester()
  const { failed } = await arrivals.ingest(signal)
  t.match(failed, [{ key: ENTRY_1 }, { key: other, why: /^An index entry of its hour cannot be read/ }])
  t.same(await parquetIn(keys), [first, other])
  await put(`index/${HOUR}/c-gateway-000002.json`, second ?? '')
  t.same((await arrivals.ingest(signal)).failed.length, 1)
  t.same(await eventIds(), ['2'])
})

test('an input that comes anew under the same key is counted as well', async (t) => {
  const { put, ingester, keys, eventIds } = await setUp()
  const input = `raw/export/${HOUR}/export.ndjson`
  const arrivals = ingester()
  for (const id of ['first', 'second', 'third']) {
    await put(input, lines(id))
    await arrivals.ingest(signal)
  }
  t.same(await eventIds(), ['first', 'second', 'third'])
  t.same((await keys('raw/')).includes(input), false)
})

test('an object of ours that was set aside and is brought again from a copy counts again', async (t) => {
  const { put, ingester, keys, lake, eventIds } = await setUp()
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines('1'))
  const arrivals = ingester()
  await arrivals.ingest(signal)
  const [key = ''] = await keys('raw/')
  const copy = (await lake.get(key)) ?? ''
  await put(key, 'bits that fell over')
  t.equal((await arrivals.reexamine([key], signal)).length, 1)
  t.same(await eventIds(), [])
  await put(key, copy)
  t.match(await arrivals.ingest(signal), { inputs: 1, rows: 1 })
  t.same(await eventIds(), ['1'])
  t.same(await arrivals.ingest(signal), NOTHING)
  await put(key, 'bits that fell over')
  t.equal((await arrivals.reexamine([key], signal)).length, 1, 'and leaves the index again')
  t.same(await eventIds(), [])
})

test('what is called like ours and cannot be read is set aside whole, and stays there', async (t) => {
  const { put, ingester, keys } = await setUp()
  await put(SLOT_1, 'no Parquet')
  t.match(await ingester().ingest(signal), { inputs: 1, setAside: [{ key: SLOT_1 }] })
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines('1'))
  await ingester().ingest(signal)
  await ingester().ingest(signal)
  t.same(await keys('dead/'), [
    `dead/ingest-gateway/${HOUR}/c-000001-0123456789abcdef-why.ndjson`,
    `dead/ingest-gateway/${HOUR}/c-000001-0123456789abcdef.parquet`,
  ])
})

test('a damaged entry of such an object is made anew from it', async (t) => {
  const { ingester, keys, session, places, put, eventIds } = await setUp()
  await writeParquet(session, [storedEvent({ event_id: '1' })], join(places.lakeDir, SLOT_1))
  await ingester().ingest(signal)
  const [entry = ''] = await keys('index/')
  await put(entry, '{')
  const arrivals = ingester()
  await arrivals.earliestMs()
  await arrivals.ingest(signal)
  t.same(await eventIds(), ['1'])
  await put(SLOT_1, 'bits that fell over')
  t.match(await arrivals.reexamine([SLOT_1], signal), [{ key: SLOT_1 }])
  t.same(await keys('index/'), [], 'it leaves the index as one of others')
})

test('one that is gone before it is looked into is nobody’s', async (t) => {
  const { ingester, session, places, lake, eventIds } = await setUp()
  await writeParquet(session, [storedEvent({ event_id: '1' })], join(places.lakeDir, SLOT_1))
  t.same(await ingester({ lake: { ...lake, open: async () => undefined } }).ingest(signal), NOTHING)
  t.same(await eventIds(), [])
})

test('a disk that fails while it is looked into is told, and it is taken the next time', async (t) => {
  const { ingester, session, places, openSession, eventIds } = await setUp()
  await writeParquet(session, [storedEvent({ event_id: '1' })], join(places.lakeDir, SLOT_1))
  for (const [code, kind, failures] of [
    ['engine_failed', 'IO', 1],
    ['engine_out_of_memory', 'Out of Memory', 0],
  ] as const) {
    const failing = ingester({
      openSession: async (signal) => ({
        ...(await openSession(signal)),
        rows(query) {
          if (query.includes('parquet_kv_metadata')) throw new AppError(code, 'no', { details: { kind } })
          return session.rows(query)
        },
      }),
    })
    t.equal((await failing.ingest(signal)).failed.length, failures, code)
  }
  t.same(await eventIds(), ['1'])
})
