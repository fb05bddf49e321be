import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import tap, { test } from 'tap'
import { copyWithBytes } from '../../../../src/aggregation/ingest/compact/bytes-for-texts.ts'
import { allRows } from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { columns } from '../../../../src/event/schema/event.ts'
import { placesIn, sharedSession } from '../../../fakes/aggregation/sessions.ts'

const places = placesIn(tap.testdir({ lake: {}, temp: {} }))
const session = await (await sharedSession(tap, places))(new AbortController().signal)
const [from, to] = [join(places.lakeDir, 'from.parquet'), join(places.lakeDir, 'to.parquet')]

const write = (select: string, more = '') =>
  session.run([`COPY (SELECT ${select}) TO '${from}' (FORMAT parquet${more})`])
const typesIn = (path: string) =>
  allRows(session, `SELECT name, duckdb_type, type FROM parquet_schema('${path}') ORDER BY column_id`)
const valuesIn = (path: string) => allRows(session, `SELECT * FROM read_parquet('${path}')`)

test('texts of ours become bytes, and nothing else of a schema is another', async (t) => {
  for (const select of [
    "'DE' AS country",
    `'DE' AS "Country", '{}'::JSON AS attributes, 'x' AS other`,
    `1 AS a, 'DE' AS country, 2::UTINYINT AS b, 3::USMALLINT AS c, 4::UBIGINT AS d, 1.5::DECIMAL(9,2) AS e, uuid() AS f,
      TIME '12:00' AS g, TIMESTAMP '2026-11-22' AS h, TIMESTAMPTZ '2026-11-22' AS i, DATE '2026-11-22' AS j,
      INTERVAL 1 DAY AS k, 'x'::ENUM ('x') AS l, '{}'::JSON AS m, [1] AS n, MAP {'a': ['b']} AS o, {'p': {'q': 1}} AS p,
      true AS q, 1.5::FLOAT AS r, 'b'::BLOB AS s, 7::HUGEINT AS t, {'v': 1}::VARIANT AS u`,
    `${columns.map(({ name }, at) => `${at} AS ${name}`).join(', ')}, 'x' AS more`,
  ]) {
    await write(select)
    t.equal(await copyWithBytes(from, to), true)
    const before = (await typesIn(from)).map(([name, type, physical]) =>
      /^(country|attributes)$/i.test(String(name)) && physical === 'BYTE_ARRAY'
        ? [name, 'BLOB', physical]
        : [name, type, physical],
    )
    t.same(await typesIn(to), before, select)
    t.same(await valuesIn(to), await valuesIn(from), select)
  }
})

test('a footer that is none of ours to read is not copied, and a broken one does no harm', async (t) => {
  await write("'DE' AS country")
  const whole = readFileSync(from)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(33_554_433)
  for (const [what, bytes] of [
    ['encrypted', Buffer.concat([whole.subarray(0, -4), Buffer.from('PARE')])],
    ['too long', Buffer.concat([whole.subarray(0, -8), length, Buffer.from('PAR1')])],
  ] as const) {
    writeFileSync(from, bytes)
    t.equal(await copyWithBytes(from, to), false, what)
  }
  const end = (footer: readonly number[]) => [...footer, footer.length, 0, 0, 0, ...Buffer.from('PAR1')]
  for (const [what, footer] of [
    ['nothing', []],
    ['a part without a type or a name', [0x15, 2, 0x19, 0x1c, 0x15, 2, 0]],
    ['a part with a number that no schema has', [0x15, 2, 0x19, 0x2c, 0x17, 1, 2, 3]],
    ['parts that are not there', [0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xf]],
    ['a struct that does not end', [0x15, 2, 0x19, 0x1c, 0x1c, ...Array(200).fill(0x1c)]],
  ] as const) {
    writeFileSync(from, Buffer.from(end(footer)))
    t.equal(await copyWithBytes(from, to), true, what)
    t.same(readFileSync(to), readFileSync(from), `${what}: it stays as it is`)
  }
})
