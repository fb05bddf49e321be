import { stat } from 'node:fs/promises'
import { ifAffordable } from '../duckdb/affordable.ts'
import {
  allRows,
  isInputFault,
  isOutOfMemory,
  type SqlSession,
  type SqlValue,
} from '../duckdb/sql-session.ts'
import { joinedIn, joinFiles, madeFromOf, sumOfRows } from './event-sql.ts'

/** All that is in Parquet files: equal for the same rows, whatever their order and in how many files they are. */
export interface RowSum {
  readonly rows: number
  readonly sum: string
}

/** What makes one Parquet file of several. */
export interface FileJoining {
  /** Several files → one, which names what was joined to it. Answers its size. */
  join(session: SqlSession, files: readonly string[], target: JoinTarget): Promise<number>
  /** What a file says that was joined to it; undefined for any other. */
  readJoined(session: SqlSession, path: string): Promise<readonly string[] | undefined>
  /** Reads every value of the files. */
  sumRows(session: SqlSession, files: readonly string[]): Promise<RowSum>
}

export interface JoinTarget {
  readonly path: string
  readonly keys: readonly string[]
}

/** No key has a line end. */
const BETWEEN = '\n'

/** By DuckDB. */
export const duckdbJoining: FileJoining = {
  async join(session, files, { path, keys }) {
    await session.run([joinFiles(files, path, keys.join(BETWEEN))])
    return (await stat(path)).size
  },
  readJoined: async (session, path) => (await textIn(session, joinedIn(path)))?.split(BETWEEN),
  async sumRows(session, files) {
    const [[rows, sum] = []] = await allRows(session, sumOfRows(files))
    return { rows: Number(rows), sum: String(sum) }
  },
}

/** What a Parquet file says that it was made from; undefined for what others made, or what is no such file. */
export const madeFromIn = (session: SqlSession, parquet: string): Promise<string | undefined> =>
  textIn(session, madeFromOf(parquet))

/** The only text that a query finds in the footer of a file; undefined where there is none, or no such file. */
async function textIn(session: SqlSession, query: string): Promise<string | undefined> {
  try {
    const [[text] = []] = await ifAffordable<readonly (readonly SqlValue[])[]>(
      () => allRows(session, query),
      () => [],
    )
    return typeof text === 'string' ? text : undefined
  } catch (error) {
    // No footer of ours is so large that it does not fit.
    if (isInputFault(error) || isOutOfMemory(error)) return undefined
    throw error
  }
}
