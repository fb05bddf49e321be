import { MAX_VALUE, MAX_WEIGHT } from '../../../event/schema/event.ts'
import { LEDGER_NAME } from '../../../event/schema/ledger-event.ts'
import { quote } from '../../ingest/duckdb/sql-text.ts'
import { type DimensionSet, OTHER, ROW_VERSION, type RollupDefinition } from '../model/definition.ts'
import { EPSILON_SQL, K_SQL, MICROS, WEIGHT_UNIT, ZERO_BELOW_SQL, ZERO_BUCKET } from '../model/measure.ts'
import { MAX_UNITS } from '../model/units.ts'
import { dimensionColumns, dimensionFields, setValue, UNKNOWN, whereApplies } from './dimension-sql.ts'

/** Where databases differ. All else is common text: no alias shadowing, no TIMESTAMP, no ROUND, no sum of doubles. */
export interface SqlDialect {
  readonly double: string
  /** `b:bw,…` in bucket order, from the columns b and bw of a group. */
  readonly pack: string
  isNaN(expression: string): string
  /** The attribute of an event as text; NULL where it has none. */
  attribute(name: string): string
  /** A hash of 32 bits or more as a non-negative BIGINT. It differs between engines: no result may depend on it. */
  hash(columns: readonly string[]): string
  createTable(name: string, query: string): string
}

/** What is computed, from the rows of the relation `events`, which has the event's columns. */
export interface RollupQuery {
  readonly definition: Pick<RollupDefinition, 'sets' | 'bots' | 'maxMetrics' | 'maxValues'>
  readonly fromMs: number
  readonly toMs: number
  readonly lateAfterMs: number
}

/** What the gateways tell of themselves is no measurement. A row without a name is one, though not a valid one. */
const MEASUREMENTS = `(SELECT * FROM events WHERE COALESCE(name, '') <> ${quote(LEDGER_NAME)}) measurements`

/** Rows by outcome: `kept`, `outside`, `not_a_number`, `negative`, `out_of_range`, `bot` or `soft_navigation`. */
export function outcomes(dialect: SqlDialect, query: RollupQuery): string {
  return `SELECT outcome, COUNT(*) FROM (SELECT ${outcomeOf(dialect, query)} AS outcome FROM ${MEASUREMENTS}) q GROUP BY outcome`
}

/**
 * Statements, in order, that leave each event of the window once in the table `kept`. Of several deliveries of one
 * event_id the first counts, of several values of one measurement_id the last. Only rows whose hashes occur twice are
 * looked at closely: a collision costs time, never a row.
 */
export function keepOnce(dialect: SqlDialect, query: RollupQuery): readonly string[] {
  const dimensions = dimensionColumns(query.definition.sets)
  const kept = ['app', 'name', 'unit', 'w', 'micros', 'b', 'received_time', ...dimensions]
  const hashes = ['event_hash', 'measurement_hash']
  const judged = [...kept, 'event_id', 'event_time', 'measurement_id']
  const suspicious = hashes.map((hash) => `${hash} IN (SELECT h FROM repeated_${hash})`).join(' OR ')
  // Every column on which a row's contribution depends: rows that tie are the same.
  const contribution = ['event_time', 'name', 'unit', 'w', 'micros', 'b', 'measurement_id', ...dimensions]
  return [
    dialect.createTable('kept', valid(dialect, query, [...kept, ...hashes])),
    ...hashes.map((hash) => dialect.createTable(`repeated_${hash}`, seenTwice(hash))),
    dialect.createTable(
      'suspects',
      `SELECT ${judged.join(', ')} FROM (${valid(dialect, query, [...judged, ...hashes])}) q WHERE ${suspicious}`,
    ),
    dialect.createTable(
      'delivered',
      firstOf('suspects', judged, { of: ['app', 'event_id'], by: ['received_time', ...contribution] }),
    ),
    dialect.createTable(
      'latest',
      `SELECT ${judged.join(', ')} FROM delivered WHERE measurement_id = '' UNION ALL
      SELECT ${judged.join(', ')} FROM (${firstOf(
        "(SELECT * FROM delivered WHERE measurement_id <> '') q",
        judged,
        {
          of: ['app', 'name', 'measurement_id'],
          by: ['event_time DESC', 'received_time DESC', 'event_id DESC'],
        },
      )}) r`,
    ),
    `DELETE FROM kept WHERE ${suspicious}`,
    `INSERT INTO kept (${kept.join(', ')}) SELECT ${kept.join(', ')} FROM latest`,
  ]
}

/** One row: repeated deliveries, values replaced by later ones, rows kept, and those of them that came late. */
export function keptCounts({ lateAfterMs }: RollupQuery): string {
  return `SELECT (SELECT COUNT(*) FROM suspects) - (SELECT COUNT(*) FROM delivered),
    (SELECT COUNT(*) FROM delivered) - (SELECT COUNT(*) FROM latest), COUNT(*),
    COALESCE(SUM(CASE WHEN received_time >= ${lateAfterMs} THEN 1 ELSE 0 END), 0) FROM kept`
}

