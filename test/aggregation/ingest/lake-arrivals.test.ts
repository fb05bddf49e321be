import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { test } from 'tap'
import { allRows } from '../../../src/aggregation/ingest/duckdb/sql-session.ts'
import type { IngestFailure, LakeArrivals } from '../../../src/aggregation/ingest/index/arrivals.ts'
import { arrivedMs } from '../../../src/aggregation/ingest/index/arrived-objects.ts'
import { NO_MINUTES } from '../../../src/aggregation/ingest/index/minute-rows.ts'
import type { Lake } from '../../../src/lake/lake.ts'
import { AppError } from '../../../src/std/errors.ts'
import { createTelemetry, quietTelemetry } from '../../../src/std/telemetry.ts'
import { asRecord } from '../../fakes/aggregation/minutes.ts'
import { openDuckdb } from '../../fakes/aggregation/sessions.ts'
import { eventLine, NOON, storedEvent, writeParquet } from '../../fakes/events.ts'
import { CLEAN, HOUR, setUp, signal } from './harness.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const entry = {
  key: 'k',
  rows: 1,
  bytes: 1,
  inputs: [],
  minutes: NO_MINUTES,
  malformed: 0,
  arrivalMinMs: null,
}
/** Minutes that the objects touch which are told for a range. */
async function minutes(arrivals: LakeArrivals, fromMs: number, toMs: number): Promise<readonly number[]> {
  const objects = await arrivals.touching(fromMs, toMs)
  const found = objects.flatMap((object) => [...object.minutes.startsMs])
  return [...new Set(found)].filter((ms) => ms + MINUTE_MS > fromMs && ms < toMs).sort((a, b) => a - b)
}
const NO_GZIP = Buffer.from('\0this is no gzip')
const lines = (...texts: string[]) => texts.map((text) => `${text}\n`).join('')

test('raw files become one Parquet object an hour and source, indexed by minute, and are gone', async (t) => {
  const { put, ingester, keys, lake, session, temporary } = await setUp()
  await put(
    `raw/gateway/${HOUR}/a.ndjson`,
    lines(
      eventLine({ event_id: '1', name: 'b', attributes: { plan: "it's" } }),
      eventLine({ event_id: '2', name: 'a', event_time: NOON + MINUTE_MS, received_time: NOON + 70_000 }),
    ),
  )
  await put(`raw/gateway/${HOUR}/b.ndjson.gz`, gzipSync(lines(eventLine({ event_id: '3', app_id: 'lab' }))))
  await put(`raw/gateway/dt=2026-11-22/hr=13/c.ndjson`, lines(eventLine({ event_id: '4' })))
  await put(`raw/direct-lab/${HOUR}/d.ndjson`, lines(eventLine({ event_id: '5' })))
  const arrivals = ingester()
  t.same(await arrivals.ingest(signal), { inputs: 4, rows: 5, malformed: 0, ...CLEAN })

  const objects = await arrivals.touching(NOON, NOON + MINUTE_MS)
  t.equal(objects.length, 3)
  const [, object] = objects
  t.match(object?.key ?? '', /^raw\/gateway\/dt=2026-11-22\/hr=12\/c-000001-[0-9a-f]{16}\.parquet$/)
  t.same(object && asRecord(object.minutes), { [NOON]: 2 }, 'those that were asked for')
  t.equal(object?.rows, 3)
  t.equal(object?.bytes, (await lake.get(object?.key ?? ''))?.length)
  t.same(
    await keys('raw/'),
    objects.map(({ key }) => key),
  )
  const file = await lake.open(object?.key ?? '')
  t.same(
    await allRows(
      session,
      `SELECT app_id, name, event_id, attributes->>'plan', country FROM read_parquet('${file?.path}') ORDER BY event_id DESC`,
    ),
    [
      ['lab', 'browser.web_vital.lcp', '3', null, null],
      ['shop', 'a', '2', null, null],
      ['shop', 'b', '1', "it's", null],
    ],
  )
  const entry = JSON.parse(String(await lake.get(`index/${HOUR}/c-gateway-000001.json`)))
  t.match(entry, {
    ...{ version: 1, key: object?.key, rows: 3, malformed: 0 },
    inputs: [`raw/gateway/${HOUR}/a.ndjson`, `raw/gateway/${HOUR}/b.ndjson.gz`],
    ...{ arrivalMinMs: NOON + 250, arrivalMaxMs: NOON + 70_000 },
  })
  t.same(temporary(), [])
})

test('nothing new costs no session, and what comes later takes the next slot', async (t) => {
  const { put, ingester, openSession, keys, telemetry } = await setUp()
  let sessions = 0
  const arrivals = ingester({
    telemetry,
    openSession: async (signal) => {
      sessions += 1
      return openSession(signal)
    },
  })
  t.same(await arrivals.ingest(signal), { inputs: 0, rows: 0, malformed: 0, ...CLEAN })
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines(eventLine({ event_id: '1' })))
  await arrivals.ingest(signal)
  await arrivals.ingest(signal)
  t.equal(sessions, 1)
  await put(`raw/gateway/${HOUR}/b.ndjson`, lines(eventLine({ event_id: '2' }), 'x'))
  await arrivals.ingest(signal)
  t.same(await keys('index/'), [`index/${HOUR}/c-gateway-000001.json`, `index/${HOUR}/c-gateway-000002.json`])
  const metrics = await telemetry.metrics.metrics()
  for (const line of ['objects_total 2', 'rows_total 2', 'malformed_total 1'])
    t.match(metrics, `headgate_ingest_${line}\n`)
})

