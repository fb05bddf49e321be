import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { duckdbJoining } from '../../../../src/aggregation/ingest/compact/join-files.ts'
import { recordIn, recordText } from '../../../../src/aggregation/ingest/joined/joined-record.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { laterVersion } from '../../../../src/std/files/later-version.ts'
import { storedEvent, writeParquet } from '../../../fakes/events.ts'
import { CLEAN, HOUR, setUp, signal } from '../harness.ts'
import { joiningOver, lines, RECORD, smallLake } from './small-lake.ts'

const ENTRY_1 = `index/${HOUR}/c-gateway-000001.json`
const NOTHING = { inputs: 0, rows: 0, malformed: 0, ...CLEAN }
type JoinedLake = Awaited<ReturnType<typeof smallLake>>

/** Three objects that were joined; and, if asked for, are gone. */
async function joinedLake(isTidy = true): Promise<JoinedLake> {
  const lake = await smallLake()
  await lake.deliver('1', '2', '3')
  lake.over()
  await lake.pass()
  if (!isTidy) return lake
  lake.later()
  await lake.pass()
  return lake
}

/** In the middle, where the pages are. */
function damage({ places }: JoinedLake, key: string): void {
  const path = join(places.lakeDir, key)
  const body = readFileSync(path)
  body.fill(0, 4, 400)
  writeFileSync(path, body)
}

test('a record that is damaged or lost is made anew from the objects, which say what was joined to them', async (t) => {
  for (const body of ['{"version":1}', '', undefined]) {
    const lake = await joinedLake()
    const { put, later, pass, small, joined, content, eventIds } = lake
    const [before, objects] = [await content(), await joined()]
    const was = String(await lake.lake.get(RECORD))
    if (body === undefined) await lake.lake.remove([RECORD])
    else await put(RECORD, body)
    const arrivals = lake.arrivals()
    await t.rejects(content(), { code: 'input_missing' })
    const keys = [...before.inputs]
    t.same(await arrivals.locate(keys), keys, 'nobody guesses')
    t.same(await arrivals.reexamine(keys, signal), [])
    await arrivals.ingest(signal)
    await arrivals.join(signal)
    t.same(JSON.parse(String(await lake.lake.get(RECORD))).objects, JSON.parse(was).objects)
    t.same(await content(), before)
    later()
    await pass()
    t.same([await small(), await joined()], [[], objects])
    t.same(await eventIds(), ['1', '2', '3'])
  }
})

test('a record that is damaged while the small objects are there leaves them, and what was joined goes', async (t) => {
  const { put, pass, later, small, joined, content, eventIds } = await joinedLake(false)
  const before = await content()
  await put(RECORD, 'damaged')
  t.same(await content(), before)
  await pass()
  t.equal((await joined()).length, 1)
  later()
  await pass()
  t.same(await joined(), [])
  t.equal((await small()).length, 3)
  t.same(await content(), before)
  t.same(await eventIds(), ['1', '2', '3'])
})

test('a record of a later version is believed as little as it is written over', async (t) => {
  const { put, lake, arrivals, content } = await joinedLake(false)
  await put(RECORD, '{"version":2}')
  await t.rejects(content(), { code: 'later_version' })
  const ingesting = arrivals()
  await ingesting.ingest(signal)
  await t.rejects(ingesting.join(signal), { code: 'later_version' })
  t.equal(String(await lake.get(RECORD)), '{"version":2}')
})

test('a record that cannot be read now keeps nothing from being taken in but what lies in its hour', async (t) => {
  const withheld = (code: string) =>
    new AppError('lake_failed', 'withheld', { cause: Object.assign(new Error(code), { code }) })
  for (const { error, why } of [
    { error: laterVersion(RECORD, 2, 1), why: /is of version 2/ },
    { error: withheld('EACCES'), why: 'withheld' },
    { error: withheld('AccessDenied'), why: 'withheld' },
  ]) {
    const { put, lake, arrivals, keys, joined, eventIds } = await joinedLake()
    const [key = ''] = await joined()
    const second = key.replace(/j-\w+/, 'j-0123456789abcdef')
    await put(second, (await lake.get(key)) ?? '')
    await put('raw/gateway/dt=2026-11-22/hr=16/new.ndjson', lines('4'))
    const get = async (name: string, maxBytes?: number) => {
      if (name === RECORD) throw error
      return lake.get(name, maxBytes)
    }
    const ingesting = arrivals({ lake: { ...lake, get } })
    t.match(await ingesting.ingest(signal), { inputs: 1, rows: 1, failed: [{ key: RECORD, why }] })
    t.equal(await ingesting.notTakenIn(), 0)
    t.match(await ingesting.ingest(signal), { inputs: 0, failed: { length: 1 } }, 'as long as it is so')
    t.same(await keys(`index/${HOUR}/p-`), [], 'nobody guesses')
    t.same(await eventIds(), ['1', '2', '3', '4'])
    t.match(await arrivals().ingest(signal), { failed: [] })
  }
  const { lake, arrivals } = await joinedLake()
  const mistake = async () => {
    throw new TypeError('ours')
  }
  const get = (name: string, maxBytes?: number) => (name === RECORD ? mistake() : lake.get(name, maxBytes))
  await t.rejects(arrivals({ lake: { ...lake, get } }).ingest(signal), { message: 'ours' })
})

