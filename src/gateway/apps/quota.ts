import type { Clock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { gcra, type Rate } from './gcra.ts'
import type { App } from './registry.ts'

export interface Usage {
  readonly requests?: number
  readonly bytes?: number
  readonly events?: number
}

export interface Quota {
  /** Charges an app, or throws `app_limit` with the time until its bucket has room. */
  charge(app: App, usage: Usage): void
}

/** When each bucket of an app will be full again. */
interface Buckets {
  requests: number
  bytes: number
  events: number
}

/**
 * What an app may use a second. The buckets are this process's own, so each of `workers` gets its part. They are kept by
 * id: a reload gives an app new limits, not a new allowance; and there are as many as apps were ever configured.
 */
export function createQuota(workers: number, clock: Clock): Quota {
  const bucketsOf = new Map<string, Buckets>()
  const share = (perSecond: number, burst: number): Rate => ({
    perSecond: perSecond / workers,
    burst: Math.max(1, burst / workers),
  })

  return {
    charge({ id, limits }, usage) {
      const nowMs = clock.monotonicMs()
      const buckets = bucketsOf.get(id) ?? { requests: nowMs, bytes: nowMs, events: nowMs }
      const spend = (what: keyof Usage, perSecond: number, burst: number): number => {
        const cost = usage[what] ?? 0
        if (cost === 0) return buckets[what]
        const { fullAtMs, waitMs } = gcra(buckets[what], nowMs, cost, share(perSecond, burst))
        if (waitMs > 0) {
          const detail = `The app "${id}" is over its ${perSecond} ${what} a second.`
          throw new AppError('app_limit', detail, { retryAfterMs: waitMs })
        }
        return fullAtMs
      }
      // All or nothing, and one second's worth at once for the two that have no burst of their own.
      bucketsOf.set(id, {
        requests: spend('requests', limits.requestsPerSecond, limits.burst),
        bytes: spend('bytes', limits.bytesPerSecond, limits.bytesPerSecond),
        events: spend('events', limits.eventsPerSecond, limits.eventsPerSecond),
      })
    },
  }
}
