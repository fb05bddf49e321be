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

/** Its fields are as long as they may be, in letters of which each takes three bytes, and nine in a URL. */
export const TOO_LARGE: Readonly<Record<string, unknown>> = tooLarge()

function tooLarge() {
  const wide = '漢'.repeat(256)
  const attributes = Object.fromEntries(
    Array.from({ length: 32 }, (_, i) => [`${i}${'漢'.repeat(62)}`, wide]),
  )
  const fields = ['page_url', 'page_path', 'referrer', 'url_full'].map((name) => [
    name,
    `/${'漢'.repeat(2_047)}`,
  ])
  const texts = ['page_route', 'environment', 'error_type', 'exception_type', 'language', 'resource_type']
  const more = ['navigation_type', 'http_request_method', 'network_effective_type', 'sdk_name', 'sdk_version']
  return {
    ...Object.fromEntries([...fields, ...[...texts, ...more, 'app_version'].map((name) => [name, wide])]),
    attributes,
    measurement_id: 'm',
    page_view_id: '漢'.repeat(128),
    exception_message: 'x'.repeat(1_024),
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
