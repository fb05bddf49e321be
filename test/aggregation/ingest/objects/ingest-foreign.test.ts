import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { eventRows } from '../../../../src/aggregation/ingest/compact/event-sql.ts'
import { allRows, type OpenSqlSession } from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { quote } from '../../../../src/aggregation/ingest/duckdb/sql-text.ts'
import { duckdbEngine } from '../../../../src/aggregation/rollup/engines/duckdb-engine.ts'
import { columns } from '../../../../src/event/schema/event.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { openDuckdb } from '../../../fakes/aggregation/sessions.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'
import { NOON, storedEvent, writeParquet } from '../../../fakes/events.ts'
import { CLEAN, HOUR, interrupted, setUp, setUpMany, signal } from '../harness.ts'

const ALL = columns.map(({ name }) => name)

const GOOD = `raw/gateway/${HOUR}/good.parquet`
const BAD = `raw/gateway/${HOUR}/bad.parquet`
/** More than an ingest of two objects ever takes. */
const MAX_STEPS = 30
/** So much of lines, compressed to a few kilobytes, does not fit into what a session may take. */
const [TEXT_BYTES, SESSION_BYTES] = [100_000_000, 64_000_000]

/** A lake with a good object, and one that is small and needs more memory than a session may take. */
async function withGreedy() {
  const found = await setUp()
  const { session, places, lake } = found
  await writeParquet(session, [storedEvent({ event_id: '1' })], join(places.lakeDir, GOOD))
  const made = join(places.tempDir, 'made')
  const text = `repeat('x', ${TEXT_BYTES}) AS page_url`
  await session.run([
    `COPY (SELECT *, ${text} FROM read_parquet(${quote(join(places.lakeDir, GOOD))}))
     TO ${quote(made)} (FORMAT parquet, COMPRESSION zstd)`,
  ])
  await lake.putFile(BAD, made)
  let opened = 0
  const open = openDuckdb(places, SESSION_BYTES)
  const counted: OpenSqlSession = (until) => {
    opened += 1
    return open(until)
  }
  return { ...found, openSmall: counted, opened: () => opened }
}

test('Parquet objects of others survive a crash or another ingester at any step: one entry, one dead letter', async (t) => {
  const lakeNamed = await setUpMany(t)
  for (const how of ['crash', 'overtake'] as const) {
    let reached = 0
    for (let at = 1; at < MAX_STEPS; at += 1) {
      const world = await lakeNamed(`${how}-${at}`)
      const { put, lake, places, session, ingester, eventIds, keys, dead, why } = world
      await writeParquet(session, [storedEvent({ event_id: '1' })], join(places.lakeDir, GOOD))
      await put(BAD, 'no Parquet')
      const what = async () => {
        if (how === 'crash') throw new Error('killed')
        await ingester().ingest(signal)
      }
      const disturbed = interrupted(lake, { at, when: 'before', what })
      await ingester({ lake: disturbed }).ingest(signal).catch(String)
      if (!disturbed.isOver && disturbed.operations < at) break
      reached = at
      await ingester().ingest(signal)
      const step = `${how} before step ${at}`
      t.same(await eventIds(), ['1'], step)
      t.same(await keys('raw/'), [GOOD], step)
      t.equal((await keys('index/')).length, 1, step)
      t.equal(await dead(), 'no Parquet', step)
      const reasons = await why()
      t.match(reasons, [{ reason: 'unreadable_object', object: BAD }], step)
      t.equal(reasons.length, 1, step)
    }
    t.ok(reached > 6, `${reached} steps`)
  }
})

test('an object that exhausts the memory of its own process each time is set aside after three, and named', async (t) => {
  const { lake, ingester, telemetry, openSmall, opened, eventIds, keys } = await withGreedy()
  const bytes = (await lake.list(BAD)).map((object) => object.bytes)
  t.ok(Number(bytes[0]) < 100_000, `${bytes} bytes`)
  const arrivals = ingester({ openSession: openSmall, telemetry })
  const report = await arrivals.ingest(signal)
  t.match(report, { inputs: 2, rows: 1, malformed: 1, failed: [] })
  t.match(report.setAside, [
    {
      key: BAD,
      why: /^It cannot be read within aggregation.engine.memoryLimit and aggregation.engine.timeout, 3 times: DuckDB: Out of Memory/,
    },
  ])
  t.equal(opened(), 4, 'each of three tries ended its process, and what followed had one of its own')
  t.same(await eventIds(), ['1'])
  t.same(await keys('raw/'), [GOOD])
  t.match(await keys('dead/'), [/bad-why.ndjson$/, /bad.parquet$/])
  t.match(await telemetry.metrics.getSingleMetric('headgate_ingest_set_aside_total')?.get(), {
    values: [{ value: 1 }],
  })
  t.same(
    await arrivals.ingest(signal),
    { inputs: 0, rows: 0, malformed: 0, ...CLEAN },
    'and it is not met again',
  )
})

