import { quote } from '../../ingest/duckdb/sql-text.ts'
import { type DimensionSet, OTHER, ROW_VERSION } from '../model/definition.ts'
import { applies, setValue } from './dimension-sql.ts'
import type { RollupQuery, SqlDialect } from './sql-dialect.ts'

export interface FewRows {
  /** The table, or the query, of what is measured. */
  readonly measured: string
  /** There may be more values of a set than are kept. */
  readonly isRanked: boolean
}

/**
 * The rows of all sets in one query: of few rows it costs less to take each once a set than to plan a dozen queries a set.
 */
export function rowsOfAllSets(
  dialect: SqlDialect,
  query: RollupQuery,
  { measured, isRanked }: FewRows,
): string {
  const { sets, maxValues } = query.definition
  const each = dialect.forEach(sets.map((set) => ({ name: quote(set.name), value: valueIn(sets, set) })))
  const group = 'app, metric, unit, "set", value'
  const said = `SELECT app, metric, unit, of_set.name AS "set", of_set.value AS value, w, micros, b
    FROM (SELECT app, metric, unit, w, micros, b, ${each} AS of_set FROM ${measured} q) q WHERE of_set.value IS NOT NULL`
  const ranked = `, ranked AS (
    SELECT "set", app, value, ROW_NUMBER() OVER (PARTITION BY "set", app ORDER BY COUNT(*) DESC, value) AS place
    FROM said GROUP BY "set", app, value
  ), named AS (
    SELECT k.app, k.metric, k.unit, k."set", CASE WHEN r.place > ${maxValues} THEN '${OTHER}' ELSE k.value END AS value, w, micros, b
    FROM said k JOIN ranked r ON r."set" = k."set" AND r.app = k.app AND r.value = k.value
  )`
  return `WITH said AS (${said})${isRanked ? ranked : ''}, buckets AS (
    SELECT ${group}, b, CAST(SUM(w) AS BIGINT) AS bw, COUNT(*) AS bn, SUM(CAST(micros AS ${dialect.wide}) * w) AS bs,
      SUM(CAST(w AS ${dialect.wide}) * w) AS bq, MIN(micros) AS bmin, MAX(micros) AS bmax
    FROM ${isRanked ? 'named' : 'said'} GROUP BY ${group}, b
  )
  SELECT ${ROW_VERSION} AS v, ${group}, CAST(SUM(bw) AS BIGINT) AS n, CAST(SUM(bn) AS BIGINT) AS "rows",
    CAST(SUM(bs) AS DECIMAL(38,0)) AS "sum", CAST(SUM(bq) AS DECIMAL(38,0)) AS squares,
    MIN(bmin) AS min_micros, MAX(bmax) AS max_micros, ${dialect.pack} AS h
  FROM buckets GROUP BY ${group}`
}

/** NULL where the set is not kept of the row's metric. */
function valueIn(sets: readonly DimensionSet[], set: DimensionSet): string {
  const condition = applies(set)
  const value = setValue(sets, set)
  return condition === undefined ? value : `CASE WHEN ${condition} THEN ${value} END`
}
