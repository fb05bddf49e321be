import { columnsOf, readWhole, shapeFault } from '../compact/event-sql.ts'
import { allRows, isInputFault, type SqlSession } from '../duckdb/sql-session.ts'
import { whyOf } from './failure-reason.ts'

/**
 * Why a Parquet file cannot be read together with others, in words without any of its data; undefined when it can. Reads
 * every page of every column that engines read: what is damaged or of another shape is met here, and not in a window.
 */
export async function faultOf(session: SqlSession, path: string): Promise<string | undefined> {
  try {
    const columns = new Map((await allRows(session, columnsOf(path))).map(([name, type]) => [name, type]))
    const fault = shapeFault(columns)
    if (fault === undefined) await session.run([readWhole(path, columns)])
    return fault
  } catch (error) {
    if (isInputFault(error)) return whyOf(error)
    throw error
  }
}
