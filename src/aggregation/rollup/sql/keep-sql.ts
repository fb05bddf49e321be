import { type ColumnName, MAX_VALUE, MAX_WEIGHT } from '../../../event/schema/event.ts'
import { LEDGER_NAME } from '../../../event/schema/ledger-event.ts'
import { quote } from '../../ingest/duckdb/sql-text.ts'
import type { RollupDefinition } from '../model/definition.ts'
import { EPSILON_SQL, K_SQL, MICROS, WEIGHT_UNIT, ZERO_BELOW_SQL, ZERO_BUCKET } from '../model/measure.ts'
import { dimensionColumns, dimensionFields, dimensionSources, UNKNOWN } from './dimension-sql.ts'
import type { RollupQuery, SqlDialect } from './sql-dialect.ts'

/** What the gateways tell of themselves is no measurement. A row without a name is one, though not a valid one. */
export const MEASUREMENTS = `(SELECT * FROM events WHERE COALESCE(name, '') <> ${quote(LEDGER_NAME)}) measurements`

/** Rows by outcome: `kept`, `outside`, `not_a_number`, `negative`, `out_of_range`, `bot` or `soft_navigation`. */
export function outcomes(dialect: SqlDialect, query: RollupQuery): string {
  return `SELECT outcome, COUNT(*) FROM (SELECT ${outcomeOf(dialect, query)} AS outcome FROM ${MEASUREMENTS}) q GROUP BY outcome`
}

/** What is measured, of a row of `kept`. */
export const KEPT = ['app', 'name', 'unit', 'w', 'micros', 'b', 'late'] as const

const HASHES = ['event_hash', 'measurement_hash'] as const

/**
 * Statements, in order, that leave each event of the window once in the table `kept`. Of several deliveries of one
 * event_id the first counts, of several values of one measurement_id the last. Only rows whose hashes occur twice are
 * looked at closely: a collision costs time, never a row.
 */
export function keepOnce(dialect: SqlDialect, query: RollupQuery): readonly string[] {
  const kept = [...KEPT, ...dimensionColumns(query.definition.sets)]
  const suspicious = HASHES.map((hash) => `${hash} IN (SELECT h FROM repeated_${hash})`).join(' OR ')
  return [
    dialect.createTable(
      'kept',
      valid(dialect, query, {
        fields: [...kept, ...HASHES],
        table: MEASUREMENTS,
        code: (name, text) => dialect.code(name, text),
      }),
    ),
    ...HASHES.map((hash) => dialect.createTable(`repeated_${hash}`, seenTwice(hash))),
    dialect.createTable('repeated', `${hashed(dialect, query)} WHERE ${suspicious}`),
    dialect.createTable('suspects', suspectsOf(dialect, query, 'repeated')),
    ...judgeSuspects(dialect, query, 'latest'),
    `DELETE FROM kept WHERE ${suspicious}`,
    `INSERT INTO kept (${kept.join(', ')}) SELECT ${kept.map((name) => dialect.code(name, name)).join(', ')} FROM latest`,
  ]
}

/**
 * The table `kept` of few rows, each with all that it may have to be judged by: statements cost more than to look at each of
 * them closely. They are there once unless `isRepeated`.
 */
export const keepFew = (dialect: SqlDialect, query: RollupQuery): string =>
  dialect.createTable('kept', suspectsOf(dialect, query, MEASUREMENTS))

/** Whether anything was delivered twice or measured anew, how many rows there are, and how many of them came late. */
export const FEW_COUNTS = `SELECT COUNT(*) > COUNT(DISTINCT (app, event_id)) OR COUNT(*) FILTER (measurement_id <> '') >
    COUNT(DISTINCT (app, name, measurement_id)) FILTER (measurement_id <> ''), COUNT(*), COALESCE(SUM(late), 0) FROM kept`

/** Leaves in it what `keepOnce` would. */
export const judgeFew = (dialect: SqlDialect, query: RollupQuery): readonly string[] => [
  dialect.createTable('suspects', 'SELECT * FROM kept'),
  ...judgeSuspects(dialect, query, 'kept'),
]

const judgedColumns = ({ definition, besides = [] }: RollupQuery): readonly string[] => [
  ...KEPT,
  ...dimensionColumns(definition.sets),
  ...['event_id', 'event_time', 'received_time', 'measurement_id'],
  ...besides,
]

export const suspectsOf = (dialect: SqlDialect, query: RollupQuery, table: string): string =>
  valid(dialect, query, { fields: judgedColumns(query), table, code: (_, text) => text })

/** The table `delivered` of `suspects`, and under that name those of them that count. */
export function judgeSuspects(dialect: SqlDialect, query: RollupQuery, latest: string): readonly string[] {
  const { grainMs, besides = [] } = query
  const dimensions = dimensionColumns(query.definition.sets)
  const judged = judgedColumns(query)
  const window = grainMs === undefined ? [] : [`FLOOR(event_time / ${grainMs})`]
  // Every column on which a row's contribution depends: rows that tie are the same.
  const values = ['w', 'micros', 'b', 'measurement_id', ...dimensions, ...besides]
  const contribution = ['event_time', 'name', 'unit', ...values]
  return [
    dialect.createTable(
      'delivered',
      firstOf('suspects', judged, {
        of: ['app', 'event_id', ...window],
        by: ['received_time', ...contribution],
      }),
    ),
    dialect.createTable(
      latest,
      `SELECT ${judged.join(', ')} FROM delivered WHERE measurement_id = '' UNION ALL
      SELECT ${judged.join(', ')} FROM (${firstOf(
        "(SELECT * FROM delivered WHERE measurement_id <> '') q",
        judged,
        {
          of: ['app', 'name', 'measurement_id', ...window],
          by: ['event_time DESC', 'received_time DESC', 'event_id DESC'],
        },
      )}) r`,
    ),
  ]
}

