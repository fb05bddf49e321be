import { createFailureNews } from '../../../std/async/failure-news.ts'
import type { Clock } from '../../../std/clock.ts'
import { alignDown, DAY_MS, MINUTE_MS } from '../../../std/durations.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { Hold } from '../commit/hold-lease.ts'
import { isHeldByAnother, type Lease } from '../commit/lease.ts'
import { inputsDigest, type Manifests } from '../commit/manifest.ts'
import type { RollupDefinition } from '../model/definition.ts'
import { lengthOf, mergedLengths, overlap, wholesIn } from '../model/window-spans.ts'
import { keyOf, type Window } from '../plan/plan.ts'
import type { Planner } from '../plan/planner.ts'
import type { WindowNote } from '../plan/window-watch.ts'
import {
  type CommittedWindow,
  isOfTheStore,
  type MergedWindow,
  type RollupSpan,
  type RollupStore,
} from '../stores/store.ts'
import { manifestKeys, mergeWindow } from './merge-window.ts'

/** Windows that one pass makes: a day, and its hours. Ours; the next pass makes more. */
export const MERGED_AT_ONCE = 25
/** Days whose windows one pass compares with what was made of them. Ours: some thousand small files. */
const DAYS_AT_ONCE = 8
/** A day that is not over, or lacks something, is looked at again so long after. Ours. */
const UNSETTLED_MS = 5 * MINUTE_MS
/** And any other: another process may have changed the store, or somebody damaged it. Ours. */
const SETTLED_MS = DAY_MS

export interface MergeOptions {
  readonly definitions: readonly RollupDefinition[]
  readonly graceMs: number
  readonly stores: readonly RollupStore[]
  readonly manifests: Manifests
  readonly planner: Pick<Planner, 'lastOverview'>
  readonly hold: Hold
  readonly clock: Clock
  readonly log: Logger
}

export interface Merging {
  /** Merges some of what can be, the newest days first. What fails is told, and tried again later. */
  pass(signal: AbortSignal): Promise<void>
  /** A run is through with the window. */
  forget(window: Window): void
}

/** Ends with the pass. */
interface MergePass {
  /** Windows that are to be computed yet, or again. */
  readonly waiting: readonly Window[]
  readonly lease: Lease
  readonly signal: AbortSignal
  /** How many more it may make. */
  room: number
}

interface Day {
  readonly definition: RollupDefinition
  readonly store: RollupStore
  readonly dayMs: number
}

/**
 * Makes windows of an hour and of a day from those of the grain, when none of these is waited for, and anew when one of them has
 * a new generation: that is seen by the generations that the merged one names. A pass is bounded, so that years of history
 * that were never merged are merged little by little.
 */
