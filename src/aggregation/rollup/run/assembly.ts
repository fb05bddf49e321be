import { join } from 'node:path'
import type { Lake } from '../../../lake/lake.ts'
import { type BackgroundWork, backgroundWork, besideEachOther } from '../../../std/async/background.ts'
import type { Clock } from '../../../std/clock.ts'
import type { FileOps } from '../../../std/files/files.ts'
import { type Processes, type ProcessIdentity, systemProcesses } from '../../../std/files/process-identity.ts'
import type { Entropy } from '../../../std/id.ts'
import type { Logger, Telemetry } from '../../../std/telemetry.ts'
import type { IngestReport, LakeArrivals } from '../../ingest/index/arrivals.ts'
import { type HeldWork, type Hold, holdOf } from '../commit/hold-lease.ts'
import { createLeases, isHeldByAnother, type Leases } from '../commit/lease.ts'
import { createManifests } from '../commit/manifest.ts'
import { notesOf } from '../commit/rollup-notes.ts'
import { type LeftWindow, type Recounted, removeSuperseded } from '../commit/superseded-generations.ts'
import type { Engine, SortRows } from '../engines/engine.ts'
import { erasedTimes } from '../lost/erased-time.ts'
import { createRepublish } from '../lost/republish.ts'
import { createRestoring } from '../lost/restoring.ts'
import { createMerging } from '../merge/merge-pass.ts'
import type { RollupDefinition } from '../model/definition.ts'
import type { OpenWindows } from '../open/open-windows.ts'
import { createPlanner, type Planner } from '../plan/planner.ts'
import type { RollupStore } from '../stores/store.ts'
import type { RunPorts, SavedProgress } from './execute-run.ts'
import { createRunLog, type RunLog } from './log/run-log.ts'
import { type AsideTotal, booked, createSetAsideBooks } from './log/set-aside-books.ts'
import { rollupMetrics } from './metrics.ts'
import { createPresence, type Presence } from './presence.ts'
import type { RunBeginning } from './run-beginning.ts'
import { type AskUpstream, awaitAcknowledged } from './upstream.ts'

export interface RunsOptions {
  readonly rollups: ScheduledRollups
  readonly arrivals: LakeArrivals
  readonly computing: WindowComputing
  readonly stores: readonly RollupStore[]
  readonly lake: Lake
  readonly records: RunRecords
  readonly system: { readonly clock: Clock; readonly entropy: Entropy; readonly telemetry: Telemetry }
  readonly process?: RunProcess
  readonly onProgress?: ((progress: SavedProgress) => void) | undefined
  /** The gateway whose events are rolled up; explicit runs wait for what it has acknowledged. */
  readonly askGateway?: AskUpstream | undefined
}

export interface ScheduledRollups {
  readonly definitions: readonly RollupDefinition[]
  readonly schedule: { readonly graceMs: number; readonly horizonMs: number }
  /** Windows that are not over; left out, they are told of when they are. */
  readonly open?: Pick<OpenWindows, 'refresh' | 'clear'> | undefined
}

export interface WindowComputing {
  readonly engine: Engine
  readonly sortRows: SortRows
  /** Ends what the engine keeps from one window to the next. */
  readonly letGo?: (() => Promise<void>) | undefined
}

export interface RunRecords {
  /** Holds run records, logs and leases; shared by the processes of one host. */
  readonly controlDir: string
  readonly files?: FileOps | undefined
  readonly keptRuns?: number | undefined
}

/** The process that the runs belong to: this one. */
export interface RunProcess {
  readonly owner?: ProcessIdentity | undefined
  readonly processes?: Processes | undefined
  readonly heartbeatMs?: number | undefined
}

/** What runs are made with: the options, put together. */
export interface RunDependencies {
  readonly owner: ProcessIdentity
  readonly runLog: RunLog
  readonly leases: Leases
  readonly hold: Hold
  readonly presence: Presence
  readonly planner: Planner
  readonly runPorts: RunPorts
  readonly log: Logger
  readonly forSchedule: {
    /** False: another process is at it, and the next look finds what that has taken in. */
    readonly ingestIfFree: (signal: AbortSignal) => Promise<boolean>
    /** Small objects of the lake are joined, an hour of them at a time, and windows merged, a day of them at a time. */
    readonly beside: BackgroundWork
  }
  readonly ofLake: OfLake
}

/** What is told of the lake, run or no run. */
export interface OfLake {
  /**
   * Objects and partitions of the lake that the last ingest of this process could not take, and the next tries again; and
   * why the engine did not work then, whatever it read. Nothing before the first.
   */
  lastIngest(): { readonly notIngested?: number; readonly engine?: string }
  /** What ingests have set aside since the data folder was made. */
  setAside(): Promise<AsideTotal>
  /** Works while no other, in this process or another, erases; rejects while one does. */
  readonly alone: <T>(held: HeldFor, work: (signal: AbortSignal) => Promise<T>) => Promise<T>
  /** Works while no other, in this process or another, takes in or joins; rejects while one does. */
  readonly exclusively: Exclusively
  /** Removes what was computed of windows that are not over: events of theirs have gone. */
  forgetOpen(): Promise<void>
  /**
   * Removes what windows were before these runs from the lake and from the stores; answers those that count as before.
   * Rejects while another works on one of them.
   */
  readonly forgetBefore: (recounted: Recounted, held: HeldFor) => Promise<readonly LeftWindow[]>
}

