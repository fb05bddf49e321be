import { counter, gauge } from '../../std/metrics/instruments.ts'
import type { MetricRegistry } from '../../std/metrics/metric-registry.ts'
import { type AcceptedCounts, createAcceptedCounts } from './app-tally.ts'

/** Why an event was not accepted. Part of the wire contract: `rejected[].code`, and the label of the counter. */
export type RejectionCode =
  | 'not_an_object'
  | 'malformed_line'
  | 'missing_field'
  | 'invalid_field'
  | 'event_too_large'
  | 'event_too_complex'
  | 'too_many_events'
  | 'privacy_gpc'
  | 'journal_full'
  | 'journal_unavailable'
  | 'sinks_unavailable'

/** Events, counted since the process started, but `recovered`: those found in the journal at the start. */
export interface LedgerTotals {
  readonly received: number
  readonly accepted: number
  readonly rejected: Readonly<Partial<Record<RejectionCode, number>>>
  /** The gateway's own, by which it tells what it accepted (ledger-event.ts): stored and delivered as the others are. */
  readonly ledgerEvents: number
  readonly recovered: number
  readonly delivered: number
  readonly fallback: number
  readonly deadLettered: number
}

/**
 * The conservation law, counted: received = accepted + Σ rejected, and
 * accepted + ledger events + recovered = delivered + fallback + dead-lettered + backlog. Each ends in exactly one outcome.
 */
export interface Ledger {
  /** A request was decoded and judged: `accepted` of its events are durable now, the others were rejected. */
  judged(accepted: number, codes: readonly RejectionCode[], app?: string): void
  /** So many ledger events are durable now. */
  wroteLedger(events: number): void
  recovered(events: number): void
  delivered(events: number): void
  fallback(events: number): void
  deadLettered(events: number): void
  totals(): LedgerTotals
  /** By app, what clients sent and nothing else: for ledger events. */
  readonly tally: AcceptedCounts
}

/** The part of the books that tells where events ended. */
export type Outcomes = Pick<Ledger, 'delivered' | 'fallback' | 'deadLettered'>

/** `atRiskEvents`: those of the backlog that would be lost with this process, or with its disk. */
export function createLedger(
  metrics: MetricRegistry,
  backlogEvents: () => number,
  atRiskEvents = () => 0,
): Ledger {
  const totals = {
    ...{ received: 0, accepted: 0, ledgerEvents: 0, recovered: 0 },
    ...{ delivered: 0, fallback: 0, deadLettered: 0 },
  }
  const rejected: Partial<Record<RejectionCode, number>> = {}
  const rejectedByApp = counter(metrics, 'headgate_app_events_rejected_total')
  exposeTotals(metrics, { totals, rejected, backlogEvents, atRiskEvents })

  return {
    judged(count, codes, app) {
      totals.received += count + codes.length
      totals.accepted += count
      for (const reason of codes) {
        rejected[reason] = (rejected[reason] ?? 0) + 1
        if (app !== undefined) rejectedByApp.inc({ app, reason })
      }
    },
    wroteLedger(events) {
      totals.ledgerEvents += events
    },
    recovered(events) {
      totals.recovered += events
    },
    delivered(events) {
      totals.delivered += events
    },
    fallback(events) {
      totals.fallback += events
    },
    deadLettered(events) {
      totals.deadLettered += events
    },
    totals: () => ({ ...totals, rejected: { ...rejected } }),
    tally: createAcceptedCounts(),
  }
}

interface Exposed {
  readonly totals: Omit<LedgerTotals, 'rejected'>
  readonly rejected: LedgerTotals['rejected']
  readonly backlogEvents: () => number
  readonly atRiskEvents: () => number
}

/** Counters are set when somebody asks for them: counting a request costs a few additions. */
function exposeTotals(
  metrics: MetricRegistry,
  { totals, rejected, backlogEvents, atRiskEvents }: Exposed,
): void {
  const total = (name: Parameters<typeof counter>[1], read: () => number) =>
    counter(metrics, name, (it) => {
      it.reset()
      it.inc(read())
    })
  total('headgate_events_received_total', () => totals.received)
  total('headgate_events_accepted_total', () => totals.accepted)
  counter(metrics, 'headgate_events_rejected_total', (it) => {
    it.reset()
    for (const [reason, count] of Object.entries(rejected)) it.inc({ reason }, count)
  })
  total('headgate_ledger_events_total', () => totals.ledgerEvents)
  counter(metrics, 'headgate_events_outcome_total', (it) => {
    it.reset()
    it.inc({ outcome: 'delivered' }, totals.delivered)
    it.inc({ outcome: 'fallback' }, totals.fallback)
    it.inc({ outcome: 'dead_lettered' }, totals.deadLettered)
  })
  gauge(metrics, 'headgate_backlog_events', (it) => it.set(backlogEvents()))
  gauge(metrics, 'headgate_at_risk_events', (it) => it.set(atRiskEvents()))
}
