import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import tap, { test } from 'tap'
import { contentsOf } from '../../../../src/aggregation/ingest/compact/compact.ts'
import { eventRows } from '../../../../src/aggregation/ingest/compact/event-sql.ts'
import { allRows } from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { faultOf, mostOf } from '../../../../src/aggregation/ingest/objects/examine.ts'
import { columns } from '../../../../src/event/schema/event.ts'
import { minuteRows } from '../../../fakes/aggregation/minutes.ts'
import { placesIn, sharedSession } from '../../../fakes/aggregation/sessions.ts'

const ALL = columns.map(({ name }) => name)

const REQUIRED = `'e' || i AS event_id, i AS event_time, i AS received_time, 'shop' AS app_id, 'm' AS name, 1.5::DOUBLE AS value,
  'ms' AS unit, 1.0::DOUBLE AS weight`

const places = placesIn(tap.testdir({ lake: {}, temp: {} }))
const session = await (await sharedSession(tap, places))(new AbortController().signal)
const fault = (path: string, inflatedBytes?: number) => faultOf(session, path, inflatedBytes)

async function write(name: string, select: string, options = ''): Promise<string> {
  const path = join(places.lakeDir, `${name}.parquet`)
  await session.run([`COPY (SELECT ${select}) TO '${path}' (FORMAT parquet${options})`])
  return path
}

const rows = (columns: string, count = 10) => `${columns} FROM range(${count}) t(i)`

test('what can be read with events of ours is let in, and spoils nothing of them', async (t) => {
  const own = await write(
    'own',
    `'own' AS event_id, 1795348800123::BIGINT AS event_time, 1795348800123::BIGINT AS received_time,
      'shop' AS app_id, 'm' AS name, 0.1::DOUBLE AS value, 'ms' AS unit, 1.0::DOUBLE AS weight,
      'DE' AS country, 'x' AS measurement_id, '{"plan":"pro"}'::JSON AS attributes,
      200::INTEGER AS http_response_status_code`,
  )
  const cases: readonly [string, string][] = [
    ['nothing more than what is required', rows(REQUIRED)],
    ['no rows', rows(REQUIRED, 0)],
    [
      'attributes that are no JSON',
      rows(`${REQUIRED}, CASE WHEN i = 9 THEN '{broken' ELSE '{"plan":"free"}' END AS attributes`),
    ],
    ['text as numbers', rows(`${REQUIRED}, i::INTEGER AS measurement_id`)],
    ['text without a word that it is text', rows(`${REQUIRED}, encode('Zürich') AS country`)],
    ['JSON without a word', rows(`${REQUIRED}, encode('{"plan":"free"}') AS attributes`)],
    ['a column without a value', rows(`${REQUIRED}, NULL AS country`)],
    ['names in capitals', rows(`${REQUIRED}, 'DE' AS "COUNTRY"`)],
    ['columns of their own', rows(`${REQUIRED}, ['a'] AS tags, {'a': i} AS nested`)],
    [
      'names of ours within their columns',
      rows(
        `${REQUIRED}, {'value': {'value': i, 'weight': [i]}, 'unit': 'x'} AS nested, 'x' AS other, 'x' AS other`,
      ),
    ],
    ['times as doubles', rows(`${REQUIRED.replace('i AS event_time', 'i::DOUBLE AS event_time')}`)],
    ['statuses as doubles', rows(`${REQUIRED}, 404::DOUBLE AS http_response_status_code`)],
    ['unsigned times', rows(`${REQUIRED.replace('i AS event_time', 'i::UBIGINT AS event_time')}`)],
    [
      'values as decimals',
      rows(`${REQUIRED.replace('1.5::DOUBLE AS value', '1.25::DECIMAL(9,2) AS value')}`),
    ],
    ['values as whole numbers', rows(`${REQUIRED.replace('1.5::DOUBLE AS value', '7 AS value')}`)],
  ]
  for (const [name, select] of cases) {
    const path = await write(name.replaceAll(' ', '-'), select)
    t.equal(await fault(path), undefined, name)
    const read = `SELECT event_time::VARCHAR, value::VARCHAR, country, measurement_id, attributes ->> 'plan',
      http_response_status_code::VARCHAR FROM (${eventRows([own, path], ALL)}) q WHERE event_id = 'own'`
    const [[time, ...others] = []] = await allRows(session, read)
    t.equal(Number(time), 1_795_348_800_123, name)
    t.same(others, ['0.1', 'DE', 'x', 'pro', '200'], name)
  }
})

