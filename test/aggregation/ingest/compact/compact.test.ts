import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import tap, { test } from 'tap'
import { compact, LEAST_SORTED_BYTES } from '../../../../src/aggregation/ingest/compact/compact.ts'
import { allRows, type SqlSession } from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { placesIn, sharedSession } from '../../../fakes/aggregation/sessions.ts'
import { eventLine } from '../../../fakes/events.ts'

const outOfMemory = () => new AppError('engine_out_of_memory', 'DuckDB: Out of Memory Error')

const places = placesIn(tap.testdir({ lake: {}, temp: {} }))
const session = await (await sharedSession(tap, places))(new AbortController().signal)
const folder = places.tempDir

async function stored(name: string, content: string) {
  const path = join(places.lakeDir, name)
  await writeFile(path, content)
  return [{ path, gzip: false }]
}

/** Runs out of memory so many times. */
function starving(session: SqlSession, times: number) {
  const tries: string[] = []
  return {
    tries,
    session: {
      ...session,
      async run(statements: readonly string[]) {
        tries.push(...statements)
        if (tries.length <= times) throw outOfMemory()
        return session.run(statements)
      },
    },
  }
}

const line = (id: number) => `${eventLine({ event_id: `e${id}`, value: id })}\n`

test('lines that are sorted in pieces make one file, with each row and each dead line once', async (t) => {
  const content = Array.from({ length: 40 }, (_, id) => (id % 10 === 5 ? `no event ${id}\n` : line(id)))
  const files = await stored('many.ndjson', content.join(''))
  for (const pieceBytes of [1, 1_000, 1_000_000]) {
    const found = await compact({ session, folder, pieceBytes }, files)
    t.match(found, { rows: 36, malformed: 4, damaged: [] })
    t.equal(
      readFileSync(String(found.dead), 'utf8'),
      [5, 15, 25, 35].map((id) => `no event ${id}\n`).join(''),
    )
    const [[ids] = []] = await allRows(
      session,
      `SELECT COUNT(DISTINCT event_id) FROM read_parquet('${found.parquet}')`,
    )
    t.equal(Number(ids), 36)
  }
})

test('what does not fit into memory is tried in halves, down to a floor', async (t) => {
  const files = await stored('one.ndjson', line(1))
  const once = starving(session, 1)
  t.match(await compact({ session: once.session, folder, pieceBytes: 2 * LEAST_SORTED_BYTES }, files), {
    rows: 1,
    malformed: 0,
  })
  const always = starving(session, 99)
  await t.rejects(compact({ session: always.session, folder, pieceBytes: 4 * LEAST_SORTED_BYTES }, files), {
    code: 'engine_out_of_memory',
  })
  t.equal(always.tries.length, 3)
})
