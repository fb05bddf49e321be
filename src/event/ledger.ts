import { Counter, Gauge, type Registry } from 'prom-client'

/** Why an event was not accepted. Part of the wire contract: `rejected[].code`, and the label of the counter. */
export type RefusalCode =
  | 'not_an_object'
  | 'malformed_line'
  | 'missing_field'
  | 'invalid_field'
  | 'event_too_large'
  | 'too_many_events'
  | 'privacy_gpc'
  | 'journal_full'
  | 'journal_unavailable'

/** Events, counted since the process started, but `recovered`: those found in the journal at the start. */
export interface LedgerTotals {
  readonly received: number
  readonly accepted: number
  readonly rejected: Readonly<Partial<Record<RefusalCode, number>>>
  readonly recovered: number
  readonly delivered: number
  readonly fallback: number
  readonly deadLettered: number
}

/**
 * The conservation law, counted: received = accepted + Σ rejected, and
 * accepted + recovered = delivered + fallback + dead-lettered + backlog. Each event ends in exactly one outcome.
 */
export interface Ledger {
  /** A request was decoded and judged: `accepted` of its events are durable now, the others were refused. */
  admitted(accepted: number, refusals: readonly RefusalCode[]): void
  recovered(events: number): void
  delivered(events: number): void
  fallback(events: number): void
  deadLettered(events: number): void
  totals(): LedgerTotals
}

export function createLedger(metrics: Registry, backlogEvents: () => number): Ledger {
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name, help, labelNames, registers: [metrics] })
  const received = counter('headgate_events_received_total', 'Events decoded from requests.')
  const accepted = counter('headgate_events_accepted_total', 'Events acknowledged as durable.')
  const rejected = counter('headgate_events_rejected_total', 'Events refused, by reason.', ['reason'])
  const outcomes = counter('headgate_events_outcome_total', 'Accepted events by where they ended.', [
    'outcome',
  ])
  new Gauge({
    name: 'headgate_backlog_events',
    help: 'Accepted events not yet at their outcome.',
    registers: [metrics],
    collect() {
      this.set(backlogEvents())
    },
  })
  const totals = { received: 0, accepted: 0, recovered: 0, delivered: 0, fallback: 0, deadLettered: 0 }
  const refused: Partial<Record<RefusalCode, number>> = {}

  return {
    admitted(count, refusals) {
      totals.received += count + refusals.length
      totals.accepted += count
      received.inc(count + refusals.length)
      accepted.inc(count)
      for (const reason of refusals) {
        refused[reason] = (refused[reason] ?? 0) + 1
        rejected.inc({ reason })
      }
    },
    recovered(events) {
      totals.recovered += events
    },
    delivered(events) {
      totals.delivered += events
      outcomes.inc({ outcome: 'delivered' }, events)
    },
    fallback(events) {
      totals.fallback += events
      outcomes.inc({ outcome: 'fallback' }, events)
    },
    deadLettered(events) {
      totals.deadLettered += events
      outcomes.inc({ outcome: 'dead_lettered' }, events)
    },
    totals: () => ({ ...totals, rejected: { ...refused } }),
  }
}
