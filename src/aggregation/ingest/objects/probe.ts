import { contentsOf, type ParquetSummary, touchesTooMany } from '../compact/compact.ts'
import {
  columnsOf,
  emptyAmong,
  type FileColumns,
  readWhole,
  shapeFault,
  unlikeOurs,
} from '../compact/event-sql.ts'
import { allRows, isInputFault, type SqlSession } from '../duckdb/sql-session.ts'
import { whyOf } from './failure-reason.ts'

/** What a Parquet file holds, or why it cannot be read together with others. */
export type Examined =
  | { readonly contents: ParquetSummary; readonly fault?: undefined }
  | { readonly contents?: undefined; readonly fault: string }

export async function examine(session: SqlSession, path: string): Promise<Examined> {
  const fault = await faultOf(session, path)
  if (fault !== undefined) return { fault }
  try {
    return { contents: await contentsOf(session, path) }
  } catch (error) {
    if (!touchesTooMany(error)) throw error
    return { fault: whyOf(error) }
  }
}

/**
 * Why a Parquet file cannot be read together with others, in words without any of its data; undefined when it can. Reads
 * every page of every column that engines read: what is damaged or of another shape is met here, and not in a window.
 */
export async function faultOf(session: SqlSession, path: string): Promise<string | undefined> {
  try {
    const columns = new Map((await allRows(session, columnsOf(path))).map(([name, type]) => [name, type]))
    const fault = shapeFault(columns, await emptyIn(session, path, columns))
    if (fault === undefined) await session.run([readWhole(path, columns)])
    return fault
  } catch (error) {
    if (isInputFault(error)) return whyOf(error)
    throw error
  }
}

/** Columns of another type that hold nothing: null is absent, whatever a writer calls the type of it. */
async function emptyIn(
  session: SqlSession,
  path: string,
  columns: FileColumns,
): Promise<ReadonlySet<string>> {
  const unlike = unlikeOurs(columns)
  if (unlike.length === 0) return new Set()
  const [counts = []] = await allRows(session, emptyAmong(path, unlike))
  return new Set(unlike.filter((_, at) => Number(counts[at]) === 0))
}