test('a column of their own may have any name that our statements give to something', async (t) => {
  const own = await write('own-of-names', rows(REQUIRED, 3))
  const names = [
    'minute',
    'MINUTE',
    'stored',
    'q',
    'rows',
    'line',
    'lines',
    'event',
    'judged',
    'good',
    'count',
    't',
  ]
  const more = [
    'filename',
    'file_row_number',
    'column_name',
    'column_type',
    'null',
    'name_1',
    'a"b',
    "a'b",
    'value.x',
  ]
  for (const name of [...names, ...more]) {
    const column = name.replaceAll('"', '""')
    for (const value of ['1', "'x'", '{event_time: 1, value: 2}']) {
      const path = await write('named', rows(`${REQUIRED}, ${value} AS "${column}"`, 3))
      const what = `${name} = ${value}`
      t.equal(await fault(path), undefined, what)
      t.match(await contentsOf(session, path), { rows: 3, minutes: minuteRows({ 0: 3 }) }, what)
      const read = `SELECT COUNT(*), SUM(value), MAX(event_time) FROM (${eventRows([own, path], ALL)}) q`
      t.same((await allRows(session, read))[0]?.map(Number), [6, 9, 2], what)
    }
  }
})

test('a column without a value is as absent, in whatever type of text or number it is written', async (t) => {
  const names = columns.map(({ name }) => name)
  const own = await write(
    'own-of-all',
    rows(`${REQUIRED}, 'DE' AS country, '{"a":"b"}'::JSON AS attributes`, 3),
  )
  for (const { name, required, type } of columns) {
    for (const nulls of ['NULL', 'NULL::VARCHAR', 'NULL::BOOLEAN', 'NULL::DOUBLE', 'NULL::BIGINT']) {
      const others = names.filter((each) => each !== name && REQUIRED.includes(` AS ${each}`))
      const given = `SELECT ${others.join(', ')}, ${nulls} AS ${name} FROM (SELECT ${rows(REQUIRED, 3)}) q`
      const path = await write('nulls', given.replace(/^SELECT /, ''))
      const what = `${name} as ${nulls}`
      const why = await fault(path)
      // Without it there is no event, of whatever type it is.
      if (required && type !== 'text' && why !== undefined) {
        t.match(why, `Its column ${name} is `, what)
        continue
      }
      t.equal(why, undefined, what)
      const contents = await contentsOf(session, path)
      t.equal(contents.rows, name === 'event_time' ? 0 : 3, what)
      const [[all, known] = []] = await allRows(
        session,
        `SELECT COUNT(*), COUNT(country) + COUNT(attributes ->> 'a') FROM (${eventRows([own, path], ALL)}) q`,
      )
      t.same([Number(all), Number(known)], [6, 6], what)
    }
  }
})

test('a text column of numbers or booleans is read as their text, in every column', async (t) => {
  for (const { name, type } of columns) {
    if (type !== 'text') continue
    for (const [sql, text] of [
      ['5::INTEGER', '5'],
      ['5::UTINYINT', '5'],
      ['(-5)::BIGINT', '-5'],
      ['1.5::DOUBLE', '1.5'],
      ['true', 'true'],
    ] as const) {
      const others = columns.filter((each) => each.name !== name && REQUIRED.includes(` AS ${each.name}`))
      const fields = others.map((each) => each.name).join(', ')
      const path = await write('numbers', `${fields}, ${sql} AS ${name} FROM (SELECT ${rows(REQUIRED, 3)}) q`)
      const what = `${name} as ${sql}`
      t.equal(await fault(path), undefined, what)
      t.match(await contentsOf(session, path), { rows: 3, minutes: minuteRows({ 0: 3 }) }, what)
      const [[read, count] = []] = await allRows(
        session,
        `SELECT MIN(${name}), COUNT(*) FROM (${eventRows([path], ALL)}) q`,
      )
      t.same([read, Number(count)], [text, 3], what)
    }
  }
})

