import { test } from 'tap'
import {
  allRows,
  type OpenSqlSession,
  type SqlValue,
} from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { sessionPool } from '../../../../src/aggregation/rollup/engines/kept-session.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { openDuckdb, placesIn } from '../../../fakes/aggregation/sessions.ts'
import { fakeClock } from '../../../fakes/clock.ts'

const never = new AbortController().signal
const TIMEOUT_MS = 60_000

/** Sessions that do nothing, and how many of them were opened and are open. */
function counted(fail: (statement: string) => Error | undefined = () => undefined) {
  const count = { opened: 0, open: 0 }
  const openSession: OpenSqlSession = async (signal) => {
    count.opened++
    count.open++
    const ended = () => (signal.aborted ? new AppError('cancelled', 'The session was cancelled') : undefined)
    return {
      async run(statements) {
        const error = ended() ?? statements.map(fail).find((found) => found !== undefined)
        if (error) throw error
      },
      async *rows(query) {
        const error = ended() ?? fail(query)
        if (error) throw error
        yield [[query]] as SqlValue[][]
      },
      async close() {
        count.open--
      },
    }
  }
  return { count, openSession }
}

function setUp(fail?: (statement: string) => Error | undefined, timeoutMs = TIMEOUT_MS) {
  const { count, openSession } = counted(fail)
  const clock = fakeClock()
  return { count, clock, kept: sessionPool({ openSession, timeoutMs, clock }) }
}

test('window after window is one process, which ends when none follows', async (t) => {
  const { count, kept } = setUp()
  for (let window = 0; window < 5; window++) {
    const session = await kept.openSession(never)
    await session.run(['SELECT 1'])
    t.same(await allRows(session, 'SELECT 2'), [['SELECT 2']])
    await session.close()
    await session.close()
  }
  t.same(count, { opened: 1, open: 1 })
  await kept.letGo()
  await kept.letGo()
  t.same(count, { opened: 1, open: 0 })
})

test('a session in which something failed is not used again', async (t) => {
  const failures: readonly [string, string][] = [
    ['a statement', 'SELECT bad'],
    ['the emptying', 'DROP TABLE temp."SELECT table_name FROM duckdb_tables() WHERE temporary"'],
  ]
  for (const [what, statement] of failures) {
    const { count, kept } = setUp((text) =>
      text === statement ? new AppError('engine_failed', 'no') : undefined,
    )
    const session = await kept.openSession(never)
    await session.run([statement]).catch(() => undefined)
    await session.close()
    t.same(count, { opened: 1, open: 0 }, what)
    await (await kept.openSession(never)).close()
    t.equal(count.opened, 2, what)
  }
  const { count, kept } = setUp((text) =>
    text === 'SELECT bad' ? new AppError('engine_failed', 'no') : undefined,
  )
  const session = await kept.openSession(never)
  await t.rejects(allRows(session, 'SELECT bad'), { code: 'engine_failed' })
  await session.close()
  t.same(count, { opened: 1, open: 0 }, 'a query')
})

test('whoever cancels ends the process, before, while and after it is opened', async (t) => {
  const { count, kept } = setUp()
  await t.rejects(kept.openSession(AbortSignal.abort()), { code: 'cancelled' })
  t.equal(count.opened, 0)
  const cancel = new AbortController()
  const opening = kept.openSession(cancel.signal)
  cancel.abort()
  const session = await opening
  await t.rejects(session.run(['SELECT 1']), { code: 'cancelled' })
  await session.close()
  const later = new AbortController()
  const second = await kept.openSession(later.signal)
  await second.run(['SELECT 1'])
  later.abort()
  await second.close()
  t.same(count, { opened: 2, open: 0 })
  const third = await kept.openSession(never)
  await third.close()
  later.abort()
  t.same(count, { opened: 3, open: 1 }, 'an old signal means nothing to the next who has the session')
})

test('a session that takes too long is ended, and says so', async (t) => {
  const { count, kept } = setUp(undefined, 1)
  const session = await kept.openSession(never)
  let error: unknown
  while (error === undefined) {
    await new Promise((resolve) => setImmediate(resolve))
    await session.run(['SELECT 1']).catch((found) => {
      error = found
    })
  }
  t.match(error, {
    code: 'engine_failed',
    message: 'The session took longer than 1 ms (aggregation.engine.timeout)',
  })
  await session.close()
  t.equal(count.open, 0)
})

test('one that is old is replaced, and of two at the same time one is kept', async (t) => {
  const { count, clock, kept } = setUp()
  await (await kept.openSession(never)).close()
  clock.advance(TIMEOUT_MS)
  const sessions = [await kept.openSession(never), await kept.openSession(never)]
  t.same(count, { opened: 3, open: 2 })
  for (const session of sessions) await session.close()
  t.equal(count.open, 1)
})

test('the next one finds no table of the one before', async (t) => {
  const openSession = openDuckdb(placesIn(t.testdir()))
  const kept = sessionPool({ openSession, timeoutMs: TIMEOUT_MS, clock: fakeClock() })
  const first = await kept.openSession(never)
  await first.run(['CREATE TEMP TABLE kept AS SELECT 1 AS a', 'CREATE TEMP VIEW events AS SELECT 1 AS a'])
  await first.close()
  const second = await kept.openSession(never)
  t.same(await allRows(second, 'SELECT table_name FROM duckdb_tables()'), [])
  await second.close()
  await kept.letGo()
})
