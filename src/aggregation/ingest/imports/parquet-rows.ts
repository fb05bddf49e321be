import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { allRows, isInputFault, type SqlSession, type SqlValue } from '../duckdb/sql-session.ts'
import { fileList, PARQUET_OPTIONS } from '../duckdb/sql-text.ts'
import { workFolder } from '../duckdb/work-folder.ts'
import { type ImportedColumn, importedColumns, rowLine } from './imported-columns.ts'
import { copyUntyped } from './parquet-footer.ts'

const IS_PLAIN = /^(BOOLEAN|U?(TINY|SMALL|BIG)INT|U?INTEGER|DOUBLE|FLOAT|VARCHAR)$/
/** With a fraction; of others, such as ids, each digit counts. */
const IS_FRACTION = /^DECIMAL\(\d+,[1-9]/
/** A time without a zone is one of UTC. */
const IS_TIME = /^(TIMESTAMP|DATE)/
const IS_NESTED = /^(STRUCT|MAP|UNION|JSON|VARIANT)|\[\d*\]$/
/** How a copy is read that says nothing of texts. */
const UNTYPED_OPTIONS = 'hive_partitioning = false, binary_as_string = false'

/** A row as a line of JSON, and its number, from 1. */
export interface ParquetRow {
  readonly number: number
  readonly bytes: Buffer
  /** Why it is none. */
  readonly fault: string | undefined
}

export interface ParquetFile {
  readonly path: string
  /** Where a copy may be put meanwhile. */
  readonly tempDir: string
}

/**
 * The rows of a Parquet file, in chunks. Their order may differ each time, their numbers do not. The engine gives up a file for
 * one value that is not what its column says: such a file is read from a copy that says less, and the row alone is refused.
 */
export async function* parquetRows(
  session: SqlSession,
  { path, tempDir }: ParquetFile,
): AsyncGenerator<readonly ParquetRow[]> {
  const table = await tableOf(session, path, PARQUET_OPTIONS)
  if (await isReadable(session, table)) {
    yield* rowsOf(session, table)
    return
  }
  const folder = await workFolder(tempDir, 'ingest')
  try {
    const copy = join(folder, 'untyped')
    await copyUntyped(path, copy)
    yield* rowsOf(session, await tableOf(session, copy, UNTYPED_OPTIONS))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Table {
  readonly file: string
  readonly options: string
  readonly columns: readonly ImportedColumn[]
  /** As the engine has them. */
  readonly names: readonly string[]
  readonly types: readonly string[]
}

async function tableOf(session: SqlSession, path: string, options: string): Promise<Table> {
  const file = fileList([path])
  const described = await allRows(
    session,
    `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(${file}, ${options}))`,
  )
  const columns = importedColumns(described.map(([name]) => String(name)))
  const names = described.map(([name]) => `"${String(name).replaceAll('"', '""')}"`)
  return { file, options, columns, names, types: described.map(([, type]) => String(type)) }
}

/** Each value is, before any is imported. */
async function isReadable(session: SqlSession, { file, options, names }: Table): Promise<boolean> {
  try {
    await session.run([`SELECT bit_xor(hash(${names.join(', ')})) FROM read_parquet(${file}, ${options})`])
    return true
  } catch (error) {
    if (!isInputFault(error)) throw error
    return false
  }
}

async function* rowsOf(session: SqlSession, table: Table): AsyncGenerator<readonly ParquetRow[]> {
  const { file, options, columns, names, types } = table
  const cells = types.map((type, at) => cellOf(String(names[at]), type))
  const faults = cells.flatMap(({ sql, name, isNo }, at) =>
    isNo === undefined
      ? []
      : `CASE WHEN ${name} IS NOT NULL AND ${sql} IS NULL THEN 'Column ${at + 1} is ${isNo}' END`,
  )
  const query = `SELECT file_row_number, coalesce(${[...faults, 'NULL'].join(', ')}), ${cells.map(({ sql }) => sql).join(', ')}
    FROM read_parquet(${file}, file_row_number = true, ${options})`
  for await (const rows of session.rows(query)) yield rows.map((row) => rowOf(columns, row))
}

interface SqlCell {
  readonly name: string
  readonly sql: string
  /** What a value is not for which that is null. */
  readonly isNo?: string
}

function cellOf(name: string, type: string): SqlCell {
  if (IS_PLAIN.test(type)) return { name, sql: name }
  if (IS_TIME.test(type)) return { name, sql: `TRY(epoch_ms(${name}))`, isNo: 'no time that there is' }
  if (type === 'BLOB') return { name, sql: `TRY(decode(${name}))`, isNo: 'not UTF-8' }
  if (IS_FRACTION.test(type)) return { name, sql: `CAST(${name} AS DOUBLE)` }
  return { name, sql: `CAST(${IS_NESTED.test(type) ? `to_json(${name})` : name} AS VARCHAR)` }
}

function rowOf(
  columns: readonly ImportedColumn[],
  [number, fault, ...cells]: readonly SqlValue[],
): ParquetRow {
  // A whole number that is too large to be exact is one as a text.
  const values = cells.map((cell) => (typeof cell === 'bigint' ? String(cell) : cell))
  return {
    number: Number(number) + 1,
    bytes: rowLine(columns, values),
    fault: typeof fault === 'string' ? fault : undefined,
  }
}
