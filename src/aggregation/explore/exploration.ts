import { stat } from 'node:fs/promises'
import { digestOfJson } from '../../std/json.ts'
import { allRows, type SqlSession, type SqlValue } from '../ingest/duckdb/sql-session.ts'
import { MICROS, WEIGHT_UNIT } from '../rollup/model/measure.ts'
import { type ToldUnits, toldUnits } from '../rollup/model/units.ts'
import { rowsIn } from '../rollup/sql/duckdb-dialect.ts'
import type { CountedAs, ExampleEvent, ExploreQuery } from './explore-query.ts'
import {
  CHOOSE_GROUPS,
  COUNT_GROUPS,
  chooseExamples,
  countedQuery,
  exampleRows,
  keepAsked,
  matchAsked,
  namesIn,
  quantilesOf,
  SUMMARY_OF_ALL,
  SUMMARY_OF_GROUPS,
  unitsKept,
} from './explore-sql.ts'
import { exampleOf } from './told-events.ts'

/** Order statistics of events, exactly. Null where there are none. */
export interface ExactSummary {
  readonly n: number
  /** How many of equal weight would tell as much. */
  readonly nEff: number
  readonly rows: number
  readonly avg: number | null
  readonly min: number | null
  readonly max: number | null
  readonly q: Readonly<Record<string, number | null>>
}

export interface Scanned {
  readonly objects: number
  readonly bytes: number
  readonly rows: number
}

export interface Explored extends ToldUnits {
  readonly dataGen: string
  /** What a quantile is off by, at most. */
  readonly relError: 0
  readonly total: ExactSummary
  readonly groups?: readonly (ExactSummary & { readonly value: string })[]
  readonly examples: readonly ExampleEvent[]
  readonly scanned: Scanned
  /** How many groups there are, those included that are not told. */
  readonly foundGroups: number
  /** Events of the metric, whatever their unit and their values. */
  readonly ofMetric: number
  /** Where there are none: what metrics there are, those of most rows. */
  readonly names: readonly string[]
}

/** What is asked for, of these files, in a session that has nothing else in it. */
export async function exploreFiles(
  session: SqlSession,
  files: readonly string[],
  { asked, as }: { readonly asked: ExploreQuery; readonly as: CountedAs },
): Promise<Explored> {
  const query = countedQuery(asked, as)
  await session.run(keepAsked(files, asked, query))
  const units = await allRows(session, unitsKept(asked))
  const ranked = units.map(([unit, rows]) => ({ unit: String(unit), rows: Number(rows) }))
  const told = toldUnits(ranked, asked.unit)
  await session.run([matchAsked(asked, query, told.unit)])
  const ofMetric = Number(units[0]?.[2] ?? 0)
  return {
    ...told,
    ...(await summaries(session, asked)),
    examples: await examplesOf(session, files, asked),
    scanned: await scannedOf(session, files),
    ofMetric,
    names: ofMetric > 0 ? [] : (await allRows(session, namesIn(query))).map(([name]) => String(name)),
  }
}

async function summaries(session: SqlSession, { quantiles, by }: ExploreQuery) {
  const [all = []] = await allRows(session, SUMMARY_OF_ALL)
  const quantilesBy = async (of: 'all' | 'groups') => {
    const rows = await allRows(session, quantilesOf(quantiles, of))
    return new Map(rows.map(([group, ...values]) => [String(group), values]))
  }
  const summary = (row: readonly SqlValue[], values: readonly SqlValue[] = []) =>
    summaryOf(row, { quantiles, values })
  const total = summary(all, (await quantilesBy('all')).get(''))
  const whole = { dataGen: digestOfJson(String(all[6])).slice(0, 16), relError: 0, total } as const
  if (by === undefined) return { ...whole, foundGroups: 0 }
  await session.run([CHOOSE_GROUPS])
  const ofGroups = await quantilesBy('groups')
  const groups = (await allRows(session, SUMMARY_OF_GROUPS)).map(([group, ...row]) => ({
    value: String(group),
    ...summary(row, ofGroups.get(String(group))),
  }))
  const [[found] = []] = await allRows(session, COUNT_GROUPS)
  return { ...whole, groups, foundGroups: Number(found) }
}

interface FoundQuantiles {
  readonly quantiles: readonly number[]
  readonly values: readonly SqlValue[]
}

function summaryOf(
  [rows, n, sum, least, most, squares]: readonly SqlValue[],
  { quantiles, values }: FoundQuantiles,
): ExactSummary {
  const number = (value: SqlValue | undefined) => (value == null ? null : Number(value))
  return {
    n: Number(n) / WEIGHT_UNIT,
    nEff: rows === 0n ? 0 : Number(n) ** 2 / Number(squares),
    rows: Number(rows),
    avg: rows === 0n ? null : Number(sum) / Number(n) / MICROS,
    min: number(least),
    max: number(most),
    q: Object.fromEntries(quantiles.map((q, at) => [String(q), number(values[at])])),
  }
}

async function examplesOf(
  session: SqlSession,
  files: readonly string[],
  asked: ExploreQuery,
): Promise<readonly ExampleEvent[]> {
  if (asked.examples === 0) return []
  await session.run([chooseExamples(asked.examples)])
  return (await allRows(session, exampleRows(files, asked))).map(exampleOf)
}

/** What is read, whatever is asked of it. */
export async function scannedOf(session: SqlSession, files: readonly string[]): Promise<Scanned> {
  const sizes = await Promise.all(files.map(async (path) => (await stat(path)).size))
  const [[rows] = []] = await allRows(session, rowsIn(files))
  return { objects: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0), rows: Number(rows) }
}
