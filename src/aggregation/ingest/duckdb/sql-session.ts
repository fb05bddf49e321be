import { AppError } from '../../../std/errors.ts'

export type SqlValue = string | number | bigint | boolean | null

/** A database session in a process of its own, so that an out-of-memory or a native crash cannot take the service down. */
export interface SqlSession {
  /**
   * Runs statements in order. Rejects with `engine_out_of_memory` or `engine_failed`; an error of SQL leaves the
   * session usable and has `details.kind`, such as `IO` or `Conversion`.
   */
  run(statements: readonly string[]): Promise<void>
  /** Streams the rows of one query in chunks, holding no more than a few chunks in memory. */
  rows(query: string): AsyncIterable<readonly (readonly SqlValue[])[]>
  /** Ends the process. Safe to call twice. */
  close(): Promise<void>
}

/** Opens a session that is killed when the signal aborts; pending calls then reject with `cancelled`. */
export type OpenSqlSession = (signal: AbortSignal) => Promise<SqlSession>

/** Work in a session of its own, which is closed whatever comes of it. */
export async function inSession<T>(
  openSession: OpenSqlSession,
  signal: AbortSignal,
  work: (session: SqlSession) => Promise<T>,
): Promise<T> {
  const session = await openSession(signal)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

/** For the few rows of a summary. */
export async function allRows(session: SqlSession, query: string): Promise<(readonly SqlValue[])[]> {
  const rows: (readonly SqlValue[])[] = []
  for await (const chunk of session.rows(query)) rows.push(...chunk)
  return rows
}

/** Whether a statement failed for what it read, rather than for the disk, the memory or the process. */
export function isInputFault(error: unknown): boolean {
  if (!(error instanceof AppError) || error.code !== 'engine_failed') return false
  const { kind } = error.details
  return kind !== undefined && kind !== 'IO' && kind !== CRASH
}

/** Whoever lacks it: the limit of a session, or the machine. */
export const isOutOfMemory = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'engine_out_of_memory'

/** The kind of an error for which native code ended its process: for what it read, or as it is not as it was built. */
export const CRASH = 'Crash'

export const endedItsProcess = (error: unknown): boolean =>
  error instanceof AppError && error.details['kind'] === CRASH

const UNUSABLE = 'engine_unusable'

/** Whether the engine fails at everything: nothing that is tried now says anything of what it reads. */
export const isUnusableEngine = (error: unknown): error is AppError =>
  error instanceof AppError && error.code === UNUSABLE

/** Nothing is to blame for what it ended with. The old process has its old code in memory, and starts new ones from disk. */
export const unusableEngine = (cause: AppError): AppError =>
  new AppError(
    UNUSABLE,
    `The engine does not work now, whatever it reads: ${cause.message}; restart Headgate where its files were replaced while it ran, as by an upgrade. Nothing is set aside for that`,
    { cause },
  )

/**
 * Whether a statement needed more memory or time than its process may take, however much the machine has, or ended it. A
 * session that was late on a busy machine says nothing of what it read.
 */
export const exceedsItsLimits = (error: unknown): boolean =>
  error instanceof AppError && error.details['ofItself'] === true

/**
 * The share of its time for which a session must have been at work for the lack of time to be its own: neither other
 * processes nor a disk kept it from working then. Not all of it, as its process has to start, and to read.
 */
const OWN_SHARE = 0.9

/** Named by its key: whoever reads it can allow more. `processorMs`: how long its process was at work, as far as is known. */
export function tookTooLong(timeoutMs: number, processorMs?: number): AppError {
  const late = `The session took longer than ${timeoutMs} ms (aggregation.engine.timeout)`
  if (processorMs === undefined) return new AppError('engine_failed', late)
  return new AppError('engine_failed', `${late}, and was at work for ${processorMs} ms`, {
    details: processorMs < OWN_SHARE * timeoutMs ? {} : { ofItself: true },
  })
}
