import {
  type ColumnName,
  MAX_VALUE,
  MAX_WEIGHT,
  NAME_FORM,
  NAME_PATTERN,
} from '../../../event/schema/event.ts'
import { LEDGER_NAME } from '../../../event/schema/ledger-event.ts'
import { converted, scales } from '../../../event/values/unit.ts'
import { DAY_MS } from '../../../std/durations.ts'
import { didYouMean } from '../../../std/input/did-you-mean.ts'
import { MAX_INSTANT_MS, MIN_EPOCH_MS } from '../../../std/input/instant.ts'
import { allRows, type SqlSession } from '../duckdb/sql-session.ts'
import { quote, readParquet } from '../duckdb/sql-text.ts'
import { eventRows } from './event-sql.ts'
import { COARSE, FINE } from './line-faults.ts'
import { createMistyped } from './mistyped.ts'
import { NEEDED_OF_FILES } from './parquet-shape.ts'

/** Rows that are taken as they are, and hardly say what was meant. */
export interface Doubt {
  /** In words, with what to do, and without anything of the data but a unit or an app of ours. */
  readonly why: string
  readonly rows: number
}

/** What lies later than this is of a clock that is wrong, or of another scale. Ours. */
const MAX_AHEAD_MS = DAY_MS

/** Apps that are not configured, of each of which it is asked what was meant, most rows first. Ours. */
const MAX_APPS_ASKED = 20

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
  const found = new Map<string, number>()
  for (const [doubt, rows, app] of await allRows(session, doubtsOf(parquet, expected))) {
    const why = doubt === 'app' ? whyOfNoApp(app, expected.apps) : whyDoubtful(String(doubt))
    found.set(why, (found.get(why) ?? 0) + Number(rows))
  }
  return Array.from(found, ([why, rows]) => ({ why, rows }))
}

const mistyped = createMistyped()

/**
 * Columns of a Parquet file of others that are nearly ours, and are not read; nothing is told where the one that was meant is
 * there as well.
 */
export async function mistypedColumns(session: SqlSession, parquet: string): Promise<readonly Doubt[]> {
  const file = readParquet([parquet])
  const described = await allRows(session, `SELECT column_name FROM (DESCRIBE SELECT * FROM ${file})`)
  const meant = mistyped.amongColumns(described.map(([name]) => String(name)))
  if (meant.length === 0) return []
  const counts = meant.map(({ name }) => `COUNT("${name.replaceAll('"', '""')}")`)
  const [rows = []] = await allRows(session, `SELECT ${counts.join(', ')} FROM ${file}`)
  return meant.map(({ text }, at) => ({ why: text, rows: Number(rows[at]) })).filter(({ rows }) => rows > 0)
}

/** Times are judged with what they say. */
const NEVER_NULL = NEEDED_OF_FILES.filter((name) => name !== 'event_time' && name !== 'received_time')

/** Rows of a Parquet file of others without what each event has: no rollup counts them. */
export async function incompleteRows(session: SqlSession, parquet: string): Promise<readonly Doubt[]> {
  const counts = NEVER_NULL.map((name) => `COUNT(*) FILTER (${name} IS NULL)`)
  const [rows = []] = await allRows(session, `SELECT ${counts.join(', ')} FROM ${readParquet([parquet])}`)
  return NEVER_NULL.map((name, at) => ({
    why: `${name} is null: the row is kept, and in no number`,
    rows: Number(rows[at]),
  })).filter(({ rows }) => rows > 0)
}

/** What a row is judged by. */
const JUDGED: readonly ColumnName[] = [
  ...(['app_id', 'name', 'value', 'unit', 'weight', 'event_time', 'received_time', 'attributes'] as const),
]

function doubtsOf(parquet: string, { nowMs, apps }: Expected): string {
  const listed = (names: readonly unknown[]) => names.map((each) => quote(String(each))).join(', ')
  // What gateways tell of an app that was removed since is no event of it.
  const ofNoApp =
    apps.length === 0 ? 'FALSE' : `name <> ${quote(LEDGER_NAME)} AND app_id NOT IN (${listed(apps)})`
  const isNoTime = (field: string) => `COALESCE(NOT isfinite(${field}), TRUE)`
  const doubts = `SELECT app_id AS app, CASE
      WHEN ${isNoTime('event_time')} THEN 'none'
      WHEN event_time < ${MIN_EPOCH_MS} THEN 'coarse'
      WHEN event_time > ${MAX_INSTANT_MS} THEN 'fine'
      WHEN event_time > ${nowMs + MAX_AHEAD_MS} THEN 'ahead'
      WHEN ${isNoTime('received_time')} OR received_time > ${MAX_INSTANT_MS} THEN 'arrival'
      WHEN event_time - received_time > ${MAX_AHEAD_MS} THEN 'early'
      WHEN isnan(value) OR value NOT BETWEEN 0 AND ${MAX_VALUE} THEN 'value'
      WHEN NOT regexp_matches(name, ${quote(NAME_PATTERN)}) THEN 'name'
      WHEN weight <= 0 OR weight > ${MAX_WEIGHT} THEN 'weight'
      WHEN unit IN (${listed([...scales.keys()])}) THEN unit
      WHEN ${ofNoApp} THEN 'app'
      WHEN json_type(attributes) NOT IN ('OBJECT', 'NULL') THEN 'attributes' END AS doubt
    FROM (${eventRows([parquet], JUDGED)}) events`
  return `SELECT doubt, CAST(SUM(rows) AS BIGINT), CASE WHEN place <= ${MAX_APPS_ASKED} THEN app END FROM (
      SELECT doubt, CASE doubt WHEN 'app' THEN app END AS app, COUNT(*) AS rows,
        row_number() OVER (PARTITION BY doubt ORDER BY COUNT(*) DESC, ANY_VALUE(app)) AS place
      FROM (${doubts}) each WHERE doubt IS NOT NULL GROUP BY 1, 2) named
    GROUP BY 1, 3 ORDER BY 1, 2 DESC`
}

const OF_COLUMNS: Readonly<Record<string, string>> = {
  none: 'event_time is no time in epoch milliseconds: the row is kept, and in no number',
  coarse: `event_time ${COARSE}`,
  fine: `event_time ${FINE}`,
  early:
    'event_time is more than a day after received_time, and nothing arrives before it happens: where nobody knows when it arrived, both are the same',
  arrival:
    'received_time is no time in epoch milliseconds: counted as if it arrived with its object; where nobody knows, take event_time',
  value: `value does not lie between 0 and ${MAX_VALUE}: it is kept, and in no number`,
  name: `name is none that a gateway takes, which is ${NAME_FORM}: counted under it`,
  weight: `weight is not above 0 and up to ${MAX_WEIGHT}: the row counts as 1`,
  ahead: 'event_time is more than a day from now: counted when its window is over',
  attributes: 'attributes is no JSON object: the row counts as one without',
}

const OF_NO_APP = 'app_id is none of the apps that are configured, so that no list and no dashboard shows it'

const whyOfNoApp = (app: unknown, apps: readonly string[]) =>
  app === null ? OF_NO_APP : OF_NO_APP + didYouMean(String(app), apps)

function whyDoubtful(doubt: string): string {
  const scale = scales.get(doubt)
  if (scale === undefined) return String(OF_COLUMNS[doubt])
  const { unit } = scale
  return `unit is ${doubt}, which is not converted here: gateways store it as ${unit}, as in "value": ${converted(1, scale)}, "unit": "${unit}" for 1 ${doubt}`
}
