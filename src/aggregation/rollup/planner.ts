import { breather } from '../../std/breath.ts'
import type { Clock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { rangeFrom } from '../../std/instant.ts'
import type { RollupDefinition } from './definition.ts'
import { type FactSources, gatherFacts, type Range } from './facts.ts'
import type { Run, RunScope } from './job.ts'
import {
  alignDown,
  type Plan,
  planRequested,
  planScheduled,
  type Times,
  type Window,
  type WindowFacts,
  type WindowState,
  windowState,
} from './plan.ts'
import { invalid, type RunRequest, scopeOf } from './request.ts'
import type { RollupMetrics } from './rollup-metrics.ts'

/** Windows that one request may name or list. Ours: a hundred days of quarter hours. */
export const MAX_WINDOWS = 10_000

export interface WindowStatus extends Window {
  readonly state: WindowState
  readonly generation: number | undefined
  readonly complete: boolean | undefined
  readonly rows: number | undefined
  readonly late: number | undefined
  readonly rejected: number | undefined
  /** Why the window has failed, where that is known without asking its run: its manifest cannot be read. */
  readonly reason: string | undefined
  /** From the window's end to its newest generation, or until now while there is none. */
  readonly lagMs: number
}

export interface WindowsQuery {
  readonly rollup?: string | undefined
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
}

export interface PlannerOptions {
  readonly definitions: readonly RollupDefinition[]
  readonly schedule: { readonly graceMs: number; readonly horizonMs: number }
  readonly sources: FactSources
  readonly metrics: RollupMetrics
  readonly clock: Clock
}

/** What is to be done, read from what is there: the lake's manifests, what arrived and what the stores hold. */
export interface Planner {
  /** Of an explicit run. */
  scope(request: RunRequest): Promise<RunScope>
  plan(run: Pick<Run, 'trigger' | 'scope'>): Promise<Plan>
  /** Ends early when the signal aborts. */
  windows(query: WindowsQuery, signal?: AbortSignal): Promise<readonly WindowStatus[]>
}

export function createPlanner({ definitions, schedule, sources, metrics, clock }: PlannerOptions): Planner {
  const ids = definitions.map(({ id }) => id)
  const grainMs = Math.max(...definitions.map((definition) => definition.grainMs))
  const times = (): Times => ({ nowMs: clock.nowMs(), ...schedule })

  async function facts(rollups: readonly string[], range: Range): Promise<WindowFacts[]> {
    const chosen = definitions.filter(({ id }) => rollups.includes(id))
    const windows = chosen.reduce((sum, each) => sum + (range.toMs - range.fromMs) / each.grainMs, 0)
    if (windows > MAX_WINDOWS) throw new AppError('invalid_request', `More than ${MAX_WINDOWS} windows.`)
    const found: WindowFacts[] = []
    for (const definition of chosen) found.push(...(await gatherFacts(sources, definition, range)))
    return found
  }

  /** Of the windows that are the schedule's: inside the horizon, from the first data on. */
  async function firstMs({ nowMs, horizonMs }: Times): Promise<number> {
    return Math.max((await sources.arrivals.earliestMs()) ?? nowMs, nowMs - horizonMs)
  }

  async function scheduled(rollups: readonly string[]): Promise<Plan> {
    const now = times()
    const found = await facts(rollups, { fromMs: await firstMs(now), toMs: now.nowMs })
    for (const { window, manifest } of found) {
      if (manifest !== undefined) metrics.committedUpTo(window.rollup, window.toMs)
    }
    return planScheduled(found, now)
  }

  return {
    async scope(request) {
      const now = times()
      return scopeOf(request, { rollups: ids, nowMs: now.nowMs, grainMs, firstMs: await firstMs(now) })
    },

    async plan({ trigger, scope: { rollups, range, reprocess } }) {
      if (trigger === 'schedule' || range === undefined) return scheduled(rollups)
      const now = times()
      const fromMs = range.sinceFirst ? Math.min(range.fromMs, await firstMs(now)) : range.fromMs
      return planRequested(await facts(rollups, { fromMs, toMs: range.toMs }), reprocess, now)
    },

    async windows({ rollup, fromMs, toMs }, signal) {
      const now = times()
      if (rollup !== undefined && !ids.includes(rollup)) {
        throw invalid(`rollup must be one of ${ids.join(', ')}.`)
      }
      // The first event may lie ahead of our clock; what was asked for may not lie behind its end.
      const openToMs = alignDown(now.nowMs, grainMs) + grainMs
      const range = rangeFrom(fromMs ?? Math.min(await firstMs(now), now.nowMs), toMs ?? openToMs)
      const found = await facts(rollup === undefined ? ids : [rollup], range)
      const breath = breather(signal)
      const statuses: WindowStatus[] = []
      for (const each of found) {
        statuses.push(statusOf(each, now))
        if (breath.due()) await breath.take()
      }
      return statuses
    },
  }
}

function statusOf(facts: WindowFacts, times: Times): WindowStatus {
  const { window, manifest } = facts
  const counts = manifest?.counts
  return {
    ...window,
    state: windowState(facts, times),
    generation: manifest?.generation,
    complete: manifest?.complete,
    rows: manifest?.rows,
    late: counts?.late,
    rejected: counts && counts.negative + counts.outOfRange + counts.notANumber,
    reason: facts.damaged?.message,
    lagMs: Math.max(0, (manifest?.createdMs ?? times.nowMs) - window.toMs),
  }
}