test('texts of which a file does not say that they are texts are read as such, in every column', async (t) => {
  for (const { name, type } of columns) {
    if (type !== 'text' && type !== 'json') continue
    const others = columns.filter((each) => each.name !== name && REQUIRED.includes(` AS ${each.name}`))
    const fields = others.map((each) => each.name).join(', ')
    const text = type === 'json' ? '{"city":"Zürich"}' : 'Zürich'
    const path = await write(
      'bytes',
      `${fields}, encode('${text}') AS ${name} FROM (SELECT ${rows(REQUIRED, 3)}) q`,
    )
    t.equal(await fault(path), undefined, name)
    t.match(await contentsOf(session, path), { rows: 3, minutes: minuteRows({ 0: 3 }) }, name)
    const read = `SELECT DISTINCT ${name} FROM (${eventRows([path], ALL)}) q`
    t.same(await allRows(session, read), [[text]], name)
  }
})

test('what would fail a window, or change what others hold in it, is refused with its reason', async (t) => {
  const without = (name: string) => REQUIRED.replace(new RegExp(`[^,]* AS ${name},`), '')
  const as = (name: string, sql: string) => rows(`${REQUIRED}, ${sql} AS ${name}`)
  const instead = (name: string, sql: string) => rows(`${without(name)}, ${sql} AS ${name}`)
  const cases: readonly [string, RegExp][] = [
    [rows('1 AS a'), /^It lacks the columns event_id, event_time, /],
    [rows(without('app_id')), /^It lacks the columns app_id$/],
    [as('country', "['DE']"), /^Its column country is VARCHAR\[\], which is not read as VARCHAR$/],
    [as('country', "{'code': 'DE'}"), /^Its column country is STRUCT/],
    [as('country', "MAP {'a': 'DE'}"), /^Its column country is MAP/],
    [instead('value', "'1.5'::BLOB"), /^Its column value is VARCHAR/],
    [as('country', `'"DE"'::JSON`), /^Its column country is JSON, which is not read as VARCHAR$/],
    [as('country', 'NULL::JSON'), /^Its column country is JSON/],
    [as('attributes', '7'), /^Its column attributes is INTEGER, which is not read as JSON$/],
    [as('attributes', 'CASE WHEN i = 9 THEN true END'), /^Its column attributes is BOOLEAN/],
    [as('session_id', 'uuid()'), /^Its column session_id is UUID/],
    [as('measurement_id', '[7]'), /^Its column measurement_id is INTEGER\[\]/],
    [as('attributes', '[7]'), /^Its column attributes is INTEGER\[\]/],
    ...["TIMESTAMP '2026-11-22'", "DATE '2026-11-22'"].map((sql): [string, RegExp] => [
      instead('event_time', sql),
      /^Its column event_time is (TIMESTAMP|DATE), which is not read as BIGINT: write epoch_ms\(event_time\)$/,
    ]),
    [instead('value', "DATE '2026-11-22'"), /^Its column value is DATE, which is not read as DOUBLE$/],
    [instead('event_time', 'i::FLOAT'), /^Its column event_time is FLOAT, which is not read as BIGINT$/],
    [instead('event_time', "'1'"), /^Its column event_time is VARCHAR/],
    [instead('value', "'much'"), /^Its column value is VARCHAR/],
    [instead('value', '[1.5]'), /^Its column value is DECIMAL\(2,1\)\[\]/],
    [
      instead('value', `{${'a'.repeat(40)}: 1, ${'b'.repeat(40)}: 2}`),
      /^Its column value is STRUCT.{54}, which is not read/,
    ],
  ]
  for (const [select, why] of cases) t.match(await fault(await write('case', select)), why)
  t.equal(
    await fault(await write('case', rows(without('weight')))),
    undefined,
    'a row without one counts as 1',
  )
})

test('a column that is there twice is refused, as nobody can tell which one counts', async (t) => {
  // DuckDB writes no column twice: of names that are as long, one is put in the place of the other.
  for (const [own, other, name] of [
    ['value', 'VALUE', 'value'],
    ['value', 'value', 'value'],
    ['Unit', 'uNIT', 'unit'],
  ] as const) {
    const path = await write('twice', rows(`${REQUIRED}, 9.5::DOUBLE AS "${'#'.repeat(own.length)}"`))
    writeFileSync(path, readFileSync(path, 'latin1').replaceAll('#'.repeat(own.length), other), 'latin1')
    t.equal(await fault(path), `It has several columns ${name}, however they are capitalized`)
  }
})

