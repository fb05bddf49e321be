import { Counter, Gauge, type Registry } from 'prom-client'
import { type AcceptedCounts, createAcceptedCounts } from './app-tally.ts'

/** Why an event was not accepted. Part of the wire contract: `rejected[].code`, and the label of the counter. */
export type RefusalCode =
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
  readonly rejected: Readonly<Partial<Record<RefusalCode, number>>>
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
  /** A request was decoded and judged: `accepted` of its events are durable now, the others were refused to the app. */
  admitted(accepted: number, refusals: readonly RefusalCode[], app?: string): void
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
export function createLedger(metrics: Registry, backlogEvents: () => number, atRiskEvents = () => 0): Ledger {
  const totals = {
    ...{ received: 0, accepted: 0, ledgerEvents: 0, recovered: 0 },
    ...{ delivered: 0, fallback: 0, deadLettered: 0 },
  }
  const refused: Partial<Record<RefusalCode, number>> = {}
  const rejectedByApp = new Counter({
    name: 'headgate_app_events_rejected_total',
    help: 'Events refused, by app and reason.',
    labelNames: ['app', 'reason'],
    registers: [metrics],
  })
  exposeTotals(metrics, { totals, refused, backlogEvents, atRiskEvents })

  return {
    admitted(count, refusals, app) {
      totals.received += count + refusals.length
      totals.accepted += count
      for (const reason of refusals) {
        refused[reason] = (refused[reason] ?? 0) + 1
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
    totals: () => ({ ...totals, rejected: { ...refused } }),
    tally: createAcceptedCounts(),
  }
}

interface Exposed {
  readonly totals: Omit<LedgerTotals, 'rejected'>
  readonly refused: LedgerTotals['rejected']
  readonly backlogEvents: () => number
  readonly atRiskEvents: () => number
}

/** Counters are set when somebody asks for them: counting a request costs a few additions. */
function exposeTotals(metrics: Registry, { totals, refused, backlogEvents, atRiskEvents }: Exposed): void {
  const registers = [metrics]
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  counter('headgate_events_received_total', 'Events decoded from requests.', () => totals.received)
  counter('headgate_events_accepted_total', 'Events acknowledged as durable.', () => totals.accepted)
  new Counter({
    name: 'headgate_events_rejected_total',
    help: 'Events refused, by reason.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset()
      for (const [reason, count] of Object.entries(refused)) this.inc({ reason }, count)
    },
  })
  counter('headgate_ledger_events_total', 'Written by the gateway itself.', () => totals.ledgerEvents)
  new Counter({
    name: 'headgate_events_outcome_total',
    help: 'Events, those of the gateway itself included, by where they ended.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset()
      this.inc({ outcome: 'delivered' }, totals.delivered)
      this.inc({ outcome: 'fallback' }, totals.fallback)
      this.inc({ outcome: 'dead_lettered' }, totals.deadLettered)
    },
  })
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('headgate_backlog_events', 'Events not yet at their outcome.', backlogEvents)
  gauge(
    'headgate_at_risk_events',
    'Acknowledged events that would be lost with this process, or with a disk that nobody finds again.',
    atRiskEvents,
  )
}
