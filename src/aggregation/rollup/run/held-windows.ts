import { keyOf } from '../plan/plan.ts'
import type { IsHeld } from '../plan/planner.ts'
import { isResting, type Run } from './log/run-record.ts'

/** Scheduled runs that wait for another try at once: where everything fails, more of it is not begun. Ours. */
const MAX_RETRYING_RUNS = 16

/**
 * The scheduled runs of which some windows failed, and whose next try is some time away: they hold up no other window.
 * Undefined while one is at work, or about to be, or there are too many.
 */
export function waitingRuns(pending: Iterable<Run>, nowMs: number): readonly Run[] | undefined {
  const scheduled = [...pending].filter(({ trigger }) => trigger === 'schedule')
  const allWait = scheduled.every((run) => run.state === 'queued' && run.attempt > 0 && isResting(run, nowMs))
  return allWait && scheduled.length < MAX_RETRYING_RUNS ? scheduled : undefined
}

/** The windows that scheduled runs other than this one are not through with. */
export function heldByOthers(pending: Iterable<Run>, run?: Run): IsHeld {
  const others = [...pending].filter(({ id, trigger }) => trigger === 'schedule' && id !== run?.id)
  const untried = others.flatMap(({ windows }) => windows.filter(({ result }) => result === undefined))
  const held = new Set(untried.map(keyOf))
  return (window) => held.has(keyOf(window))
}