test('small objects stay as long as what they were joined to is damaged, and then count in its place', async (t) => {
  for (const harm of ['damaged', 'gone'] as const) {
    const lake = await joinedLake(false)
    const { pass, later, small, joined, eventIds } = lake
    const [key = ''] = await joined()
    if (harm === 'gone') await lake.lake.remove([key])
    else damage(lake, key)
    later()
    await pass()
    t.equal((await small()).length, 3)
    later()
    await pass()
    t.same(await joined(), [], 'it is garbage now')
    t.same(await eventIds(), ['1', '2', '3'])
  }
})

test('whoever reads a damaged joined object falls back to the small ones', async (t) => {
  for (const harm of ['damaged', 'gone'] as const) {
    const lake = await joinedLake(false)
    const { content, joined, small, eventIds, keys } = lake
    const before = await content()
    const [key = ''] = await joined()
    if (harm === 'gone') await lake.lake.remove([key])
    else damage(lake, key)
    await t.rejects(content())
    t.same(await lake.arrivals().reexamine(before.inputs, signal), [])
    t.same(await content(), before)
    t.equal((await small()).length, 3)
    t.same(await keys('dead/'), [])
    t.same(await eventIds(), ['1', '2', '3'])
  }
})

test('a damaged joined object whose small ones are gone is set aside, with all that it alone had', async (t) => {
  const lake = await joinedLake()
  const { deliver, joined, content, keys, why, places, eventIds, arrivals, put } = lake
  await deliver('4')
  const [key = ''] = await joined()
  const body = (await lake.lake.get(key)) ?? Buffer.alloc(0)
  const { inputs } = await content()
  damage(lake, key)
  const reader = arrivals()
  t.same(await reader.reexamine([], signal), [])
  const keptIn = key.replace('raw/gateway', 'dead/ingest-gateway')
  const [trouble, ...rest] = await reader.reexamine(inputs, signal)
  t.match(trouble, { key, keptIn, why: /; 3 rows of 3 objects were joined to it$/ })
  t.same(rest, [])
  t.match(await why(), [{ reason: 'unreadable_object', object: key }])
  t.same(readFileSync(join(places.lakeDir, keptIn)).length, body.length)
  t.same(await joined(), [])
  t.same(await eventIds(), ['4'])
  t.match(await content(), { kept: 1 })
  t.same(await keys('joined/'), [RECORD])
  // From a backup.
  await put(key, body)
  t.match(await arrivals().ingest(signal), { inputs: 1, rows: 3 })
  t.same(await eventIds(), ['1', '2', '3', '4'])
  t.match(await content(), { kept: 4, duplicates: 0 })
})

test('a joined object that can be read stays, whoever doubts it', async (t) => {
  const { arrivals, content, joined } = await joinedLake()
  const [before, objects] = [await content(), await joined()]
  t.same(await arrivals().reexamine(before.inputs, signal), [])
  t.same(await joined(), objects)
  t.same(await content(), before)
})

test('of small objects some of which are gone none goes while what they were joined to is damaged', async (t) => {
  const lake = await joinedLake(false)
  const { small, joined, passes, keys } = lake
  const [first = '', ...rest] = await small()
  const [key = ''] = await joined()
  await lake.lake.remove([first])
  damage(lake, key)
  await passes(2)
  t.same(await small(), rest)
  t.same(await joined(), [key])
  t.same(await keys('dead/'), [])
})

test('another version of DuckDB, which sums rows up in another way, compares them with those of the small objects', async (t) => {
  for (const isSame of [true, false]) {
    const { put, lake, small, passes, joined, places, session, eventIds } = await joinedLake(false)
    const record = recordIn(RECORD, String(await lake.get(RECORD)))
    const objects = (record?.objects ?? []).map((object) => ({ ...object, sum: '1' }))
    const [key = ''] = await joined()
    if (!isSame) {
      const path = join(places.lakeDir, key)
      const other = join(places.tempDir, 'other.parquet')
      await session.run([
        `COPY (SELECT * REPLACE ('x' AS unit) FROM '${path}') TO '${other}' (FORMAT parquet)`,
      ])
      await lake.putFile(key, other)
      const bytes = readFileSync(path).length
      await put(
        RECORD,
        recordText({
          joinedMs: Number(record?.joinedMs),
          objects: objects.map((each) => ({ ...each, bytes })),
        }),
      )
    } else await put(RECORD, recordText({ joinedMs: Number(record?.joinedMs), objects }))
    await passes(1)
    t.equal((await small()).length, isSame ? 0 : 3)
    t.same(await eventIds(), ['1', '2', '3'])
  }
})

