import { AppError } from '../../../std/errors.ts'
import { CRASH, type OpenSqlSession, type SqlSession, unusableEngine } from './sql-session.ts'

/** After these DuckDB answers nothing but errors, or what it holds cannot be relied on. */
const FATAL: readonly unknown[] = ['FATAL', 'INTERNAL', 'Out of Memory', CRASH]

export interface LastingOptions {
  readonly openSession: OpenSqlSession
  readonly signal: AbortSignal
  /** A task of the same kind that nothing of the lake has a part in; rejects where the engine fails at it. */
  readonly prove: (session: SqlSession) => Promise<void>
}

/**
 * A session that outlives its process: what one piece of work ended is opened anew for the next. Its tables do not
 * outlive it, so who meets an error starts over. When a process has ended, and it was not DuckDB that said why, the engine
 * proves itself in one of its own: where it cannot, that is told instead (`engine_unusable`), as where none can be opened.
 */
export function reopeningSession({ openSession, signal, prove }: LastingOptions): SqlSession {
  let current: SqlSession | undefined

  async function opened(): Promise<SqlSession> {
    current ??= await usable(openSession(signal))
    return current
  }

  async function close(): Promise<void> {
    const session = current
    current = undefined
    await session?.close()
  }

  async function failed(error: unknown): Promise<unknown> {
    const kind = error instanceof AppError ? error.details['kind'] : undefined
    const isUntold = typeof kind !== 'string'
    if (isUntold || FATAL.includes(kind)) await close()
    if ((isUntold || kind === CRASH) && !signal.aborted) await proven()
    return error
  }

  async function proven(): Promise<void> {
    const session = await usable(openSession(signal))
    try {
      await usable(prove(session))
    } finally {
      await session.close()
    }
  }

  return {
    async run(statements) {
      const session = await opened()
      try {
        await session.run(statements)
      } catch (error) {
        throw await failed(error)
      }
    },
    async *rows(query) {
      const session = await opened()
      try {
        yield* session.rows(query)
      } catch (error) {
        throw await failed(error)
      }
    },
    close,
  }
}

/** What is not of the engine, such as a full disk or a stop, is told as it is. */
async function usable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw error instanceof AppError && OF_THE_ENGINE.includes(error.code) ? unusableEngine(error) : error
  }
}

const OF_THE_ENGINE: readonly string[] = ['engine_failed', 'engine_out_of_memory']
