import type { ColumnName } from '../../event/schema/event.ts'
import type { SqlValue } from '../ingest/duckdb/sql-session.ts'
import { duckdbDialect } from '../rollup/sql/duckdb-dialect.ts'
import type { ExampleEvent } from './explore-query.ts'

/** What is read of an event to tell it by itself, in this order. */
export const TOLD_COLUMNS = [
  ...(['event_id', 'event_time', 'value', 'page_url', 'url_full'] as const),
  ...(['session_id', 'page_view_id', 'attributes'] as const),
] satisfies readonly ColumnName[]

const { attribute } = duckdbDialect()

/** The same as fields of a relation, which alone has attributes. */
export const toldFields = (relation: string): readonly string[] =>
  TOLD_COLUMNS.map((name) => (name === 'attributes' ? attribute('trace_id') : `${relation}.${name}`))

/** The event of such a row. What it does not say is left out. */
export function exampleOf([id, t, value, ...texts]: readonly SqlValue[]): ExampleEvent {
  const names = ['url', 'requestUrl', 'sessionId', 'pageViewId', 'traceId'] as const
  const told = names.flatMap((name, at) => (texts[at] == null ? [] : [[name, String(texts[at])] as const]))
  return { id: String(id), t: Number(t), value: Number(value), ...Object.fromEntries(told) }
}
