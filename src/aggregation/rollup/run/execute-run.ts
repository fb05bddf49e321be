import { settledOrAborted } from '../../../std/async/abort.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import type { Entropy } from '../../../std/id.ts'
import { inWordsWithPath, systemFaultOf } from '../../../std/system-faults.ts'
import type { Logger } from '../../../std/telemetry.ts'
import { isHeldByAnother } from '../commit/lease.ts'
import type { Republish } from '../lost/republish.ts'
import type { RollupDefinition } from '../model/definition.ts'
import type { Window } from '../plan/plan.ts'
import { tellEnd } from './log/run-end.ts'
import type { RunLog } from './log/run-log.ts'
import {
  advance,
  HELD_PAUSE_MS,
  type Run,
  type RunFailure,
  type RunWindow,
  setBack,
  settle,
  settleFailed,
} from './log/run-record.ts'
import type { RollupMetrics } from './metrics.ts'
import { type RunBeginning, withIngested, withSetAside, withUnseen } from './run-beginning.ts'
import { leavingRest, withoutDone, withPlan } from './run-plan.ts'
import { runWindow, type WindowPorts } from './run-window.ts'

export interface SavedProgress {
  readonly runId: string
  /** Windows that the run is through with, and of how many. */
  readonly through: number
  readonly of: number
  readonly done: RunWindow
}

/** Where it is written down how a run does. */
export interface RunReporting {
  readonly runLog: RunLog
  readonly log: Logger
  readonly metrics: RollupMetrics
  readonly clock: Clock
  readonly entropy: Entropy
}

/** What takes window after window, and is told of each. */
export interface WindowTurns {
  readonly definitions: ReadonlyMap<string, RollupDefinition>
  readonly ports: WindowPorts
  /** Takes those that were computed under another definition. */
  readonly republish: Republish
  /** The run is through with the window, for now. */
  readonly taken: (window: Window) => void
  readonly onProgress?: ((progress: SavedProgress) => void) | undefined
}

export interface RunPorts {
  readonly reporting: RunReporting
  readonly beginning: RunBeginning
  readonly turns: WindowTurns
  /** Somebody has asked for a run and waits for this one to make way. */
  readonly isWaitedFor?: (() => boolean) | undefined
  /** Takes the turn of the schedule, where that is due; answers the windows that it was through with. */
  readonly dueTurn?: (() => (() => Promise<readonly RunWindow[]>) | undefined) | undefined
  /** No window follows for now: what is kept from one to the next may end. */
  readonly letGo?: (() => Promise<void>) | undefined
}

/**
 * Works a run off, window by window, each committed and published on its own: what succeeded stays, whatever follows.
 * Resolves with the run as it is then: at its end, or queued for its next try. The record on disk is never behind by
 * more than the step under way, and every step can be repeated.
 */
export async function executeRun(ports: RunPorts, queued: Run, signal: AbortSignal): Promise<Run> {
  const { reporting, beginning, turns } = ports
  const { clock, runLog, entropy, log, metrics } = reporting
  const startedMs = clock.monotonicMs()
  let run = queued
  const save = async (next: Run): Promise<void> => {
    await runLog.save(next)
    run = next
  }
  // What cannot be written down as begun has not begun: it stays as it was queued.
  await save(started(run, clock.nowMs()))
  try {
    await runLog.note(run.id, 'info', 'run started', { attempt: run.attempt })
    if (run.trigger === 'request') await save(await withUnseen(ports, run, signal))
    await save(await withSetAside(ports, await withIngested(ports, run, signal)))
    await save(withPlan(run, await beginning.plan(run)))
    for (let index = 0; index < run.windows.length; index++) {
      await takeWindow({ turns, reporting }, { index, signal, run: () => run, save })
      const isMore = index + 1 < run.windows.length
      const next = isMore ? await havingMadeWay(ports, run, { from: index + 1, signal }) : run
      if (next !== run) await save(next)
    }
    // What its windows met.
    const told = await withSetAside(ports, run)
    await giveUp(reporting, run, settle(told, clock.nowMs(), entropy), save)
  } catch (error) {
    await save(brokenOff(reporting, run, error, signal))
  } finally {
    await ports.letGo?.()
  }
  const { id, state, attempt, error } = run
  await runLog.note(id, state === 'failed' ? 'error' : 'info', `run ${state}`, { attempt, error })
  tellEnd(log, queued, run)
  metrics.runDone((clock.monotonicMs() - startedMs) / 1_000)
  return run
}

/**
 * Who asks again and again does not end the work of the schedule, of which one window at least is taken, and who asks for
 * much does not keep it waiting: between two windows it has its turn.
 */
async function havingMadeWay(
  { reporting: { runLog }, isWaitedFor, dueTurn }: RunPorts,
  run: Run,
  { from, signal }: { readonly from: number; readonly signal: AbortSignal },
): Promise<Run> {
  if (run.trigger === 'schedule') return isWaitedFor?.() ? leavingRest(run, from) : run
  const take = dueTurn?.()
  if (take === undefined) return run
  let done: readonly RunWindow[] = []
  const turn = take().then((windows) => {
    done = windows
  })
  // One that is cancelled meanwhile ends at once.
  await settledOrAborted(turn, signal)
  await runLog.note(run.id, 'info', 'the schedule had its turn', { windows: done.length })
  return withoutDone(run, done)
}

