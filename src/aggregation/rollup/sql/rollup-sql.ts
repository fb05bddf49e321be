import { quote } from '../../ingest/duckdb/sql-text.ts'
import { type DimensionSet, OTHER, ROW_VERSION } from '../model/definition.ts'
import { MAX_UNITS } from '../model/units.ts'
import { dimensionColumns, setColumns, setValue, whereApplies } from './dimension-sql.ts'
import type { RollupQuery, SqlDialect } from './sql-dialect.ts'

const text = (column: string) => `CAST(${column} AS VARCHAR) AS ${column}`

/** How many apps of `kept` have more metrics, or a metric of more units, than are kept. */
export const beyondLimits = ({ definition: { maxMetrics } }: RollupQuery): string =>
  `SELECT COUNT(*) FROM (SELECT app FROM (
      SELECT app, name, COUNT(*) AS units FROM (SELECT DISTINCT app, name, unit FROM kept) series GROUP BY app, name
    ) metrics GROUP BY app HAVING COUNT(*) > ${maxMetrics} OR MAX(units) > ${MAX_UNITS}) q`

/** What is measured, where everything is within the limits. */
export const MEASURED = '(SELECT k.*, k.name AS metric FROM kept k)'

/**
 * Statements, in order, that turn `kept` into `measured`: the same rows under the names of their groups, which are those of
 * metrics within the limit, and for each of the units within its own.
 */
export function nameGroups(dialect: SqlDialect, { definition }: RollupQuery): readonly string[] {
  const named = (
    table: string,
  ) => `(SELECT k.*, CASE WHEN m.app IS NULL THEN '${OTHER}' ELSE k.name END AS metric FROM ${table} k
    LEFT JOIN top_metrics m ON m.app = k.app AND m.name = k.name)`
  const columns = ['w', 'micros', 'b', ...dimensionColumns(definition.sets)]
  return [
    dialect.createTable(
      'series',
      `SELECT ${['app', 'name', 'unit'].map(text).join(', ')}, n
      FROM (SELECT app, name, unit, COUNT(*) AS n FROM kept GROUP BY app, name, unit) q`,
    ),
    dialect.createTable(
      'top_metrics',
      withinLimit('series', { of: ['app'], column: 'name', limit: definition.maxMetrics }),
    ),
    dialect.createTable(
      'top_units',
      withinLimit(`${named('series')} q`, { of: ['app', 'metric'], column: 'unit', limit: MAX_UNITS }),
    ),
    dialect.createTable(
      'measured',
      `SELECT k.app, k.metric, CASE WHEN u.app IS NULL THEN '${OTHER}' ELSE k.unit END AS unit, ${columns.map((column) => `k.${column}`).join(', ')}
      FROM ${named('kept')} k LEFT JOIN top_units u ON u.app = k.app AND u.metric = k.metric AND u.unit = k.unit`,
    ),
    'DROP TABLE kept',
  ]
}

/** A set, and the table of its buckets. */
export interface SetTable {
  readonly set: DimensionSet
  readonly table: string
}

/** What buckets are counted from: rows, or buckets of a finer set. */
export interface BucketSource {
  readonly table: string
  readonly isOfBuckets: boolean
}

const SERIES = ['app', 'metric', 'unit']

/**
 * Makes that table: rows by group, bucket and weight. So no number is multiplied row by row, and what has few values is
 * added up from what has many.
 */
export function countBuckets(
  dialect: SqlDialect,
  { definition: { sets } }: RollupQuery,
  { table, set, source }: SetTable & { readonly source: BucketSource },
): string {
  const group = [...SERIES, ...setColumns(sets, set), 'b', 'w'].join(', ')
  const counted = source.isOfBuckets
    ? 'CAST(SUM(bn) AS BIGINT) AS bn, SUM(bs) AS bs, MIN(bmin) AS bmin, MAX(bmax) AS bmax'
    : `COUNT(*) AS bn, ${dialect.sum('micros')} AS bs, MIN(micros) AS bmin, MAX(micros) AS bmax`
  return dialect.createTable(
    table,
    `SELECT ${group}, ${counted} FROM ${source.table} q${whereApplies(set)} GROUP BY ${group}`,
  )
}

/** The table `set_values`: values of the set by the columns of their buckets, and as texts, with their rows. */
export function countValues(dialect: SqlDialect, query: RollupQuery, { table, set }: SetTable): string {
  const { sets } = query.definition
  const columns = ['app', ...setColumns(sets, set)].join(', ')
  return dialect.createTable(
    'set_values',
    `SELECT ${columns}, CAST(app AS VARCHAR) AS owner, ${setValue(sets, set)} AS value, n
    FROM (SELECT ${columns}, SUM(bn) AS n FROM ${table} GROUP BY ${columns}) q`,
  )
}

/** How many apps have more values than are kept, or one that is written in two ways, such as `a | b` and `c`. */
export const beyondValues = ({ definition: { maxValues } }: RollupQuery): string =>
  `SELECT COUNT(*) FROM (SELECT owner FROM set_values GROUP BY owner
    HAVING COUNT(*) > ${maxValues} OR COUNT(*) > COUNT(DISTINCT value)) q`