export function createMerging(options: MergeOptions): Merging {
  const { definitions, graceMs, stores, manifests, planner, hold, clock, log } = options
  /** When a day is looked at again, by monotonic time. */
  const nextLooks = new Map<string, number>()
  /** Windows that a run took since they were looked at: where one is not in the store, it is to be tried again. */
  const tried = new Map<string, Window>()
  const news = createFailureNews()

  async function pass(bounds: MergePass): Promise<void> {
    let days = DAYS_AT_ONCE
    for (const day of await daysOf(definitions, stores)) {
      if (days === 0 || bounds.room === 0) return
      const key = dayKey(day.definition.id, day.store, day.dayMs)
      if ((nextLooks.get(key) ?? 0) > clock.monotonicMs()) continue
      days -= 1
      const isSettled = await mergeDay(day, bounds)
      nextLooks.set(key, clock.monotonicMs() + (isSettled ? SETTLED_MS : UNSETTLED_MS))
    }
  }

  /** Whether there is nothing to be done for the day, as long as nothing is published. */
  async function mergeDay({ definition, store, dayMs }: Day, bounds: MergePass): Promise<boolean> {
    const { id, grainMs } = definition
    const day = { rollup: id, fromMs: dayMs, toMs: dayMs + DAY_MS }
    const windows = await store.windows(id, day.fromMs, day.toMs, bounds.signal)
    const computed = new Set(windows.map(keyOf))
    const waiting = [
      ...bounds.waiting,
      ...[...tried.values()].filter((each) => !computed.has(keyOf(each))),
    ].filter((each) => each.rollup === id && overlap(each, day))
    let isSettled = true
    for (const lengthMs of mergedLengths(grainMs).toReversed()) {
      const held = new Map((await store.merged.windows(day, lengthMs)).map((each) => [each.fromMs, each]))
      for (const whole of wholesIn(day, lengthMs)) {
        const span = { rollup: id, ...whole }
        const own = windows.filter((window) => overlap(window, whole))
        if (!isOver(span, grainMs) || waiting.some((window) => overlap(window, whole))) isSettled = false
        else if (isOutdated(definition, own, held.get(span.fromMs)))
          isSettled = (await merge({ definition, store, span, windows: own, held }, bounds)) && isSettled
      }
    }
    return isSettled
  }

  // A query may call a window missing from one grain after its end on, and not before.
  const isOver = ({ toMs }: RollupSpan, grainMs: number) => clock.nowMs() >= toMs + Math.max(graceMs, grainMs)

  async function merge(
    { store, held, ...task }: Omit<Day, 'dayMs'> & SpanTask,
    bounds: MergePass,
  ): Promise<boolean> {
    if (bounds.room === 0) return false
    bounds.room -= 1
    const { lease, signal } = bounds
    try {
      await mergeWindow(
        { manifests, store, clock },
        { ...task, held: held.get(task.span.fromMs), lease, signal },
      )
      news.over()
      return true
    } catch (error) {
      if (signal.aborted || !isOfTheStore(error)) throw error
      tell(error)
      return false
    }
  }

  const tell = (error: unknown) =>
    news.tell(error, () => log.error({ err: error }, 'windows cannot be merged now; it is tried again'))

  return {
    async pass(signal) {
      try {
        await hold({ name: 'merge', runId: 'merge', signal }, async (held, lease) => {
          const notes = await planner.lastOverview()
          for (const { window } of notes) tried.delete(keyOf(window))
          const waiting = notes.filter(isWaiting).map(({ window }) => window)
          await pass({ waiting, lease, signal: held, room: MERGED_AT_ONCE })
        })
      } catch (error) {
        if (signal.aborted || isHeldByAnother(error)) return
        if (!isOfTheStore(error)) throw error
        tell(error)
      }
    },
    forget(window) {
      const { rollup, fromMs } = window
      tried.set(keyOf(window), window)
      for (const store of stores) nextLooks.delete(dayKey(rollup, store, alignDown(fromMs, DAY_MS)))
    },
  }
}

interface SpanTask {
  readonly span: RollupSpan
  readonly windows: readonly CommittedWindow[]
  readonly held: ReadonlyMap<number, MergedWindow>
}

const dayKey = (rollup: string, { kind }: RollupStore, dayMs: number) => `${rollup} ${kind} ${dayMs}`

/** The days of every rollup in every store, the newest first. */
async function daysOf(
  definitions: readonly RollupDefinition[],
  stores: readonly RollupStore[],
): Promise<readonly Day[]> {
  const days: Day[] = []
  for (const definition of definitions) {
    for (const store of stores)
      days.push(...(await store.merged.days(definition.id)).map((dayMs) => ({ definition, store, dayMs })))
  }
  return days.sort((a, b) => b.dayMs - a.dayMs)
}

/** Others than those that events came for after their horizon, which nobody takes unasked. */
const isWaiting = ({ state, tooLate }: WindowNote): boolean =>
  state !== 'committed' && state !== 'missing' && !(state === 'dirty' && tooLate > 0)

/** Whether these windows are to be merged, anew perhaps: all of the grain, and complete. */
function isOutdated(
  definition: RollupDefinition,
  windows: readonly CommittedWindow[],
  held: MergedWindow | undefined,
): boolean {
  const isWhole = windows.every((window) => window.complete && lengthOf(window) === definition.grainMs)
  if (windows.length === 0 || !isWhole) return false
  return held?.merged.digest !== inputsDigest(manifestKeys(definition, windows))
}
