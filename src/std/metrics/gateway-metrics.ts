import type { Declarations } from './declaration.ts'

/** Who is turned away, and what is odd about what comes. */
export const gatewayDeclarations = {
  headgate_requests_refused_total: {
    type: 'counter',
    help: 'Requests that ended in a problem, by its code.',
    unit: 'requests',
    labels: { code: 'of the [problem](errors.md)' },
  },
  headgate_refused_clients_total: {
    type: 'counter',
    help: 'Requests that ended in a problem, by app, code and the origin or the beginning of the key; from the 51st on of each kind by ~other.',
    unit: 'requests',
    labels: {
      app: 'its id, or `~unknown`',
      code: 'of the [problem](errors.md)',
      from: 'the Origin, `key hg_pub_…`, `~odd` (an Origin that is none), `~none`, `~other`',
    },
  },
  headgate_forwarding_not_trusted_total: {
    type: 'counter',
    help: 'Requests with X-Forwarded-For or Forwarded from a peer that is not in gateway.trustProxy: it is not read, and all behind that peer share the limits of one address.',
    unit: 'requests',
  },
  headgate_clock_replaced_total: {
    type: 'counter',
    help: 'Accepted events stamped with their arrival, because the time they gave was implausible.',
    unit: 'events',
  },
  headgate_ignored_fields_total: {
    type: 'counter',
    help: 'Fields of accepted events that were unknown or that only the gateway sets.',
    unit: 'fields',
  },
  headgate_inflate_ratio_alarms_total: {
    type: 'counter',
    help: 'Bodies that grew more than 20 times.',
    unit: 'bodies',
  },
  headgate_worker_restarts_total: {
    type: 'counter',
    help: 'Workers that ended and were replaced.',
    unit: 'processes',
    only: 'with workers',
  },
} as const satisfies Declarations
