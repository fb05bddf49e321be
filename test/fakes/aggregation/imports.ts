import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { duckdbSessions } from '../../../src/aggregation/ingest/duckdb/duckdb-sessions.ts'
import { createImports, type ImportsOptions } from '../../../src/aggregation/ingest/imports/import-door.ts'
import { systemClock } from '../../../src/std/clock.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { fakeClock } from '../clock.ts'
import { memoryLake } from './lake.ts'

/** Imports into a lake in memory, of the app `shop`. */
export function importsHere(t: Test, change: Partial<ImportsOptions> = {}) {
  const tempDir = mkdtempSync(join(tmpdir(), 'imports-'))
  t.teardown(() => rmSync(tempDir, { recursive: true, force: true }))
  const lake = memoryLake()
  const telemetry = quietTelemetry()
  const imports = createImports({
    ...{ lake, tempDir, telemetry, clock: fakeClock() },
    apps: () => [{ id: 'shop', allowQuery: new Set() }],
    sessionsFor: (path) =>
      duckdbSessions({
        ...{ memoryLimitBytes: 512_000_000, threads: 2, timeoutMs: 900_000, tempDir, telemetry },
        ...{ clock: systemClock, directories: [dirname(path)] },
      }),
    ...change,
  })
  return { imports, lake, tempDir, telemetry }
}
