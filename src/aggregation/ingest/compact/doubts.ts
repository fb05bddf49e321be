import { MAX_VALUE } from '../../../event/schema/event.ts'
import { LEDGER_NAME } from '../../../event/schema/ledger-event.ts'
import { converted, scales } from '../../../event/values/unit.ts'
import { DAY_MS } from '../../../std/durations.ts'
import { didYouMean } from '../../../std/input/did-you-mean.ts'
import { MAX_INSTANT_MS, MIN_EPOCH_MS } from '../../../std/input/instant.ts'
import { allRows, type SqlSession } from '../duckdb/sql-session.ts'
import { quote, readParquet } from '../duckdb/sql-text.ts'
import { COARSE, FINE } from './line-faults.ts'

/** Rows that are taken as they are, and hardly say what was meant. */
export interface Doubt {
  /** In words, with what to do, and without anything of the data but a unit or an app of ours. */
  readonly why: string
  readonly rows: number
}

/** What lies later than this is of a clock that is wrong, or of another scale. Ours. */
const MAX_AHEAD_MS = DAY_MS

/** What rows are measured by. */
interface Expected {
  readonly nowMs: number
  /** Ids of the apps that are configured; with none of them any app is right. */
  readonly apps: readonly string[]
}

/**
 * What a Parquet file holds that no gateway would have stored: it is counted as it says, since nobody can tell here what
 * was meant, and told to whoever put it there. Lines have been judged before; of a file of others no row can be left out.
 */
export async function doubtsIn(session: SqlSession, parquet: string, expected: Expected): Promise<Doubt[]> {
  const rows = await allRows(session, doubtsOf(parquet, expected))
  return rows.map(([doubt, count, app]) => ({
    why: doubt === 'app' ? OF_APP + didYouMean(String(app), expected.apps) : whyDoubtful(String(doubt)),
    rows: Number(count),
  }))
}

function doubtsOf(parquet: string, { nowMs, apps }: Expected): string {
  // Others may have columns of any whole number where ours are BIGINT, and of numbers where ours are texts.
  const unit = 'CAST(unit AS VARCHAR)'
  const value = 'CAST(value AS DOUBLE)'
  const listed = (names: readonly unknown[]) => names.map((each) => quote(String(each))).join(', ')
  // What gateways tell of an app that was removed since is no event of it.
  const ofNoApp =
    apps.length === 0
      ? 'FALSE'
      : `CAST(name AS VARCHAR) <> ${quote(LEDGER_NAME)} AND app NOT IN (${listed(apps)})`
  return `SELECT doubt, COUNT(*), MIN(app) FROM (SELECT CAST(app_id AS VARCHAR) AS app, CASE
      WHEN event_time < ${MIN_EPOCH_MS} THEN 'coarse'
      WHEN event_time > ${MAX_INSTANT_MS} THEN 'fine'
      WHEN event_time > ${nowMs + MAX_AHEAD_MS} THEN 'ahead'
      WHEN CAST(event_time AS HUGEINT) - received_time > ${MAX_AHEAD_MS} THEN 'early'
      WHEN isnan(${value}) OR ${value} NOT BETWEEN 0 AND ${MAX_VALUE} THEN 'value'
      WHEN ${unit} IN (${listed([...scales.keys()])}) THEN ${unit}
      WHEN ${ofNoApp} THEN 'app' END AS doubt
    FROM ${readParquet([parquet])}) rows WHERE doubt IS NOT NULL GROUP BY 1 ORDER BY 1`
}

const OF_COLUMNS: Readonly<Record<string, string>> = {
  coarse: `event_time ${COARSE}`,
  fine: `event_time ${FINE}`,
  early:
    'event_time is more than a day after received_time, and nothing arrives before it happens: where nobody knows when it arrived, both are the same',
  value: `value does not lie between 0 and ${MAX_VALUE}: it is kept, and in no number`,
  ahead: 'event_time is more than a day from now: counted when its window is over',
}

const OF_APP = 'app_id is none of the apps that are configured, so that no list and no dashboard shows it'

function whyDoubtful(doubt: string): string {
  const scale = scales.get(doubt)
  if (scale === undefined) return String(OF_COLUMNS[doubt])
  const { unit } = scale
  return `unit is ${doubt}, which is not converted here: gateways store it as ${unit}, as in "value": ${converted(1, scale)}, "unit": "${unit}" for 1 ${doubt}`
}