test('an object holds no more than the bound of lines, but a single larger file', async (t) => {
  const { put, ingester, eventIds } = await setUp()
  for (const id of ['1', '2', '3', '4'])
    await put(`raw/gateway/${HOUR}/${id}.ndjson`, lines(eventLine({ event_id: id })))
  await put(`raw/gateway/${HOUR}/5.ndjson.gz`, gzipSync(lines(eventLine({ event_id: '5' }))))
  const arrivals = ingester({ maxBatchBytes: 2 * lines(eventLine({ event_id: '1' })).length })
  t.same(await arrivals.ingest(signal), { inputs: 5, rows: 5, malformed: 0, ...CLEAN })
  t.same(
    (await arrivals.touching(NOON, NOON + 1)).map(({ rows }) => rows),
    [2, 2, 1],
  )
  t.same(await eventIds(), ['1', '2', '3', '4', '5'])
})

test('a line that is no event is kept in dead/ once, with the reason beside it, and its neighbours are not harmed', async (t) => {
  const { put, ingester, eventIds, dead, keys, why } = await setUp()
  const good = eventLine({ event_id: 'first' })
  const without = (name: string) =>
    JSON.stringify({ v: 1, ...storedEvent({ event_id: 'bad' }), [name]: undefined })
  const malformed: readonly (readonly [string, string | Buffer])[] = [
    ['no JSON', '{"v":1,'],
    ['two documents', `${good}${good}`],
    ['an array', `[${good}]`],
    ['a number', '12'],
    ['null', 'null'],
    ['text', '"x"'],
    ['a later version', good.replace('"v":1', '"v":2')],
    ['no version', good.replace('"v":1,', '')],
    ...['event_id', 'event_time', 'received_time', 'app_id', 'name', 'value'].map(
      (name) => [`no ${name}`, without(name)] as const,
    ),
    ['a value that is no number', eventLine().replace('1234.5', '"fast"')],
    ['a time that is none', eventLine().replace(String(NOON), '"noon"')],
    ['a time before 1970', eventLine({ event_time: -1 })],
    ['a time after the last', eventLine({ received_time: 9e15 })],
    ['no UTF-8', Buffer.concat([Buffer.from('{"v":1,"name":"'), Buffer.from([0xff]), Buffer.from('"}')])],
    ['too long', `"${'x'.repeat(4_194_304)}"`],
    ['deep', '['.repeat(2_000) + ']'.repeat(2_000)],
  ]
  for (const [index, [, line]] of malformed.entries()) {
    const name = String(index).padStart(2, '0')
    const before = lines(eventLine({ event_id: `${name}-before` }))
    const after = `\n${eventLine({ event_id: `${name}-after` })}`
    await put(
      `raw/gateway/${HOUR}/${name}.ndjson`,
      Buffer.concat([Buffer.from(before), Buffer.from(line), Buffer.from(after)]),
    )
  }
  const { setAside, ...report } = await ingester().ingest(signal)
  t.same(report, {
    inputs: malformed.length,
    rows: 2 * malformed.length,
    malformed: malformed.length,
    doubtful: [],
    failed: [],
  })
  t.equal(new Set(await eventIds()).size, 2 * malformed.length)
  const kept = await dead()
  for (const [what, line] of malformed) t.ok(kept.split('\n').includes(String(line)), what)
  const [whyKey, keptIn = ''] = await keys('dead/')
  t.match(keptIn, /^dead\/ingest-gateway\/dt=2026-11-22\/hr=12\/c-000001-[0-9a-f]{16}\.ndjson$/)
  t.equal(whyKey, keptIn.replace('.ndjson', '-why.ndjson'))
  t.same(
    setAside.map(({ key, lines, keptIn }) => [key, lines, keptIn]),
    malformed.map((_, at) => [`raw/gateway/${HOUR}/${String(at).padStart(2, '0')}.ndjson`, 1, keptIn]),
  )
  t.same(
    await why(),
    setAside.map(({ key, why, lines }) => ({
      ...{ reason: 'malformed_line', object: key, detail: why, lines },
    })),
  )
})

test('what is unusual but an event is taken as it is', async (t) => {
  const { put, ingester, eventIds, dead } = await setUp()
  const odd = [
    `\ufeff${eventLine({ event_id: 'byte order mark' })}`,
    `${eventLine({ event_id: 'crlf' })}\r`,
    '',
    '   ',
    `  ${eventLine({ event_id: 'spaces' })}  `,
    eventLine({ event_id: 'emoji 🙂 "quoted" \\ \u0001 \n' }),
    eventLine({ event_id: 'no newline at the end' }),
  ]
  await put(`raw/gateway/${HOUR}/a.ndjson`, odd.join('\n'))
  await put(`raw/gateway/${HOUR}/empty.ndjson`, '')
  await put(`raw/gateway/${HOUR}/empty.ndjson.gz`, gzipSync(''))
  const ids = ['byte order mark', 'crlf', 'emoji 🙂 "quoted" \\ \u0001 \n', 'no newline at the end', 'spaces']
  t.same(await ingester().ingest(signal), { inputs: 3, rows: 5, malformed: 0, ...CLEAN })
  t.same(await eventIds(), ids)

  // The same beside a line that is none, which takes the other way through the code.
  await put(`raw/gateway/${HOUR}/b.ndjson`, [...odd, 'x'].join('\n'))
  t.match(await ingester().ingest(signal), {
    ...{ inputs: 1, rows: 5, malformed: 1, failed: [] },
    setAside: [{ key: `raw/gateway/${HOUR}/b.ndjson`, lines: 1 }],
  })
  t.same(await eventIds(), [...ids, ...ids].sort())
  t.equal(await dead(), 'x\n')
})

