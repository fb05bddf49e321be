import { DAY_MS } from '../../../std/durations.ts'
import { keyOf, type Plan, skip, type Window, type WindowFacts } from './plan.ts'

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
  /** What the plan was made from. */
  readonly facts: readonly Pick<WindowFacts, 'window' | 'failedMs'>[]
  readonly nowMs: number
}

/** What one run of the schedule takes. */
export const shareOfTick = (plan: Plan, facts: Share['facts'], nowMs: number): Plan =>
  firstOf(plan, { most: MAX_WINDOWS_PER_TICK, publishedPerComputed: PUBLISHED_PER_COMPUTED, facts, nowMs })

/**
 * As many windows of the plan, in the order in which they are to be taken; the others are left for the next. The oldest
 * first, but of a long backlog some of the last day before them, the newest first: whatever the past has brought, and
 * however long it takes, the present is seen. Those that failed before come last: they hold up no other.
 */
export function firstOf(
  { windows, skipped }: Plan,
  { most, publishedPerComputed = 1, facts, nowMs }: Share,
): Plan {
  const failed = new Set(
    facts.filter((each) => each.failedMs !== undefined).map(({ window }) => keyOf(window)),
  )
  const hasFailed = (window: Window) => failed.has(keyOf(window))
  const others = windows.filter((window) => !hasFailed(window))
  const ofLastDay = others.filter(({ toMs }) => toMs > nowMs - DAY_MS)
  const newest = new Set(
    others.length > MOST_NEWEST_FIRST ? ofLastDay.slice(-MOST_NEWEST_FIRST).reverse() : [],
  )
  const ordered = [...newest, ...others.filter((window) => !newest.has(window)), ...windows.filter(hasFailed)]
  let cost = 0
  const taken = ordered.filter(({ step }) => {
    cost += step === 'publish' ? 1 : publishedPerComputed
    return cost <= most * publishedPerComputed
  })
  const later = ordered.slice(taken.length).map((window) => skip(window, 'next_tick'))
  return { windows: taken, skipped: [...skipped, ...later] }
}
