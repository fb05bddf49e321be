import { join } from 'node:path'
import { test } from 'tap'
import { proveEngine } from '../../../src/aggregation/ingest/control-task.ts'
import type {
  OpenSqlSession,
  SqlSession,
  SqlValue,
} from '../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { localWorkbench } from '../../../src/aggregation/ingest/objects/workbench.ts'
import { reconcile } from '../../../src/aggregation/reconcile/findings.ts'
import { AppError } from '../../../src/std/errors.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { checkedSessions } from '../../fakes/aggregation/sessions.ts'
import { eventLine, storedEvent, writeParquet } from '../../fakes/events.ts'
import { HOUR, setUp, signal } from './harness.ts'

const STRAY = `raw/copied/${HOUR}/c-000001-0123456789abcdef.parquet`
const ofItself = { kind: 'Crash', ofItself: true }
const bus = new AppError('engine_failed', 'DuckDB ended with SIGBUS', { details: ofItself })
const exited = new AppError('engine_failed', 'DuckDB ended with exit code 1')

/** Sessions that end with each statement of which that is said. */
function endingWith(
  openSession: OpenSqlSession,
  { error, isEnd }: { readonly error: AppError; readonly isEnd: (statement: string) => boolean },
): OpenSqlSession {
  const check = (statement: string) => {
    if (isEnd(statement)) throw error
  }
  return checkedSessions(openSession, check)
}

const unusable = ({ message }: AppError) => ({
  code: 'engine_unusable',
  message: `The engine does not work now, whatever it reads: ${message}; restart Headgate where its files were replaced while it ran, as by an upgrade. Nothing is set aside for that`,
})

/** What an ingest takes of these, in its order. */
const waiting = [
  `raw/gateway/${HOUR}/`,
  ...['c', 'd'].map((id) => `raw/firehose/${HOUR}/${id}.parquet`),
  STRAY,
]

/** Good objects of each way into the index, and one that an ingest made before. */
async function withGood() {
  const place = await setUp()
  const { put, places, session, ingester, keys } = place
  const of = (event_id: string) => [storedEvent({ event_id })]
  await put(`raw/gateway/${HOUR}/old.ndjson`, `${eventLine({ event_id: 'old' })}\n`)
  await ingester().ingest(signal)
  const [old = ''] = await keys('raw/')
  for (const id of ['a', 'b'])
    await put(`raw/gateway/${HOUR}/${id}.ndjson`, `${eventLine({ event_id: id })}\n`)
  for (const id of ['c', 'd'])
    await writeParquet(session, of(id), join(places.lakeDir, `raw/firehose/${HOUR}/${id}.parquet`))
  // One that is called as an ingest calls its own.
  await writeParquet(session, of('e'), join(places.lakeDir, STRAY))
  return { ...place, old }
}

test('an engine that ends whatever it does is told, from whichever statement on, and blames no object', async (t) => {
  for (let at = 1, isOver = false; !isOver; at++) {
    const error = at % 2 === 0 ? bus : exited
    const { ingester, openSession, eventIds, keys } = await withGood()
    let statements = 0
    const open = endingWith(openSession, { error, isEnd: () => ++statements >= at })
    const what = `${error.message} at ${at}`
    const report = await ingester({ openSession: open }).ingest(signal)
    isOver = report.unusable === undefined
    if (isOver) t.ok(at > 20, what)
    else {
      t.match(report.unusable, unusable(error), what)
      t.ok(statements - at < 8, `${what}: not for each object anew`)
      const rest = report.failed.map(({ key }) => key)
      t.same(rest, waiting.slice(-rest.length), `${what}: what was not taken before is told as that`)
    }
    t.same(await keys('dead/'), [], what)
    t.match(await ingester().ingest(signal), { setAside: [], failed: [] }, what)
    t.same(await eventIds(), ['a', 'b', 'c', 'd', 'e', 'old'], what)
  }
})