test('an optional column of another type is as if it were not there, and told', async (t) => {
  const { put, ingester, session, lake, keys } = await setUp()
  const line = eventLine({ http_response_status_code: 200, country: 'IN' }).replace(':200', ':"teapot"')
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines(line))
  const report = await ingester().ingest(signal)
  const [key = ''] = await keys('raw/')
  const why = 'http_response_status_code is no number that fits there and was left out'
  t.same(report, { inputs: 1, rows: 1, malformed: 0, ...CLEAN, doubtful: [{ key, why, rows: 1 }] })
  const file = await lake.open(key)
  const query = `SELECT http_response_status_code, country FROM read_parquet('${file?.path}')`
  t.same(await allRows(session, query), [[null, 'IN']])
  t.same(await keys('dead/'), [])
})

test('a gzip file that breaks off gives the lines before the break, and is kept whole', async (t) => {
  const { put, ingester, eventIds, keys, lake, why } = await setUp()
  const whole = gzipSync(
    lines(...Array.from({ length: 2_000 }, (_, id) => eventLine({ event_id: `${id}-${id * 7919}` }))),
  )
  const broken = whole.subarray(0, whole.length - 2_000)
  await put(`raw/gateway/${HOUR}/broken.ndjson.gz`, broken)
  await put(`raw/gateway/${HOUR}/none.ndjson.gz`, NO_GZIP)
  await put(`raw/gateway/${HOUR}/text.ndjson.gz`, lines(eventLine({ event_id: 'called gzip' })))
  await put(`raw/gateway/${HOUR}/zipped.ndjson`, gzipSync(lines(eventLine({ event_id: 'not called so' }))))
  await put(`raw/gateway/${HOUR}/whole.ndjson`, lines(eventLine({ event_id: 'neighbour' })))
  const report = await ingester().ingest(signal)
  t.ok(report.malformed >= 2, 'both files, and the line in which the one breaks off')
  t.ok(report.rows > 100 && report.rows < 2_000, `${report.rows} rows`)
  const ids = await eventIds()
  for (const id of ['neighbour', 'called gzip', 'not called so']) t.ok(ids.includes(id), id)
  t.match(
    report.setAside.filter(({ lines }) => lines === undefined),
    [
      { key: /broken\.ndjson\.gz$/, why: /^it breaks off, is damaged, or/, keptIn: /-0\.ndjson\.gz$/ },
      { key: /none\.ndjson\.gz$/, keptIn: /-1\.ndjson\.gz$/ },
    ],
  )
  t.match((await why()).slice(-1), [{ reason: 'broken_object', object: /none\.ndjson\.gz$/ }])
  const kept = (await keys('dead/')).filter((key) => key.endsWith('.gz'))
  const sizes = await Promise.all(kept.map(async (key) => (await lake.get(key))?.length))
  t.same(sizes, [broken.length, NO_GZIP.length])
  t.same(await keys(`raw/gateway/${HOUR}/broken`), [])
})

test('a file of nothing but malformed lines is done with, without an object', async (t) => {
  const { put, ingester, keys, eventIds } = await setUp()
  await put(`raw/gateway/${HOUR}/a.ndjson`, 'x\ny\n')
  const arrivals = ingester()
  t.match(await arrivals.ingest(signal), {
    ...{ inputs: 1, rows: 0, malformed: 2, failed: [] },
    setAside: [{ key: `raw/gateway/${HOUR}/a.ndjson`, lines: 2 }],
  })
  t.same(await keys('raw/'), [])
  t.same(await eventIds(), [])
  t.equal(await arrivals.earliestMs(), undefined)
  await put(`raw/gateway/dt=2026-11-25/hr=00/b.ndjson`, lines(eventLine({ event_time: NOON + 3 * DAY_MS })))
  await arrivals.ingest(signal)
  t.equal(await arrivals.earliestMs(), NOON + 3 * DAY_MS, 'days without events are passed over')
})

test('what no ingest has taken in yet is counted, wherever it lies', async (t) => {
  const { session, places, ingester, put, keys } = await setUp()
  const pathOf = (name: string) => join(places.lakeDir, `raw/gateway/${HOUR}/${name}.parquet`)
  const arrivals = ingester()
  t.equal(await arrivals.notTakenIn(), 0)
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines(eventLine({ event_id: '1' })))
  await writeParquet(session, [storedEvent({ event_id: '2' })], pathOf('full'))
  await session.run([
    `COPY (SELECT * FROM read_parquet('${pathOf('full')}') WHERE false) TO '${pathOf('empty')}' (FORMAT parquet)`,
  ])
  await writeParquet(session, [storedEvent({ event_id: '3' })], pathOf('c-000001-0123456789abcdef'))
  t.equal(await arrivals.notTakenIn(), 4, 'also what is called as an ingest calls its own')
  t.match(await arrivals.ingest(signal), { inputs: 4, rows: 3 })
  t.equal(await arrivals.notTakenIn(), 0)
  t.equal(await ingester().notTakenIn(), 0, 'nor for another process')

  for (const entry of await keys('index/')) await put(entry, '{"version":2}')
  t.equal(await ingester().notTakenIn(), 0, 'what is left out no ingest takes')
})

test('Parquet objects of others are indexed as they are, once', async (t) => {
  const { session, places, ingester, eventIds, keys, lake } = await setUp()
  const key = `raw/gateway/${HOUR}/firehose-1-2026-11-22.parquet`
  await writeParquet(
    session,
    [storedEvent({ event_id: '1' }), storedEvent({ event_id: '2' })],
    join(places.lakeDir, key),
  )
  const arrivals = ingester()
  t.same(await arrivals.ingest(signal), { inputs: 1, rows: 2, malformed: 0, ...CLEAN })
  for (const later of [arrivals, arrivals, ingester()])
    t.same(await later.ingest(signal), { inputs: 0, rows: 0, malformed: 0, ...CLEAN })
  t.same(await eventIds(), ['1', '2'])
  t.same(await keys('raw/'), [key])
  const [entry = ''] = await keys('index/')
  t.match(entry, /^index\/dt=2026-11-22\/hr=12\/p-gateway-[0-9a-f]{16}\.json$/)
  t.match(JSON.parse(String(await lake.get(entry))), { version: 1, key, rows: 2, inputs: [] })
  const earlier = `raw/direct-lab/${HOUR}/b.parquet`
  await writeParquet(session, [storedEvent({ event_id: '3' })], join(places.lakeDir, earlier))
  await arrivals.ingest(signal)
  const touching = await arrivals.touching(NOON, NOON + 1)
  t.same(
    touching.map((object) => object.key),
    [earlier, key],
    'in the order of their keys, not of the index',
  )
})

