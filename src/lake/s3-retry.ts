import { sleep } from '../std/async/abort.ts'
import { backoffMs } from '../std/async/backoff.ts'
import type { Clock } from '../std/clock.ts'
import type { Entropy } from '../std/id.ts'
import { s3FailureOf } from './s3-errors.ts'

export interface RetryBudget {
  /** No attempt is begun later than this after the first. */
  readonly forMs: number
  readonly clock: Clock
  readonly entropy: Entropy
}

/** Does `work` until it succeeds, or fails with what another attempt would not change, or patience ends. */
export async function withRetry<T>(
  work: () => Promise<T>,
  { forMs, clock, entropy }: RetryBudget,
): Promise<T> {
  const untilMs = clock.monotonicMs() + forMs
  async function attempt(number: number): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const delayMs = backoffMs(number, entropy)
      if (s3FailureOf(error) !== 'transient' || clock.monotonicMs() + delayMs > untilMs) throw error
      await sleep(delayMs)
    }
    return attempt(number + 1)
  }
  return attempt(0)
}
