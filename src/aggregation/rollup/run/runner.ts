import { sleep } from '../../../std/async/abort.ts'
import { AppError } from '../../../std/errors.ts'
import { bestEffort } from '../../../std/files/files.ts'
import { sortableId } from '../../../std/id.ts'
import { dailySweep } from '../commit/orphan-sweep.ts'
import type { Plan } from '../plan/plan.ts'
import type { WindowStatus, WindowsQuery } from '../plan/planner.ts'
import type { RunRequest } from '../plan/run-request.ts'
import type { Trigger } from '../plan/run-scope.ts'
import type { WindowNote } from '../plan/window-watch.ts'
import { buildRunDependencies, type OfLake, type RunsOptions } from './assembly.ts'
import { executeRun, type RunPorts } from './execute-run.ts'
import { createExecutions } from './executions.ts'
import { heldByOthers, waitingRuns } from './held-windows.ts'
import type { RunList } from './log/run-log.ts'
import { advance, isFinal, isResting, queued, type Run, takenOver } from './log/run-record.ts'
import { createSchedule } from './schedule.ts'
import { createSubmit, type NewRun, type RunAnswer } from './submit.ts'
import { createTakeover } from './takeover.ts'
import { createScheduleTurn, oldestReady, type ScheduleTurn, workOff } from './work-queue.ts'

/**
 * Runs of the aggregation: asked for, scheduled, worked off one after the other, and remembered. Between two windows of one
 * that was asked for the schedule has its turn.
 */
export interface Runs extends OfLake {
  /** Queues a run. The same key with the same request answers with the run it started before. */
  submit(request: RunRequest, principal: string, idempotencyKey?: string): Promise<RunAnswer>
  /** Rejects with `not_found`, as `log` and `cancel` do. */
  get(id: string): Promise<Run>
  list(query: RunList): Promise<readonly Run[]>
  /** NDJSON. */
  log(id: string): Promise<Buffer>
  /**
   * Ends the run; windows it has committed stay. One that has ended already is answered as it is: whoever cancels cannot
   * know. Rejects with `run_conflict` when the run is another process's that lives.
   */
  cancel(id: string): Promise<Run>
  windows(query: WindowsQuery, signal?: AbortSignal): Promise<readonly WindowStatus[]>
  /** How the windows are, old ones included, from what was looked at last: cheap enough to be asked again and again. */
  overview(): Promise<readonly WindowNote[]>
  /** When the first event happened, as of the last look: Infinity where there is none, undefined before the first look. */
  firstEventMs(): number | undefined
  /** Starts of the windows of each rollup whose numbers lack rows that came since, as of the last look. */
  lackingRows(): ReadonlyMap<string, Float64Array>
  /**
   * Takes over the runs whose process is gone, each from where it was. One that cannot be taken over is left for the next
   * call.
   */
  recover(): Promise<void>
  /** Ingests what arrived and queues a run of the windows that are due. */
  tick(signal: AbortSignal): Promise<void>
  /** Works off the queued runs whose time has come. Resolves with those whose records could not be written, and why. */
  work(signal: AbortSignal): Promise<ReadonlyMap<string, Error>>
  /** Works until the run has ended, its pauses included, or its record cannot be written: for the command line. */
  finish(id: string, signal: AbortSignal): Promise<Run>
  /** Recovers, then works, on schedule or on request only, until the signal aborts. */
  start(signal: AbortSignal, options: { readonly tickMs: number; readonly scheduled: boolean }): Promise<void>
}

