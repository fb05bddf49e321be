import { createYielder } from '../../../std/async/yielding.ts'
import type { Clock } from '../../../std/clock.ts'
import { alignDown, type TimeSpan } from '../../../std/durations.ts'
import { oneOf } from '../../../std/input/did-you-mean.ts'
import { rangeFrom } from '../../../std/input/instant.ts'
import { invalid } from '../../../std/input/invalid.ts'
import { rejectedIn } from '../engines/engine.ts'
import type { RollupDefinition } from '../model/definition.ts'
import { type Times, tooLateRows } from './late-rows.ts'
import {
  type Plan,
  planOfAll,
  planRequested,
  planScheduled,
  type Window,
  type WindowFacts,
  type WindowState,
  windowState,
  windowsIn,
} from './plan.ts'
import { firstOf, shareOfTick } from './plan-share.ts'
import { type RunRequest, scopeOf } from './run-request.ts'
import type { RunScope, Trigger } from './run-scope.ts'
import { countedSkips } from './skip-counts.ts'
import { type FactSources, gatherFacts, gatherWithOthers } from './window-facts.ts'
import type { PlanMetrics } from './window-news.ts'
import { createWatch, type WindowNote } from './window-watch.ts'

/** Windows that one request may name or list. Ours: a hundred days of quarter hours. */
export const MAX_LISTED_WINDOWS = 10_000
/** Windows that a run without a range takes. Ours: three weeks of quarter hours; its record stays small. */
export const MAX_WINDOWS_WITHOUT_RANGE = 2_000
/** Windows that are told to be skipped, when more are. Ours. */
const MAX_SKIPPED_TOLD = 1_000
/** No more than about this share of the time goes into looking at windows for an overview: 1 in 20. Ours. */
const OVERVIEW_SHARE = 20

export interface WindowStatus extends Window {
  readonly state: WindowState
  readonly generation: number | undefined
  readonly complete: boolean | undefined
  readonly rows: number | undefined
  readonly late: number | undefined
  readonly rejected: number | undefined
  readonly bots: number | undefined
  readonly softNavigations: number | undefined
  /** Why the window has failed, where that is known without asking its run: its manifest cannot be read. */
  readonly reason: string | undefined
  /** Rows that came after the window was sealed. */
  readonly tooLate: number
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
  readonly metrics: PlanMetrics
  readonly clock: Clock
}

export type IsHeld = (window: Window) => boolean

/** What is to be done, read from what is there: the lake's manifests, what arrived and what the stores hold. */
export interface Planner {
  /** The windows that an explicit run names. */
  scope(request: RunRequest): Promise<RunScope>
  /** With `isHeld`: the schedule leaves these windows to the run that waits to try them again. */
  plan(run: { readonly trigger: Trigger; readonly scope: RunScope }, isHeld?: IsHeld): Promise<Plan>
  /** Ends early when the signal aborts. */
  windows(query: WindowsQuery, signal?: AbortSignal): Promise<readonly WindowStatus[]>
  /** What is known of the windows since the horizon began, and of older ones that wait for something. */
  overview(): Promise<readonly WindowNote[]>
  /**
   * When the first event happened that there is, as of the last look: nobody waits for windows before it. Infinity where
   * there is none, undefined before the first look.
   */
  firstEventMs(): number | undefined
  /** Starts of the windows of each rollup whose numbers lack rows that came since, as of the last look. */
  lackingRows(): ReadonlyMap<string, Float64Array>
  /** Objects of the lake that wait to be taken in: of their windows no plan knows yet. */
  notTakenIn(): Promise<number>
  /** A run is through with the window. */
  forget(window: Window): void
}