type HeldFor = Pick<HeldWork, 'runId' | 'signal'>

/** Work on the lake itself. */
export type Exclusively = <T>(
  held: HeldFor,
  work: (signal: AbortSignal, arrivals: Pick<LakeArrivals, 'ingest'>) => Promise<T>,
) => Promise<T>

export async function buildRunDependencies(options: RunsOptions): Promise<RunDependencies> {
  const { stores, lake, askGateway } = options
  const { definitions, schedule, open } = options.rollups
  const { clock, entropy, telemetry } = options.system
  const { controlDir, files, keptRuns } = options.records
  const { processes = systemProcesses, heartbeatMs, owner = await processes.self() } = options.process ?? {}
  const { log } = telemetry
  const runLog = createRunLog({ dir: controlDir, clock, log, files, keptRuns })
  const books = createSetAsideBooks({ dir: controlDir, clock, log, files })
  const arrivals = booked(options.arrivals, books)
  const leases = createLeases({
    dir: join(controlDir, 'leases'),
    ...{ owner, clock, entropy, files, processes, log },
  })
  const presence = createPresence({
    ...{ leases, owner, processes, log, heartbeatMs },
    rollups: notesOf(definitions),
  })
  const hold = holdOf(leases, heartbeatMs)
  const manifests = createManifests(lake, log)
  const metrics = rollupMetrics(telemetry.metrics, clock)
  const lost = { lake, arrivals, stores, erased: erasedTimes(lake) }
  const restoring = createRestoring({ definitions, sources: lost, runLog, clock, log })
  const sources = { manifests, arrivals, stores: restoring.stores, runLog, log }
  const planner = restoring.planning(createPlanner({ definitions, schedule, sources, metrics, clock }))

  let last: Pick<IngestReport, 'failed' | 'unusable'> | undefined
  /** One process at a time compacts what arrived. */
  async function ingest(...[runId, signal, how]: Parameters<RunBeginning['ingest']>): Promise<IngestReport> {
    const report = await hold({ name: 'ingest', runId, signal }, (held) => arrivals.ingest(held, how))
    const { inputs, rows, malformed } = report
    if (inputs > 0) log.info({ run: runId, inputs, rows, malformed }, 'raw objects were ingested')
    last = report
    if (report.unusable !== undefined) throw report.unusable
    return report
  }

  async function isFree(work: Promise<unknown>): Promise<boolean> {
    try {
      await work
      return true
    } catch (error) {
      if (isHeldByAnother(error)) return false
      throw error
    }
  }

  const exclusively: Exclusively = ({ runId, signal }, work) =>
    hold({ name: 'join', runId, signal }, (one) =>
      hold({ name: 'ingest', runId, signal: one }, (held) => work(held, arrivals)),
    )

  const joining = backgroundWork(
    async (signal) => {
      await isFree(hold({ name: 'join', runId: 'schedule', signal }, (held) => arrivals.join(held)))
    },
    (err) => log.error({ err }, 'small objects of an hour cannot be joined now; it is tried again later'),
  )

  const merging = backgroundWork(createMerging({ definitions, stores, hold, clock, log }), (err) =>
    log.error({ err }, 'windows of a day cannot be merged now; it is tried again later'),
  )

  const opening = backgroundWork(
    async (signal) => open?.refresh(signal),
    (err) => log.error({ err }, 'open windows cannot be computed'),
  )

  const { engine, sortRows, letGo } = options.computing
  const { graceMs } = schedule
  const runPorts: RunPorts = {
    reporting: { runLog, log, metrics, clock, entropy },
    beginning: {
      ingest,
      takeSetAside: books.takeUntold,
      plan: (run, isHeld) => planner.plan(run, isHeld),
      acknowledged: askGateway && ((signal) => awaitAcknowledged({ askGateway, clock }, signal)),
    },
    turns: {
      definitions: new Map(definitions.map((definition) => [definition.id, definition])),
      ports: { arrivals, engine, sortRows, stores, manifests, hold, metrics, clock, entropy, graceMs },
      republish: createRepublish({ ...lost, sortRows, hold }),
      taken: (window) => planner.forget(window),
      onProgress: options.onProgress,
    },
    letGo,
  }
  return {
    owner,
    runLog,
    leases,
    hold,
    presence,
    planner,
    runPorts,
    log,
    forSchedule: {
      ingestIfFree: (signal) => isFree(ingest('schedule', signal)),
      beside: besideEachOther([joining, merging, opening]),
    },
    ofLake: {
      alone: (held, work) => hold({ name: 'erasure', ...held }, work),
      forgetOpen: async () => open?.clear(),
      exclusively,
      forgetBefore: (recounted, held) => removeSuperseded(recounted, { lake, stores, hold, ...held }),
      lastIngest: () => ({
        ...(last && { notIngested: last.failed.length }),
        ...(last?.unusable && { engine: last.unusable.message }),
      }),
      setAside: books.total,
    },
  }
}
