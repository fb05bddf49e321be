import { createHash } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import tap, { test } from 'tap'
import { compact } from '../../../../src/aggregation/ingest/compact/compact.ts'
import { MAX_LINE_BYTES } from '../../../../src/aggregation/ingest/compact/line-screen.ts'
import { allRows } from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { eventLine } from '../../../fakes/events.ts'
import { linesOnDisk } from './lines-on-disk.ts'

const { session, folder, stored, openOf } = await linesOnDisk(tap)
const madeFrom = 'these files'
const line = (id: number) => `${eventLine({ event_id: `e${id}`, value: id })}\n`

test('a row group is bounded by its bytes, so that whoever reads it has memory enough', async (t) => {
  const long = (id: number) => createHash('sha512').update(`${id}`).digest('hex').repeat(8)
  const lines = Array.from({ length: 60_000 }, (_, id) => {
    const event_id = `e${id}`
    return `${eventLine({ event_id, name: long(id).slice(0, 60), page_url: `https://a.example/${long(id)}` })}\n`
  })
  const files = await stored('long.ndjson', lines.join(''))
  const found = await compact({ session, folder, madeFrom, pieceBytes: 200_000_000 }, files)
  t.equal(found.rows, 60_000)
  const groups = await allRows(
    session,
    `SELECT SUM(total_uncompressed_size)::BIGINT FROM parquet_metadata('${found.parquet}') GROUP BY row_group_id`,
  )
  for (const [bytes] of groups) t.ok(Number(bytes) < 1.5 * 33_554_432, `${bytes} bytes`)
})

test('lines as dense as may be are read within the least memory that an engine may have', async (t) => {
  const small = await openOf(134_217_728)
  t.teardown(() => small.close())
  const dense = `{"v":1,"attributes":[${'{},'.repeat(21_000)}{}]}\n`
  const open = `${'['.repeat(65_500)}\n`
  const files = await stored('dense.ndjson', `${line(1)}${dense.repeat(40)}${line(2)}${open.repeat(40)}`)
  const found = await compact({ session: small, folder, madeFrom, pieceBytes: 16_777_216 }, files)
  t.match(found, { rows: 2, malformed: 80 })
})

test('what becomes of a line does not hang on its neighbours', async (t) => {
  const long = (bytes: number) => {
    const shortest = eventLine({ event_id: 'long', page_route: '' })
    return shortest.replace('"page_route":""', `"page_route":"${'r'.repeat(bytes - shortest.length)}"`)
  }
  for (const [what, one, rows] of [
    ['the longest line', long(MAX_LINE_BYTES), 1],
    ['one byte more', long(MAX_LINE_BYTES + 1), 0],
    ['a megabyte more', long(5_242_880), 0],
    ['one that is long by its blanks', `${line(1).trim()}${' '.repeat(MAX_LINE_BYTES)}`, 0],
    ['attributes of many values', eventLine({ attributes: new Array(65_000).fill(0) as never }), 1],
    ['attributes of more than may be', eventLine({ attributes: new Array(65_600).fill(0) as never }), 0],
    ['half of a character', eventLine({ page_route: 'HALF' }).replace('HALF', '\\ud83d'), 1],
    [
      'half of one in a name, and in an id',
      eventLine({ name: 'HALF', event_id: 'HALF' }).replaceAll('HALF', '\\udc00'),
      1,
    ],
    ['an id of 128 characters', eventLine({ event_id: '\u{1F642}'.repeat(128) }), 1],
    ['an id of 129', eventLine({ event_id: '\u{1F642}'.repeat(129) }), 0],
  ] as const) {
    for (const [neighbour, good, bad] of [
      ['', 0, 0],
      [line(2), 1, 0],
      [line(3).repeat(2_000), 2_000, 0],
      ['no event\n', 0, 1],
    ] as const) {
      for (const content of [`${neighbour}${one}\n`, `${one}\n${neighbour}`]) {
        const files = await stored('neighbours.ndjson', content)
        const found = await compact({ session, folder, madeFrom, pieceBytes: 100_000_000 }, files)
        t.match(found, { rows: good + rows, malformed: bad + 1 - rows }, `${what} beside ${good}, ${bad}`)
      }
    }
  }
})

test('many lines with megabytes of text each are compacted to what an engine can read', async (t) => {
  const route = 'r'.repeat(3_900_000)
  const files = await stored('huge.ndjson', '')
  for (let id = 0; id < 60; id++)
    appendFileSync(files[0]?.path ?? '', `${eventLine({ event_id: `h${id}`, page_route: route })}\n`)
  const found = await compact({ session, folder, madeFrom, pieceBytes: 100_000_000 }, files)
  t.match(found, { rows: 60, malformed: 0 })
  t.ok(found.bytes < 20_000, `${found.bytes} bytes`)
})
