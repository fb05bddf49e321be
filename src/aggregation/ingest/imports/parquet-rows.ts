import { allRows, type SqlSession, type SqlValue } from '../duckdb/sql-session.ts'
import { fileList, PARQUET_OPTIONS } from '../duckdb/sql-text.ts'
import { type ImportedColumn, importedColumns, rowLine } from './imported-columns.ts'

const IS_PLAIN = /^(BOOLEAN|U?(TINY|SMALL|BIG)INT|U?INTEGER|DOUBLE|FLOAT|VARCHAR)$/
const IS_DECIMAL = /^DECIMAL/
/** A time without a zone is one of UTC. */
const IS_TIME = /^(TIMESTAMP|DATE)/

/** A row as a line of JSON, and its number, from 1. */
export interface ParquetRow {
  readonly number: number
  readonly bytes: Buffer
}

/** The rows of a Parquet file, in chunks. Their order may differ each time, their numbers do not. */
export async function* parquetRows(session: SqlSession, path: string): AsyncGenerator<readonly ParquetRow[]> {
  const file = fileList([path])
  const described = await allRows(
    session,
    `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(${file}, ${PARQUET_OPTIONS}))`,
  )
  const columns = importedColumns(described.map(([name]) => String(name)))
  const cells = described.map(([name, type]) =>
    cellOf(`"${String(name).replaceAll('"', '""')}"`, String(type)),
  )
  const query = `SELECT file_row_number, ${cells.join(', ')}
    FROM read_parquet(${file}, file_row_number = true, ${PARQUET_OPTIONS})`
  for await (const rows of session.rows(query)) yield rows.map((row) => rowOf(columns, row))
}

function cellOf(name: string, type: string): string {
  if (IS_TIME.test(type)) return `epoch_ms(${name})`
  if (IS_DECIMAL.test(type)) return `CAST(${name} AS DOUBLE)`
  return IS_PLAIN.test(type) ? name : `CAST(to_json(${name}) AS VARCHAR)`
}

function rowOf(columns: readonly ImportedColumn[], [number, ...cells]: readonly SqlValue[]): ParquetRow {
  // A whole number that is too large to be exact is one as a text.
  const values = cells.map((cell) => (typeof cell === 'bigint' ? String(cell) : cell))
  return { number: Number(number) + 1, bytes: rowLine(columns, values) }
}
