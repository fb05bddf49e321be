import type { Clock } from '../../std/clock.ts'
import { createBuckets, type Rate } from './gcra.ts'

/** Addresses remembered; about 100 bytes each. The plugin's default of 5,000 is one small botnet. */
export const MAX_ADDRESSES = 50_000

type Answer = (error: Error | null, result?: { current: number; ttl: number }) => void

/**
 * A store for @fastify/rate-limit, which keeps what it is good at: its place in the hooks. Its own stores count in fixed windows, which let twice the limit through at the edge. The plugin asks for a count and a
 * time to live and refuses when the count is above its `max`: with `max: 0`, a bucket that has room answers 0, an empty
 * one 1 and, as the time to live, exactly how long to wait.
 */
export function addressLimitStore(rate: Rate, clock: Clock) {
  const buckets = createBuckets(MAX_ADDRESSES, () => clock.monotonicMs())
  return class AddressLimitStore {
    incr(address: string, answer: Answer): void {
      const waitMs = buckets.take(address, 1, rate)
      answer(null, { current: waitMs > 0 ? 1 : 0, ttl: waitMs })
    }

    /** The plugin wants one for routes with limits of their own; ours share their buckets. */
    child(): AddressLimitStore {
      return this
    }
  }
}