test('a lack of memory that passes, or is of the machine, sets nothing aside', async (t) => {
  const ofItself = { kind: 'Out of Memory', ofItself: true }
  for (const [what, failures, details, outcome] of [
    ['two lacks of its own', 2, ofItself, { rows: 2, failed: [] }],
    ['kills from outside', 9, {}, { rows: 0, failed: [{ key: BAD }, { key: GOOD }] }],
    [
      'a disk without room to spill to',
      9,
      { kind: 'Out of Memory' },
      { failed: [{ key: BAD }, { key: GOOD }] },
    ],
  ] as const) {
    const { session, places, openSession, ingester, keys } = await setUp()
    for (const key of [BAD, GOOD])
      await writeParquet(session, [storedEvent({ event_id: key })], join(places.lakeDir, key))
    let left = failures
    const failing: OpenSqlSession = async (until) => {
      const opened = await openSession(until)
      return {
        ...opened,
        async run(statements) {
          const isOfObject = statements.some((statement) => statement.includes('/raw/'))
          if (isOfObject && left-- > 0) throw new AppError('engine_out_of_memory', 'no', { details })
          return opened.run(statements)
        },
      }
    }
    t.match(
      await ingester({ openSession: failing }).ingest(signal),
      { ...outcome, malformed: 0, setAside: [] },
      what,
    )
    t.same([await keys('raw/'), await keys('dead/')], [[BAD, GOOD], []], what)
    t.match(await ingester().ingest(signal), { setAside: [], failed: [] }, `${what}, and the next time`)
  }
})

