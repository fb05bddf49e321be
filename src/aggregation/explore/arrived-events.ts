import type { ColumnName } from '../../event/schema/event.ts'
import type { TimeSpan } from '../../std/durations.ts'
import { allRows, type SqlSession, type SqlValue } from '../ingest/duckdb/sql-session.ts'
import { quote } from '../ingest/duckdb/sql-text.ts'
import { duckdbDialect } from '../rollup/sql/duckdb-dialect.ts'
import { isWithin, MEASUREMENTS, outcomeOf } from '../rollup/sql/keep-sql.ts'
import type { CountedAs, ExampleEvent } from './explore-query.ts'
import { rowsOfApp } from './explore-sql.ts'
import { exampleOf, TOLD_COLUMNS, toldFields } from './told-events.ts'

/** What arrived of an app, whether it counts or not. */
export interface ArrivedQuery extends TimeSpan {
  readonly app: string
  /** Left out: of all. */
  readonly metric?: string | undefined
  readonly order: 'newest' | 'slowest'
  readonly limit: number
}

/** As it is stored, each copy by itself. */
export interface ArrivedEvent extends Omit<ExampleEvent, 'id' | 'value'> {
  /** Null where it has none that can be one. */
  readonly id: string | null
  readonly value: number | null
  readonly name: string
  readonly unit: string | null
  readonly receivedMs: number | null
  /** `kept`, or why no rollup counts it. A repeated one counts once. */
  readonly outcome: string
}

const dialect = duckdbDialect()
const MORE = ['name', 'unit', 'received_time'] as const
const JUDGED = ['app_id', 'device_type', 'navigation_type'] as const
const COLUMNS: readonly ColumnName[] = [...TOLD_COLUMNS, ...MORE, ...JUDGED]

const ORDERS = {
  newest: 'received_time DESC NULLS LAST, event_time DESC, event_id',
  slowest: 'value DESC NULLS LAST, event_time DESC, event_id',
} as const

/** Those of these files that were asked for, in a session that has nothing else in it. */
export async function arrivedIn(
  session: SqlSession,
  files: readonly string[],
  { asked, as }: { readonly asked: ArrivedQuery; readonly as: Pick<CountedAs, 'bots'> },
): Promise<readonly ArrivedEvent[]> {
  const { app, metric, order, limit, ...range } = asked
  const definition = { sets: [], bots: as.bots, maxMetrics: 1, maxValues: 1 }
  const query = { ...range, definition, lateAfterMs: range.toMs }
  const isOwn = metric === undefined ? '' : ` AND name = ${quote(metric)}`
  await session.run([`CREATE OR REPLACE TEMP VIEW events AS ${rowsOfApp(files, COLUMNS, app)}`])
  const fields = [...toldFields('measurements'), ...MORE, outcomeOf(dialect, query)]
  const rows = await allRows(
    session,
    `SELECT ${fields.join(', ')} FROM ${MEASUREMENTS} WHERE ${isWithin(query)}${isOwn} ORDER BY ${ORDERS[order]} LIMIT ${limit}`,
  )
  return rows.map(arrivedOf)
}

function arrivedOf(row: readonly SqlValue[]): ArrivedEvent {
  const [name, unit, receivedMs, outcome] = row.slice(TOLD_COLUMNS.length)
  const [id, , value] = row
  return {
    ...exampleOf(row.slice(0, TOLD_COLUMNS.length)),
    ...{ id: textOrNull(id), value: numberOrNull(value), name: String(name), unit: textOrNull(unit) },
    ...{ receivedMs: numberOrNull(receivedMs), outcome: String(outcome) },
  }
}

const textOrNull = (value: SqlValue | undefined): string | null => (value == null ? null : String(value))

/** JSON has no number that is none. */
const numberOrNull = (value: SqlValue | undefined): number | null =>
  value == null || !Number.isFinite(Number(value)) ? null : Number(value)
