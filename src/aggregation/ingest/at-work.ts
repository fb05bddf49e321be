import type { Clock } from '../../std/clock.ts'
import { proveEngine } from './control-task.ts'
import { reopeningSession } from './duckdb/lasting-session.ts'
import type { OpenSqlSession, SqlSession } from './duckdb/sql-session.ts'
import type { Workbench } from './objects/workbench.ts'

interface Workroom {
  readonly openSession: OpenSqlSession
  readonly workbench: Workbench
  readonly clock: Clock
}

/** Work with a session that outlives its processes, and a folder: both are gone when it ends. */
export async function atWork(
  { openSession, workbench, clock }: Workroom,
  signal: AbortSignal,
  work: (session: SqlSession, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await workbench.open()
  const prove = (session: SqlSession) => proveEngine({ session, workbench, clock, folder })
  const session = reopeningSession({ openSession, signal, prove })
  try {
    await work(session, folder)
  } finally {
    await session.close()
    await workbench.clear(folder)
  }
}