export function createPlanner({ definitions, schedule, sources, metrics, clock }: PlannerOptions): Planner {
  const ids = definitions.map(({ id }) => id)
  const grainMs = Math.max(...definitions.map((definition) => definition.grainMs))
  const times = (): Times => ({ nowMs: clock.nowMs(), ...schedule })

  const watch = createWatch({ sources, metrics, clock })
  let lookedMs = Number.NEGATIVE_INFINITY
  let firstEventMs: number | undefined

  const named = (rollups: readonly string[]) => definitions.filter(({ id }) => rollups.includes(id))

  async function facts(rollups: readonly string[], range: TimeSpan, gather = gatherFacts) {
    const chosen = named(rollups)
    const windows = chosen.reduce((sum, each) => sum + (range.toMs - range.fromMs) / each.grainMs, 0)
    if (windows > MAX_LISTED_WINDOWS)
      throw invalid(
        'from',
        `must lie closer to the end: the range has ${Math.ceil(windows)} windows, and ${MAX_LISTED_WINDOWS} at most can be named at once`,
      )
    const found: WindowFacts[] = []
    for (const definition of chosen) {
      const { id, grainMs } = definition
      found.push(...(await gather(sources, definition, windowsIn(id, grainMs, range))))
    }
    return found
  }

  /** From where on the schedule looks at every window, whether anything touched it or not. */
  async function firstMs({ nowMs, horizonMs }: Times): Promise<number> {
    const earliestMs = await sources.arrivals.earliestMs()
    firstEventMs = earliestMs ?? Number.POSITIVE_INFINITY
    return Math.max(earliestMs ?? nowMs, nowMs - horizonMs)
  }

  async function look(chosen: readonly RollupDefinition[], now: Times): Promise<WindowFacts[]> {
    const first = await firstMs(now)
    const found: WindowFacts[] = []
    for (const definition of chosen) found.push(...(await watch.look(definition, now, first)))
    return found
  }

  async function scheduled(rollups: readonly string[], isHeld: IsHeld = () => false): Promise<Plan> {
    const now = times()
    const found = await look(named(rollups), now)
    const free = found.filter(({ window }) => !isHeld(window))
    return worthTelling(shareOfTick(planScheduled(free, now), free, now.nowMs))
  }

  /** All windows since the horizon began, or the first data, and others that wait for something, if only for their time. */
  async function everythingUntil(toMs: number, { rollups, reprocess }: RunScope): Promise<Plan> {
    const now = times()
    const first = await firstMs(now)
    await look(named(rollups), now)
    const found: WindowFacts[] = []
    for (const definition of named(rollups)) {
      const regular = windowsIn(definition.id, definition.grainMs, { fromMs: first, toMs })
      const before = regular[0]?.fromMs ?? toMs
      const others = watch
        .notes(definition, first)
        .filter(({ window, ahead }) => window.fromMs < before || ahead > 0)
        .map(({ window }) => window)
      const windows = [...others, ...regular].sort((a, b) => a.fromMs - b.fromMs)
      found.push(...(await gatherWithOthers(sources, definition, windows)))
    }
    const plan = planOfAll(found, reprocess, now)
    const share = { most: MAX_WINDOWS_WITHOUT_RANGE, facts: found, nowMs: now.nowMs }
    return worthTelling(reprocess === 'all' ? plan : firstOf(plan, share))
  }

  return {
    async scope(request) {
      const now = times()
      return scopeOf(request, { rollups: ids, nowMs: now.nowMs, grainMs, firstMs: await firstMs(now) })
    },

    async plan({ trigger, scope }, isHeld) {
      const { rollups, range, reprocess } = scope
      if (trigger === 'schedule' || range === undefined) return scheduled(rollups, isHeld)
      if (range.sinceFirst) return everythingUntil(range.toMs, scope)
      // Where there is no schedule, nothing else looks for the first event of what the run has taken in.
      await firstMs(times())
      return planRequested(await facts(rollups, range, gatherWithOthers), reprocess, times())
    },

    async windows({ rollup, fromMs, toMs }, signal) {
      const now = times()
      if (rollup !== undefined && !ids.includes(rollup)) {
        throw invalid('rollup', oneOf(ids, rollup))
      }
      const chosen = rollup === undefined ? ids : [rollup]
      const endMs = toMs ?? alignDown(now.nowMs, grainMs) + grainMs
      // The first event may lie ahead of our clock; what was asked for may not lie behind its end.
      const first = await firstMs(now)
      const firstOfAll = Math.min(first, now.nowMs)
      const range = rangeFrom(fromMs ?? Math.max(firstOfAll, endMs - listedMs(named(chosen))), endMs)
      const found = await facts(chosen, range)
      const breath = createYielder(signal)
      const statuses: WindowStatus[] = []
      for (const each of found) {
        statuses.push(statusOf(each, now, first))
        if (breath.shouldYield()) await breath.yieldNow()
      }
      return statuses
    },

    async overview() {
      const now = times()
      const startMs = clock.monotonicMs()
      if (startMs >= lookedMs) {
        await look(definitions, now)
        lookedMs = clock.monotonicMs() + OVERVIEW_SHARE * (clock.monotonicMs() - startMs)
      }
      const first = await firstMs(now)
      return definitions.flatMap((definition) => watch.notes(definition, first))
    },

    firstEventMs: () => firstEventMs,
    lackingRows: () => new Map(ids.map((id) => [id, watch.lackingRows(id)])),
    notTakenIn: () => sources.arrivals.notTakenIn(),
    forget: (window) => watch.forget(window),
  }
}

/** As long a range as can be listed of all of these rollups. */
export const listedMs = (definitions: readonly Pick<RollupDefinition, 'grainMs'>[]): number =>
  Math.floor(MAX_LISTED_WINDOWS / definitions.reduce((sum, { grainMs }) => sum + 1 / grainMs, 0))

/** A record that lists a year of windows that are as they should be says less than one that does not. */
function worthTelling({ windows, skipped }: Plan): Plan {
  if (skipped.length <= MAX_SKIPPED_TOLD) return { windows, skipped }
  const some = skipped.filter(({ why }) => why !== 'committed').slice(0, MAX_SKIPPED_TOLD)
  return { windows, skipped: some, skippedBy: countedSkips(skipped) }
}

/** Nobody waits for what lies before the first event, or the horizon, unless a larger window does that it is a part of. */
const isBeforeAll = ({ window, manifest, inputs, within }: WindowFacts, firstMs: number): boolean =>
  window.toMs <= firstMs && manifest === undefined && inputs.length === 0 && within === undefined

function statusOf(facts: WindowFacts, times: Times, firstMs: number): WindowStatus {
  const { window, manifest } = facts
  const counts = manifest?.counts
  const state = windowState(facts, times)
  return {
    ...window,
    state: state === 'due' && isBeforeAll(facts, firstMs) ? 'missing' : state,
    generation: manifest?.generation,
    complete: manifest?.complete,
    rows: manifest?.rows,
    late: counts?.late,
    rejected: counts && rejectedIn(counts),
    bots: counts?.bots,
    softNavigations: counts?.softNavigations,
    reason: facts.damaged?.message,
    tooLate: tooLateRows(facts, times),
    lagMs: Math.max(0, (manifest?.createdMs ?? times.nowMs) - window.toMs),
  }
}
