import type { RecordOutcome } from './sinks/stream.ts'

/** What happens to a record: it is done, it is taken apart down to the line that is at fault, or it is tried again. */
export type NextStep =
  | { readonly kind: 'settle' }
  | { readonly kind: 'isolate'; readonly reason: string }
  | { readonly kind: 'retry' }

/** What the pump does with a record, by what the sink says of it. */
export function nextStep(outcome: RecordOutcome): NextStep {
  switch (outcome.kind) {
    case 'stored':
      return { kind: 'settle' }
    case 'poison':
      return { kind: 'isolate', reason: outcome.code }
    case 'throttled':
    case 'transient':
    case 'misconfigured':
      return { kind: 'retry' }
  }
}

/** How a lane stands once its records have failed. */
export interface LaneCondition {
  /** The lane is only probed, with one record at a time. */
  readonly onProbation: boolean
  /** What this lane cannot take may go another way. */
  readonly fallbackOpen: boolean
}

/** When records that failed may be sent again, and when their lane may send anything. */
export interface RetryPlan {
  readonly requeue: 'now' | 'afterDelay'
  /** Whether the lane sends nothing until the delay is over. */
  readonly holdsLane: boolean
  /** The attempt by which the delay is measured; the first is number 0. */
  readonly attempt: number
}

/** How late a probe is while another lane stands in: as after so many attempts, which is up to 5 s. */
const PROBE_ATTEMPT = 6

/** `attempts` is how often the record has been sent that was sent most often. */
export function retryPlan({ onProbation, fallbackOpen }: LaneCondition, attempts: number): RetryPlan {
  // It is the lane that waits: what it could not take goes another way.
  if (onProbation && fallbackOpen) return { requeue: 'now', holdsLane: true, attempt: PROBE_ATTEMPT }
  return { requeue: 'afterDelay', holdsLane: onProbation, attempt: attempts - 1 }
}
