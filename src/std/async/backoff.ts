import type { Entropy } from '../id.ts'

const BASE_MS = 100
const CAP_MS = 5_000

/**
 * How long to wait after the attempt that failed; the first is number 0. Full jitter:
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs(attempt: number, entropy: Entropy): number {
  return entropy.uniform() * Math.min(CAP_MS, BASE_MS * 2 ** attempt)
}
