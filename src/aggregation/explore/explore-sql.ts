import type { ColumnName } from '../../event/schema/event.ts'
import { outward } from '../../std/durations.ts'
import { eventRows } from '../ingest/compact/event-sql.ts'
import { quote } from '../ingest/duckdb/sql-text.ts'
import { OTHER } from '../rollup/model/definition.ts'
import { rankFactor, WEIGHT_UNIT } from '../rollup/model/measure.ts'
import { MAX_OTHER_UNITS } from '../rollup/model/units.ts'
import { dimensionColumns, setColumns } from '../rollup/sql/dimension-sql.ts'
import { duckdbDialect } from '../rollup/sql/duckdb-dialect.ts'
import {
  columnsRead,
  hashes,
  isWithin,
  judgeSuspects,
  MEASUREMENTS,
  suspectsOf,
  valid,
} from '../rollup/sql/keep-sql.ts'
import type { RollupQuery } from '../rollup/sql/sql-dialect.ts'
import type { CountedAs, ExploreQuery } from './explore-query.ts'
import { TOLD_COLUMNS, toldFields } from './told-events.ts'

/** Groups that an answer has at most. Ours: as many as a rollup keeps values of a set by default. */
export const MAX_GROUPS = 500
/** Names among which is looked for the one that was meant. Ours: long ones take tens of milliseconds of the loop that takes beacons. */
export const MAX_MEANT_NAMES = 100

const dialect = duckdbDialect()
const { event_hash: EVENT_HASH, measurement_hash: MEASUREMENT_HASH } = hashes(dialect)

/** What is kept of an event, beside its dimensions. */
const FIELDS = ['unit', 'w', 'micros', 'value', 'event_time', 'received_time', 'event_hash'] as const

/** The question as the rollups ask it, of the whole windows that the range touches: which event counts is known of a window. */
export function countedQuery({ where, by, ...asked }: ExploreQuery, { grainMs, bots }: CountedAs) {
  const dimensions = [...where.map(({ dimension }) => dimension), ...(by === undefined ? [] : [by])]
  const definition = {
    ...{ sets: [{ name: 'asked', dimensions }], bots: asked.bots ?? bots },
    ...{ maxMetrics: Number.POSITIVE_INFINITY, maxValues: Number.POSITIVE_INFINITY },
  }
  const windows = outward(asked, grainMs)
  return {
    ...windows,
    definition,
    lateAfterMs: windows.toMs,
    grainMs,
    besides: ['value'],
  } satisfies RollupQuery
}

/** Rows of files that are of the app. */
export const rowsOfApp = (files: readonly string[], columns: readonly ColumnName[], app: string) =>
  `SELECT * FROM (${eventRows(files, columns)}) q WHERE app_id = ${quote(app)}`

/**
 * Statements, in order, that leave each event of the metric once in the table `kept`, as `keepOnce` does of all metrics. An
 * event is repeated whatever metric its copies say, so those of the others are looked at as well.
 */
export function keepAsked(
  files: readonly string[],
  { app, metric }: ExploreQuery,
  query: RollupQuery,
): readonly string[] {
  const isOwn = `name = ${quote(metric)}`
  const isSuspect = `(${EVENT_HASH} IN (SELECT h FROM repeated_events)
    OR (${isOwn} AND COALESCE(${MEASUREMENT_HASH} IN (SELECT h FROM repeated_measurements), false)))`
  const dimensions = dimensionColumns(query.definition.sets)
  const own = valid(dialect, query, {
    fields: [...FIELDS, ...dimensions],
    table: MEASUREMENTS,
    code: (_, text) => text,
  })
  const judged = FIELDS.map((field) => (field === 'event_hash' ? dialect.hash(['app', 'event_id']) : field))
  return [
    `CREATE OR REPLACE TEMP VIEW events AS ${rowsOfApp(files, columnsRead(query), app)}`,
    repeated('repeated_events', EVENT_HASH, isWithin(query)),
    repeated('repeated_measurements', MEASUREMENT_HASH, `${isWithin(query)} AND ${isOwn}`),
    dialect.createTable('kept', `${own} AND ${isOwn} AND NOT ${isSuspect}`),
    dialect.createTable('suspects', `${suspectsOf(dialect, query, MEASUREMENTS)} AND ${isSuspect}`),
    ...judgeSuspects(dialect, query, 'latest'),
    `INSERT INTO kept SELECT ${[...judged, ...dimensions].join(', ')} FROM latest WHERE ${isOwn}`,
    ...['suspects', 'delivered', 'latest'].map((table) => `DROP TABLE ${table}`),
  ]
}

const repeated = (table: string, hash: string, where: string) =>
  dialect.createTable(
    table,
    `SELECT h FROM (SELECT ${hash} AS h FROM ${MEASUREMENTS} WHERE ${where}) q
    WHERE h IS NOT NULL GROUP BY h HAVING COUNT(*) > 1`,
  )

/** The range itself: its first and last windows may have begun before, and end after. */
const isAsked = ({ fromMs, toMs }: ExploreQuery) => `event_time >= ${fromMs} AND event_time < ${toMs}`

