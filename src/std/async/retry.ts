import type { Entropy } from '../id.ts'
import { sleep } from './abort.ts'
import { backoffMs } from './backoff.ts'

/** How long to wait after the attempt that failed; the first is number 0. */
export interface RetryPolicy {
  delayMs(attempt: number): number
}

export const jittered = (entropy: Entropy): RetryPolicy => ({
  delayMs: (attempt) => backoffMs(attempt, entropy),
})

export interface RetryOptions {
  readonly retry: RetryPolicy
  /** Ends the attempts, but never before the first. */
  readonly signal: AbortSignal
  /** Told of the first failure of a row, and of each that is another than the one before it: the same says nothing new. */
  readonly onFailure: (error: unknown) => void
}

/** Does `work` until it succeeds; false when the signal ended the attempts before. */
export async function retryUntilAborted(
  work: () => Promise<void>,
  persistence: RetryOptions,
): Promise<boolean> {
  const { retry, signal, onFailure } = persistence
  let last: string | undefined
  for (let attempt = 0; attempt === 0 || !signal.aborted; attempt++) {
    try {
      await work()
      return true
    } catch (error) {
      const { name, code } = Object(error)
      const failure = `${name} ${code}`
      if (failure !== last) onFailure(error)
      last = failure
    }
    await sleep(retry.delayMs(attempt), signal)
  }
  return false
}
