import { limitConcurrency } from '../../../std/async/concurrency-limit.ts'
import { type Clock, isAhead } from '../../../std/clock.ts'
import { alignDown, outward, type TimeSpan } from '../../../std/durations.ts'
import type { Logger } from '../../../std/telemetry.ts'
import { definitionHash, type RollupDefinition } from '../model/definition.ts'
import { byHour, isWithin, LARGEST_GRAIN_MS, overlap } from '../model/window-spans.ts'
import { FAILED_PAUSE_MS, keyOf, type Plan, type PlannedWindow, skip } from '../plan/plan.ts'
import { MAX_WINDOWS_PER_TICK, PUBLISHED_PER_COMPUTED } from '../plan/plan-share.ts'
import { type IsHeld, MAX_WINDOWS_WITHOUT_RANGE, type Planner } from '../plan/planner.ts'
import type { RunScope, Trigger } from '../plan/run-scope.ts'
import type { FailedWindows } from '../plan/window-facts.ts'
import type { CommittedWindow, RollupStore } from '../stores/store.ts'
import { createLostNews } from './lost-news.ts'
import {
  findLost,
  hourOf,
  isRefused,
  type LostOfRollup,
  type LostSources,
  type LostWindow,
  NOTHING_LOST,
} from './lost-windows.ts'

/** No more than about this share of the time goes into listing all that was ever computed: 1 in 100. Ours. */
const LOOK_SHARE = 100

export interface RestoringOptions {
  readonly definitions: readonly RollupDefinition[]
  readonly sources: LostSources
  readonly runLog: FailedWindows
  readonly clock: Clock
  readonly log: Logger
}

/**
 * What was computed under another definition, or of events that are gone, and a store lacks, as after a restore: it is
 * published before anything else, and plans are made as if it were there already. Nothing else has these numbers.
 */
export interface Restoring {
  /** As they will be. */
  readonly stores: readonly RollupStore[]
  /** The planner, whose windows come after those. */
  planning(planner: Planner): Planner
}

interface Found {
  readonly lost: LostOfRollup
  /** Keys of those that a run was through with since. */
  readonly taken: Set<string>
  readonly nextMs: number
}

export function createRestoring({ definitions, sources, runLog, clock, log }: RestoringOptions): Restoring {
  const found = new Map<string, Found>()
  const tell = createLostNews(log)
  const present = new Map(definitions.map((each) => [each.id, definitionHash(each)]))
  const isOfPresent = (window: LostWindow) => present.get(window.rollup) === window.definitionHash
  const oneAtATime = limitConcurrency(1)

  async function look(definition: RollupDefinition): Promise<void> {
    const startMs = clock.monotonicMs()
    const before = found.get(definition.id)
    if (before !== undefined && startMs < before.nextMs) return
    const lost = await findLost(sources, definition)
    const nowMs = clock.monotonicMs()
    found.set(definition.id, { lost, taken: new Set(), nextMs: nowMs + LOOK_SHARE * (nowMs - startMs) })
    tell(definition.id, lost)
  }

  const lostOf = (rollup: string): LostOfRollup => found.get(rollup)?.lost ?? NOTHING_LOST

  async function held(store: RollupStore, ...[rollup, fromMs, toMs]: Parameters<RollupStore['held']>) {
    const there = await store.held(rollup, fromMs, toMs)
    const hours = byHour(there)
    const lost = hoursOf({ fromMs, toMs }).flatMap((hourMs) => lostOf(rollup).ofOthers.get(hourMs) ?? [])
    const missing = lost.filter(
      (each) => overlap(each, { fromMs, toMs }) && !isRefused(each, hours.get(hourOf(each)) ?? []),
    )
    return [...there, ...missing.map(asCommitted)]
  }

  async function toPublish(definition: RollupDefinition, run: Asked, isHeld: IsHeld) {
    const { id, grainMs } = definition
    const { trigger, scope } = run
    const failedMs = await runLog.failed(id)
    const range = rangeOf(run)
    const isPaused = (window: LostWindow) => {
      const ms = failedMs(window)
      const pause = { nowMs: clock.nowMs(), mostMs: FAILED_PAUSE_MS }
      return trigger === 'schedule' && ms !== undefined && isAhead(ms + FAILED_PAUSE_MS, pause)
    }
    if (scope.reprocess === 'failed') return []
    return lostOf(id).toPublish.filter(
      (each) =>
        found.get(id)?.taken.has(keyOf(each)) === false &&
        (range === undefined || overlap(each, outward(range, grainMs))) &&
        !isHeld(each) &&
        !isPaused(each),
    )
  }

  return {
    stores: sources.stores.map((store) => ({ ...store, held: (...asked) => held(store, ...asked) })),
    planning: (planner) => ({
      ...planner,
      async plan(run, isHeld = () => false) {
        const chosen = definitions.filter(({ id }) => run.scope.rollups.includes(id))
        const lost: LostWindow[] = []
        for (const definition of chosen) {
          await oneAtATime(() => look(definition))
          lost.push(...(await toPublish(definition, run, isHeld)))
        }
        const plan = await planner.plan(run, isHeld)
        const known = new Set(plan.windows.map(keyOf))
        // The planner knows them as well where there may be events of their time.
        const unknown = lost.filter((each) => !isOfPresent(each) || !known.has(keyOf(withoutHash(each))))
        return afterLost(plan, unknown, mostOf(run))
      },
      forget(window) {
        found.get(window.rollup)?.taken.add(keyOf(window))
        planner.forget(window)
      },
    }),
  }
}

const withoutHash = ({ rollup, fromMs, toMs }: LostWindow) => ({ rollup, fromMs, toMs })

interface Asked {
  readonly trigger: Trigger
  readonly scope: RunScope
}

/** None of the schedule, and of who asks for everything. */
const rangeOf = ({ trigger, scope: { range } }: Asked): TimeSpan | undefined =>
  trigger === 'schedule' || range?.sinceFirst === true ? undefined : range

function mostOf(run: Asked): number {
  if (run.trigger === 'schedule') return MAX_WINDOWS_PER_TICK * PUBLISHED_PER_COMPUTED
  return rangeOf(run) === undefined ? MAX_WINDOWS_WITHOUT_RANGE : Number.POSITIVE_INFINITY
}

/**
 * Where a store has a smaller window that is newer, it takes the larger one no more: what lies within one that is left for
 * the next run waits for it.
 */
function afterLost({ windows, skipped, ...rest }: Plan, lost: readonly LostWindow[], most: number): Plan {
  const left = byHour(lost.slice(most))
  const isLeft = (window: PlannedWindow) =>
    left.get(hourOf(window))?.some((larger) => isWithin(window, larger)) === true
  return {
    ...rest,
    windows: [...lost.slice(0, most).map(planned), ...windows.filter((window) => !isLeft(window))],
    skipped: [...skipped, ...windows.filter(isLeft).map((window) => skip(window, 'next_tick'))],
  }
}

const planned = ({ generation: _, ...window }: LostWindow): PlannedWindow => window

/** What its rows are is not known here, nor asked. */
const asCommitted = ({ rollup, fromMs, toMs, generation }: LostWindow): CommittedWindow => ({
  ...{ rollup, fromMs, toMs, generation },
  ...{ contentHash: '', complete: true, late: 0, rejected: 0 },
})

function hoursOf({ fromMs, toMs }: TimeSpan): number[] {
  const hours: number[] = []
  for (let ms = alignDown(fromMs, LARGEST_GRAIN_MS); ms < toMs; ms += LARGEST_GRAIN_MS) hours.push(ms)
  return hours
}
