import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { duckdbSessions } from '../../../../src/aggregation/ingest/duckdb/duckdb-sessions.ts'
import type { OpenSqlSession } from '../../../../src/aggregation/ingest/duckdb/sql-session.ts'
import { fileList } from '../../../../src/aggregation/ingest/duckdb/sql-text.ts'
import type { LakeArrivals } from '../../../../src/aggregation/ingest/index/arrivals.ts'
import { lakeArrivals } from '../../../../src/aggregation/ingest/lake-arrivals.ts'
import { contentOf } from '../../../../src/aggregation/rollup/commit/content-hash.ts'
import { duckdbEngine, duckdbRows } from '../../../../src/aggregation/rollup/engines/duckdb-engine.ts'
import type { Engine, EngineResult, SortRows } from '../../../../src/aggregation/rollup/engines/engine.ts'
import { sessionPool } from '../../../../src/aggregation/rollup/engines/kept-session.ts'
import { DEFAULT_SETS } from '../../../../src/aggregation/rollup/model/definition.ts'
import {
  EPSILON_SQL,
  K_SQL,
  MICROS,
  ZERO_BELOW_SQL,
} from '../../../../src/aggregation/rollup/model/measure.ts'
import { localStore } from '../../../../src/aggregation/rollup/stores/local-store.ts'
import type { RollupStore } from '../../../../src/aggregation/rollup/stores/store.ts'
import { parseConfig } from '../../../../src/config/parse.ts'
import { fsLake } from '../../../../src/lake/fs.ts'
import type { Lake } from '../../../../src/lake/lake.ts'
import { systemClock } from '../../../../src/std/clock.ts'
import { systemEntropy } from '../../../../src/std/id.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { cpuMicros, largestChildBytes } from '../machine/proc.ts'
import { round } from '../machine/statistics.ts'
import type { Case } from '../measure/cases.ts'
import type { Result } from '../measure/result.ts'
import { type MadeLake, makeLake, WINDOW_FROM_MS, WINDOW_MS } from '../workload/lake-maker.ts'
import { nearEmptyWeek } from './near-empty.ts'

/** As wiring/aggregation.ts has it. */
const COMPACTION_BYTES = 268_435_456
const GRACE_MS = 120_000
const signal = new AbortController().signal

type Outcome = Omit<Result, 'case'>

interface Yard {
  readonly lake: Lake
  readonly arrivals: LakeArrivals
  readonly engine: Engine
  readonly openSession: OpenSqlSession
  readonly sortRows: SortRows
  /** Ends the process of DuckDB that windows share. */
  readonly letGo: () => Promise<void>
  readonly store: RollupStore
  /** Objects of the window that was computed. */
  readonly outputs: string[]
}

/**
 * From what the gateway wrote to rollup rows, by the product's own parts in their DuckDB child processes with the
 * settings of an empty configuration. The cases share one lake, so they run in this order and cannot be left out.
 */
export function rollupCases(folder: string, rows: number): readonly Case[] {
  const root = join(folder, 'rollup')
  let filled: { readonly yard: Yard; readonly made: MadeLake } | undefined
  const after = (name: string, run: (yard: Yard, made: MadeLake) => Promise<Outcome>): Case => ({
    name,
    async run() {
      if (filled === undefined) throw new Error(`${name} needs the lake that compact fills`)
      return run(filled.yard, filled.made)
    },
  })
  const first: Case = {
    name: 'compact',
    async run() {
      await rm(root, { recursive: true, force: true })
      const yard = await openYard(root)
      filled = { yard, made: await makeLake(yard.lake, rows) }
      return compact(filled.yard, filled.made)
    },
  }
  return [
    first,
    after('rollup', rollup),
    after('publish', publish),
    after('bare-histogram', bareHistogram),
    { name: 'near-empty-week', run: () => nearEmptyWeek(join(folder, 'near-empty')) },
  ]
}

async function openYard(root: string): Promise<Yard> {
  const [lakeDir, tempDir] = [join(root, 'lake'), join(root, 'tmp')]
  await mkdir(lakeDir, { recursive: true })
  const {
    memoryLimit: memoryLimitBytes,
    threads,
    timeout: timeoutMs,
  } = parseConfig({}, {}).aggregation.engine
  const telemetry = quietTelemetry()
  const directories = [lakeDir]
  const openSession = duckdbSessions({
    memoryLimitBytes,
    threads,
    tempDir,
    directories,
    timeoutMs,
    telemetry,
    clock: systemClock,
  })
  const lake = fsLake(lakeDir)
  const kept = sessionPool({ openSession, timeoutMs, clock: systemClock })
  const sorting = { lake, openSession: kept.openSession, tempDir, entropy: systemEntropy }
  return {
    lake,
    openSession,
    sortRows: duckdbRows(sorting),
    letGo: () => kept.letGo(),
    store: localStore({ dir: join(root, 'store') }),
    outputs: [],
    arrivals: lakeArrivals({
      ...{ lake, openSession, work: { tempDir }, maxBatchBytes: COMPACTION_BYTES },
      ...{ clock: systemClock, telemetry },
    }),
    engine: duckdbEngine({ ...sorting, memoryLimitBytes }),
  }
}