export async function createRuns(options: RunsOptions): Promise<Runs> {
  const shop = await buildRunDependencies(options)
  const { planner, runLog, owner, leases, hold, presence, log, ofLake } = shop
  const { lake, rollups } = options
  const { definitions } = rollups
  const { clock, entropy } = options.system
  /** Runs of this process that have not ended, oldest first. */
  const pending = new Map<string, Run>()
  /** Those of them that are cancelled before they began: while that is written down they must not begin. */
  const withdrawn = new Map<string, Promise<Run>>()
  const executions = createExecutions((run, signal) => executeRun(ports, run, signal).then(keep))
  const takeover = createTakeover({
    ...{ runLog, get, presence, hold, log },
    isOurs: (id) => pending.has(id),
    adopt: (run) => keep(takenOver({ ...run, owner }, clock.nowMs())),
  })
  let working: ReturnType<typeof workOff> | undefined
  const sweep = dailySweep({ definitions, lake, leases, unfinished: runLog.unfinished, clock, log })
  let wake = () => {}
  /** There is none without a schedule. */
  let turn: ScheduleTurn | undefined

  async function keep(run: Run): Promise<Run> {
    await runLog.save(run)
    if (isFinal(run.state)) pending.delete(run.id)
    else pending.set(run.id, run)
    return run
  }

  async function enqueue(run: NewRun, plan: Plan): Promise<Run> {
    const kept = await keep(queued({ ...run, ...plan }, owner, clock.nowMs()))
    await runLog.prune()
    wake()
    return kept
  }

  /** A run that is being worked off is as it was queued here, until it has ended. */
  const waiting = () =>
    [...pending.values()].filter(
      ({ id, trigger }) => trigger === 'request' && !executions.has(id) && !withdrawn.has(id),
    )

  async function get(id: string): Promise<Run> {
    const run = await runLog.load(id)
    if (run) return run
    throw new AppError('not_found', 'There is no such run.')
  }

  async function cancel(id: string): Promise<Run> {
    const run = pending.get(id) ?? (await get(id))
    if (isFinal(run.state)) return run
    const cancelled = executions.cancel(id)
    if (cancelled !== undefined) return cancelled
    if (pending.has(id)) return withdrawn.get(id) ?? withdraw(run)
    if (!(await presence.isGone(run.owner))) {
      throw new AppError('run_conflict', `The run belongs to process ${run.owner.pid}; end that instead.`)
    }
    await takeover.one(id)
    return cancel(id)
  }

  function withdraw(run: Run): Promise<Run> {
    const cancelled = keep({ ...advance(run, 'cancelled'), endedMs: clock.nowMs() }).finally(() =>
      withdrawn.delete(run.id),
    )
    withdrawn.set(run.id, cancelled)
    return cancelled
  }

  /** The run of a process that cannot join is left to nobody: who asked for it is told that it was not done. */
  async function joinFor(id: string): Promise<void> {
    try {
      await presence.join()
    } catch (error) {
      await bestEffort(cancel(id))
      throw error
    }
  }

  /** The oldest that can be worked off now, of all or of one trigger. */
  const ready =
    (trigger?: Trigger) =>
    (isPassedOver: (id: string) => boolean): Run | undefined => {
      const free = [...pending.values()].filter(
        (run) => !withdrawn.has(run.id) && !isPassedOver(run.id) && run.trigger === (trigger ?? run.trigger),
      )
      return oldestReady(free, clock.nowMs())
    }

  const dueTurn = () => (turn?.isDue() ? turn.take : undefined)

  function work(signal: AbortSignal): Promise<ReadonlyMap<string, Error>> {
    const execute = async (run: Run) => {
      await executions.start(run, signal)
      if (run.trigger === 'request') await dueTurn()?.()
    }
    working ??= workOff({ next: ready(), execute, log }, signal).finally(() => {
      working = undefined
    })
    return working
  }

  /** A scheduled run leaves to the others what they wait to try again, and makes way for who asks. */
  const { beginning } = shop.runPorts
  const ports: RunPorts = {
    ...shop.runPorts,
    beginning: {
      ...beginning,
      plan: (run) => beginning.plan(run, heldByOthers(pending.values(), run)),
    },
    isWaitedFor: () => turn?.isOver() ?? waiting().some((run) => !isResting(run, clock.nowMs())),
    dueTurn,
  }

  async function tick(signal: AbortSignal): Promise<void> {
    if (!(await shop.forSchedule.ingestIfFree(signal))) return
    await sweep()
    if (waitingRuns(pending.values(), clock.nowMs()) === undefined) {
      // However long nothing can be planned, the metrics tell what is due.
      await planner.overview()
      return
    }
    const scope = { rollups: definitions.map(({ id }) => id), reprocess: 'missing' as const }
    const plan = await planner.plan({ trigger: 'schedule', scope }, heldByOthers(pending.values()))
    if (plan.windows.length === 0) return
    const id = sortableId(clock.nowMs(), entropy)
    await enqueue({ id, trigger: 'schedule', principal: 'schedule', scope }, plan)
  }

  const submit = createSubmit({ planner, runLog, clock, entropy, enqueue, waiting })

  return {
    async submit(request, principal, key) {
      // What only asks for a plan disturbs nobody.
      if (!request.dryRun) await presence.assertAgreed()
      return submit(request, principal, key)
    },
    get,
    list: (query) => runLog.list(query),
    log: (id) => get(id).then(() => runLog.notes(id)),
    cancel,
    windows: (query, signal) => planner.windows(query, signal),
    overview: () => planner.overview(),
    firstEventMs: () => planner.firstEventMs(),
    lackingRows: () => planner.lackingRows(),
    ...{ ...ofLake, recover: takeover.all, tick, work },
    async finish(id, signal) {
      await presence.show()
      try {
        await joinFor(id)
        for (;;) {
          const unsaved = (await work(signal)).get(id)
          if (unsaved) throw unsaved
          const run = await get(id)
          if (isFinal(run.state) || signal.aborted) return run
          const nowMs = clock.nowMs()
          if (isResting(run, nowMs)) await sleep(run.notBeforeMs - nowMs, signal)
        }
      } finally {
        await presence.hide()
      }
    },
    async start(signal, { tickMs, scheduled }) {
      await presence.show()
      await bestEffort(leases.sweep())
      const schedule = createSchedule({
        begin: async () => {
          await presence.join()
          await takeover.attempt()
        },
        tick: scheduled ? () => tick(signal) : undefined,
        work: async () => {
          await work(signal)
          if (scheduled) shop.forSchedule.beside.begin(signal)
        },
        tickMs,
        clock,
        log,
      })
      wake = schedule.wake
      const execute = (run: Run) => executions.start(run, signal)
      turn = createScheduleTurn({ schedule, tickMs, clock, next: ready('schedule'), execute, log }, signal)
      await schedule.run(signal)
      await shop.forSchedule.beside.ended()
      await presence.hide()
    },
  }
}
