import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lake } from '../../../lake/lake.ts'
import { allRows, type SqlSession, type SqlValue } from '../../ingest/duckdb/sql-session.ts'
import type { DimensionSet } from '../model/definition.ts'
import { copiedEvents, copyRows, duckdbDialect, eventsIn, rowsIn } from '../sql/duckdb-dialect.ts'
import { rowsOfAllSets } from '../sql/few-rows-sql.ts'
import {
  columnsRead,
  FEW_COUNTS,
  judgeFew,
  keepFew,
  keepOnce,
  keptCounts,
  outcomes,
} from '../sql/keep-sql.ts'
import {
  type BucketSource,
  beyondLimits,
  beyondValues,
  countBuckets,
  countValues,
  MEASURED,
  nameGroups,
  rankValues,
  rollupRows,
} from '../sql/rollup-sql.ts'
import type { SqlDialect } from '../sql/sql-dialect.ts'
import { CODED_COLUMNS, collectTexts, makeCodes } from '../sql/text-codes.ts'
import type { EngineResult, WindowCounts, WindowPlan } from './engine.ts'

/** Memory of one bucket while its group is packed; lists do not spill. Measured: 400 bytes. */
const BYTES_PER_BUCKET = 400

/** One window in a session, of local copies of its inputs. */
export interface WindowWork {
  readonly session: SqlSession
  readonly plan: WindowPlan
  readonly files: readonly string[]
  /** Where parts lie on their way to the lake. */
  readonly folder: string
  readonly lake: Lake
  readonly memoryLimitBytes: number
  /** With fewer rows in its inputs all sets are computed at once. */
  readonly manyFromRows: number
  /** The parts of a set are so many times as many. */
  readonly factor: number
}

interface Kept {
  readonly counts: WindowCounts
  readonly isOfOneWeight: boolean
}

/** The table of a set's buckets, and how many there are. */
interface Counted {
  readonly set: DimensionSet
  readonly table: string
  readonly buckets: number
}

export async function computeWindow(work: WindowWork): Promise<EngineResult> {
  const isFew = (await firstNumber(work.session, rowsIn(work.files))) < work.manyFromRows
  return isFew ? computeFew(work) : computeMany(work)
}

/** Each statement takes some milliseconds, whatever there is to do: a window of few rows costs as much as it has statements. */
async function computeFew(work: WindowWork): Promise<EngineResult> {
  const { session, plan, files } = work
  const dialect = duckdbDialect()
  await session.run([...copiedEvents(files, columnsRead(plan)), keepFew(dialect, plan)])
  const counts = await countFew(work, dialect)
  const measured = await groupKept(work, dialect)
  const isRanked = counts.kept > plan.definition.maxValues
  const output = await writeRows(work, 'all.parquet', rowsOfAllSets(dialect, plan, { measured, isRanked }))
  return { outputs: output ? [output] : [], counts }
}

async function computeMany(work: WindowWork): Promise<EngineResult> {
  const { session, plan } = work
  await session.run([eventsIn(work.files, columnsRead(plan))])
  const dialect = duckdbDialect(await codedColumns(work))
  await session.run(keepOnce(dialect, plan))
  const kept = await countKept(work, dialect)
  const measured = { table: await groupKept(work, dialect), isOfBuckets: false }
  const outputs: EngineResult['outputs'][number][] = []
  const sets = [...plan.definition.sets].sort((a, b) => b.dimensions.length - a.dimensions.length)
  let sources: readonly Counted[] = []
  for (const [at, set] of sets.entries()) {
    const table = `buckets_${at}`
    const source = sourceOf(set, sources) ?? measured
    const buckets = await firstNumber(session, countBuckets(dialect, plan, { table, set, source }))
    outputs.push(...(await writeSet(work, dialect, { set, table, buckets, ...kept })))
    // What is hardly smaller than all rows is no better source than they are.
    const isSource = 2 * buckets <= kept.counts.kept
    const rest = sets.slice(at + 1)
    const [used, unused] = parted(
      [...sources, { set, table, buckets }],
      (one) => (one.table !== table || isSource) && rest.some((later) => isWithin(later, one.set)),
    )
    await session.run(unused.map((one) => `DROP TABLE ${one.table}`))
    sources = used
  }
  return { outputs, counts: kept.counts }
}

/** The finer set of fewest buckets. */
function sourceOf(set: DimensionSet, sources: readonly Counted[]): BucketSource | undefined {
  const [least] = sources.filter((one) => isWithin(set, one.set)).sort((a, b) => a.buckets - b.buckets)
  return least && { table: least.table, isOfBuckets: true }
}

