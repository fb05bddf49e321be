import type { OpenSqlSession } from '../aggregation/ingest/duckdb/sql-session.ts'
import { duckdbEngine, duckdbRows } from '../aggregation/rollup/engines/duckdb-engine.ts'
import { sessionPool } from '../aggregation/rollup/engines/kept-session.ts'
import {
  createOpenWindows,
  type OpenWindows,
  type OpenWindowsOptions,
} from '../aggregation/rollup/open/open-windows.ts'
import { localOpenStore } from '../aggregation/rollup/stores/local-open.ts'
import { definitionFor } from '../aggregation/serve/asked-sets.ts'
import type { Queries } from '../aggregation/serve/query-port.ts'
import type { System } from './system.ts'

interface OpenWiring extends Pick<OpenWindowsOptions, 'definitions' | 'arrivals' | 'graceMs'> {
  /** Where the windows lie, and nothing else does. */
  readonly dir: string
  readonly tempDir: string
  readonly openSession: OpenSqlSession
  readonly timeoutMs: number
  readonly memoryLimitBytes: number
}

/** Windows that are not over yet, computed beside all else. */
export function wireOpenWindows(
  { dir, tempDir, openSession, timeoutMs, memoryLimitBytes, ...windows }: OpenWiring,
  { clock, entropy, lake, telemetry: { log } }: System,
): OpenWindows {
  const pool = sessionPool({ openSession, timeoutMs, clock })
  const work = { lake, openSession: pool.openSession, tempDir, entropy }
  return createOpenWindows({
    ...windows,
    lake,
    store: localOpenStore({ dir, log }),
    computing: {
      engine: duckdbEngine({ ...work, memoryLimitBytes }),
      sortRows: duckdbRows(work),
      letGo: pool.letGo,
    },
    system: { clock, entropy, log },
  })
}

/** Queries that say who looks at what is newest: windows that are not over are computed for them. */
export const watchedQueries = (
  queries: Queries,
  { open, definitions, clock }: Pick<OpenWindowsOptions, 'definitions'> & Watching,
): Queries => ({
  ...queries,
  async series(asked, asking) {
    const { id, grainMs } = definitionFor(definitions, asked, [['set', asked.set]])
    if (asked.toMs > clock.nowMs() - grainMs) open.watched(id)
    return queries.series(asked, asking)
  },
})

interface Watching extends Pick<System, 'clock'> {
  readonly open: Pick<OpenWindows, 'watched'>
}
