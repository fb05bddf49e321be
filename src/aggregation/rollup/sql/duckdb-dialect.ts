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
  createTable: (name, query) => `CREATE OR REPLACE TEMP TABLE ${name} AS ${query}`,
})

/** The relation `events` over these files. */
export const eventsIn = (files: readonly string[]): string =>
  `CREATE OR REPLACE TEMP VIEW events AS ${eventRows(files)}`

/** How many rows are in them. */
export const rowsIn = (files: readonly string[]): string =>
  `SELECT SUM(num_rows) FROM parquet_file_metadata(${fileList(files)})`

/** Statements that make `events` a copy of these columns: a query of files takes a while to plan, however few rows they have. */
export const copiedEvents = (files: readonly string[], columns: readonly string[]): readonly string[] => [
  `CREATE OR REPLACE TEMP TABLE few_events AS SELECT ${columns.join(', ')} FROM (${eventRows(files)}) q`,
  'CREATE OR REPLACE TEMP VIEW events AS SELECT * FROM few_events',
]

export function copyRows(query: string, target: string): string {
  return `COPY (${query}) TO ${quote(target)} (FORMAT parquet, COMPRESSION zstd)`
}

const KEY = 'app, metric, unit, "set", value'

/** Characters that DuckDB escapes with capital letters, such as `\u000B`, and JSON.stringify with small ones. */
const CAPITALS = [0x0b, 0x0e, 0x0f, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f]
  .map((code) => `chr(${code})`)
  .join(', ')
const ESCAPED = 'substring(CAST(to_json(c) AS VARCHAR), 2, length(CAST(to_json(c) AS VARCHAR)) - 2)'

/** A text as JSON.stringify writes it, whatever it holds: character by character. */
const stringified = (text: string) => `concat('"', array_to_string(list_transform(string_split(${text}, ''),
  lambda c: CASE WHEN c IN (${CAPITALS}) THEN lower(${ESCAPED}) ELSE ${ESCAPED} END), ''), '"')`

/** The rows of a window as `contentOf` hashes them, in the order of the bytes of UTF-8, which is DuckDB's. */
export function sortedLines(files: readonly string[]): string {
  const json = `to_json([${KEY}])`
  const texts = KEY.split(', ')
  return `SELECT concat(rtrim(key, ']'), ',"', n, '",', "rows", ',"', "sum", '","', squares, '","', min_micros, '","', max_micros,
      '","', h, '"]', chr(10)) AS line
    FROM (SELECT *, CASE WHEN contains(${json}, '\\u00') THEN concat('[', ${texts.map(stringified).join(", ',', ")}, ']')
      ELSE CAST(${json} AS VARCHAR) END AS key FROM ${readParquet(files)}) q ORDER BY ${KEY}`
}

/** How many rows are there more than once. */
export const repeatedRows = (files: readonly string[]): string =>
  `SELECT COUNT(*) FROM (SELECT 1 FROM ${readParquet(files)} GROUP BY ${KEY} HAVING COUNT(*) > 1) q`