test('a row of theirs that says no time costs none of its neighbours, is in no number, and is told', async (t) => {
  const none = 'event_time is no time in epoch milliseconds: the row is kept, and in no number'
  const arrival =
    'received_time is no time in epoch milliseconds: counted as if it arrived with its object; where nobody knows, take event_time'
  const coarse = /^event_time is before 1973/
  const fine = /^event_time is after 9999/
  const { session, openSession, places, lake, ingester, dead, clock } = await setUp()
  const engine = duckdbEngine({
    ...{ lake, openSession, tempDir: places.tempDir, memoryLimitBytes: 512_000_000 },
    entropy: seededEntropy(),
  })
  const minuteMs = NOON + 60_000
  // Which engines read in the same statement.
  const own = `raw/gateway/${HOUR}/own.parquet`
  const event = storedEvent({ event_id: 'own', event_time: minuteMs, http_response_status_code: 200 })
  await writeParquet(session, [event], join(places.lakeDir, own))
  await ingester().ingest(signal)
  let objects = 0
  for (const [column, bad, why, counted] of [
    ['event_time', "'NaN'::DOUBLE", none, 9],
    ['event_time', "'inf'::DOUBLE", none, 9],
    ['event_time', "'-inf'::DOUBLE", none, 9],
    ['event_time', 'NULL::BIGINT', none, 9],
    ['event_time', '1e300::DOUBLE', fine, 9],
    ['event_time', '-1e300::DOUBLE', coarse, 9],
    ['event_time', '18446744073709551615::UBIGINT', fine, 9],
    ['event_time', '9223372036854775807::BIGINT', fine, 9],
    ['event_time', '(-9223372036854775808)::BIGINT', coarse, 9],
    ['event_time', '(-1)::BIGINT', coarse, 9],
    ['received_time', "'NaN'::DOUBLE", arrival, 10],
    ['received_time', "'inf'::DOUBLE", arrival, 10],
    ['received_time', "'-inf'::DOUBLE", arrival, 10],
    ['received_time', 'NULL::BIGINT', arrival, 10],
    ['received_time', '18446744073709551615::UBIGINT', arrival, 10],
    ['http_response_status_code', '1e300::DOUBLE', undefined, 10],
    ['http_response_status_code', '18446744073709551615::UBIGINT', undefined, 10],
    ['weight', "'NaN'::DOUBLE", /^weight is not above 0/, 10],
    ['value', "'NaN'::DOUBLE", /^value does not lie/, 9],
  ] as const) {
    const what = `${column} ${bad}`
    objects += 1
    const key = `raw/backfill/${HOUR}/${objects}.parquet`
    const path = join(places.lakeDir, key)
    mkdirSync(dirname(path), { recursive: true })
    const good = ['event_time', 'received_time'].includes(column) ? minuteMs : 1
    await session.run([
      `COPY (SELECT * REPLACE (CASE WHEN i = 3 THEN ${bad} ELSE ${good} END AS ${column})
        FROM (SELECT i, '${objects}-' || i AS event_id, ${minuteMs} AS event_time, ${minuteMs} AS received_time, 'shop' AS app_id,
          'm' AS name, 1.5::DOUBLE AS value, 'ms' AS unit, 1 AS weight, 200 AS http_response_status_code FROM range(10) t(i)) q) TO ${quote(path)} (FORMAT parquet)`,
    ])
    const { doubtful, rows, setAside, failed } = await ingester().ingest(signal)
    t.same([setAside, failed, await dead()], [[], [], ''], what)
    t.match(doubtful, why === undefined ? [] : [{ key, why, rows: 1 }], what)
    t.equal(rows, column === 'value' ? 10 : counted, what)
    const found = await ingester().touching(minuteMs, minuteMs + 60_000)
    t.match(
      found.filter((object) => object.key === key),
      [{ rows, arrivedMs: minuteMs }],
      what,
    )
    const { counts } = await engine.compute(
      {
        definition: {
          id: 'd',
          grainMs: 60_000,
          sets: [{ name: 'app', dimensions: [] }],
          bots: 'exclude' as const,
          maxMetrics: 9,
          maxValues: 9,
        },
        ...{ fromMs: minuteMs, toMs: minuteMs + 60_000, lateAfterMs: clock.nowMs(), inputs: [own, key] },
        outputPrefix: `rollups/${objects}/`,
      },
      signal,
    )
    t.equal(counts.kept, counted + 1, what)
  }
})

test('attributes of theirs that are no JSON cost their row nothing else, and its neighbours nothing', async (t) => {
  const { session, places, ingester, dead } = await setUp()
  const own = `raw/gateway/${HOUR}/own.parquet`
  await writeParquet(session, [storedEvent({ attributes: { plan: 'pro' } })], join(places.lakeDir, own))
  await ingester().ingest(signal)
  const texts = [
    ...['{broken', 'plan=pro', '[1]', '7', '"text"', `["${'x'.repeat(100_000)}"]`, 'x'.repeat(100_000)],
    ...['{}', '{"plan":"pro"}', '', 'null'],
  ]
  const key = `raw/backfill/${HOUR}/theirs.parquet`
  const path = join(places.lakeDir, key)
  mkdirSync(dirname(path), { recursive: true })
  const rows = [...texts.map(quote), 'NULL'].map((text, at) => `('${at}', ${text})`)
  await session.run([
    `COPY (SELECT event_id, ${NOON} AS event_time, ${NOON} AS received_time, 'shop' AS app_id, 'm' AS name, 1.5::DOUBLE AS value,
      'ms' AS unit, attributes FROM (VALUES ${rows.join(', ')}) v(event_id, attributes)) TO ${quote(path)} (FORMAT parquet)`,
  ])
  const { doubtful, setAside, ...report } = await ingester().ingest(signal)
  t.same([report.rows, setAside, await dead()], [texts.length + 1, [], ''])
  const why = 'attributes is no JSON object: the row counts as one without'
  t.same(doubtful, [{ key, why, rows: 7 }])
  const read = eventRows([join(places.lakeDir, own), path], ALL)
  const plans = `SELECT COUNT(*), COUNT(attributes ->> 'plan') FROM (${read}) q`
  t.same((await allRows(session, plans))[0]?.map(Number), [texts.length + 2, 2])
  t.same(await ingester().reexamine([own, key], signal), [], 'nor do they at a second look')
})