test('what is called like nothing that is read is told in each report; names of Spark are read', async (t) => {
  const { session, places, put, ingester, eventIds, keys } = await setUp()
  const misnamed = [`raw/bi/${HOUR}/a.json`, `raw/bi/${HOUR}/b.jsonl`]
  for (const key of misnamed) await put(key, lines(eventLine({ event_id: 'no' })))
  await put(`raw/bi/${HOUR}/_SUCCESS`, '')
  await put(`raw/bi/${HOUR}/export.1.ndjson`, lines(eventLine({ event_id: '1' })))
  const spark = `raw/bi/${HOUR}/part-00000-0a1b.c000.snappy.parquet`
  await writeParquet(session, [storedEvent({ event_id: '2' })], join(places.lakeDir, spark))
  await put(`raw/bi/${HOUR}/part-00001.c000.snappy.parquet`, 'no Parquet')
  const arrivals = ingester()
  const failed = misnamed.map((key) => ({ key, why: /^it is not called <source>\/dt=YYYY-MM-DD/ }))
  t.match(await arrivals.ingest(signal), { inputs: 3, rows: 2, malformed: 1, failed })
  t.match(await arrivals.ingest(signal), { inputs: 0, rows: 0, failed })
  const met = [
    { key: `raw/bi/${HOUR}/my file.ndjson`, why: 'it is not called' },
    { ...failed[0], why: 'again' },
  ]
  const told = await ingester({ takePassedOver: () => met as readonly IngestFailure[] }).ingest(signal)
  t.same(
    told.failed.map(({ key }) => key),
    [...misnamed, `raw/bi/${HOUR}/my file.ndjson`],
    'what has no key as well',
  )
  t.same(await eventIds(), ['1', '2'])
  t.same(await keys('dead/'), [
    `dead/ingest-bi/${HOUR}/part-00001.c000.snappy-why.ndjson`,
    `dead/ingest-bi/${HOUR}/part-00001.c000.snappy.parquet`,
  ])
})

test('what is passed over is counted once, the same everywhere, until a look at all of the lake finds it gone', async (t) => {
  const { put, ingester, clock, lake } = await setUp()
  const old = 'raw/bi/dt=2026-11-01/hr=00'
  for (const name of ['a.json', 'b.csv']) await put(`${old}/${name}`, 'x')
  await put(`raw/gateway/${HOUR}/a.json`, 'x')
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines(eventLine({ event_id: '1' })))
  let met: readonly IngestFailure[] = [
    { key: `${old}/a b.ndjson`, why: 'it is not called' },
    { key: `${old}/a.json`, why: 'it is not called' },
  ]
  const telemetry = quietTelemetry()
  const slow = {
    ...lake,
    async list(prefix: string) {
      if (prefix === 'raw/') clock.advance(1_000)
      return lake.list(prefix)
    },
  }
  const arrivals = ingester({ telemetry, lake: slow, takePassedOver: () => met })
  const counted = async (everywhere: boolean) => {
    const { failed } = await arrivals.ingest(signal, { everywhere })
    const [, gauge] = /^headgate_lake_passed_over (\d+)$/m.exec(await telemetry.metrics.metrics()) ?? []
    return [failed.length, Number(gauge)]
  }
  t.same(await counted(false), [4, 4])
  met = []
  t.same(await counted(false), [4, 4], 'a look at the last hours says nothing of older ones')
  await lake.remove([`${old}/b.csv`])
  t.same(await counted(true), [2, 2])
})

test('a lake full of what is none fills no log: the report names all, and the next minutes more', async (t) => {
  const { put, ingester, clock, lake } = await setUp()
  for (let i = 0; i < 25; i++) {
    await put(`raw/bi/${HOUR}/${i}.ndjson`, 'x\n')
    await put(`raw/bi/${HOUR}/${i}.json`, 'x\n')
  }
  const said: { msg: string }[] = []
  const logging = () => createTelemetry('warn', { write: (line) => said.push(JSON.parse(line)) })
  const count = (msg: string) => said.filter((line) => line.msg === msg).length
  const passedOver = Array.from({ length: 25 }, (_, i) => ({ key: `raw/bi/${i}`, why: 'a pipe' }))
  const arrivals = ingester({ telemetry: logging(), takePassedOver: () => passedOver })
  t.match(await arrivals.ingest(signal), { setAside: { length: 25 }, failed: { length: 50 } })
  t.equal(count('lines are no events and are set aside in dead/'), 20)
  t.equal(count('objects cannot be ingested now; the rest goes on'), 0, 'of those the lake has told')
  for (let i = 0; i < 25; i++) await put(`raw/bi/${HOUR}/${i}.parquet`, 'x')
  const open = async () => {
    throw new AppError('lake_failed', 'no')
  }
  const later = ingester({ telemetry: logging(), lake: { ...lake, open } })
  await later.ingest(signal)
  t.equal(count('objects cannot be ingested now; the rest goes on'), 20)
  await later.ingest(signal)
  t.equal(count('objects cannot be ingested now; the rest goes on'), 20)
  clock.advance(60_000)
  await later.ingest(signal)
  t.equal(count('objects cannot be ingested now; the rest goes on'), 25, 'each once')
})