/**
 * Statements, in order, that make the tables `top_values`: those of the set within the limit, by rows, each with its place,
 * and `places`: of which of them the columns of a bucket tell, 0 for none. A value that is called so has its place and is
 * added to what has none.
 */
export function rankValues(dialect: SqlDialect, query: RollupQuery, set: DimensionSet): readonly string[] {
  const { sets, maxValues } = query.definition
  const columns = ['app', ...setColumns(sets, set)].map((column) => `s.${column}`).join(', ')
  return [
    dialect.createTable(
      'top_values',
      withinLimit('set_values', { of: ['owner'], column: 'value', limit: maxValues }),
    ),
    dialect.createTable(
      'places',
      `SELECT ${columns}, CASE WHEN s.value = '${OTHER}' THEN 0 ELSE COALESCE(t.place, 0) END AS place FROM set_values s
      LEFT JOIN top_values t ON t.owner = s.owner AND t.value = s.value`,
    ),
  ]
}

export interface SetPart extends SetTable {
  /** Values are those of `top_values`, and `~other`; else what their columns say. */
  readonly isRanked: boolean
  /** All rows have one weight. */
  readonly isOfOneWeight: boolean
  readonly chunk: number
  readonly chunks: number
}

/** The rows of one set, or of one of `chunks` parts of them. */
export function rollupRows(dialect: SqlDialect, query: RollupQuery, part: SetPart): string {
  const { set, isRanked } = part
  const { sets } = query.definition
  const columns = groupOf(sets, part).join(', ')
  return `SELECT ${ROW_VERSION} AS v, ${SERIES.map(text).join(', ')}, ${quote(set.name)} AS "set",
    ${isRanked ? `COALESCE(t.value, '${OTHER}')` : setValue(sets, set)} AS value,
    n, "rows", "sum", squares, min_micros, max_micros, h
  FROM (SELECT ${columns}, CAST(SUM(bw) AS BIGINT) AS n, CAST(SUM(bn) AS BIGINT) AS "rows", CAST(SUM(bs) AS DECIMAL(38,0)) AS "sum",
    CAST(SUM(bq) AS DECIMAL(38,0)) AS squares, MIN(bmin) AS min_micros, MAX(bmax) AS max_micros, ${dialect.pack} AS h
  FROM (${bucketsOf(dialect, query, part)}) buckets GROUP BY ${columns}) packed
  ${isRanked ? 'LEFT JOIN (SELECT owner, place AS at, value FROM top_values) t ON t.owner = app AND t.at = place' : ''}`
}

const groupOf = (sets: readonly DimensionSet[], { set, isRanked }: SetPart) => [
  ...SERIES,
  ...(isRanked ? ['place'] : setColumns(sets, set)),
]

/** Each bucket of a group once, with its numbers multiplied by the weight. */
function bucketsOf(dialect: SqlDialect, { definition: { sets } }: RollupQuery, part: SetPart): string {
  const group = groupOf(sets, part)
  const { set, table, chunk, chunks, isRanked, isOfOneWeight } = part
  const columns = group.join(', ')
  const where = chunks > 1 ? ` WHERE MOD(${dialect.hash(group)}, ${chunks}) = ${chunk}` : ''
  const weighed = `SELECT ${columns}, b, bn, bn * w AS bw, bs * CAST(w AS ${dialect.wide}) AS bs,
      CAST(w AS ${dialect.wide}) * w * bn AS bq, bmin, bmax
    FROM ${isRanked ? placed(table, ['app', ...setColumns(sets, set)]) : table} q${where}`
  if (isOfOneWeight && !isRanked) return weighed
  return `SELECT ${columns}, b, CAST(SUM(bn) AS BIGINT) AS bn, CAST(SUM(bw) AS BIGINT) AS bw, SUM(bs) AS bs, SUM(bq) AS bq,
    MIN(bmin) AS bmin, MAX(bmax) AS bmax FROM (${weighed}) q GROUP BY ${columns}, b`
}

const placed = (table: string, columns: readonly string[]) =>
  `(SELECT c.*, p.place FROM ${table} c
    JOIN places p ON ${columns.map((column) => `p.${column} = c.${column}`).join(' AND ')})`

interface Limited {
  /** Each of these has so many of the column. */
  readonly of: readonly string[]
  readonly column: string
  readonly limit: number
}

/**
 * What an app, or a metric of it, has most of, by its rows `n`; of equals the first in order. Joined with what is within the limit,
 * and not with all that is beyond, whoever makes names up makes no table that has to be held in memory.
 */
function withinLimit(table: string, { of, column, limit }: Limited): string {
  const [owner, group] = [of.join(', '), [...of, column].join(', ')]
  return `SELECT ${group}, place FROM (
    SELECT ${group}, ROW_NUMBER() OVER (PARTITION BY ${owner} ORDER BY SUM(n) DESC, ${column}) AS place
    FROM ${table} GROUP BY ${group}) ranked WHERE place <= ${limit}`
}