/**
 * One row: repeated deliveries, values replaced by later ones, rows kept, those of them that came late, and how many
 * weights they have, where more than one counts as two. `latest`: the table of those suspects that count.
 */
export const keptCounts = (latest: 'latest' | 'kept'): string => `SELECT
    (SELECT COUNT(*) FROM suspects) - (SELECT COUNT(*) FROM delivered),
    (SELECT COUNT(*) FROM delivered) - (SELECT COUNT(*) FROM ${latest}), COUNT(*),
    COALESCE(SUM(late), 0), CASE WHEN MIN(w) < MAX(w) THEN 2 ELSE 1 END FROM kept`

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
export function outcomeOf(dialect: SqlDialect, { definition, fromMs, toMs }: RollupQuery): string {
  const value = `CAST(value AS ${dialect.double})`
  const missing = ['app_id', 'event_id', 'name', 'value'].map((name) => `${name} IS NULL`).join(' OR ')
  return `CASE WHEN event_time >= ${fromMs} AND event_time < ${toMs} THEN
    CASE WHEN ${missing} OR ${dialect.isNaN(value)} THEN 'not_a_number'
      WHEN ${value} < 0 THEN 'negative' WHEN ${value} > ${MAX_VALUE} THEN 'out_of_range'
      ${countedApart(definition.bots)} ELSE 'kept' END
    ELSE 'outside' END`
}

/** What a row of the events says that is kept of it. No column is NULL, which sorts first in some engines and last in others. */
export function valid(
  dialect: SqlDialect,
  query: RollupQuery,
  {
    fields,
    table,
    code,
  }: Pick<SqlDialect, 'code'> & { readonly fields: readonly string[]; readonly table: string },
): string {
  const { lateAfterMs, definition } = query
  const texts: Readonly<Record<string, string>> = {
    app: 'app_id',
    name: 'name',
    unit: `COALESCE(NULLIF(unit, ''), '${UNKNOWN}')`,
    ...dimensionFields(definition.sets, dialect.attribute),
  }
  const columns: Readonly<Record<string, string>> = {
    ...Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, code(name, text)])),
    w: `CAST(GREATEST(FLOOR(${weightIn(dialect)} * ${WEIGHT_UNIT} + 5E-1), 1) AS INTEGER)`,
    micros: `CAST(FLOOR(CAST(value AS ${dialect.double}) * ${MICROS} + 5E-1) AS BIGINT)`,
    b: bucketOf(`CAST(value AS ${dialect.double})`),
    late: `CAST(CASE WHEN received_time >= ${lateAfterMs} THEN 1 ELSE 0 END AS SMALLINT)`,
    received_time: 'COALESCE(received_time, 0)',
    measurement_id: "COALESCE(measurement_id, '')",
    ...hashes(dialect),
  }
  return `SELECT ${fields.map((field) => `${columns[field] ?? field} AS ${field}`).join(', ')} FROM ${table}
    WHERE ${isWithin(query)} AND ${outcomeOf(dialect, query)} = 'kept'`
}

export const hashes = (dialect: SqlDialect) => ({
  event_hash: dialect.hash(['app_id', 'event_id']),
  measurement_hash: `CASE WHEN measurement_id <> '' THEN ${dialect.hash(['app_id', 'name', 'measurement_id'])} END`,
})

/** Nothing but what the hashes are of is read of a row that is none of those that are looked for. */
function hashed(dialect: SqlDialect, query: RollupQuery): string {
  const columns = columnsRead(query).join(', ')
  const { event_hash, measurement_hash } = hashes(dialect)
  return `SELECT ${columns} FROM (SELECT ${columns}, ${event_hash} AS event_hash, ${measurement_hash} AS measurement_hash
    FROM ${MEASUREMENTS} WHERE ${isWithin(query)}) hashed`
}

/** What is read of an event beside its dimensions. */
const READ: readonly ColumnName[] = [
  ...(['app_id', 'event_id', 'name', 'value', 'unit', 'weight', 'event_time', 'received_time'] as const),
  ...(['measurement_id', 'device_type', 'navigation_type'] as const),
]

/** Columns of `events` that are read. */
export const columnsRead = ({ definition: { sets } }: RollupQuery): readonly ColumnName[] => [
  ...new Set([...READ, ...dimensionSources(sets)]),
]

export const isWithin = ({ fromMs, toMs }: RollupQuery) => `event_time >= ${fromMs} AND event_time < ${toMs}`

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
    ELSE CAST(CEIL(LN(GREATEST(${value}, ${ZERO_BELOW_SQL})) * ${K_SQL} - ${EPSILON_SQL}) AS SMALLINT) END`

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
