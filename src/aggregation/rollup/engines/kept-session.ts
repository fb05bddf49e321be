import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { unlessRejected } from '../../../std/expected-errors.ts'
import {
  allRows,
  type OpenSqlSession,
  type SqlSession,
  tookTooLong,
} from '../../ingest/duckdb/sql-session.ts'

export interface SessionPoolOptions {
  /** Opens a real one, which must be able to live for twice `timeoutMs`. */
  readonly openSession: OpenSqlSession
  /** Longest time between the opening of a session and its close, as before sessions were kept. */
  readonly timeoutMs: number
  readonly clock: Clock
}

export interface SessionPool {
  readonly openSession: OpenSqlSession
  /** Ends the session that waits for the next one to open it. */
  letGo(): Promise<void>
}

interface Kept {
  readonly session: SqlSession
  /** Ends its process. */
  readonly life: AbortController
  readonly openedMs: number
}

/**
 * Sessions that are closed with nothing amiss are handed, emptied, to who opens the next: to start a process costs more
 * than most windows do. One in which anything failed ends as ever, and so does one that is old.
 */
export function sessionPool({ openSession, timeoutMs, clock }: SessionPoolOptions): SessionPool {
  let waiting: Kept | undefined

  async function letGo(): Promise<void> {
    const old = waiting
    waiting = undefined
    await old?.session.close()
  }

  async function takeOrOpen(): Promise<Kept> {
    const kept = waiting
    if (kept !== undefined && clock.monotonicMs() - kept.openedMs < timeoutMs) {
      waiting = undefined
      return kept
    }
    await letGo()
    const life = new AbortController()
    return { session: await openSession(life.signal), life, openedMs: clock.monotonicMs() }
  }

  /** Back to the one who opens the next, unless there is one already, or it cannot be emptied. */
  async function giveBack(kept: Kept): Promise<void> {
    const isEmpty = await unlessRejected(empty(kept.session), isOfTheEngine)
    if (!isEmpty || waiting !== undefined) return kept.session.close()
    waiting = kept
  }

  return {
    letGo,
    async openSession(signal) {
      if (signal.aborted) throw new AppError('cancelled', 'Cancelled before the session was opened')
      const kept = await takeOrOpen()
      return lent(kept, { signal, timeoutMs, giveBack: () => giveBack(kept) })
    },
  }
}

interface Loan {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly giveBack: () => Promise<void>
}

function lent({ session, life }: Kept, { signal, timeoutMs, giveBack }: Loan): SqlSession {
  let failed = false
  let closed: Promise<void> | undefined
  let late: AppError | undefined
  const cancel = () => life.abort()
  signal.addEventListener('abort', cancel)
  // The signal may have been aborted while the session was opened.
  if (signal.aborted) cancel()
  const timer = setTimeout(() => {
    late = tookTooLong(timeoutMs)
    cancel()
  }, timeoutMs)

  const reported = (error: unknown): unknown => {
    failed = true
    return late ?? error
  }
  async function close(): Promise<void> {
    clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
    await (failed || life.signal.aborted ? session.close() : giveBack())
  }

  return {
    async run(statements) {
      await session.run(statements).catch((error: unknown) => {
        throw reported(error)
      })
    },
    async *rows(query) {
      try {
        yield* session.rows(query)
      } catch (error) {
        throw reported(error)
      }
    },
    close() {
      closed ??= close()
      return closed
    },
  }
}

/** Drops what the last window left: its tables hold as many rows as it had. */
async function empty(session: SqlSession): Promise<true> {
  const tables = await allRows(session, 'SELECT table_name FROM duckdb_tables() WHERE temporary')
  await session.run(tables.map(([name]) => `DROP TABLE temp."${name}"`))
  return true
}

/** It ended meanwhile, or has no memory left for anything. */
const isOfTheEngine = (error: unknown): boolean =>
  error instanceof AppError && OF_THE_ENGINE.includes(error.code)
const OF_THE_ENGINE = ['engine_failed', 'engine_out_of_memory', 'cancelled']
