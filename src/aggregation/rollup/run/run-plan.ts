import { keyOf, type Plan, type SkippedWindow, type Window } from '../plan/plan.ts'
import type { Run, RunWindow } from './log/run-record.ts'

/**
 * What is done stays done; what failed or is still needed is tried (again), as it needs it now: rows that came since make
 * of a window that was to be published one to be computed. The rest another run has done meanwhile.
 */
export function withPlan(run: Run, plan: Plan): Run {
  const known = new Set(run.windows.map(keyOf))
  const needed = new Map(plan.windows.map((window) => [keyOf(window), window.step]))
  const kept = run.windows.map((window): RunWindow => {
    if (window.result !== undefined) return window
    const step = needed.get(keyOf(window))
    if (step !== undefined) return { ...window, step }
    return window.error === undefined ? { ...window, result: 'not_needed' } : window
  })
  const added = plan.windows.filter((window) => !known.has(keyOf(window)))
  const places = new Map(plan.windows.map((window, place) => [keyOf(window), place]))
  const placeOf = (window: Window) => places.get(keyOf(window)) ?? -1
  const windows = [...kept, ...added].sort((a, b) => placeOf(a) - placeOf(b))
  return { ...run, windows, skipped: plan.skipped, skippedBy: plan.skippedBy }
}

/** What of the run is not begun, from that window on, is left to the next tick. */
export function leavingRest(run: Run, from: number): Run {
  const isLeft = (window: RunWindow, index: number) => index >= from && window.result === undefined
  const left = run.windows
    .filter(isLeft)
    .map(
      ({ rollup, fromMs, toMs }): SkippedWindow => ({ window: { rollup, fromMs, toMs }, why: 'next_tick' }),
    )
  const windows = run.windows.filter((window, index) => !isLeft(window, index))
  return { ...run, windows, skipped: [...run.skipped, ...left] }
}

/**
 * What the schedule has done meanwhile is not done again, unless it was asked for whatever there is. What is to be computed
 * is done only by a generation that was made meanwhile: an older one, which the schedule published, lacks rows that the run
 * has taken in.
 */
export function withoutDone(run: Run, done: readonly RunWindow[]): Run {
  const doneBy = (results: readonly RunWindow['result'][]) =>
    new Set(done.filter(({ result }) => results.includes(result)).map(keyOf))
  const isDone = {
    compute: doneBy(['committed', 'unchanged']),
    publish: doneBy(['committed', 'unchanged', 'published']),
  }
  const windows = run.windows.map((window): RunWindow => {
    const isOpen = window.result === undefined && window.error === undefined
    return isOpen && isDone[window.step].has(keyOf(window)) ? { ...window, result: 'not_needed' } : window
  })
  return run.scope.reprocess === 'all' ? run : { ...run, windows }
}