/** An event whose value is DECIMAL(60,2), which DuckDB cannot write: by pyarrow, of `decimal256(60, 2)`, gzipped. */
const WIDE_DECIMAL = [
  'H4sIAAAAAAACA5WSwU7CMBjHS53NsiDh8jU02YGDWzwAAYLEgxePJh6IR2JiFmjCEjfmNqYHnsAYn8LH4El8Gr9uY3YoB5t1',
  'W//9/dt/v212cz8CAhZYPaD4woDZhJAGdonDNrRr+r79b8rAnqzW0ZGNAhw2oVnTqdITHE9g8uc2h43uwBDvl6TDksVKBh60',
  'cFGHdEyZyTB99JcOuVN+MFC0CjH1A1kIZ7FcSD+Ty1JTTuZFkeZTkhF6gawJm9BP90ILw5LOaeY9baRjgQGvvQd1xzlOhS22',
  'LrGhKRxGxE8swDk+5EPXvLVBFY+Sa6SZYGhTBqMwaJFzy5RP3avKUkPrh6no8IAuk5THrLDPhhbE1IKUfF6DKvVX40jsPa0K',
  'lNNjPnbfqEYbGt0q6KJ2OT7nc3dHtcj844RT18QHuehGXvy8kWl/EUV9L47XL91Mxom/Drvj6WA4GIktfpHfFznHlWb4y38D',
  'vXEI9PcCAAA=',
].join('')

test('a decimal of more digits than DuckDB has is refused: it is read as another number', async (t) => {
  const path = join(places.lakeDir, 'wide.parquet')
  writeFileSync(path, gunzipSync(Buffer.from(WIDE_DECIMAL, 'base64')))
  t.equal(await fault(path), 'Its column value is DECIMAL(60,2), which is not read as DOUBLE')
})

test('what inflates beyond all measure is refused: each window of it would cost as much', async (t) => {
  const constant = `'e' AS event_id, 0::BIGINT AS event_time, 0::BIGINT AS received_time, 'shop' AS app_id, 'm' AS name,
    1.5::DOUBLE AS value, 'ms' AS unit`
  const text = "repeat('r', 40000)"
  for (const [what, select] of [
    ['a text in each row', rows(`${constant}, ${text} AS page_route`, 40)],
    ['attributes in each row', rows(`${constant}, ${text} AS attributes`, 40)],
    ['any number of rows', rows(constant, 100_000)],
  ] as const) {
    const path = await write('inflates', select, ', COMPRESSION zstd')
    const size = statSync(path).size
    t.ok(100 * size < 800_000, `${what}: ${size} bytes`)
    t.equal(await fault(path, 800_000), 'It inflates to more than 800000 bytes: split it', what)
    t.equal(await fault(path), undefined, what)
  }
  const others = await write('others', rows(`${constant}, ${text} AS replay`, 40), ', COMPRESSION zstd')
  t.equal(await fault(others, 0), undefined, 'what nobody reads costs nothing')
  const own = await write('own', rows(`${constant}, ${text} AS page_route`, 40), ', COMPRESSION zstd')
  t.equal(await fault(own, mostOf(true)), undefined, 'what an ingest wrote is of inputs that were judged')
  t.equal(mostOf(false), 1_073_741_824)
})

test('bytes that are damaged anywhere are found before a window is computed from them', async (t) => {
  const path = await write('whole', rows(REQUIRED, 20_000))
  t.equal(await fault(path), undefined)
  const bytes = readFileSync(path)
  const [[start = 0, length = 0] = []] = await allRows(
    session,
    `SELECT COALESCE(dictionary_page_offset, data_page_offset), total_compressed_size FROM parquet_metadata('${path}')
      WHERE path_in_schema = 'value'`,
  )
  const page = Buffer.from(bytes)
  for (let at = Number(start); at < Number(start) + Number(length); at++) page[at] = Number(page[at]) ^ 0x5a
  for (const [what, content] of [
    ['a page', page],
    ['cut off', bytes.subarray(0, bytes.length / 2)],
    ['cut out', Buffer.concat([bytes.subarray(0, 1_000), bytes.subarray(3_000)])],
    ['text', Buffer.from('PAR1 not at all')],
    ['encrypted', Buffer.concat([Buffer.from('PARE'), bytes.subarray(4, -4), Buffer.from('PARE')])],
    ['nothing', Buffer.alloc(0)],
  ] as const) {
    writeFileSync(path, content)
    t.match(await fault(path), /^DuckDB: Invalid /, what)
  }
})

test('that a file is gone or the disk fails is no fault of the file', async (t) => {
  await t.rejects(fault(join(places.lakeDir, 'absent.parquet')), { code: 'engine_failed' })
})
