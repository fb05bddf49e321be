import type { Declarations } from './declaration.ts'

/** What came in, and where each event ended. */
export const booksDeclarations = {
  headgate_events_received_total: {
    type: 'counter',
    help: 'Events decoded from requests.',
    unit: 'events',
  },
  headgate_events_accepted_total: {
    type: 'counter',
    help: 'Events acknowledged as durable.',
    unit: 'events',
  },
  headgate_events_rejected_total: {
    type: 'counter',
    help: 'Events that were not accepted, by reason.',
    unit: 'events',
    labels: { reason: 'a code of `rejected[]`, or of the problem that the whole request ended in' },
  },
  headgate_app_events_rejected_total: {
    type: 'counter',
    help: 'Events that were not accepted, by app and reason.',
    unit: 'events',
    labels: { app: 'its id', reason: 'as above' },
  },
  headgate_app_fields_rejected_total: {
    type: 'counter',
    help: 'Of those, the ones for which one field is to blame, by that: the first, where several are wrong.',
    unit: 'events',
    labels: { app: 'its id', reason: '`missing_field`, `invalid_field`', field: 'a [column](events.md)' },
  },
  headgate_events_acknowledged_total: {
    type: 'counter',
    help: 'Events acknowledged, by where they were stored when the answer left.',
    unit: 'events',
    labels: { durability: '`journal`, `stream`, `lake`, `memory`' },
  },
  headgate_ledger_events_total: {
    type: 'counter',
    help: 'Written by the gateway itself.',
    unit: 'events',
  },
  headgate_events_outcome_total: {
    type: 'counter',
    help: 'Events, those of the gateway itself included, by where they ended.',
    unit: 'events',
    labels: { outcome: '`delivered`, `fallback`, `dead_lettered`' },
  },
  headgate_backlog_events: {
    type: 'gauge',
    help: 'Events not yet at their outcome.',
    unit: 'events',
    ofWorkers: 'sum',
  },
  headgate_at_risk_events: {
    type: 'gauge',
    help: 'Acknowledged events that would be lost with this process, or with a disk that nobody finds again.',
    unit: 'events',
    ofWorkers: 'sum',
  },
  headgate_unanswered_events: {
    type: 'gauge',
    help: 'Events in memory until the stream or the lake has them, most of them with a sender that waits.',
    unit: 'events',
    only: 'mode `stream`',
    ofWorkers: 'sum',
  },
  headgate_belated_events_total: {
    type: 'counter',
    help: 'Stored after all when their sender had been refused, or they lay on the disk as well: the books have them as that.',
    unit: 'events',
    only: 'mode `stream`',
  },
} as const satisfies Declarations