test('an engine that does not work is told by whoever watches the ingest, with all that waits for it', async (t) => {
  const telemetry = quietTelemetry()
  const { ingester, openSession, put, lake } = await withGood()
  const isEnd = () => isEnding
  let isEnding = true
  const open = endingWith(openSession, { error: bus, isEnd })
  const arrivals = ingester({ openSession: open, telemetry })
  const failing = async () =>
    (await telemetry.metrics.getSingleMetric('headgate_ingest_failing')?.get())?.values
  t.match(await arrivals.ingest(signal), {
    failed: waiting.map((key) => ({ key, why: /does not work now/ })),
  })
  t.match(await failing(), [{ value: waiting.length }])
  const options = { lake, arrivals, openSession }
  await t.rejects(
    reconcile({ fromMs: 0, toMs: 1 }, options, signal),
    unusable(bus),
    'and nothing is compared',
  )
  await put(`raw/gateway/${HOUR}/f.ndjson`, `${eventLine({ event_id: 'f' })}\n`)
  isEnding = false
  t.match(await arrivals.ingest(signal), { rows: 6, failed: [], unusable: undefined })
  t.match(await failing(), [{ value: 0 }])
})

test('what was taken in is no more to blame for an engine that ends whatever it does', async (t) => {
  const { ingester, openSession, old, keys, eventIds } = await withGood()
  const before = await keys('')
  for (const error of [bus, exited]) {
    const openings: OpenSqlSession[] = [
      endingWith(openSession, { error, isEnd: () => true }),
      async () => {
        throw error
      },
    ]
    for (const open of openings)
      await t.rejects(ingester({ openSession: open }).reexamine([old], signal), unusable(error))
  }
  t.same(await keys(''), before)
  await ingester().ingest(signal)
  t.ok((await eventIds()).includes('old'))
})

test('what was taken in is set aside when it ends its process three times, and other events do not', async (t) => {
  for (const [error, ends, why] of [
    [bus, 2, undefined],
    [
      bus,
      3,
      'It ends the process that reads it, 3 times, which took other events between: DuckDB ended with SIGBUS; put it back into raw/ in parts, or after an upgrade',
    ],
    [exited, 3, 'thrown'],
  ] as const) {
    const { ingester, openSession, old } = await withGood()
    const isOld = (statement: string) => statement.includes(String(old.split('/').at(-1)))
    let met = 0
    const open = endingWith(openSession, { error, isEnd: (statement) => isOld(statement) && ++met <= ends })
    const found = ingester({ openSession: open }).reexamine([old], signal)
    if (why === 'thrown') await t.rejects(found, error)
    else t.match(await found, why === undefined ? [] : [{ key: old, why }])
  }
})

test('an object whose footer ends its process each time has said nothing of itself, and is taken in', async (t) => {
  const { ingester, openSession, eventIds } = await withGood()
  let met = 0
  const isEnd = (statement: string) => statement.includes('parquet_kv_metadata') && ++met <= 3
  const open = endingWith(openSession, { error: bus, isEnd })
  t.match(await ingester({ openSession: open }).ingest(signal), { rows: 5, setAside: [], failed: [] })
  t.same(await eventIds(), ['a', 'b', 'c', 'd', 'e', 'old'])
  t.ok(met >= 3)
})

test('an engine that answers something else does not work either', async (t) => {
  const { places, session, clock } = await setUp()
  const workbench = localWorkbench(places)
  const folder = await workbench.open()
  const proof = (change: Partial<SqlSession>) =>
    proveEngine({ session: { ...session, ...change }, workbench, clock, folder })
  await proof({})
  const rowsOf = (rows: readonly SqlValue[][], isOf: (query: string) => boolean) =>
    async function* (query: string) {
      if (isOf(query)) yield rows
      else yield* session.rows(query)
    }
  const fails = (what: string, change: Partial<SqlSession>, message: string | RegExp) =>
    t.rejects(proof(change), { code: 'engine_failed', message }, what)
  await fails('no rows', { rows: rowsOf([], (query) => query.includes('% 60000')) }, 'It read 0 events of 1')
  await fails('no columns', { rows: rowsOf([], (query) => query.includes('DESCRIBE')) }, /^It lacks /)
})
