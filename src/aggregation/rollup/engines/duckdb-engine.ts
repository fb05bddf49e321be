import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lake } from '../../../lake/lake.ts'
import { AppError } from '../../../std/errors.ts'
import { FOLDER_MODE } from '../../../std/files/files.ts'
import type { Entropy } from '../../../std/id.ts'
import { inSession, type OpenSqlSession } from '../../ingest/duckdb/sql-session.ts'
import { writeSortedRows } from '../sql/duckdb-dialect.ts'
import { computeWindow, type WindowWork } from './duckdb-window.ts'
import { type Engine, NO_COUNTS, type SortedRows, type SortRows } from './engine.ts'
import { openInputs } from './open-inputs.ts'
import { rowsIn } from './row-lines.ts'

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
      const inputs = await openInputs(lake, plan.inputs)
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
  }
}

type Sorting = Pick<DuckdbEngineOptions, 'lake' | 'openSession' | 'tempDir' | 'entropy'>

/** Sorted once, into a file that is read as often as is asked: whoever reads it needs no database for that. */
export function duckdbRows({ lake, openSession, tempDir, entropy }: Sorting): SortRows {
  return async (keys, signal) => {
    if (keys.length === 0) return NO_ROWS
    const path = join(tempDir, `rollup-${entropy.id()}.rows`)
    const release = () => rm(path, { force: true })
    const files = await openInputs(lake, keys)
    try {
      await inSession(openSession, signal, (session) => session.run([writeSortedRows(files.paths, path)]))
    } catch (error) {
      await release()
      throw error
    } finally {
      await files.release()
    }
    return { read: () => rowsIn(path, signal), release }
  }
}

/** A window into which nothing went has none. */
const NO_ROWS: SortedRows = { async *read() {}, release: async () => {} }
