import { DAY_MS } from '../../../std/durations.ts'
import { type Plan, skip } from './plan.ts'

/** One scheduled run takes a day of quarter hours at most; the next tick takes the next. Ours. */
export const MAX_WINDOWS_PER_TICK = 96
/** How many windows of the last day come first where there is a long backlog: half of a tick. Ours. */
export const MOST_NEWEST_FIRST = 48
/** As many that are only published are as much work as one that is computed: after a restore there are thousands. Ours. */
export const PUBLISHED_PER_COMPUTED = 10

interface Share {
  readonly most: number
  /** As many that are only published count as one that is computed; 1 when left out. */
  readonly publishedPerComputed?: number
  readonly nowMs: number
}

/** What one run of the schedule takes. */
export const shareOfTick = (plan: Plan, nowMs: number): Plan =>
  firstOf(plan, { most: MAX_WINDOWS_PER_TICK, publishedPerComputed: PUBLISHED_PER_COMPUTED, nowMs })

/**
 * As many windows of the plan, in the order in which they are to be taken; the others are left for the next. The oldest
 * first, but of a long backlog some of the last day before them, the newest first: whatever the past has brought, and
 * however long it takes, the present is seen.
 */
export function firstOf({ windows, skipped }: Plan, { most, publishedPerComputed = 1, nowMs }: Share): Plan {
  const isLong = windows.length > MOST_NEWEST_FIRST
  const ofLastDay = windows.filter(({ toMs }) => toMs > nowMs - DAY_MS)
  const newest = new Set(isLong ? ofLastDay.slice(-MOST_NEWEST_FIRST).reverse() : [])
  const ordered = [...newest, ...windows.filter((window) => !newest.has(window))]
  let cost = 0
  const taken = ordered.filter(({ step }) => {
    cost += step === 'publish' ? 1 : publishedPerComputed
    return cost <= most * publishedPerComputed
  })
  const later = ordered.slice(taken.length).map((window) => skip(window, 'next_tick'))
  return { windows: taken, skipped: [...skipped, ...later] }
}
