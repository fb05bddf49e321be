import { AppError } from '../../../std/errors.ts'
import type { OpenSqlSession, SqlSession } from './sql-session.ts'

/** After these DuckDB answers nothing but errors, or what it holds cannot be relied on. */
const FATAL = ['FATAL', 'INTERNAL', 'Out of Memory', 'Crash']

/**
 * A session that outlives its process: what one piece of work ended is opened anew for the next. Its tables do not
 * outlive it, so who meets an error starts over.
 */
export function reopeningSession(openSession: OpenSqlSession, signal: AbortSignal): SqlSession {
  let current: SqlSession | undefined

  async function opened(): Promise<SqlSession> {
    current ??= await openSession(signal)
    return current
  }

  async function close(): Promise<void> {
    const session = current
    current = undefined
    await session?.close()
  }

  async function failed(error: unknown): Promise<unknown> {
    const kind = error instanceof AppError ? error.details['kind'] : undefined
    if (typeof kind !== 'string' || FATAL.includes(kind)) await close()
    return error
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