/** A run that was publishing goes on where it was; that is no new try. */
function started(run: Run, nowMs: number): Run {
  const attempt = run.state === 'queued' ? run.attempt + 1 : run.attempt
  const { error: _, ...rest } = advance(run, 'running')
  return { ...rest, attempt, startedMs: run.startedMs ?? nowMs }
}

interface Turn {
  readonly index: number
  readonly signal: AbortSignal
  readonly run: () => Run
  readonly save: (run: Run) => Promise<void>
}

type TurnPorts = Pick<RunPorts, 'turns' | 'reporting'>

async function takeWindow(ports: TurnPorts, { index, signal, run, save }: Turn): Promise<void> {
  const { turns, reporting } = ports
  const { id, windows } = run()
  const window = windows[index]
  if (window === undefined || window.result !== undefined) return
  signal.throwIfAborted()
  const done = await tryWindow(ports, window, { index, signal, run, save })
  turns.taken(window)
  const { state } = run()
  const back = state === 'publishing' ? advance(run(), 'running') : run()
  await save({ ...back, windows: run().windows.with(index, done) })
  const { result, error, rows, generation, rollup, fromMs, toMs } = done
  const became = result ?? (error ? 'to be tried again' : 'is at work in another run: looked at again')
  await reporting.runLog.note(id, error ? 'warn' : 'info', `window ${became}`, {
    rollup,
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    rows,
    generation,
    error,
  })
  if (result !== undefined) reporting.metrics.windowDone(result)
  const through = run().windows.filter((each) => each.result !== undefined).length
  turns.onProgress?.({ runId: id, through, of: windows.length, done })
}

async function tryWindow({ turns, reporting }: TurnPorts, window: RunWindow, turn: Turn): Promise<RunWindow> {
  const { runLog, log } = reporting
  const { error: _, ...untried } = window
  try {
    const definition = turns.definitions.get(window.rollup)
    if (definition === undefined) {
      throw new AppError('bad_configuration', `The rollup ${window.rollup} is no longer configured`)
    }
    const { id: runId, scope } = turn.run()
    const publishing = () => turn.save(advance(turn.run(), 'publishing'))
    const task = { runId, window, signal: turn.signal, publishing }
    const isOfPresent = window.definitionHash === undefined
    // The plan has the windows of the new grain that take its place.
    if (isOfPresent && window.toMs - window.fromMs !== definition.grainMs)
      return { ...untried, result: 'not_needed' }
    const outcome = isOfPresent
      ? await runWindow(turns.ports, { ...task, definition, isAllAnew: scope.reprocess === 'all' })
      : await turns.republish(task)
    await runLog.setFailed(window, undefined)
    return { ...untried, ...outcome }
  } catch (error) {
    if (turn.signal.aborted || isUnusableEngine(error)) throw error
    if (isHeldByAnother(error)) return untried
    return { ...untried, error: runFailureOf(error, log) }
  }
}

/** No window is to blame for that, and none has better luck. */
const isUnusableEngine = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'engine_unusable'

/** The run's next state, and a note for the schedule of each window that is now given up. */
async function giveUp(
  { runLog, clock, metrics }: RunReporting,
  tried: Run,
  settled: Run,
  save: (run: Run) => Promise<void>,
): Promise<void> {
  for (const [index, window] of settled.windows.entries()) {
    if (window.result !== 'failed' || tried.windows[index]?.result !== undefined) continue
    await runLog.setFailed(window, clock.nowMs())
    metrics.windowDone('failed')
  }
  await save(settled)
}

/** Cancelled, ended with the service, or failed as a whole. */
function brokenOff(
  { clock, entropy, log }: RunReporting,
  run: Run,
  error: unknown,
  signal: AbortSignal,
): Run {
  const nowMs = clock.nowMs()
  if (!signal.aborted && isHeldByAnother(error)) return setBack(run, nowMs + HELD_PAUSE_MS)
  if (!signal.aborted) return settleFailed(run, runFailureOf(error, log), { nowMs, entropy })
  const { reason } = signal
  if (reason instanceof AppError && reason.code === 'cancelled')
    return { ...advance(run, 'cancelled'), endedMs: nowMs }
  // The service stops: the next process starts the run anew.
  return setBack(run, nowMs)
}

function runFailureOf(error: unknown, log: Logger): RunFailure {
  if (error instanceof AppError) return { code: error.code, message: error.message }
  const fault = systemFaultOf(error)
  if (fault !== undefined) {
    log.error({ err: error }, 'a run failed')
    return { code: fault.code, message: String(inWordsWithPath(error)) }
  }
  log.error({ err: error }, 'a run failed unexpectedly')
  return { code: 'internal', message: 'Unexpected error; it was logged' }
}