/** Each set is a complete partition of the rows of its metrics: of a finer one its own is added up exactly. */
const isWithin = (set: DimensionSet, finer: DimensionSet): boolean =>
  set.dimensions.every((dimension) => finer.dimensions.includes(dimension)) &&
  (finer.metrics === undefined || String(finer.metrics) === String(set.metrics))

function parted<T>(all: readonly T[], isFirst: (one: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))]
}

/** The columns whose texts have codes. */
async function codedColumns({ session, plan }: WindowWork): Promise<ReadonlySet<string>> {
  await session.run([collectTexts(plan.definition.sets)])
  const columns = (await allRows(session, CODED_COLUMNS)).map(([column]) => String(column))
  await session.run([...columns.flatMap(makeCodes), 'DROP TABLE texts'])
  return new Set(columns)
}

async function countKept(work: WindowWork, dialect: SqlDialect): Promise<Kept> {
  const [[duplicates, superseded, kept, late, weights] = []] = await allRows(
    work.session,
    keptCounts('latest'),
  )
  return {
    counts: await countOutcomes(work, dialect, [duplicates, superseded, kept, late]),
    isOfOneWeight: Number(weights) === 1,
  }
}

/** Most windows of few rows have each of them once. */
async function countFew(work: WindowWork, dialect: SqlDialect): Promise<WindowCounts> {
  const { session, plan } = work
  const [[isRepeated, rows, late] = []] = await allRows(session, FEW_COUNTS)
  if (isRepeated !== true) return countOutcomes(work, dialect, [0, 0, rows, late])
  await session.run(judgeFew(dialect, plan))
  const [counts = []] = await allRows(session, keptCounts('kept'))
  return countOutcomes(work, dialect, counts)
}

async function countOutcomes(
  { session, plan }: WindowWork,
  dialect: SqlDialect,
  [duplicates, superseded, kept, late]: readonly (SqlValue | undefined)[],
): Promise<WindowCounts> {
  const rows = await allRows(session, outcomes(dialect, plan))
  const found = new Map(rows.map(([outcome, count]) => [outcome, Number(count)]))
  return {
    read: [...found.values()].reduce((sum, count) => sum + count, 0),
    outsideWindow: found.get('outside') ?? 0,
    duplicates: Number(duplicates),
    superseded: Number(superseded),
    negative: found.get('negative') ?? 0,
    outOfRange: found.get('out_of_range') ?? 0,
    notANumber: found.get('not_a_number') ?? 0,
    bots: found.get('bot') ?? 0,
    softNavigations: found.get('soft_navigation') ?? 0,
    kept: Number(kept),
    late: Number(late),
  }
}

/** The table, or the query, of what is measured under the names of its groups. */
async function groupKept({ session, plan }: WindowWork, dialect: SqlDialect): Promise<string> {
  if ((await firstNumber(session, beyondLimits(plan))) === 0) return MEASURED
  await session.run(nameGroups(dialect, plan))
  return 'measured'
}

async function writeSet(
  work: WindowWork,
  dialect: SqlDialect,
  counted: Counted & Pick<Kept, 'isOfOneWeight'>,
): Promise<EngineResult['outputs']> {
  const isRanked = await rankIfBeyond(work, dialect, counted)
  const needed = (counted.buckets * BYTES_PER_BUCKET) / (work.memoryLimitBytes / 2)
  const chunks = Math.max(1, Math.ceil(needed)) * work.factor
  const outputs: EngineResult['outputs'][number][] = []
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const rows = rollupRows(dialect, work.plan, { ...counted, isRanked, chunk, chunks })
    const output = await writeRows(work, `${counted.set.name}-${chunk}.parquet`, rows)
    if (output) outputs.push(output)
  }
  return outputs
}

/** Whether values of the set have to be held against those that are kept, whose tables are there then. */
async function rankIfBeyond(
  { session, plan }: WindowWork,
  dialect: SqlDialect,
  { set, table }: Counted,
): Promise<boolean> {
  if (set.dimensions.length === 0) return false
  await session.run([countValues(dialect, plan, { table, set })])
  if ((await firstNumber(session, beyondValues(plan))) === 0) return false
  await session.run(rankValues(dialect, plan, set))
  return true
}

/** Undefined where there are no rows, of which no object is made. */
async function writeRows({ session, lake, plan, folder }: WindowWork, name: string, query: string) {
  const path = join(folder, name)
  const rows = await firstNumber(session, copyRows(query, path))
  if (rows === 0) return undefined
  const key = `${plan.outputPrefix}${name}`
  const { size } = await stat(path)
  await lake.putFile(key, path)
  return { key, bytes: size, rows }
}

/** The only number that a query answers, or how many rows a statement made. */
async function firstNumber(session: SqlSession, statement: string): Promise<number> {
  const [[count] = []] = await allRows(session, statement)
  return Number(count)
}