/** NDJSON → Parquet and index entries. */
async function compact({ arrivals }: Yard, made: MadeLake): Promise<Outcome> {
  const { value, figures } = await costOf(made.rows, () => arrivals.ingest(signal))
  const faults = value.rows === made.rows ? [] : [`${made.rows} lines became ${value.rows} rows`]
  return { figures: { ...figures, bytesPerEvent: round(made.bytes / made.rows) }, faults }
}

/** Filter, removal of duplicates, the default sets, packed histograms, Parquet. */
async function rollup(yard: Yard, made: MadeLake): Promise<Outcome> {
  const inputs = await keysOf(yard)
  const toMs = WINDOW_FROM_MS + WINDOW_MS
  const { value, figures } = await costOf(made.rows, () =>
    yard.engine.compute(
      {
        definition: {
          id: 'bench',
          grainMs: WINDOW_MS,
          sets: DEFAULT_SETS,
          bots: 'exclude',
          maxMetrics: 500,
          maxValues: 500,
        },
        fromMs: WINDOW_FROM_MS,
        toMs,
        lateAfterMs: toMs + GRACE_MS,
        inputs,
        outputPrefix: 'rollups/bench/h/15m/run=bench/',
      },
      signal,
    ),
  )
  yard.outputs.push(...value.outputs.map(({ key }) => key))
  return { figures, faults: countFaults(value, made) }
}

/** The rows sorted, by the process that computed them, hashed, and written into the local store. */
async function publish({ sortRows, store, outputs, letGo }: Yard, made: MadeLake): Promise<Outcome> {
  const { figures } = await costOf(made.rows, async () => {
    const rows = await sortRows(outputs, signal)
    const { hash } = await contentOf(rows.read())
    const window = {
      ...{ rollup: 'bench', fromMs: WINDOW_FROM_MS, toMs: WINDOW_FROM_MS + WINDOW_MS, generation: 1 },
      ...{ contentHash: hash, complete: true, late: 0, rejected: 0 },
    }
    await store.publish(window, rows.read())
    await rows.release()
  })
  await letGo()
  return { figures, faults: [] }
}

function countFaults({ counts }: EngineResult, made: MadeLake): readonly string[] {
  const faults: string[] = []
  const { read, duplicates, outsideWindow, kept } = counts
  if (read !== made.rows) faults.push(`${made.rows} rows were made and ${read} read`)
  // A duplicate of a row that is outside counts as outside.
  if (kept + duplicates + outsideWindow !== made.rows) faults.push(`of ${read} rows ${kept} were kept`)
  if (outsideWindow < made.outside)
    faults.push(`${made.outside} rows lie outside and ${outsideWindow} were found there`)
  return faults
}

/** The plain query: no duplicates removed, one set, nothing packed, no start of a process. What the engine could do at best. */
async function bareHistogram(yard: Yard, made: MadeLake): Promise<Outcome> {
  const opened = await Promise.all((await keysOf(yard)).map((key) => yard.lake.open(key)))
  const files = fileList(opened.map((file) => file?.path ?? 'absent'))
  const session = await yard.openSession(signal)
  const { figures } = await costOf(made.rows, () =>
    session.run([
      `CREATE TEMP TABLE buckets AS SELECT event_time // ${WINDOW_MS} AS w, app_id, name,
        CASE WHEN value < ${ZERO_BELOW_SQL} THEN -32768
          ELSE CAST(ceil(ln(greatest(value, ${ZERO_BELOW_SQL})) * ${K_SQL} - ${EPSILON_SQL}) AS INTEGER) END AS b,
        count(*) AS n, sum(CAST(floor(value * ${MICROS} + 0.5) AS BIGINT)) AS s, min(value), max(value)
      FROM read_parquet(${files}) GROUP BY ALL`,
    ]),
  )
  await session.close()
  return { figures, faults: [] }
}

async function keysOf({ arrivals }: Yard): Promise<readonly string[]> {
  const objects = await arrivals.touching(WINDOW_FROM_MS, WINDOW_FROM_MS + WINDOW_MS)
  return objects.map(({ key }) => key)
}

const SAMPLE_MS = 20

/** Time and CPU of this process and its children, and the most that a child had resident. */
async function costOf<T>(rows: number, work: () => Promise<T>) {
  let peakBytes = 0
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, largestChildBytes(process.pid))
  }, SAMPLE_MS)
  const [startMs, startMicros] = [performance.now(), cpuMicros(process.pid)]
  const value = await work()
  const [ms, micros] = [performance.now() - startMs, cpuMicros(process.pid) - startMicros]
  clearInterval(sampling)
  return {
    value,
    figures: {
      rows,
      rowsPerSecond: Math.round((rows / ms) * 1_000),
      rowsPerCpuSecond: Math.round((rows / micros) * 1_000_000),
      cpuMicrosPerRow: round(micros / rows),
      peakRssMb: Math.round(peakBytes / 2 ** 20),
    },
  }
}
