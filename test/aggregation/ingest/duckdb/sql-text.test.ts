import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { allRows } from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { fileList, quote } from '../../../../src/aggregation/ingest/duckdb/sql-text.ts'
import { placesIn, sharedSession } from '../../../fakes/aggregation/sessions.ts'

test('any text survives as a literal, and any path is read as the one file that it names', async (t) => {
  const places = placesIn(t.testdir())
  const session = await (await sharedSession(t, places))(new AbortController().signal)
  for (const text of [
    '',
    "'",
    "''; DROP TABLE x; --",
    '\\',
    '"',
    'line\nbreak',
    '🙂',
    '$1',
    '%s',
    '\0',
    "a\0'b\0",
  ])
    t.same(await allRows(session, `SELECT ${quote(text)}`), [[text]])

  mkdirSync(places.lakeDir)
  const names = ["it's.csv", 'a*.csv', 'ab.csv', '[ab].csv', 'a?.csv', 'dt=1.csv']
  for (const name of names) writeFileSync(join(places.lakeDir, name), `${name}\n`)
  for (const name of names) {
    const files = fileList([join(places.lakeDir, name)])
    t.same(await allRows(session, `SELECT * FROM read_csv(${files}, header = false, quote = '')`), [[name]])
  }
})
