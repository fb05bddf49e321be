import type { Clock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { createBuckets, type Rate } from './gcra.ts'
import type { App } from './registry.ts'

/** Three buckets for each of as many apps as a configuration may hold. */
const MAX_BUCKETS = 30_000

export interface Usage {
  readonly requests?: number
  readonly bytes?: number
  readonly events?: number
}

export interface Quota {
  /** Charges an app, or throws `app_limit` with the time until its bucket has room. */
  charge(app: App, usage: Usage): void
}

/** What an app may use a second. The buckets are this process's own, so each of `workers` gets its part. */
export function createQuota(workers: number, clock: Clock): Quota {
  const buckets = createBuckets(MAX_BUCKETS, () => clock.monotonicMs())

  return {
    charge(app, { requests = 0, bytes = 0, events = 0 }) {
      const { requestsPerSecond, burst, bytesPerSecond, eventsPerSecond } = app.limits
      const spend = (what: string, cost: number, { perSecond, burst }: Rate) => {
        const rate = { perSecond: perSecond / workers, burst: Math.max(1, burst / workers) }
        const waitMs = buckets.take(`${what} ${app.id}`, cost, rate)
        if (waitMs === 0) return
        const detail = `The app "${app.id}" is over its ${perSecond} ${what} a second.`
        throw new AppError('app_limit', detail, { retryAfterMs: waitMs })
      }
      if (requests > 0) spend('requests', requests, { perSecond: requestsPerSecond, burst })
      // One second's worth at once, for the two that have no burst of their own.
      if (bytes > 0) spend('bytes', bytes, { perSecond: bytesPerSecond, burst: bytesPerSecond })
      if (events > 0) spend('events', events, { perSecond: eventsPerSecond, burst: eventsPerSecond })
    },
  }
}
