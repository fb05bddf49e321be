import { stat } from 'node:fs/promises'
import { allRows, type SqlSession } from '../duckdb/sql-session.ts'
import { textIn } from './compact.ts'
import { joinedIn, joinFiles, sumOfRows } from './event-sql.ts'

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
