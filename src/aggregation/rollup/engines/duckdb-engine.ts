import { createHash } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
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
import { repeatedRows, sortedLines } from '../sql/duckdb-dialect.ts'
import type { RollupRow } from '../stores/store.ts'
import { computeWindow, type WindowWork } from './duckdb-window.ts'
import { type Engine, NO_COUNTS, type ReadRows, type RowsDigest } from './engine.ts'

export interface DuckdbEngineOptions {
  readonly lake: Lake
  readonly openSession: OpenSqlSession
  readonly tempDir: string
  readonly memoryLimitBytes: number
  readonly entropy: Entropy
  readonly manyFromRows?: number
}

/** Fewer rows than these cost less computed at once, each once a set, and fit into the least memory so. Ours. */
const MANY_ROWS = 10_000
/** After running out of memory the sets are cut into so many times more parts. */
const MORE_CHUNKS = 4

/** Windows in a DuckDB child process, one session each. */
export function duckdbEngine(options: DuckdbEngineOptions): Engine {
  const { lake, openSession, tempDir, entropy, memoryLimitBytes, manyFromRows = MANY_ROWS } = options
  return {
    name: 'duckdb',
    async compute(plan, signal) {
      if (plan.inputs.length === 0) return { outputs: [], counts: NO_COUNTS }
      const inputs = await openAll(lake, plan.inputs)
      const folder = join(tempDir, `rollup-${entropy.id()}`)
      await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
      try {
        const work = { lake, memoryLimitBytes, manyFromRows, plan, folder, files: inputs.paths, factor: 1 }
        const inSessionOf = (work: Omit<WindowWork, 'session'>) =>
          inSession(openSession, signal, (session) => computeWindow({ ...work, session }))
        return await inSessionOf(work).catch((error: unknown) => {
          if (!(error instanceof AppError) || error.code !== 'engine_out_of_memory') throw error
          return inSessionOf({ ...work, manyFromRows: 0, factor: MORE_CHUNKS })
        })
      } finally {
        await rm(folder, { recursive: true, force: true })
        await inputs.release()
      }
    },
    digest: async (keys, signal) => (keys.length === 0 ? NO_ROWS : digestOf(options, keys, signal)),
  }
}

/** A window into which nothing went. */
const NO_ROWS: RowsDigest = { hash: createHash('sha256').digest('hex'), rows: 0 }

type Reading = Pick<DuckdbEngineOptions, 'lake' | 'openSession'>

export function duckdbRows(reading: Reading): ReadRows {
  return async function* read(keys, signal) {
    if (keys.length === 0) return
    const files = await openAll(reading.lake, keys)
    try {
      const session = await reading.openSession(signal)
      try {
        for await (const chunk of session.rows(sortedLines(files.paths))) yield rowsOf(chunk)
      } finally {
        await session.close()
      }
    } finally {
      await files.release()
    }
  }
}

async function digestOf(
  { lake, openSession }: Reading,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<RowsDigest> {
  const files = await openAll(lake, keys)
  try {
    return await inSession(openSession, signal, async (session) => {
      const [[repeated] = []] = await allRows(session, repeatedRows(files.paths))
      if (Number(repeated) > 0)
        throw new AppError('engine_failed', `${repeated} rows of the window are there twice`)
      const { hash, texts } = await session.digest(sortedLines(files.paths))
      return { hash, rows: texts }
    })
  } finally {
    await files.release()
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

/** Lines, as `sortedLines` has them. */
const rowsOf = (lines: readonly (readonly SqlValue[])[]): readonly RollupRow[] =>
  (JSON.parse(`[${lines.join(',')}]`) as readonly WrittenRow[]).map(rowOf)

type WrittenRow = readonly [
  string,
  string,
  string,
  string,
  string,
  string,
  number,
  string,
  string,
  string,
  string,
  string,
]

function rowOf(line: WrittenRow): RollupRow {
  const [app, metric, unit, set, value, n, rows, sum, squares, minMicros, maxMicros, histogram] = line
  return {
    ...{ app, metric, unit, set, value, rows, histogram },
    ...{ n: BigInt(n), sum: BigInt(sum), squares: BigInt(squares) },
    ...{ minMicros: BigInt(minMicros), maxMicros: BigInt(maxMicros) },
  }
}
