import { lruCache } from '../../std/lru.ts'

/** A bucket that refills at `perSecond` and holds `burst`. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

export interface Buckets {
  /** Takes `cost` from the bucket of `key`: 0 when it was there, else how many milliseconds until it is. */
  take(key: string, cost: number, rate: Rate): number
  /** Takes what is done already, as a debt if need be: 0 unless there was one before, else how long until that is paid. */
  owe(key: string, cost: number, rate: Rate): number
}

/**
 * The generic cell rate algorithm: a bucket is one number, the time at which it will be full again. Nothing refills in
 * the background, and the time to wait is exact. A cost above the burst asks for a full bucket, or it could never pass,
 * and leaves a debt: nothing more passes until it is paid.
 */
export function gcra(fullAtMs: number, nowMs: number, cost: number, { perSecond, burst }: Rate) {
  const msPerUnit = 1_000 / perSecond
  const nextFullAtMs = Math.max(fullAtMs, nowMs) + cost * msPerUnit
  const waitMs = nextFullAtMs - nowMs - Math.max(cost, burst) * msPerUnit
  // Half a microsecond: sums of fractions must not refuse what fits exactly.
  return waitMs > 0.0005 ? { fullAtMs, waitMs } : { fullAtMs: nextFullAtMs, waitMs: 0 }
}

/**
 * The `maxKeys` buckets used last; the longest unused one makes room. Whoever can show more keys than that could always
 * bring a new one, so forgetting gives nothing away that memory could have kept.
 */
export function createBuckets(maxKeys: number, monotonicMs: () => number): Buckets {
  const fullAt = lruCache<number>(maxKeys)
  const take = (key: string, cost: number, rate: Rate): number => {
    const nowMs = monotonicMs()
    const { fullAtMs, waitMs } = gcra(fullAt.get(key) ?? nowMs, nowMs, cost, rate)
    fullAt.set(key, fullAtMs)
    return waitMs
  }
  return {
    take,
    owe(key, cost, rate) {
      const nowMs = monotonicMs()
      const { fullAtMs, waitMs } = gcra(fullAt.get(key) ?? nowMs, nowMs, 0, rate)
      fullAt.set(key, waitMs > 0 ? fullAtMs : fullAtMs + (cost * 1_000) / rate.perSecond)
      return waitMs
    },
  }
}
