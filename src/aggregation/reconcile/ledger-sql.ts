import { LEDGER_NAME } from '../../event/schema/ledger-event.ts'
import { eventLines, eventRows } from '../ingest/compact/event-sql.ts'
import { quote } from '../ingest/duckdb/sql-text.ts'

/** Files to read, and of their rows which: those received in [fromMs, toMs). */
export interface Slice {
  readonly fromMs: number
  readonly toMs: number
  /** Parquet. */
  readonly files: readonly string[]
  /** Lines that the stream would never take. */
  readonly deadLetters: readonly string[]
}

/** What is collected, slice by slice: ledger events, and rows by app and minute of arrival. */
export const CREATE_TABLES: readonly string[] = [
  `CREATE OR REPLACE TEMP TABLE ledgers (app VARCHAR, minute BIGINT, instance VARCHAR, run VARCHAR, sequence HUGEINT,
    events HUGEINT, total HUGEINT)`,
  'CREATE OR REPLACE TEMP TABLE counts (app VARCHAR, minute BIGINT, found BIGINT, copies BIGINT, dead BIGINT, erased BIGINT)',
]

const FIELDS = ['app_id', 'event_id', 'received_time', 'name', 'value', 'attributes'] as const

/**
 * A delivery is repeated byte for byte, so rows that agree in these fields are copies of one. A client that tries again
 * is accepted again, at another time: by event id alone those would be one row of two that were counted.
 */
const IDENTITY = 'app_id, received_time, event_id, name, value'

export function collect({ fromMs, toMs, files, deadLetters }: Slice): readonly string[] {
  const sources = [
    ...(files.length > 0
      ? [`SELECT ${FIELDS.join(', ')}, 0 AS dead FROM (${eventRows(files, FIELDS)}) rows`]
      : []),
    ...(deadLetters.length > 0
      ? [`SELECT ${FIELDS.join(', ')}, 1 AS dead FROM (${eventLines(deadLetters)}) lines`]
      : []),
  ]
  if (sources.length === 0) return []
  const isLedger = `name = ${quote(LEDGER_NAME)}`
  const attribute = (name: string) => `attributes->>${quote(name)}`
  return [
    `CREATE OR REPLACE TEMP VIEW received AS SELECT * FROM (${sources.join(' UNION ALL ')}) q
      WHERE received_time >= ${fromMs} AND received_time < ${toMs}`,
    // What others call so is none without all of its numbers.
    `INSERT INTO ledgers SELECT * FROM (SELECT DISTINCT app_id, received_time, ${attribute('instance')}, ${attribute('run')},
        TRY_CAST(${attribute('sequence')} AS BIGINT) AS sequence, TRY_CAST(value AS BIGINT) AS events,
        TRY_CAST(${attribute('total')} AS BIGINT) AS total FROM received WHERE ${isLedger}) told
      WHERE sequence IS NOT NULL AND events IS NOT NULL AND total IS NOT NULL`,
    `INSERT INTO counts SELECT app_id, received_time - received_time % 60000 AS minute, COUNT(*),
      SUM(copies) - COUNT(*), SUM(dead), 0 FROM (
        SELECT ${IDENTITY}, COUNT(*) AS copies, MIN(dead) AS dead FROM received WHERE NOT (${isLedger})
        GROUP BY ${IDENTITY}) distinct_rows
      GROUP BY app_id, minute`,
  ]
}

/** Events that were accepted and taken out since, by app and minute of arrival. */
export const addErased = (app: string, minutes: readonly (readonly [number, number])[]): readonly string[] =>
  minutes.map(
    ([minuteMs, events]) => `INSERT INTO counts VALUES (${quote(app)}, ${minuteMs}, 0, 0, 0, ${events})`,
  )

const BY_MINUTE = `(SELECT app, minute, COALESCE(accepted, 0) AS accepted, COALESCE(found, 0) AS found,
    COALESCE(copies, 0) AS copies, COALESCE(dead, 0) AS dead, COALESCE(erased, 0) AS erased
  FROM (SELECT app, minute, SUM(events) AS accepted FROM ledgers GROUP BY app, minute) told
  FULL JOIN (SELECT app, minute, SUM(found) AS found, SUM(copies) AS copies, SUM(dead) AS dead, SUM(erased) AS erased
    FROM counts GROUP BY app, minute) counted USING (app, minute)) by_minute`

/** App, accepted, found, copies, dead letters, erased, and how many were found or erased that no ledger event tells of. */
export const TOTALS = `SELECT app, SUM(accepted), SUM(found), SUM(copies), SUM(dead), SUM(erased),
    SUM(GREATEST(found + erased - accepted, 0))
  FROM ${BY_MINUTE} GROUP BY app ORDER BY app`

/** App, minute, and how many of its events are missing. */
export const SHORT_MINUTES = `SELECT app, minute, accepted - found - erased FROM ${BY_MINUTE}
  WHERE accepted > found + erased ORDER BY app, minute`

/**
 * App, instance, run, sequences before and after a gap, the events that the lost ledger events would have told of, and
 * the minutes of those before and after.
 */
export const GAPS = `SELECT app, instance, run, before, sequence, total - events - total_before, minute_before, minute
  FROM (SELECT *, LAG(sequence) OVER w AS before, LAG(total) OVER w AS total_before, LAG(minute) OVER w AS minute_before
    FROM ledgers WINDOW w AS (PARTITION BY app, instance, run ORDER BY sequence)) ordered
  WHERE sequence > before + 1 ORDER BY app, minute_before, instance, run, sequence`