/**
 * Statements, in order, that turn `kept` into `measured`: the same rows under the names of their groups, which are those of
 * metrics within the limit, and for each of the units within its own.
 */
export function nameGroups(dialect: SqlDialect, { definition }: RollupQuery): readonly string[] {
  const named = `(SELECT k.*, CASE WHEN m.app IS NULL THEN '${OTHER}' ELSE k.name END AS metric FROM kept k
    LEFT JOIN top_metrics m ON m.app = k.app AND m.name = k.name)`
  const columns = ['w', 'micros', 'b', ...dimensionColumns(definition.sets)]
  return [
    dialect.createTable(
      'top_metrics',
      withinLimit('kept', { of: ['app'], column: 'name', limit: definition.maxMetrics }),
    ),
    dialect.createTable(
      'top_units',
      withinLimit(`${named} q`, { of: ['app', 'metric'], column: 'unit', limit: MAX_UNITS }),
    ),
    dialect.createTable(
      'measured',
      `SELECT k.app, k.metric, CASE WHEN u.app IS NULL THEN '${OTHER}' ELSE k.unit END AS unit,
        ${columns.map((column) => `k.${column}`).join(', ')}
      FROM ${named} k LEFT JOIN top_units u ON u.app = k.app AND u.metric = k.metric AND u.unit = k.unit`,
    ),
    'DROP TABLE kept',
  ]
}

/** The table `top_values`: values of the set within the limit, by rows. */
export function rankValues(dialect: SqlDialect, { definition }: RollupQuery, set: DimensionSet): string {
  const values = `(SELECT app, ${setValue(definition.sets, set)} AS value FROM measured${whereApplies(set)}) q`
  return dialect.createTable(
    'top_values',
    withinLimit(values, { of: ['app'], column: 'value', limit: definition.maxValues }),
  )
}

export interface SetPart {
  readonly set: DimensionSet
  readonly chunk: number
  readonly chunks: number
}

/** The rows of one set, or of one of `chunks` parts of them. */
export function rollupRows(dialect: SqlDialect, query: RollupQuery, { set, chunk, chunks }: SetPart): string {
  const group = 'app, metric, unit, value'
  const part = chunks > 1 ? `WHERE MOD(${dialect.hash(group.split(', '))}, ${chunks}) = ${chunk}` : ''
  return `WITH named AS (
    SELECT k.app, k.metric, k.unit, k.w, k.micros, k.b,
      CASE WHEN t.app IS NULL THEN '${OTHER}' ELSE k.value END AS value
    FROM (SELECT app, metric, unit, w, micros, b, ${setValue(query.definition.sets, set)} AS value FROM measured${whereApplies(set)}) k
    LEFT JOIN top_values t ON t.app = k.app AND t.value = k.value
  ), buckets AS (
    SELECT ${group}, b, CAST(SUM(w) AS BIGINT) AS bw, COUNT(*) AS bn,
      SUM(CAST(micros AS DECIMAL(28,0)) * CAST(w AS DECIMAL(10,0))) AS bs, SUM(CAST(w * w AS DECIMAL(19,0))) AS bq,
      MIN(micros) AS bmin, MAX(micros) AS bmax
    FROM named ${part} GROUP BY ${group}, b
  )
  SELECT ${ROW_VERSION} AS v, app, metric, unit, ${quote(set.name)} AS "set", value,
    CAST(SUM(bw) AS BIGINT) AS n, CAST(SUM(bn) AS BIGINT) AS "rows", CAST(SUM(bs) AS DECIMAL(38,0)) AS "sum",
    CAST(SUM(bq) AS DECIMAL(38,0)) AS squares, MIN(bmin) AS min_micros, MAX(bmax) AS max_micros, ${dialect.pack} AS h
  FROM buckets GROUP BY ${group}`
}

/** As web-vitals spells it, with hyphens or underscores. */
const SOFT_NAVIGATIONS = ['soft-navigation', 'soft_navigation'].map(quote).join(', ')

/**
 * Rows with a value that are counted apart. Crawlers and monitors wait for nothing as people do. A navigation within a page
 * has no first byte: its TTFB is 0 by definition, and as fast as nothing else is.
 * https://github.com/GoogleChrome/web-vitals#report-metrics-for-soft-navigations
 */
const countedApart = (bots: RollupDefinition['bots']) =>
  `${bots === 'exclude' ? "WHEN device_type = 'bot' THEN 'bot'" : ''}
      WHEN name = 'browser.web_vital.ttfb' AND navigation_type IN (${SOFT_NAVIGATIONS}) THEN 'soft_navigation'`

