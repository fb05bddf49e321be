import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { columnTypes } from '../../src/aggregation/ingest/compact/event-sql.ts'
import type { SqlSession } from '../../src/aggregation/ingest/duckdb/sql-session.ts'
import { quote } from '../../src/aggregation/ingest/duckdb/sql-text.ts'
import type { Event } from '../../src/event/schema/event.ts'

/** A stored row. Parquet of other writers may lack anything. */
export type StoredEvent = { readonly [Name in keyof Event]?: Event[Name] | null | undefined }

export const NOON = Date.UTC(2026, 10, 22, 12)

export function storedEvent(change: StoredEvent = {}): StoredEvent {
  return {
    event_id: 'e-1',
    event_time: NOON,
    received_time: NOON + 250,
    app_id: 'shop',
    name: 'browser.web_vital.lcp',
    value: 1234.5,
    unit: 'ms',
    weight: 1,
    ...change,
  }
}

/** As the gateway stores it, without the newline. */
export const eventLine = (change: StoredEvent = {}): string =>
  JSON.stringify({ v: 1, ...storedEvent(change) })

/** A Parquet file of the events, with the columns that they have. Values travel as text: JSON has no NaN, no Infinity and no -0. */
export async function writeParquet(
  session: SqlSession,
  events: readonly StoredEvent[],
  path: string,
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  const lines = `${path}.ndjson`
  const text = (value: number | null | undefined) => (Object.is(value, -0) ? '-0' : value?.toString())
  writeFileSync(
    lines,
    events
      .map((event) => ({ ...event, value: text(event.value), weight: text(event.weight) }))
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
  )
  const present = columnTypes.filter(([name]) => events.some((event) => name in event))
  const columns = present.map(([name, type]) => `${name}: '${type === 'DOUBLE' ? 'VARCHAR' : type}'`)
  const doubles = present.flatMap(([name, type]) =>
    type === 'DOUBLE' ? [`CAST(${name} AS DOUBLE) AS ${name}`] : [],
  )
  await session.run([
    `COPY (SELECT * REPLACE (${doubles.join(', ')}) FROM read_json(${quote(lines)},
      format = 'newline_delimited', columns = {${columns.join(', ')}})) TO ${quote(path)} (FORMAT parquet)`,
  ])
  rmSync(lines)
}
