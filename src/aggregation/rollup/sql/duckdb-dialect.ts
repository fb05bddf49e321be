import type { ColumnName } from '../../../event/schema/event.ts'
import { eventRows } from '../../ingest/compact/event-sql.ts'
import { attributeField } from '../../ingest/compact/text-bounds.ts'
import { fileList, quote, readParquet } from '../../ingest/duckdb/sql-text.ts'
import type { SqlDialect } from './sql-dialect.ts'
import { codeOf } from './text-codes.ts'

/** A list is sorted where it lies: an aggregate with an order of its own takes half as long again. */
const SORTED_BUCKETS = "list_sort(list({'b': b, 'w': bw}))"

/** With codes for the texts of these columns of `kept`, whose types are there. */
export const duckdbDialect = (coded: ReadonlySet<string> = new Set()): SqlDialect => ({
  double: 'DOUBLE',
  wide: 'HUGEINT',
  pack: `array_to_string(list_transform(${SORTED_BUCKETS}, lambda x: concat(x.b, ':', x.w)), ',')`,
  isNaN: (expression) => `isnan(${expression})`,
  attribute: attributeField,
  code: (column, text) => (coded.has(column) ? codeOf(column, text) : text),
  sum: (column) => `SUM(${column})`,
  hash: (columns) => `CAST(hash(${columns.join(', ')}) >> 1 AS BIGINT)`,
  forEach: (structs) => `unnest([${structs.map(structOf).join(', ')}])`,
  createTable: (name, query) => `CREATE OR REPLACE TEMP TABLE ${name} AS ${query}`,
})

const structOf = (fields: Readonly<Record<string, string>>) =>
  `{${Object.entries(fields)
    .map(([name, value]) => `'${name}': ${value}`)
    .join(', ')}}`

/** The relation `events` over these files, with these columns. */
export const eventsIn = (files: readonly string[], columns: readonly ColumnName[]): string =>
  `CREATE OR REPLACE TEMP VIEW events AS ${eventRows(files, columns)}`

/** How many rows are in them. */
export const rowsIn = (files: readonly string[]): string =>
  `SELECT SUM(num_rows) FROM parquet_file_metadata(${fileList(files)})`

/** Statements that make `events` a copy of these columns: a query of files takes a while to plan, however few rows they have. */
export const copiedEvents = (files: readonly string[], columns: readonly ColumnName[]): readonly string[] => [
  `CREATE OR REPLACE TEMP TABLE few_events AS ${eventRows(files, columns)}`,
  'CREATE OR REPLACE TEMP VIEW events AS SELECT * FROM few_events',
]

export function copyRows(query: string, target: string): string {
  return `COPY (${query}) TO ${quote(target)} (FORMAT parquet, COMPRESSION zstd)`
}

/** What rows are called by, as JSON, and their numbers and histograms: none of that holds a blank that is not escaped. */
const FIELDS =
  'to_json([app, metric, unit, "set"]), to_json(value), n, "rows", "sum", squares, min_micros, max_micros, h'

/** Writes the rows of these files as lines of fields with tabs between them, in the order of the bytes of UTF-8, which is DuckDB's. */
export const writeSortedRows = (files: readonly string[], target: string): string =>
  `COPY (SELECT ${FIELDS} FROM ${readParquet(files)} ORDER BY app, metric, unit, "set", value)
    TO ${quote(target)} (FORMAT csv, HEADER false, DELIMITER '\t', QUOTE '', ESCAPE '')`