test('an entry of a later version stays, is counted as not taken, and keeps its object from no other', async (t) => {
  const { session, places, ingester, eventIds, keys, lake, put } = await setUp()
  const key = `raw/gateway/${HOUR}/firehose.parquet`
  await writeParquet(session, [storedEvent({ event_id: '1' })], join(places.lakeDir, key))
  await ingester().ingest(signal)
  const [entry = ''] = await keys('index/')
  await put(entry, '{"version":2}')

  const said: string[] = []
  const telemetry = createTelemetry('error', { write: (line) => said.push(line) })
  const arrivals = ingester({ telemetry })
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines(eventLine({ event_id: '2' })))
  t.match(await arrivals.ingest(signal), { inputs: 1, rows: 1, setAside: [] })
  await arrivals.earliestMs()
  const failed = [{ key: entry, why: /is of version 2, and this Headgate knows version 1/ }]
  for (let pass = 0; pass < 2; pass++) {
    t.match(await arrivals.ingest(signal), { inputs: 0, rows: 0, setAside: [], failed })
  }
  t.match(await telemetry.metrics.metrics(), 'headgate_ingest_failing 1')
  t.equal(said.length, 1, 'named once')
  t.equal(String(await lake.get(entry)), '{"version":2}')
  t.ok((await keys('raw/')).includes(key))
  t.same(await eventIds(), ['2'])

  await lake.remove([entry, key])
  await arrivals.touched()
  t.same((await arrivals.ingest(signal)).failed, [], 'another process removed it: nothing is missing')
})

test('a Parquet object that cannot be read as events is put aside whole', async (t) => {
  const { session, places, put, ingester, eventIds, keys, lake } = await setUp()
  await put(`raw/gateway/${HOUR}/text.parquet`, 'PAR1 not at all')
  await session.run([`COPY (SELECT 1 AS a) TO '${join(places.tempDir, 'other.parquet')}' (FORMAT parquet)`])
  const other = `raw/gateway/${HOUR}/other.parquet`
  const good = `raw/gateway/${HOUR}/x.parquet`
  await writeParquet(session, [storedEvent()], join(places.lakeDir, good))
  await session.run([`COPY (SELECT 1 AS a) TO '${join(places.lakeDir, other)}' (FORMAT parquet)`])
  const report = await ingester().ingest(signal)
  t.match(report, { inputs: 3, rows: 1, malformed: 2, failed: [] })
  t.match(report.setAside, [
    { key: other, why: /^It lacks the columns event_id, / },
    { key: `raw/gateway/${HOUR}/text.parquet`, why: /^DuckDB: Invalid Input Error/ },
  ])
  t.same(await keys('raw/'), [good])
  t.same(await keys('dead/'), [
    `dead/ingest-gateway/${HOUR}/other-why.ndjson`,
    `dead/ingest-gateway/${HOUR}/other.parquet`,
    `dead/ingest-gateway/${HOUR}/text-why.ndjson`,
    `dead/ingest-gateway/${HOUR}/text.parquet`,
  ])
  t.match(JSON.parse(String(await lake.get(`dead/ingest-gateway/${HOUR}/other-why.ndjson`))), {
    reason: 'unreadable_object',
    object: other,
    detail: /^It lacks the columns event_id, /,
  })
  t.same(await eventIds(), ['e-1'])
})

test('an object of lines that is something else is kept whole, with a word for what it is', async (t) => {
  const { put, ingester, eventIds, keys, lake } = await setUp()
  const at = (name: string) => `raw/other/${HOUR}/${name}`
  const body = zstdCompressSync(`${lines(eventLine({ event_id: 'lost' }))}`)
  await put(at('a.ndjson'), lines(eventLine({ event_id: '1' })))
  await put(at('b.ndjson'), body)
  await put(at('c.ndjson'), lines(eventLine({ event_id: '2' }), 'none'))
  const report = await ingester().ingest(signal)
  t.match(report, { inputs: 3, rows: 2, malformed: 2, failed: [] })
  t.match(report.setAside, [
    { key: at('b.ndjson'), why: /^It is compressed by Zstandard; lines are read as text/ },
    { key: at('c.ndjson'), lines: 1 },
  ])
  t.same(await eventIds(), ['1', '2'])
  t.same(await lake.get(`dead/ingest-other/${HOUR}/b.ndjson`), body)
  t.match(JSON.parse(String(await lake.get(`dead/ingest-other/${HOUR}/b-why.ndjson`))), {
    reason: 'unreadable_object',
    object: at('b.ndjson'),
  })
  await put(at('d.ndjson'), body)
  t.match(await ingester().ingest(signal), { inputs: 1, rows: 0, malformed: 1 }, 'also alone')
  t.same(await eventIds(), ['1', '2'])
  t.equal((await keys('raw/')).length, 1)
})

test('a disk or process that fails is no fault of the data: everything stays for the next time', async (t) => {
  const { session, places, put, ingester, eventIds, openSession, keys, lake } = await setUp()
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines(eventLine({ event_id: '1' })))
  await writeParquet(
    session,
    [storedEvent({ event_id: '2' })],
    join(places.lakeDir, `raw/z/${HOUR}/b.parquet`),
  )
  const failing = (pattern: RegExp) =>
    ingester({
      openSession: async (signal) => {
        const opened = await openSession(signal)
        return {
          ...opened,
          run: async (statements) => {
            if (statements.some((statement) => pattern.test(statement)))
              throw new AppError('engine_failed', 'DuckDB: IO Error', { details: { kind: 'IO' } })
            return opened.run(statements)
          },
        }
      },
    })
  const why = 'DuckDB: IO Error'
  t.match(await failing(/read_json/).ingest(signal), {
    rows: 1,
    failed: [{ key: `raw/gateway/${HOUR}/a.ndjson`, why }],
  })
  await lake.remove(await keys('index/'))
  t.match(await failing(/bit_xor/).ingest(signal), {
    rows: 1,
    failed: [{ key: `raw/z/${HOUR}/b.parquet`, why }],
  })
  t.same(await keys('dead/'), [])
  await ingester().ingest(signal)
  t.same(await eventIds(), ['1', '2'])
})

