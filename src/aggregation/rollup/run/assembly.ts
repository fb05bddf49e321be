import { join } from 'node:path'
import type { Lake } from '../../../lake/lake.ts'
import type { Clock } from '../../../std/clock.ts'
import type { FileOps } from '../../../std/files/files.ts'
import { type Processes, type ProcessIdentity, systemProcesses } from '../../../std/files/process-identity.ts'
import type { Entropy } from '../../../std/id.ts'
import type { Logger, Telemetry } from '../../../std/telemetry.ts'
import type { IngestReport, LakeArrivals } from '../../ingest/index/arrivals.ts'
import { holdLease } from '../commit/hold-lease.ts'
import { createLeases, isHeldByAnother, type Leases } from '../commit/lease.ts'
import { createManifests } from '../commit/manifest.ts'
import type { Engine, ReadRows } from '../engines/engine.ts'
import type { RollupDefinition } from '../model/definition.ts'
import { createPlanner, type Planner } from '../plan/planner.ts'
import type { RollupStore } from '../stores/store.ts'
import type { RunPorts, SavedProgress } from './execute-run.ts'
import { createRunLog, type RunLog } from './log/run-log.ts'
import { rollupMetrics } from './metrics.ts'
import { createPresence, type Presence } from './presence.ts'
import { type AskUpstream, awaitAcknowledged } from './upstream.ts'

export interface RunsOptions {
  readonly definitions: readonly RollupDefinition[]
  readonly schedule: { readonly graceMs: number; readonly horizonMs: number }
  readonly arrivals: LakeArrivals
  readonly engine: Engine
  readonly readRows: ReadRows
  readonly stores: readonly RollupStore[]
  readonly lake: Lake
  /** Holds run records, logs and leases; shared by the processes of one host. */
  readonly controlDir: string
  readonly clock: Clock
  readonly entropy: Entropy
  readonly telemetry: Telemetry
  readonly onProgress?: (progress: SavedProgress) => void
  /** The gateway whose events are rolled up; explicit runs wait for what it has acknowledged. */
  readonly askGateway?: AskUpstream | undefined
  /** Ends what the engine keeps from one window to the next. */
  readonly letGo?: (() => Promise<void>) | undefined
  /** The process that the runs belong to: this one. */
  readonly owner?: ProcessIdentity
  readonly processes?: Processes
  readonly heartbeatMs?: number
  readonly files?: FileOps
  readonly keptRuns?: number
}

/** What runs are made with: the options, put together. */
export interface RunDependencies {
  readonly owner: ProcessIdentity
  readonly runLog: RunLog
  readonly leases: Leases
  readonly presence: Presence
  readonly planner: Planner
  readonly runPorts: RunPorts
  readonly log: Logger
  /** For the schedule. False: another process is at it, and the next look finds what that has taken in. */
  readonly ingestIfFree: (signal: AbortSignal) => Promise<boolean>
  /** Objects and partitions that the last ingest could not take. */
  readonly notIngested: () => number
}

export async function buildRunDependencies(options: RunsOptions): Promise<RunDependencies> {
  const { definitions, schedule, arrivals, stores, lake, controlDir, clock, entropy, telemetry } = options
  const { files, processes = systemProcesses, keptRuns, heartbeatMs, askGateway } = options
  const { log } = telemetry
  const owner = options.owner ?? (await processes.self())
  const runLog = createRunLog({ dir: controlDir, clock, log, files, keptRuns })
  const leases = createLeases({
    dir: join(controlDir, 'leases'),
    ...{ owner, clock, entropy, files, processes, log },
  })
  const presence = createPresence({ leases, owner, processes, log, heartbeatMs })
  const manifests = createManifests(lake, log)
  const metrics = rollupMetrics(telemetry.metrics, clock)
  const sources = { manifests, arrivals, stores, runLog, log }
  const planner = createPlanner({ definitions, schedule, sources, metrics, clock })

  let notIngested = 0
  /** One process at a time compacts what arrived. */
  async function ingest(...[runId, signal, how]: Parameters<RunPorts['ingest']>): Promise<IngestReport> {
    const lease = await leases.acquire('ingest', runId)
    const report = await holdLease(lease, { signal, heartbeatMs }, (held) => arrivals.ingest(held, how))
    const { inputs, rows, malformed } = report
    if (inputs > 0) log.info({ run: runId, inputs, rows, malformed }, 'raw objects were ingested')
    notIngested = report.failed.length
    return report
  }

  async function ingestIfFree(signal: AbortSignal): Promise<boolean> {
    try {
      await ingest('schedule', signal)
      return true
    } catch (error) {
      if (isHeldByAnother(error)) return false
      throw error
    }
  }

  const runPorts: RunPorts = {
    arrivals,
    engine: options.engine,
    readRows: options.readRows,
    stores,
    manifests,
    leases,
    metrics,
    clock,
    entropy,
    graceMs: schedule.graceMs,
    heartbeatMs,
    definitions: new Map(definitions.map((definition) => [definition.id, definition])),
    runLog,
    log,
    ingest,
    plan: (run, isHeld) => planner.plan(run, isHeld),
    acknowledged: askGateway && ((signal) => awaitAcknowledged({ askGateway, clock }, signal)),
    taken: (window) => planner.forget(window),
    onProgress: options.onProgress,
    letGo: options.letGo,
  }
  return {
    ...{ owner, runLog, leases, presence, planner, runPorts, log, ingestIfFree },
    notIngested: () => notIngested,
  }
}