/** NaN compares in its own way in each engine, so it is asked for by name and first. */
function outcomeOf(dialect: SqlDialect, { definition, fromMs, toMs }: RollupQuery): string {
  const value = `CAST(value AS ${dialect.double})`
  const missing = ['app_id', 'event_id', 'name', 'value'].map((name) => `${name} IS NULL`).join(' OR ')
  return `CASE WHEN event_time >= ${fromMs} AND event_time < ${toMs} THEN
    CASE WHEN ${missing} OR ${dialect.isNaN(value)} THEN 'not_a_number'
      WHEN ${value} < 0 THEN 'negative' WHEN ${value} > ${MAX_VALUE} THEN 'out_of_range'
      ${countedApart(definition.bots)} ELSE 'kept' END
    ELSE 'outside' END`
}

/** The window's rows with a usable value. No column is NULL, which sorts first in some engines and last in others. */
function valid(dialect: SqlDialect, query: RollupQuery, fields: readonly string[]): string {
  const { fromMs, toMs } = query
  const columns: Readonly<Record<string, string>> = {
    app: 'app_id',
    unit: `COALESCE(NULLIF(unit, ''), '${UNKNOWN}')`,
    w: `CAST(GREATEST(FLOOR(${weightIn(dialect)} * ${WEIGHT_UNIT} + 5E-1), 1) AS BIGINT)`,
    micros: `CAST(FLOOR(CAST(value AS ${dialect.double}) * ${MICROS} + 5E-1) AS BIGINT)`,
    b: bucketOf(`CAST(value AS ${dialect.double})`),
    received_time: 'COALESCE(received_time, 0)',
    measurement_id: "COALESCE(measurement_id, '')",
    event_hash: dialect.hash(['app_id', 'event_id']),
    measurement_hash: `CASE WHEN measurement_id <> '' THEN ${dialect.hash(['app_id', 'name', 'measurement_id'])} END`,
    ...dimensionFields(query.definition.sets, dialect.attribute),
  }
  return `SELECT ${fields.map((field) => `${columns[field] ?? field} AS ${field}`).join(', ')} FROM ${MEASUREMENTS}
    WHERE event_time >= ${fromMs} AND event_time < ${toMs} AND ${outcomeOf(dialect, query)} = 'kept'`
}

/**
 * What is no weight, as only others write it, stands for the one row that it is. The largest w is therefore 10⁹, which has
 * ten digits, and its square is 10¹⁸: Σ micros·w ≤ 10¹⁸ · Σ w fits DECIMAL(38,0) for as many rows
 * as Σ w fits its BIGINT, which are 9.2 · 10⁹ of the largest weight, or ten million a second for a quarter of an hour.
 */
function weightIn(dialect: SqlDialect): string {
  const weight = `CAST(weight AS ${dialect.double})`
  const isNone = `${dialect.isNaN(weight)} OR ${weight} <= 0 OR ${weight} > ${MAX_WEIGHT}`
  return `CASE WHEN ${isNone} THEN 1 ELSE COALESCE(${weight}, 1) END`
}

/** GREATEST keeps engines that compute both arms of a CASE from ln(0). */
const bucketOf = (value: string) => `CASE WHEN ${value} < ${ZERO_BELOW_SQL} THEN ${ZERO_BUCKET}
    ELSE CAST(CEIL(LN(GREATEST(${value}, ${ZERO_BELOW_SQL})) * ${K_SQL} - ${EPSILON_SQL}) AS INTEGER) END`

const seenTwice = (hash: string) =>
  `SELECT ${hash} AS h FROM kept WHERE ${hash} IS NOT NULL GROUP BY ${hash} HAVING COUNT(*) > 1`

function firstOf(
  table: string,
  fields: readonly string[],
  { of, by }: { readonly of: readonly string[]; readonly by: readonly string[] },
): string {
  return `SELECT ${fields.join(', ')} FROM (
    SELECT ${fields.join(', ')}, ROW_NUMBER() OVER (PARTITION BY ${of.join(', ')} ORDER BY ${by.join(', ')}) AS place
    FROM ${table}) ranked WHERE place = 1`
}

interface Limited {
  /** Each of these has so many of the column. */
  readonly of: readonly string[]
  readonly column: string
  readonly limit: number
}

/**
 * What an app, or a metric of it, has most of, by rows; of equals the first in order. Joined with what is within the limit,
 * and not with all that is beyond, whoever makes names up makes no table that has to be held in memory.
 */
function withinLimit(table: string, { of, column, limit }: Limited): string {
  const [owner, group] = [of.join(', '), [...of, column].join(', ')]
  return `SELECT ${group} FROM (
    SELECT ${group}, ROW_NUMBER() OVER (PARTITION BY ${owner} ORDER BY COUNT(*) DESC, ${column}) AS place
    FROM ${table} GROUP BY ${group}) ranked WHERE place <= ${limit}`
}