test('touching answers by event time, however late the arrival', async (t) => {
  const { put, ingester, clock } = await setUp()
  const arrivals = ingester()
  t.same(await arrivals.touching(0, NOON), [])
  t.equal(await arrivals.earliestMs(), undefined)
  const arrive = async (partition: string, eventTime: number) => {
    const line = eventLine({ event_id: `${eventTime}`, event_time: eventTime })
    await put(`raw/gateway/${partition}/${eventTime}.ndjson`, lines(line))
    await arrivals.ingest(signal)
  }
  await arrive(HOUR, NOON + 5)
  await arrive('dt=2026-11-23/hr=11', NOON + MINUTE_MS)
  await arrive('dt=2026-11-22/hr=11', NOON + 2 * MINUTE_MS)
  await arrive('dt=2026-12-24/hr=00', NOON + 32 * DAY_MS)
  clock.advance(32 * DAY_MS)
  for (const [what, from, to, expected] of [
    ['one minute', NOON, NOON + MINUTE_MS, [NOON]],
    ['the end is not part of it', NOON + MINUTE_MS, NOON + 2 * MINUTE_MS, [NOON + MINUTE_MS]],
    ['a part of a minute', NOON + 10, NOON + 20, [NOON]],
    ['a quarter', NOON, NOON + 900_000, [NOON, NOON + MINUTE_MS, NOON + 2 * MINUTE_MS]],
    ['before', NOON - HOUR_MS, NOON, []],
    ['no time at all', NOON, NOON - DAY_MS * 3, []],
    ['the next month', NOON + 31 * DAY_MS, NOON + 33 * DAY_MS, [NOON + 32 * DAY_MS]],
    ['ever', 0, Number.MAX_SAFE_INTEGER, [NOON, NOON + MINUTE_MS, NOON + 2 * MINUTE_MS, NOON + 32 * DAY_MS]],
  ] as const) {
    t.same(await minutes(arrivals, from, to), expected, what)
    t.equal((await arrivals.touching(from, to)).length, expected.length, what)
  }
  const keys = (await arrivals.touching(0, Number.MAX_SAFE_INTEGER)).map(({ key }) => key)
  t.same(keys, [...keys].sort())
  t.equal(await arrivals.earliestMs(), NOON)
})

test('an event is found wherever it may lie: arrived a day late, or early, in an object begun before', async (t) => {
  const { put, ingester } = await setUp()
  const arrivals = ingester()
  const day = NOON - DAY_MS / 2
  for (const [what, partition, eventTime] of [
    ['a day late', 'dt=2026-11-23/hr=09', day + 10 * HOUR_MS],
    // Arrived at 01:59 in an object whose oldest event came at 23:59, two hours before.
    ['five minutes early, in the object before midnight', 'dt=2026-11-21/hr=23', day + 2 * HOUR_MS + 240_000],
  ] as const) {
    const line = eventLine({ event_id: what, event_time: eventTime })
    await put(`raw/gateway/${partition}/a.ndjson`, lines(line))
    await arrivals.ingest(signal)
    t.same(await minutes(arrivals, eventTime, eventTime + 1), [eventTime], what)
  }
})

test('who looks everywhere misses neither an old hour, nor what another process has taken in just now', async (t) => {
  const { put, ingester, lake, clock } = await setUp()
  const { changes: _, ...listing } = lake
  const slow: typeof lake = {
    ...listing,
    list: async (prefix) => {
      if (prefix === 'raw/' || prefix === 'index/') clock.advance(1_000)
      return lake.list(prefix)
    },
  }
  const arrivals = ingester({ lake: slow })
  t.match(await arrivals.ingest(signal), { inputs: 0 })
  t.equal(await arrivals.earliestMs(), undefined)
  await put('raw/gateway/dt=2026-11-22/hr=12/taken.ndjson', lines(eventLine({ event_id: '1' })))
  await ingester().ingest(signal)
  await put('raw/fallback-b/dt=2026-11-20/hr=01/old.ndjson', lines(eventLine({ event_id: '2' })))
  t.match(await arrivals.ingest(signal), { inputs: 0 }, 'a large lake is looked through now and then')
  t.equal(await arrivals.earliestMs(), undefined)
  t.match(await arrivals.ingest(signal, { everywhere: true }), { inputs: 1, rows: 1 })
  t.equal((await arrivals.touching(NOON, NOON + 1)).length, 2)
})

test('the earliest minute is that of the oldest event, however late it came', async (t) => {
  const { put, ingester } = await setUp()
  const arrivals = ingester()
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines(eventLine({ event_id: '1' })))
  await arrivals.ingest(signal)
  t.equal(await arrivals.earliestMs(), NOON)
  await put(`raw/gateway/dt=2026-11-23/hr=01/a.ndjson`, lines(eventLine({ event_time: NOON - HOUR_MS })))
  await arrivals.ingest(signal)
  t.equal(await arrivals.earliestMs(), NOON - HOUR_MS)
  t.equal(await ingester().earliestMs(), NOON - HOUR_MS, 'also to one who reads it all')
})

