export type SqlValue = string | number | bigint | boolean | null

/** A database session in a process of its own, so that an out-of-memory or a native crash cannot take the service down. */
export interface SqlSession {
  /** Runs statements in order. Rejects with `engine_out_of_memory` or `engine_failed`. */
  run(statements: readonly string[]): Promise<void>
  /** Streams the rows of one query in chunks, holding no more than a few chunks in memory. */
  rows(query: string): AsyncIterable<readonly (readonly SqlValue[])[]>
  /** Ends the process. Safe to call twice. */
  close(): Promise<void>
}

/** Opens a session that is killed when the signal aborts; pending calls then reject with `cancelled`. */
export type OpenSqlSession = (signal: AbortSignal) => Promise<SqlSession>
