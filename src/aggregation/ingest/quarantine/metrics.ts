import { counter, gauge } from '../../../std/metrics/instruments.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { TakenObject } from './take-object.ts'

/** Why an object stays in the quarantine. `later`: one pass does not last longer. */
export type WaitingReason = 'unknown_app' | 'unreadable_name' | 'not_lines' | 'too_large' | 'failed' | 'later'

export interface QuarantineMetrics {
  took(app: string, taken: TakenObject): void
  /** After each look at the quarantine. */
  waiting(objects: Readonly<Record<WaitingReason, number>>): void
}

export function quarantineMetrics({ metrics }: Pick<Telemetry, 'metrics'>): QuarantineMetrics {
  const events = counter(metrics, 'headgate_direct_events_total')
  const rejected = counter(metrics, 'headgate_direct_refused_total')
  const clockReplaced = counter(metrics, 'headgate_direct_clock_replaced_total')
  const waiting = gauge(metrics, 'headgate_direct_waiting_objects')
  return {
    took(app, taken) {
      for (const [record_token, count] of taken.stored) events.inc({ app, record_token }, count)
      for (const [reason, count] of taken.rejected) rejected.inc({ app, reason }, count)
      clockReplaced.inc({ app }, taken.clockReplaced)
    },
    waiting(objects) {
      for (const [reason, count] of Object.entries(objects)) waiting.set({ reason }, count)
    },
  }
}
