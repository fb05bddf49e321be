import { balanceOf, type GatewayBalance, type OwnCounts } from '../../src/http/reconciliation.ts'

/** Books that balance, unless they are changed. */
export function reconciliation(change: Partial<OwnCounts> = {}): GatewayBalance {
  return balanceOf({
    instance: 'blue-1',
    received: 12,
    accepted: 10,
    rejected: { invalid_field: 2 },
    ledgerEvents: 2,
    recovered: 1,
    delivered: 8,
    fallback: 1,
    deadLettered: 1,
    backlog: { events: 3, bytes: 900, oldestMs: 1_795_348_800_000 },
    atRisk: 0,
    refused: [],
    sink: { kind: 'kinesis', state: 'ok', fallbackOpen: false },
    ...change,
  })
}