/** Rows of `kept` by unit, beside those of all: as many units as an answer lists, and the one that it is of. */
export const unitsKept = (asked: ExploreQuery): string =>
  `SELECT unit, COUNT(*) AS "rows", SUM(COUNT(*)) OVER () FROM kept WHERE ${isAsked(asked)} GROUP BY unit
    ORDER BY unit = ${quote(OTHER)}, "rows" DESC, unit LIMIT ${MAX_OTHER_UNITS + 1}`

/** Names of metrics of the app in the range, those of most rows. */
export const namesIn = (query: RollupQuery): string =>
  `SELECT name FROM ${MEASUREMENTS} WHERE ${isWithin(query)} AND name IS NOT NULL
    GROUP BY name ORDER BY COUNT(*) DESC, name LIMIT ${MAX_MEANT_NAMES}`

/** The relation `matched` of what is asked about, in one unit; `g` is what it is grouped by. */
export function matchAsked(asked: ExploreQuery, { definition }: RollupQuery, unit: string): string {
  const { sets } = definition
  const column = (dimension: (typeof asked.where)[number]['dimension']) =>
    String(setColumns(sets, { name: 'one', dimensions: [dimension] }))
  const filters = asked.where.map(
    ({ dimension, values }) => `${column(dimension)} IN (${values.map(quote).join(', ')})`,
  )
  const group = asked.by === undefined ? "''" : column(asked.by)
  return `CREATE OR REPLACE TEMP VIEW matched AS SELECT ${FIELDS.join(', ')}, ${group} AS g FROM kept
    WHERE ${[isAsked(asked), `unit = ${quote(unit)}`, ...filters].join(' AND ')}`
}

const SUMMARY =
  'COUNT(*) AS "rows", SUM(w) AS n, SUM(CAST(micros AS HUGEINT) * w) AS total, MIN(value) AS least, MAX(value) AS most, SUM(CAST(w AS HUGEINT) * w) AS squares'

/** One row: the summary, and a number in which each event has a part. */
export const SUMMARY_OF_ALL = `SELECT ${SUMMARY},
  CAST(SUM(CAST(hash(event_hash, event_time, received_time, value, w) AS HUGEINT)) AS VARCHAR) FROM matched`

/** How many groups there are. */
export const COUNT_GROUPS = 'SELECT COUNT(DISTINCT g) FROM matched'

/** The groups of most occurrences, with their summaries. */
export const CHOOSE_GROUPS = dialect.createTable(
  'groups',
  `SELECT g, ${SUMMARY} FROM matched GROUP BY g ORDER BY SUM(w) DESC, g LIMIT ${MAX_GROUPS}`,
)

export const SUMMARY_OF_GROUPS =
  'SELECT g, "rows", n, total, least, most, squares FROM groups ORDER BY n DESC, g'

/**
 * The quantiles by group, or of all: of each the smallest value whose cumulative weight exceeds q · (W − w₁), where W is the
 * weight of all and w₁ that of the first. Of rows of one weight it is the one with the number floor(q · (n − 1)).
 */
export function quantilesOf(quantiles: readonly number[], by: 'all' | 'groups'): string {
  const rows =
    by === 'all' ? "(SELECT value, w, '' AS g FROM matched) q" : 'matched SEMI JOIN groups USING (g)'
  const each = quantiles.map((q) => `MIN(value) FILTER (reached > ${rankFactor(q)}e0 * span)`)
  const inUnits = (weight: string) => `CAST(${weight} AS DOUBLE) / ${WEIGHT_UNIT}`
  return `SELECT g, ${each.join(', ')} FROM (
    SELECT g, value, ${inUnits('SUM(w) OVER sorted')} AS reached,
      ${inUnits('SUM(w) OVER (PARTITION BY g) - FIRST_VALUE(w) OVER sorted')} AS span
    FROM ${rows} WINDOW sorted AS (PARTITION BY g ORDER BY value, w ROWS UNBOUNDED PRECEDING)) q GROUP BY g`
}

/** The table `chosen` of the slowest. */
export const chooseExamples = (limit: number): string =>
  dialect.createTable(
    'chosen',
    `SELECT event_hash, event_time, received_time, value FROM matched
    ORDER BY value DESC, event_time DESC, event_hash LIMIT ${limit}`,
  )

/** Those of `chosen`, as they are stored: of a repeated one the copy that was counted. */
export function exampleRows(files: readonly string[], { app, metric }: ExploreQuery): string {
  const columns = [...TOLD_COLUMNS, 'app_id', 'name', 'received_time'] as const
  const copy = 'c.event_hash, c.event_time, c.received_time, c.value'
  return `SELECT ${toldFields('e').join(', ')} FROM (${rowsOfApp(files, columns, app)} AND name = ${quote(metric)}) e JOIN chosen c
      ON ${EVENT_HASH} = c.event_hash AND e.event_time = c.event_time AND COALESCE(e.received_time, 0) = c.received_time
        AND e.value = c.value
    QUALIFY ROW_NUMBER() OVER (PARTITION BY ${copy} ORDER BY event_id) = 1
    ORDER BY c.value DESC, c.event_time DESC, c.event_hash`
}
