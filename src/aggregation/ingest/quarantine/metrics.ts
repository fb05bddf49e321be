import { Counter, Gauge } from 'prom-client'
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
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers: [metrics] })
  const events = counter(
    'headgate_direct_events_total',
    'Events of direct streams that were stored, by what came of the token of their record.',
    ['app', 'record_token'],
  )
  const refused = counter(
    'headgate_direct_refused_total',
    'Events of direct streams that were not stored, by reason; they are told of in dead/.',
    ['app', 'reason'],
  )
  const clockReplaced = counter(
    'headgate_direct_clock_replaced_total',
    'Stored events of direct streams whose own time was implausible.',
    ['app'],
  )
  const waiting = new Gauge({
    name: 'headgate_direct_waiting_objects',
    help: 'Objects that stay in the quarantine, by reason.',
    labelNames: ['reason'],
    registers: [metrics],
  })
  return {
    took(app, taken) {
      for (const [record_token, count] of taken.stored) events.inc({ app, record_token }, count)
      for (const [reason, count] of taken.refused) refused.inc({ app, reason }, count)
      clockReplaced.inc({ app }, taken.clockReplaced)
    },
    waiting(objects) {
      for (const [reason, count] of Object.entries(objects)) waiting.set({ reason }, count)
    },
  }
}
