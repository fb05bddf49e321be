import { stat } from 'node:fs/promises'
import { contentsOf, type ParquetSummary } from '../compact/compact.ts'
import { type Doubt, incompleteRows, mistypedColumns } from '../compact/doubts.ts'
import { MAX_INFLATED_OBJECT_BYTES, mostInflatedBytes } from '../compact/inflate-files.ts'
import {
  columnsOf,
  emptyAmong,
  type FileColumns,
  fileColumns,
  partsOf,
  readWhole,
  repeatedAmong,
  rowBytesIn,
  shapeFault,
  textBytesIn,
  unlikeOurs,
} from '../compact/parquet-shape.ts'
import { ifAffordable } from '../duckdb/affordable.ts'
import { allRows, endedItsProcess, isInputFault, type SqlSession } from '../duckdb/sql-session.ts'
import { whyOf, whyTooDear } from './failure-reason.ts'
import type { IngestTools } from './ingest-partition.ts'

/** What a Parquet file holds, or why it cannot be read together with others. */
export type Examined =
  | { readonly contents: ParquetSummary; readonly doubts: readonly Doubt[]; readonly fault?: undefined }
  | { readonly contents?: undefined; readonly fault: string }

/** The most that a file may inflate to: of an ingest's own anything, as its inputs were judged before. */
export const mostOf = (isOwn: boolean): number =>
  isOwn ? Number.POSITIVE_INFINITY : MAX_INFLATED_OBJECT_BYTES

/** Reads all that is read of it later. What it costs too much for, it costs here. */
export async function examine(
  path: string,
  { session, workbench, clock }: Pick<IngestTools, 'session' | 'workbench' | 'clock'>,
  inflatedBytes?: number,
): Promise<Examined> {
  try {
    return await ifAffordable<Examined>(
      async () => {
        const fault = await faultOf(session, path, inflatedBytes)
        if (fault !== undefined) return { fault }
        const contents = await contentsOf(session, path)
        const doubts = await workbench.readDoubts(session, path, clock.nowMs())
        const more = [...(await incompleteRows(session, path)), ...(await mistypedColumns(session, path))]
        return { contents, doubts: [...doubts, ...more] }
      },
      (error) => ({ fault: whyTooDear(error) }),
    )
  } catch (error) {
    if (isInputFault(error)) return { fault: whyOf(error) }
    throw error
  }
}

/**
 * Why a Parquet file cannot be read together with others, in words without any of its data; undefined when it can. Reads
 * every page of every column that engines read: what is damaged or of another shape is met here, and not in a window.
 */
export async function faultOf(
  session: SqlSession,
  path: string,
  inflatedBytes: number = MAX_INFLATED_OBJECT_BYTES,
): Promise<string | undefined> {
  try {
    const described = await allRows(session, columnsOf(path))
    const parts = await allRows(session, partsOf(path))
    const repeated = repeatedAmong(parts)
    if (repeated !== undefined) return `It has several columns ${repeated}, however they are capitalized`
    const columns = fileColumns(described, parts)
    const mostBytes = mostInflatedBytes((await stat(path)).size, inflatedBytes)
    const fault =
      shapeFault(columns, await emptyIn(session, path, columns)) ??
      (await sizeFault(session, { path, columns, mostBytes }))
    if (fault === undefined) await session.run([readWhole(path, columns)])
    return fault
  } catch (error) {
    if (isInputFault(error)) return whyOf(error)
    throw error
  }
}

/**
 * The same of what was taken in before, and cannot be read now. What it takes too much for, it did not then: that is told, and
 * it is tried again. Only what ends its process each time is to blame for that.
 */
export const laterFaultOf = (
  session: SqlSession,
  path: string,
  inflatedBytes: number,
): Promise<string | undefined> =>
  ifAffordable<string | undefined>(() => faultOf(session, path, inflatedBytes), whyTooDear, endedItsProcess)

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

/** Why a window may not be made to read it: a few kilobytes may say the same megabyte in each of a million rows. */
async function sizeFault(
  session: SqlSession,
  {
    path,
    columns,
    mostBytes,
  }: { readonly path: string; readonly columns: FileColumns; readonly mostBytes: number },
): Promise<string | undefined> {
  let bytes = 0
  // The rows first: of too many of them their texts are not looked at.
  for (const query of [rowBytesIn(path), textBytesIn(path, columns)]) {
    const [[found = 0] = []] = await allRows(session, query)
    bytes += Number(found)
    if (bytes > mostBytes) return `It inflates to more than ${mostBytes} bytes: split it`
  }
  return undefined
}
