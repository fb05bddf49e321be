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

type What = keyof Usage

/** When each bucket of an app will be full again, and how it refills. */
interface Account {
  readonly fullAtMs: Record<What, number>
  readonly limits: App['limits']
  readonly rates: Readonly<Record<What, Rate>>
}

/**
 * What an app may use a second. The buckets are this process's own, so each of `workers` gets its part. They are kept by
 * id: a reload gives an app new limits, not a new allowance; and there are as many as apps were ever configured.
 */
export function createQuota(workers: number, clock: Clock): Quota {
  const accounts = new Map<string, Account>()
  const share = (perSecond: number, burst: number): Rate => ({
    perSecond: perSecond / workers,
    burst: Math.max(1, burst / workers),
  })

  const ratesOf = ({ requestsPerSecond, burst, bytesPerSecond, eventsPerSecond }: App['limits']) => ({
    requests: share(requestsPerSecond, burst),
    // One second's worth at once, for the two that have no burst of their own.
    bytes: share(bytesPerSecond, bytesPerSecond),
    events: share(eventsPerSecond, eventsPerSecond),
  })

  function accountOf({ id, limits }: App, nowMs: number): Account {
    const known = accounts.get(id)
    if (known?.limits === limits) return known
    const fullAtMs = known?.fullAtMs ?? { requests: nowMs, bytes: nowMs, events: nowMs }
    const account = { fullAtMs, limits, rates: ratesOf(limits) }
    accounts.set(id, account)
    return account
  }

  return {
    charge(app, usage) {
      const nowMs = clock.monotonicMs()
      const { fullAtMs, rates } = accountOf(app, nowMs)
      /** When the bucket is full again, if `cost` is taken from it. */
      const after = (what: What, cost = 0): number => {
        if (cost === 0) return fullAtMs[what]
        const next = gcra(fullAtMs[what], nowMs, cost, rates[what])
        if (next.waitMs === 0) return next.fullAtMs
        const detail = `The app "${app.id}" is over its ${app.limits[`${what}PerSecond`]} ${what} a second.`
        throw new AppError('app_limit', detail, { retryAfterMs: next.waitMs })
      }
      // All or nothing.
      const requests = after('requests', usage.requests)
      const bytes = after('bytes', usage.bytes)
      const events = after('events', usage.events)
      fullAtMs.requests = requests
      fullAtMs.bytes = bytes
      fullAtMs.events = events
    },
  }
}
