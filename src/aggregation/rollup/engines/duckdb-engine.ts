import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lake } from '../../../lake/lake.ts'
import { AppError } from '../../../std/errors.ts'
import { FOLDER_MODE } from '../../../std/files/files.ts'
import type { Entropy } from '../../../std/id.ts'
import {
  allRows,
  type OpenSqlSession,
  type SqlSession,
  type SqlValue,
} from '../../ingest/duckdb/sql-session.ts'
import { copyRows, duckdbDialect, eventsIn, sortedRows } from '../sql/duckdb-dialect.ts'
import {
  keepOnce,
  keptCounts,
  nameGroups,
  outcomes,
  rankValues,
  rollupRows,
  type SetPart,
} from '../sql/rollup-sql.ts'
import type { RollupRow } from '../stores/store.ts'
import {
  type Engine,
  type EngineResult,
  NO_COUNTS,
  type ReadRows,
  type WindowCounts,
  type WindowPlan,
} from './engine.ts'

export interface DuckdbEngineOptions {
  readonly lake: Lake
  readonly openSession: OpenSqlSession
  readonly tempDir: string
  readonly memoryLimitBytes: number
  readonly entropy: Entropy
}

/** Memory of one bucket while its group is packed; ordered aggregates do not spill. Measured: 400 bytes. */
const BYTES_PER_BUCKET = 400
/** After running out of memory the sets are cut into so many times more parts. */
const MORE_CHUNKS = 4

/** Windows in a DuckDB child process, one session each. */
export function duckdbEngine(options: DuckdbEngineOptions): Engine {
  const { lake, openSession, tempDir, entropy } = options
  return {
    name: 'duckdb',
    async compute(plan, signal) {
      if (plan.inputs.length === 0) return { outputs: [], counts: NO_COUNTS }
      const inputs = await openAll(lake, plan.inputs)
      const folder = join(tempDir, `rollup-${entropy.id()}`)
      await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
      try {
        const run = { ...options, plan, folder, files: inputs.paths }
        return await inSession(openSession, signal, (session) => computeWindow(session, run, 1)).catch(
          (error: unknown) => {
            if (!(error instanceof AppError) || error.code !== 'engine_out_of_memory') throw error
            return inSession(openSession, signal, (session) => computeWindow(session, run, MORE_CHUNKS))
          },
        )
      } finally {
        await rm(folder, { recursive: true, force: true })
        await inputs.release()
      }
    },
  }
}

export function duckdbRows({
  lake,
  openSession,
}: Pick<DuckdbEngineOptions, 'lake' | 'openSession'>): ReadRows {
  return async function* read(keys, signal) {
    if (keys.length === 0) return
    const files = await openAll(lake, keys)
    try {
      const session = await openSession(signal)
      try {
        for await (const chunk of session.rows(sortedRows(files.paths))) yield chunk.map(rowOf)
      } finally {
        await session.close()
      }
    } finally {
      await files.release()
    }
  }
}

interface WindowQuery extends DuckdbEngineOptions {
  readonly plan: WindowPlan
  readonly folder: string
  readonly files: readonly string[]
}

async function computeWindow(session: SqlSession, run: WindowQuery, factor: number): Promise<EngineResult> {
  const { plan, files, memoryLimitBytes } = run
  await session.run([eventsIn(files), ...keepOnce(duckdbDialect, plan)])
  const counts = await countsOf(session, plan)
  await session.run(nameGroups(duckdbDialect, plan))
  const needed = (counts.kept * BYTES_PER_BUCKET) / (memoryLimitBytes / 2)
  const chunks = Math.max(1, Math.ceil(needed)) * factor
  const outputs: EngineResult['outputs'][number][] = []
  for (const set of plan.definition.sets) {
    await session.run([rankValues(duckdbDialect, plan, set)])
    for (let chunk = 0; chunk < chunks; chunk += 1) {
      const output = await writePart(session, run, { set, chunk, chunks })
      if (output) outputs.push(output)
    }
  }
  return { outputs, counts }
}

/** Undefined for a part without rows, which gets no object. */
async function writePart(session: SqlSession, { lake, plan, folder }: WindowQuery, part: SetPart) {
  const name = `${part.set.name}-${part.chunk}.parquet`
  const path = join(folder, name)
  const [[count] = []] = await allRows(session, copyRows(rollupRows(duckdbDialect, plan, part), path))
  const rows = Number(count)
  if (rows === 0) return undefined
  const key = `${plan.outputPrefix}${name}`
  const { size } = await stat(path)
  await lake.putFile(key, path)
  return { key, bytes: size, rows }
}

async function countsOf(session: SqlSession, plan: WindowPlan): Promise<WindowCounts> {
  const rows = await allRows(session, outcomes(duckdbDialect, plan))
  const found = new Map(rows.map(([outcome, count]) => [outcome, Number(count)]))
  const [[duplicates, superseded, kept, late] = []] = await allRows(session, keptCounts(plan))
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

async function inSession<T>(
  openSession: OpenSqlSession,
  signal: AbortSignal,
  work: (session: SqlSession) => Promise<T>,
): Promise<T> {
  const session = await openSession(signal)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

async function openAll(lake: Lake, keys: readonly string[]) {
  const opened = await Promise.all(keys.map(async (key) => ({ key, file: await lake.open(key) })))
  const files = opened.map(({ file }) => file).filter((file) => file !== undefined)
  const release = async () => {
    await Promise.all(files.map((file) => file.release()))
  }
  const missing = opened.find(({ file }) => file === undefined)
  if (missing) {
    await release()
    throw new AppError('input_missing', `${missing.key} is not in the lake`)
  }
  return { paths: files.map(({ path }) => path), release }
}

function rowOf(row: readonly SqlValue[]): RollupRow {
  const [app, metric, unit, set, value, n, rows, sum, squares, minMicros, maxMicros, histogram] = row
  return {
    app: String(app),
    metric: String(metric),
    unit: String(unit),
    set: String(set),
    value: String(value),
    n: BigInt(String(n)),
    rows: Number(rows),
    sum: BigInt(String(sum)),
    squares: BigInt(String(squares)),
    minMicros: BigInt(String(minMicros)),
    maxMicros: BigInt(String(maxMicros)),
    histogram: String(histogram),
  }
}
