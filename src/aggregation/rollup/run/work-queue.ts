import type { Clock } from '../../../std/clock.ts'
import { codeOf } from '../../../std/expected-errors.ts'
import { isSystemError } from '../../../std/files/files.ts'
import type { Logger } from '../../../std/telemetry.ts'
import { keyOf } from '../plan/plan.ts'
import { isResting, type Run, type RunWindow } from './log/run-record.ts'
import type { Schedule } from './schedule.ts'

export interface WorkOffOptions {
  /** What is to be done now, without those that are passed over. */
  readonly next: (isPassedOver: (id: string) => boolean) => Run | undefined
  readonly execute: (run: Run) => Promise<unknown>
  readonly log: Logger
}

/**
 * Works off what there is, one run after the other. A run whose record cannot be written now is named and left for the
 * next look, and holds up no other. Resolves with those runs, and why.
 */
export async function workOff(
  { next, execute, log }: WorkOffOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Error>> {
  const unsaved = new Map<string, Error>()
  const take = () => (signal.aborted ? undefined : next((id) => unsaved.has(id)))
  for (let run = take(); run; run = take()) {
    try {
      await execute(run)
    } catch (error) {
      if (!isSystemError(error)) throw error
      log.error({ err: error, run: run.id, code: codeOf(error) }, 'the record of a run cannot be written now')
      unsaved.set(run.id, error)
    }
  }
  return unsaved
}

/** The oldest whose time has come. */
export function oldestReady(runs: Iterable<Run>, nowMs: number): Run | undefined {
  let oldest: Run | undefined
  for (const run of runs) {
    if (!isResting(run, nowMs) && (oldest === undefined || run.id < oldest.id)) oldest = run
  }
  return oldest
}

/** Between two windows of a run that was asked for, and after it, the schedule has its turn when a tick has fallen due. */
export interface ScheduleTurn {
  isDue(): boolean
  /** Ingests what arrived, and works off what is due; answers the windows that it was through with. Never rejects. */
  readonly take: () => Promise<readonly RunWindow[]>
  /** Whether one that is under way has lasted as long as the others' turn does: what is left then is for the next. */
  isOver(): boolean | undefined
}

export interface ScheduleTurnPorts {
  readonly schedule: Pick<Schedule, 'isDue' | 'takeTurn'>
  readonly tickMs: number
  readonly clock: Clock
  /** The runs of the schedule alone. */
  readonly next: WorkOffOptions['next']
  readonly execute: (run: Run) => Promise<Run>
  readonly log: Logger
}

export function createScheduleTurn(ports: ScheduleTurnPorts, signal: AbortSignal): ScheduleTurn {
  const { schedule, tickMs, clock, next, execute, log } = ports
  let endsMs: number | undefined
  let underWay: Promise<readonly RunWindow[]> | undefined

  async function take(): Promise<readonly RunWindow[]> {
    const done: RunWindow[] = []
    const work = async (run: Run) => {
      // What an earlier try of the run has done may lack what came since.
      const before = new Set(run.windows.filter(({ result }) => result !== undefined).map(keyOf))
      const { windows } = await execute(run)
      done.push(...windows.filter((each) => each.result !== undefined && !before.has(keyOf(each))))
    }
    await schedule.takeTurn(async () => {
      endsMs = clock.monotonicMs() + tickMs
      await workOff({ next, execute: work, log }, signal)
    }, signal)
    endsMs = undefined
    underWay = undefined
    return done
  }

  return {
    isDue: () => underWay !== undefined || (!signal.aborted && schedule.isDue()),
    take() {
      underWay ??= take()
      return underWay
    },
    isOver: () => (endsMs === undefined ? undefined : clock.monotonicMs() >= endsMs),
  }
}