test('what says that it was joined from what is no object is one of others', async (t) => {
  const { places, session, ingester, eventIds, deliver } = await smallLake()
  await deliver('1')
  const [path, copy] = [
    join(places.tempDir, 'a.parquet'),
    join(places.lakeDir, `raw/gateway/${HOUR}/j-0123456789abcdef.parquet`),
  ]
  await writeParquet(session, [storedEvent({ event_id: '2' })], path)
  await duckdbJoining.join(session, [path], { path: copy, keys: ['nonsense'] })
  t.match(await ingester().ingest(signal), { inputs: 1, rows: 1 })
  t.same(await eventIds(), ['1', '2'])
})

test('a joined object that is gone with its small ones is waited for', async (t) => {
  const lake = await joinedLake()
  const { joined, content, eventIds, put, arrivals } = lake
  const before = await content()
  const [key = ''] = await joined()
  const body = (await lake.lake.get(key)) ?? ''
  await lake.lake.remove([key])
  await t.rejects(content(), { code: 'input_missing' })
  t.same(await arrivals().reexamine(before.inputs, signal), [])
  await put(key, body)
  t.same(await content(), before)
  t.same(await eventIds(), ['1', '2', '3'])
})

test('a damaged entry is made anew from what its object was joined to', async (t) => {
  for (const isTidy of [true, false]) {
    const { put, ingester, content, eventIds } = await joinedLake(isTidy)
    const before = await content()
    await put(ENTRY_1, 'damaged')
    const arrivals = ingester()
    t.same(await arrivals.ingest(signal), NOTHING)
    t.same(await content(), before)
    t.same(await ingester().ingest(signal), NOTHING)
    t.same(await eventIds(), ['1', '2', '3'])
  }
})

test('what is damaged in the index and of no hour was joined to nothing', async (t) => {
  const { put, ingester, lake } = await smallLake()
  await put('index/nonsense.json', 'damaged')
  const { changes: _, ...listed } = lake
  await ingester({ lake: listed }).ingest(signal, { everywhere: true })
  t.match(JSON.parse(String(await lake.get('index/nonsense.json'))), { rows: 0 })
})

test('a damaged entry of one source is none of what was joined of another', async (t) => {
  const { put, deliver, ingester, over, passes, eventIds, small } = await smallLake()
  for (const id of ['1', '2']) {
    await put(`raw/direct-shop/${HOUR}/${id}.ndjson`, lines(id))
    await ingester().ingest(signal)
  }
  await deliver('3', '4')
  over()
  await passes(3)
  t.same(await small(), [])
  await put(`index/${HOUR}/c-elsewhere-000001.json`, 'damaged')
  await put(ENTRY_1, 'damaged')
  await ingester().ingest(signal)
  t.same(await eventIds(), ['1', '2', '3', '4'])
})

test('a second joined object of the same goes, unless the first is gone', async (t) => {
  for (const isThere of [true, false]) {
    const { places, lake, joined, passes } = await joinedLake()
    const [key = ''] = await joined()
    const copy = `raw/gateway/${HOUR}/j-ffffffffffffffff.parquet`
    cpSync(join(places.lakeDir, key), join(places.lakeDir, copy))
    if (!isThere) await lake.remove([key])
    await passes(2)
    t.same(await joined(), [isThere ? key : copy])
  }
})

test('a damaged entry waits while the record of its hour is damaged, or what was joined is gone', async (t) => {
  const { put, ingester, lake, joined, pass, content } = await joinedLake()
  const before = await content()
  const record = (await lake.get(RECORD)) ?? ''
  await put(ENTRY_1, 'damaged')
  await put(RECORD, 'damaged')
  await ingester().ingest(signal)
  t.equal(String(await lake.get(ENTRY_1)), 'damaged')
  await put(RECORD, record)
  await pass()
  t.same(await content(), before)
  await put(ENTRY_1, 'damaged')
  await lake.remove(await joined())
  await ingester().ingest(signal)
  t.match(JSON.parse(String(await lake.get(ENTRY_1))), { rows: 0 })
})

