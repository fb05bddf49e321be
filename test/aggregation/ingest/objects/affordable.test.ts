import { join } from 'node:path'
import { test } from 'tap'
import { type OpenSqlSession, tookTooLong } from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { checkedSessions } from '../../../fakes/aggregation/sessions.ts'
import { eventLine, storedEvent, writeParquet } from '../../../fakes/events.ts'
import { HOUR, setUp, signal } from '../harness.ts'

const ofItself = { kind: 'Out of Memory', ofItself: true }
const outOfMemory = new AppError('engine_out_of_memory', 'DuckDB: Out of Memory Error', { details: ofItself })
const ended = new AppError('engine_failed', 'DuckDB ended with SIGSEGV', {
  details: { kind: 'Crash', ofItself: true },
})

/** Sessions in which a statement fails that is about this. */
function failingAbout(openSession: OpenSqlSession, { about, error }: { about: string; error: AppError }) {
  const met: string[] = []
  const check = (statement: string) => {
    if (!statement.includes(about)) return
    met.push(statement)
    throw error
  }
  const open = checkedSessions(openSession, check)
  return { met, open }
}

const DOUBTS = 'PARTITION BY doubt'

test('an object that costs too much each time is set aside after three tries, whatever is done with it', async (t) => {
  for (const [what, error, about, extension] of [
    ['memory of lines', outOfMemory, 'bad.ndjson', 'ndjson'],
    ['time of lines', tookTooLong(1_000, 900), 'bad.ndjson', 'ndjson'],
    ['the process of lines, of which one is no event', ended, 'TABLE judged', 'ndjson'],
    ['memory of doubts about lines', outOfMemory, DOUBTS, 'ndjson'],
    ['time of Parquet', tookTooLong(1_000, 900), 'bad.parquet', 'parquet'],
    ['memory of doubts about Parquet', outOfMemory, DOUBTS, 'parquet'],
  ] as const) {
    const { put, places, lake, session, openSession, ingester, keys, eventIds, why } = await setUp()
    const bad = `raw/gateway/${HOUR}/bad.${extension}`
    if (extension === 'ndjson')
      await put(bad, error === ended ? 'none' : `${eventLine({ event_id: 'bad' })}\n`)
    else await writeParquet(session, [storedEvent({ event_id: 'bad' })], join(places.lakeDir, bad))
    const isAlone = about === DOUBTS
    if (!isAlone) await put(`raw/gateway/${HOUR}/good.ndjson`, `${eventLine({ event_id: 'good' })}\n`)
    const bytes = String(await lake.get(bad))
    const { met, open } = failingAbout(openSession, { about, error })
    const reason =
      error === ended
        ? 'It ends the process that reads it, 3 times, which took other events between: DuckDB ended with SIGSEGV; put it back into raw/ in parts, or after an upgrade'
        : `It cannot be read within aggregation.engine.memoryLimit and aggregation.engine.timeout, 3 times: ${error.message}; put it back into raw/ in parts, or when it may take more`
    const report = await ingester({ openSession: open }).ingest(signal)
    t.match(report, { rows: isAlone ? 0 : 1, setAside: [{ key: bad, why: reason }], failed: [] }, what)
    t.ok(met.length >= 3, what)
    t.same(await eventIds(), isAlone ? [] : ['good'], `${what}: nothing else is held up`)
    t.equal(String(await lake.get(`dead/ingest-gateway/${HOUR}/bad.${extension}`)), bytes, what)
    t.match(await why(), [{ reason: 'unreadable_object', object: bad, detail: reason }], what)
    t.notOk((await keys('raw/')).includes(bad), what)
    const tries = met.length
    t.match(
      await ingester({ openSession: open }).ingest(signal),
      { inputs: 0, setAside: [], failed: [] },
      what,
    )
    t.equal(met.length, tries, `${what}: it is not met again`)
  }
})

test('an object that was only ever slow stays, is told, and is taken in when there is time', async (t) => {
  for (const [what, error] of [
    ['its process was hardly at work', tookTooLong(1_000, 890)],
    ['nobody knows how long it was at work', tookTooLong(1_000)],
  ] as const)
    for (const extension of ['ndjson', 'parquet']) {
      const { put, places, session, openSession, ingester, keys, eventIds } = await setUp()
      const slow = `raw/gateway/${HOUR}/slow.${extension}`
      const event = { event_id: 'slow' }
      if (extension === 'ndjson') await put(slow, `${eventLine(event)}\n`)
      else await writeParquet(session, [storedEvent(event)], join(places.lakeDir, slow))
      await put(`raw/gateway/${HOUR}/good.ndjson`, `${eventLine({ event_id: 'good' })}\n`)
      const { open } = failingAbout(openSession, { about: `slow.${extension}`, error })
      const told = { setAside: [], failed: [{ key: slow, why: error.message }] }
      for (const rows of [1, 0, 0, 0])
        t.match(await ingester({ openSession: open }).ingest(signal), { rows, ...told }, what)
      t.same([await eventIds(), await keys('dead/')], [['good'], []], what)
      t.match(await ingester().ingest(signal), { rows: 1, setAside: [], failed: [] }, what)
      t.same(await eventIds(), ['good', 'slow'], what)
    }
})
