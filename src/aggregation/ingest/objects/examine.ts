import { contentsOf, type ParquetSummary } from '../compact/compact.ts'
import {
  columnsOf,
  emptyAmong,
  type FileColumns,
  fileColumns,
  partsOf,
  readWhole,
  repeatedAmong,
  shapeFault,
  unlikeOurs,
} from '../compact/parquet-shape.ts'
import { allRows, exceedsItsLimit, isInputFault, type SqlSession } from '../duckdb/sql-session.ts'
import { whyOf } from './failure-reason.ts'

/** What a Parquet file holds, or why it cannot be read together with others. */
export type Examined =
  | { readonly contents: ParquetSummary; readonly fault?: undefined }
  | { readonly contents?: undefined; readonly fault: string }

/** The first may share its process with what came before; each after it has a new one to itself. */
const MEMORY_TRIES = 3

/**
 * What needs more memory than one process may take, each time, will need it tomorrow. Any other lack of memory passes:
 * it is the machine's, and the object is tried again.
 */
export async function examine(session: SqlSession, path: string, tries = 1): Promise<Examined> {
  try {
    const fault = await faultOf(session, path)
    return fault === undefined ? { contents: await contentsOf(session, path) } : { fault }
  } catch (error) {
    if (isInputFault(error)) return { fault: whyOf(error) }
    if (!exceedsItsLimit(error)) throw error
    if (tries === MEMORY_TRIES) return { fault: `${TOO_MUCH_MEMORY}: ${whyOf(error)}` }
    return examine(session, path, tries + 1)
  }
}

const TOO_MUCH_MEMORY = `It cannot be read within aggregation.engine.memoryLimit, ${MEMORY_TRIES} times`

/**
 * Why a Parquet file cannot be read together with others, in words without any of its data; undefined when it can. Reads
 * every page of every column that engines read: what is damaged or of another shape is met here, and not in a window.
 */
export async function faultOf(session: SqlSession, path: string): Promise<string | undefined> {
  try {
    const described = await allRows(session, columnsOf(path))
    const parts = await allRows(session, partsOf(path))
    const repeated = repeatedAmong(parts)
    if (repeated !== undefined) return `It has several columns ${repeated}, however they are capitalized`
    const columns = fileColumns(described, parts)
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
