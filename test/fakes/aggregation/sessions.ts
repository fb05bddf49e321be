import { join } from 'node:path'
import type { Test } from 'tap'
import { duckdbSessions } from '../../../src/aggregation/ingest/duckdb/duckdb-sessions.ts'
import type { OpenSqlSession } from '../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { systemClock } from '../../../src/std/clock.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'

/** Where a test's lake and its DuckDB work; below the test's own folder. */
export interface Places {
  readonly lakeDir: string
  readonly tempDir: string
}

export const placesIn = (root: string): Places => ({
  lakeDir: join(root, 'lake'),
  tempDir: join(root, 'temp'),
})

export function openDuckdb(
  { lakeDir, tempDir }: Places,
  memoryLimitBytes = 512_000_000,
  threads = 1,
): OpenSqlSession {
  return duckdbSessions({
    memoryLimitBytes,
    threads,
    tempDir,
    directories: [lakeDir],
    // Of a whole file, on a machine that others use as well.
    timeoutMs: 900_000,
    telemetry: quietTelemetry(),
    clock: systemClock,
  })
}

/** One session for a whole test: to start a process each time would be most of its duration. */
export async function sharedSession(t: Test, places: Places): Promise<OpenSqlSession> {
  const session = await openDuckdb(places)(new AbortController().signal)
  t.teardown(() => session.close())
  return async () => ({ run: session.run, rows: session.rows, close: async () => {} })
}

/** Sessions of which each statement is looked at first, and fails with what that throws. */
export const checkedSessions =
  (openSession: OpenSqlSession, check: (statement: string) => void): OpenSqlSession =>
  async (until) => {
    const session = await openSession(until)
    return {
      ...session,
      async run(statements) {
        statements.forEach(check)
        await session.run(statements)
      },
      async *rows(query) {
        check(query)
        yield* session.rows(query)
      },
    }
  }