test('what was joined in another lake, or here before the index was lost, is taken in like an object of others', async (t) => {
  const [there, here] = [await joinedLake(), joiningOver(await setUp())]
  await here.put(`raw/gateway/${HOUR}/a.ndjson`, lines('4'))
  await here.ingester().ingest(signal)
  cpSync(join(there.places.lakeDir, 'raw'), join(here.places.lakeDir, 'raw'), { recursive: true })
  t.match(await here.ingester().ingest(signal), { inputs: 1, rows: 3 })
  t.same(await here.eventIds(), ['1', '2', '3', '4'])
  t.equal(await here.ingester().notTakenIn(), 0)
  t.same(await here.ingester().ingest(signal), NOTHING)
  here.over()
  await here.passes(3)
  t.same(await here.eventIds(), ['1', '2', '3', '4'])
  // Its index comes too.
  cpSync(join(there.places.lakeDir, 'index'), join(here.places.lakeDir, 'index'), {
    recursive: true,
    force: false,
  })
  await here.put(`raw/gateway/${HOUR}/j-0123456789abcdef.parquet`, 'no Parquet')
  t.match(await here.ingester().ingest(signal), { inputs: 1, malformed: 1 })
})

test('joined objects whose index entries are lost are counted once again', async (t) => {
  for (const isTidy of [true, false])
    for (const lostKeys of [['index/'], [ENTRY_1], ...(isTidy ? [[ENTRY_1, 'joined/']] : [])]) {
      const lake = await joinedLake(isTidy)
      const { joined, small, content, eventIds, keys, passes, arrivals } = lake
      const { hash } = await content()
      for (const prefix of [...lostKeys, 'synopses/']) await lake.lake.remove(await keys(prefix))
      t.ok((await arrivals().notTakenIn()) >= 1, 'it is told')
      const ingesting = arrivals()
      t.match(await ingesting.ingest(signal, { everywhere: true }), { failed: [] })
      t.equal(await ingesting.notTakenIn(), 0)
      // Where the other entries say that their rows lie is told anew by a visit.
      if (lostKeys.length > 1) await passes(1)
      t.same(await eventIds(), ['1', '2', '3'])
      t.match(await content(), { hash, kept: 3, duplicates: 0 })
      t.same(await arrivals().ingest(signal), NOTHING)
      await passes(3)
      t.same([await small(), (await joined()).length], [[], 1])
      t.match(await content(), { hash, kept: 3, duplicates: 0 })
    }
})

test('a joined object that has an entry of its own leaves the index whole when it is damaged', async (t) => {
  const lake = await joinedLake()
  const { joined, content, deliver, keys, arrivals } = lake
  await lake.lake.remove([ENTRY_1])
  await arrivals().ingest(signal)
  await deliver('4')
  const { inputs } = await content()
  const [key = ''] = await joined()
  damage(lake, key)
  t.match(await arrivals().reexamine(inputs, signal), [{ key }])
  t.match(await content(), { inputs: { length: 1 }, kept: 1 })
  t.same(await keys(`index/${HOUR}/p-`), [])
})

test('an hour waits while one of its entries cannot be read', async (t) => {
  const { deliver, over, pass, put, lake, joined, small, later } = await smallLake()
  await deliver('1', '2', '3')
  const entry = (await lake.get(ENTRY_1)) ?? ''
  over()
  await put(ENTRY_1, '{"version":2}')
  await pass()
  t.same(await joined(), [])
  await put(ENTRY_1, entry)
  later()
  await pass()
  t.equal((await joined()).length, 1)
  t.equal((await small()).length, 3)
})

test('an hour that cannot be joined is left alone, and holds up no other', async (t) => {
  const { deliver, over, put, ingester, lake, joined, small, later, arrivals, clock } = await smallLake()
  await deliver('1', '2')
  for (const id of ['3', '4']) {
    await put(`raw/gateway/dt=2026-11-22/hr=13/${id}.ndjson`, lines(id))
    await ingester().ingest(signal)
  }
  over()
  later()
  const [first = ''] = await small()
  const body = (await lake.get(first)) ?? Buffer.alloc(0)
  const entry = String(await lake.get(ENTRY_1))
  const harms = [
    {
      what: 'other rows than were indexed',
      key: ENTRY_1,
      body: entry.replace('"rows":1', '"rows":2'),
      was: entry,
    },
    { what: 'no Parquet', key: first, body: Buffer.alloc(body.length), was: body },
  ]
  for (const { what, key, body, was } of harms) {
    await put(key, body)
    const process = arrivals()
    await process.ingest(signal)
    await t.rejects(process.join(signal), { code: 'engine_failed' }, what)
    await process.join(signal)
    t.same(
      (await joined()).filter((each) => each.includes('hr=12')),
      [],
      what,
    )
    await put(key, was)
  }
  const open = async (key: string) => (key === first ? undefined : lake.open(key))
  const process = arrivals({ lake: { ...lake, open } })
  await process.ingest(signal)
  await t.rejects(process.join(signal), { code: 'input_missing' })
  await process.join(signal)
  t.same(await joined(), [], 'for a while nothing is tried')
  clock.advance(300_001)
  await process.join(signal)
  t.match(await joined(), [/hr=13/])
})