test('rows arrived when a gateway had them, or when they were stored, if they were long under way', async (t) => {
  const { put, lake, ingester, clock } = await setUp()
  const list: Lake['list'] = async (prefix) =>
    (await lake.list(prefix)).map((object) => ({ ...object, storedMs: clock.nowMs() }))
  const arrivals = ingester({ lake: { ...lake, list } })
  const quick = clock.nowMs() - 2 * HOUR_MS
  for (const [name, received_time, expected] of [
    ['quick', quick, quick],
    ['slow', quick - 1, clock.nowMs()],
  ] as const) {
    const line = eventLine({ event_id: name, received_time, event_time: received_time })
    await put(`raw/gateway/${HOUR}/${name}.ndjson`, lines(line))
    await arrivals.ingest(signal)
    const objects = await arrivals.touching(received_time, received_time + 1)
    t.equal(objects.at(-1)?.arrivedMs, expected, name)
  }
})

test('when rows arrived does not depend on when an aggregation took them in', (t) => {
  const soon = NOON + HOUR_MS
  const late = NOON + DAY_MS
  const month = NOON + 30 * DAY_MS
  for (const [what, times, expected] of [
    ['an entry of the first versions', {}, NOON],
    ['one of those after them, taken in late', { indexedMs: month }, month],
    ['one of those after them, taken in at once', { indexedMs: soon }, NOON],
    ['stored at once, taken in late', { indexedMs: month, storedMs: soon }, NOON],
    ['stored late, taken in later', { indexedMs: month, storedMs: late }, late],
    ['stored after it was taken in, says the lake', { indexedMs: late, storedMs: month }, late],
    ['stored before a gateway had it, says the lake', { indexedMs: month, storedMs: NOON - DAY_MS }, month],
    ['nearly so', { indexedMs: month, storedMs: NOON - HOUR_MS }, NOON],
    ['without rows', { arrivalMaxMs: null, indexedMs: NOON }, NOON],
  ] as const)
    t.equal(arrivedMs({ ...entry, version: 1, arrivalMaxMs: NOON, ...times }), expected, what)
  t.end()
})

test('a cancelled ingest leaves everything for the next', async (t) => {
  const { put, ingester, eventIds, temporary, places } = await setUp()
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines(eventLine({ event_id: '1' })))
  const arrivals = ingester({ openSession: openDuckdb(places), telemetry: quietTelemetry() })
  await t.rejects(arrivals.ingest(AbortSignal.abort()), { code: 'cancelled' })
  t.same(temporary(), [])
  await arrivals.ingest(signal)
  t.same(await eventIds(), ['1'])
})

test('ledger events are kept, but touch no minute: no window is computed anew for them', async (t) => {
  const { put, ingester, keys, lake } = await setUp()
  const ledger = { name: 'headgate.ledger', event_id: 'l', received_time: NOON, event_time: NOON + MINUTE_MS }
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines(eventLine(ledger), eventLine({ event_id: '1' })))
  await put(`raw/fallback-x/${HOUR}/b.ndjson`, lines(eventLine(ledger)))
  const arrivals = ingester()
  t.same(await arrivals.ingest(signal), { inputs: 2, rows: 3, malformed: 0, ...CLEAN })
  t.same(await minutes(arrivals, 0, NOON + DAY_MS), [NOON])
  t.equal(await arrivals.earliestMs(), NOON)
  const [object, ...others] = await arrivals.touching(0, NOON + DAY_MS)
  t.same([object?.rows, object && asRecord(object.minutes)], [2, { [NOON]: 1 }])
  t.same(others, [])
  t.equal((await keys('raw/')).length, 2)
  t.match(JSON.parse(String(await lake.get(`index/${HOUR}/c-fallback-x-000001.json`))), {
    rows: 1,
    minutes: {},
  })
})

test('objects are found by when their rows were received, however late they were stored', async (t) => {
  const { put, ingester } = await setUp()
  const lateHour = 'dt=2026-11-22/hr=23'
  const at = (received_time: number) => lines(eventLine({ received_time, event_time: received_time }))
  await put(`raw/gateway/${HOUR}/a.ndjson`, at(NOON) + at(NOON + 2 * HOUR_MS))
  await put(`raw/gateway/${lateHour}/b.ndjson`, at(NOON + 5))
  await put(`raw/gateway/dt=2026-11-14/hr=00/c.ndjson`, at(NOON + 5))
  await put(`raw/fallback-x/${HOUR}/d.ndjson`, 'no event\n')
  const arrivals = ingester()
  await arrivals.ingest(signal)
  const found = async (fromMs: number, toMs: number) => {
    const objects = await arrivals.received(fromMs, toMs)
    return objects.map(({ firstMs, lastMs }) => [firstMs - NOON, lastMs - NOON]).sort()
  }
  const [early, late] = [
    [0, 2 * HOUR_MS],
    [5, 5],
  ]
  t.same(await found(NOON, NOON + 1), [early])
  t.same(await found(NOON + 1, NOON + 6), [early, late], 'more than a week on the way is too long')
  t.same(await found(NOON + 2 * HOUR_MS, NOON + 3 * HOUR_MS), [early])
  t.same(await found(NOON + 2 * HOUR_MS + 1, NOON + 3 * HOUR_MS), [])
  t.same(await found(NOON - HOUR_MS, NOON), [], 'half-open')
})

test('objects are found by when their rows were received, by a clock that was days ahead too', async (t) => {
  const { put, ingester } = await setUp()
  const aheadMs = NOON + 9 * DAY_MS
  await put('raw/gateway/dt=2026-12-01/hr=12/a.ndjson', lines(eventLine({ received_time: aheadMs })))
  const arrivals = ingester()
  await arrivals.ingest(signal)
  t.match(await arrivals.received(aheadMs, aheadMs + 1), [{ firstMs: aheadMs, lastMs: aheadMs }])
  t.same(await arrivals.received(aheadMs + 1, aheadMs + HOUR_MS), [])
})

