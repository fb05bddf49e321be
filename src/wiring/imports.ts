import { dirname, join } from 'node:path'
import { duckdbSessions } from '../aggregation/ingest/duckdb/duckdb-sessions.ts'
import { createImports, type Imports } from '../aggregation/ingest/imports/import-door.ts'
import type { Config } from '../config/schema/config-schema.ts'
import type { System } from './system.ts'

export type { Imports } from '../aggregation/ingest/imports/import-door.ts'
export type { ImportReport } from '../aggregation/ingest/imports/import-file.ts'

export interface ImportSystem extends Omit<System, 'entropy'> {
  /** Those that are configured now; left out, those of the configuration. */
  readonly apps?: () => Config['apps']
}

/** The way into the lake for events of the past, of this process and of a command. */
export function wireImports(config: Config, system: ImportSystem): Imports {
  const { lake, telemetry, clock, apps = () => config.apps } = system
  const { memoryLimit: memoryLimitBytes, threads, timeout: timeoutMs } = config.aggregation.engine
  const tempDir = join(config.dataDir, 'tmp')
  return createImports({
    ...{ lake, telemetry, clock, tempDir },
    apps: () => apps().map(({ id, privacy }) => ({ id, allowQuery: new Set(privacy.allowQuery) })),
    sessionsFor: (path) =>
      duckdbSessions({
        ...{ memoryLimitBytes, threads, timeoutMs, tempDir, telemetry, clock },
        directories: [dirname(path)],
      }),
  })
}
