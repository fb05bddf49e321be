import { createFailureNews } from '../../../std/async/failure-news.ts'
import type { Clock } from '../../../std/clock.ts'
import { HOUR_MS, MINUTE_MS } from '../../../std/durations.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { Hold } from '../commit/hold-lease.ts'
import { isHeldByAnother } from '../commit/lease.ts'
import type { RollupDefinition } from '../model/definition.ts'
import { isOfTheStore, type RollupStore, type StoredDay } from '../stores/store.ts'

/** So long none of its windows may have changed: late events come for days, and each would have all of it added up anew. Ours. */
export const RESTED_MS = HOUR_MS
/** From one look at the days to the next: some hundred small questions to the disk. Ours. */
export const LOOK_MS = 5 * MINUTE_MS

export interface MergeOptions {
  readonly definitions: readonly RollupDefinition[]
  readonly stores: readonly RollupStore[]
  readonly hold: Hold
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Merges days that are over and at rest, the newest first, beside whatever else is done: nothing waits for it, and it may be
 * ended at any time. What it was at is begun anew then.
 */
export function createMerging({ definitions, stores, hold, clock, log }: MergeOptions) {
  let nextLookMs = Number.NEGATIVE_INFINITY
  /** Days that failed wait for all others. */
  const failed = new Set<string>()
  const rollups = stores.flatMap((store) =>
    definitions.map(({ id }) => ({ store, rollup: id, news: createFailureNews() })),
  )

  const isAtRest = ({ toMs, changedMs }: StoredDay) => clock.nowMs() >= Math.max(toMs, changedMs) + RESTED_MS

  async function mergeDay(store: RollupStore, day: StoredDay, signal: AbortSignal): Promise<void> {
    const { rollup, fromMs, toMs } = day
    failed.add(keyOf(store, day))
    const outcome = await store.merged.merge(day, signal)
    failed.delete(keyOf(store, day))
    if (outcome === 'too_large')
      log.warn(
        { rollup, fromMs, toMs },
        'a day has too many values to be merged, and is read window by window',
      )
  }

  async function mergeDays(store: RollupStore, rollup: string, signal: AbortSignal): Promise<void> {
    await store.merged.tidy(rollup)
    const due = (await store.merged.days(rollup)).filter((day) => !day.isSettled && isAtRest(day)).reverse()
    const isLast = (day: StoredDay) => failed.has(keyOf(store, day))
    for (const day of [...due.filter((each) => !isLast(each)), ...due.filter(isLast)])
      await mergeDay(store, day, signal)
  }

  async function mergeAll(signal: AbortSignal): Promise<void> {
    for (const { store, rollup, news } of rollups) {
      try {
        await mergeDays(store, rollup, signal)
        news.over()
      } catch (error) {
        if (signal.aborted || !isOfTheStore(error)) throw error
        news.tell(error, () =>
          log.error({ rollup, err: error }, 'days cannot be merged now; it is tried again later'),
        )
      }
    }
  }

  return async (signal: AbortSignal): Promise<void> => {
    if (clock.monotonicMs() < nextLookMs) return
    nextLookMs = clock.monotonicMs() + LOOK_MS
    try {
      await hold({ name: 'merge', runId: 'schedule', signal }, mergeAll)
    } catch (error) {
      if (!isHeldByAnother(error)) throw error
    }
  }
}

const keyOf = ({ kind }: RollupStore, { rollup, fromMs }: StoredDay): string => `${kind} ${rollup} ${fromMs}`