test('what cannot be ingested holds up nothing else, is told by name, and taken when it can be', async (t) => {
  const { put, lake, ingester, eventIds, keys } = await setUp()
  const said: string[] = []
  const telemetry = createTelemetry('error', { write: (line) => said.push(line) })
  const bad = `raw/gateway/${HOUR}/b.ndjson`
  for (const name of ['a', 'b', 'c'])
    await put(`raw/gateway/${HOUR}/${name}.ndjson`, lines(eventLine({ event_id: name })))
  await put(`raw/other/${HOUR}/d.ndjson`, lines(eventLine({ event_id: 'd' })))
  await put(`raw/z/${HOUR}/e.ndjson`, lines(eventLine({ event_id: 'e' })))
  let isWell = false
  const failing: Lake = {
    ...lake,
    async open(key) {
      if (!isWell && key === bad) throw new AppError('lake_failed', 'Lake open failed: EIO')
      return lake.open(key)
    },
    async keys(prefix) {
      if (!isWell && prefix.startsWith('index/') && prefix.includes('c-other'))
        throw new TypeError('who knows')
      return lake.keys(prefix)
    },
  }
  const arrivals = ingester({ lake: failing, telemetry })
  t.match(await arrivals.ingest(signal), {
    inputs: 3,
    rows: 3,
    failed: [
      { key: bad, why: 'Lake open failed: EIO' },
      { key: `raw/other/${HOUR}/`, why: 'Unexpected error (unknown)' },
    ],
  })
  t.same(await eventIds(), ['a', 'c', 'e'])
  t.match(
    said.map((line) => JSON.parse(line)).find(({ err }) => err !== undefined),
    {
      msg: 'an ingest failed by a mistake of ours',
      key: `raw/other/${HOUR}/`,
      err: { message: 'who knows', stack: /lake-arrivals\.test/ },
    },
    'of a mistake of ours the log has the place',
  )
  const failed = async () =>
    (await telemetry.metrics.getSingleMetric('headgate_ingest_failing')?.get())?.values
  t.match(await failed(), [{ value: 2 }])
  isWell = true
  t.match(await arrivals.ingest(signal), { inputs: 2, failed: [] })
  t.match(await failed(), [{ value: 0 }])
  t.same(await eventIds(), ['a', 'b', 'c', 'd', 'e'])
  t.same(await keys('dead/'), [])
})

test('an object that is damaged after it was indexed is set aside by who meets it, and leaves the index', async (t) => {
  const { session, places, put, ingester, eventIds, keys, lake, telemetry } = await setUp()
  const foreign = `raw/firehose/${HOUR}/f.parquet`
  await writeParquet(session, [storedEvent({ event_id: 'f' })], join(places.lakeDir, foreign))
  for (const name of ['a', 'b']) {
    await put(`raw/gateway/${HOUR}/${name}.ndjson`, lines(eventLine({ event_id: name })))
    await ingester().ingest(signal)
  }
  const arrivals = ingester({ telemetry })
  const elsewhere = ingester()
  const held = async (of = arrivals) => (await of.touching(NOON, NOON + MINUTE_MS)).map(({ key }) => key)
  const before = await held()
  t.equal(before.length, 3)
  t.equal((await held(elsewhere)).length, 3)
  const [own = '', , whole = ''] = [...before].reverse()
  t.same(await arrivals.reexamine(before, signal), [], 'all of them can be read')
  await put(own, 'bits that fell over')
  await put(foreign, 'bits that fell over')
  t.match(await arrivals.reexamine([...before, 'rollups/a/b', `raw/gateway/${HOUR}/gone.parquet`], signal), [
    { key: foreign, why: /^DuckDB: Invalid Input Error/ },
    { key: own, why: /^DuckDB: Invalid Input Error/ },
  ])
  t.same(
    await held(),
    before.filter((key) => key !== own && key !== foreign),
  )
  t.same(await arrivals.reexamine(before, signal), [])
  t.same(await elsewhere.reexamine(before, signal), [])
  t.same(await held(elsewhere), await held(), 'another process sees it when it looks')
  t.match(await telemetry.metrics.getSingleMetric('headgate_ingest_set_aside_total')?.get(), {
    values: [{ value: 2 }],
  })
  t.match(await keys('dead/'), [
    /firehose.*f-why\.ndjson/,
    /f\.parquet/,
    /-why\.ndjson/,
    /c-00000\d-.*\.parquet/,
  ])

  await writeParquet(session, [storedEvent({ event_id: 'f2' })], join(places.lakeDir, foreign))
  await put(`raw/gateway/${HOUR}/c.ndjson`, lines(eventLine({ event_id: 'c' })))
  await arrivals.ingest(signal)
  t.equal((await held()).length, 3, 'mended and brought again, it counts')
  t.ok((await eventIds()).includes('f2'))
  t.equal((await keys('dead/')).length, 4, 'nobody removes what was set aside')
  t.ok(await lake.get(whole))
})

test('of a range above a month one listing tells what was received', async (t) => {
  const { put, ingester, lake } = await setUp()
  const listed: string[] = []
  const listing: Lake = {
    ...lake,
    keys(prefix) {
      listed.push(prefix)
      return lake.keys(prefix)
    },
  }
  await put(`raw/gateway/${HOUR}/a.ndjson`, lines(eventLine({ event_id: '1' })))
  const arrivals = ingester({ lake: listing })
  await arrivals.ingest(signal)
  listed.length = 0
  t.equal((await arrivals.received(NOON - 40 * DAY_MS, NOON + DAY_MS)).length, 1)
  t.same(listed, ['index/', `joined/${HOUR}.json`], 'and where that lies')
})
