import { quote } from '../../ingest/duckdb/sql-text.ts'
import { type DimensionSet, OTHER, ROW_VERSION } from '../model/definition.ts'
import { setValue, whereApplies } from './dimension-sql.ts'
import type { RollupQuery, SqlDialect } from './sql-dialect.ts'

/**
 * The rows of all sets in one query, from `measured`: of few rows it costs less to take each once a set than to plan a dozen
 * queries a set.
 */
export function rowsOfAllSets(dialect: SqlDialect, query: RollupQuery, measured: string): string {
  const { sets, maxValues } = query.definition
  const said = sets.map((set) => rowsOfSet(sets, set, measured)).join(' UNION ALL ')
  const group = 'app, metric, unit, "set", value'
  return `WITH said AS (${said}), ranked AS (
    SELECT "set", app, value, ROW_NUMBER() OVER (PARTITION BY "set", app ORDER BY COUNT(*) DESC, value) AS place
    FROM said GROUP BY "set", app, value
  ), named AS (
    SELECT k.app, k.metric, k.unit, k."set", CASE WHEN r.place > ${maxValues} THEN '${OTHER}' ELSE k.value END AS value, w, micros, b
    FROM said k JOIN ranked r ON r."set" = k."set" AND r.app = k.app AND r.value = k.value
  ), buckets AS (
    SELECT ${group}, b, CAST(SUM(w) AS BIGINT) AS bw, COUNT(*) AS bn, SUM(CAST(micros AS ${dialect.wide}) * w) AS bs,
      SUM(CAST(w AS ${dialect.wide}) * w) AS bq, MIN(micros) AS bmin, MAX(micros) AS bmax
    FROM named GROUP BY ${group}, b
  )
  SELECT ${ROW_VERSION} AS v, ${group}, CAST(SUM(bw) AS BIGINT) AS n, CAST(SUM(bn) AS BIGINT) AS "rows",
    CAST(SUM(bs) AS DECIMAL(38,0)) AS "sum", CAST(SUM(bq) AS DECIMAL(38,0)) AS squares,
    MIN(bmin) AS min_micros, MAX(bmax) AS max_micros, ${dialect.pack} AS h
  FROM buckets GROUP BY ${group}`
}

const rowsOfSet = (sets: readonly DimensionSet[], set: DimensionSet, measured: string) =>
  `SELECT app, metric, unit, ${quote(set.name)} AS "set", ${setValue(sets, set)} AS value, w, micros, b
    FROM ${measured} q${whereApplies(set)}`
