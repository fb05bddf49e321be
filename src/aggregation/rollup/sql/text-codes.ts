import { quote } from '../../ingest/duckdb/sql-text.ts'
import type { DimensionSet } from '../model/definition.ts'
import { dimensionTexts, UNKNOWN } from './dimension-sql.ts'

/**
 * Texts of a column that have codes, at most: so many fit into codes of two bytes, and into any memory. What has more is
 * grouped by its texts.
 */
const MAX_CODES = 65_000

/** The table `texts`: what columns of `kept` may say, all of it and more. A `DISTINCT` without a filter reads dictionaries. */
export function collectTexts(sets: readonly DimensionSet[]): string {
  const queries: Readonly<Record<string, readonly string[]>> = {
    app: ['SELECT DISTINCT app_id AS v FROM events'],
    name: ['SELECT DISTINCT name AS v FROM events'],
    unit: ['SELECT DISTINCT unit AS v FROM events'],
    ...dimensionTexts(sets),
  }
  const texts = Object.entries(queries).map(
    ([column, each]) => `SELECT ${quote(column)} AS c, v FROM (${each.join(' UNION ALL ')}) q`,
  )
  return `CREATE OR REPLACE TEMP TABLE texts AS ${texts.join(' UNION ALL ')}`
}

/** Columns whose texts can have codes: not with a NUL, for which DuckDB's parser ends a text of an ENUM. */
export const CODED_COLUMNS = `SELECT c FROM texts GROUP BY c
  HAVING COUNT(*) <= ${MAX_CODES} AND NOT COALESCE(BOOL_OR(contains(v, chr(0))), false) ORDER BY c`

const typeOf = (column: string) => `code_${column}`

/** Statements, in order, that make the type of a column's codes, in the order of their texts. */
export const makeCodes = (column: string): readonly string[] => [
  `DROP TYPE IF EXISTS ${typeOf(column)}`,
  `CREATE TYPE ${typeOf(column)} AS ENUM (SELECT v FROM (
    SELECT v FROM texts WHERE c = ${quote(column)} AND v IS NOT NULL UNION SELECT ${quote(UNKNOWN)}) q ORDER BY v)`,
]

/** The text of a column as its code. */
export const codeOf = (column: string, text: string): string => `CAST(${text} AS ${typeOf(column)})`
