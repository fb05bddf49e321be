import { columnTypes } from '../../ingest/event-sql.ts'
import { fileList, quote } from '../../ingest/sql-text.ts'
import type { SqlDialect } from './rollup-sql.ts'

export const duckdbDialect: SqlDialect = {
  double: 'DOUBLE',
  pack: "string_agg(CAST(b AS VARCHAR) || ':' || CAST(bw AS VARCHAR), ',' ORDER BY b)",
  isNaN: (expression) => `isnan(${expression})`,
  hash: (columns) => `CAST(hash(${columns.join(', ')}) >> 1 AS BIGINT)`,
  createTable: (name, query) => `CREATE OR REPLACE TEMP TABLE ${name} AS ${query}`,
}

/** The relation `events` over these files. Columns that a file lacks are NULL, and ones that none has exist all the same. */
export function eventsIn(files: readonly string[]): string {
  const none = columnTypes.map(([name, type]) => `CAST(NULL AS ${type}) AS ${name}`).join(', ')
  return `CREATE OR REPLACE TEMP VIEW events AS SELECT * FROM (SELECT ${none}) q WHERE false
    UNION ALL BY NAME SELECT * FROM ${readParquet(files)}`
}

export function copyRows(query: string, target: string): string {
  return `COPY (${query}) TO ${quote(target)} (FORMAT parquet, COMPRESSION zstd)`
}

/** In the order of the bytes of UTF-8, which is DuckDB's. */
export function sortedRows(files: readonly string[]): string {
  return `SELECT app, metric, unit, "set", value, n, "rows", "sum", min_micros, max_micros, h
    FROM ${readParquet(files)} ORDER BY app, metric, "set", value`
}

const readParquet = (files: readonly string[]) =>
  `read_parquet(${fileList(files)}, union_by_name = true, hive_partitioning = false)`
