import type { Clock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { createBuckets } from './gcra.ts'
import type { App } from './registry.ts'

/** As many apps as a configuration may hold. */
const MAX_APPS = 10_000

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
  const meter = (what: string) => {
    const buckets = createBuckets(MAX_APPS, () => clock.monotonicMs())
    return (app: App, cost: number, perSecond: number, burst: number) => {
      if (cost === 0) return
      const rate = { perSecond: perSecond / workers, burst: Math.max(1, burst / workers) }
      const waitMs = buckets.take(app.id, cost, rate)
      if (waitMs === 0) return
      const detail = `The app "${app.id}" is over its ${perSecond} ${what} a second.`
      throw new AppError('app_limit', detail, { retryAfterMs: waitMs })
    }
  }
  const [spendRequests, spendBytes, spendEvents] = [meter('requests'), meter('bytes'), meter('events')]

  return {
    charge(app, { requests = 0, bytes = 0, events = 0 }) {
      const { requestsPerSecond, burst, bytesPerSecond, eventsPerSecond } = app.limits
      spendRequests(app, requests, requestsPerSecond, burst)
      // One second's worth at once, for the two that have no burst of their own.
      spendBytes(app, bytes, bytesPerSecond, bytesPerSecond)
      spendEvents(app, events, eventsPerSecond, eventsPerSecond)
    },
  }
}
