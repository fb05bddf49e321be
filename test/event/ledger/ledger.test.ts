import { Registry } from 'prom-client'
import { test } from 'tap'
import { createLedger } from '../../../src/event/ledger/ledger.ts'

/** Name, labels and value of all that is exported, one line each. */
async function exported(metrics: Registry): Promise<string[]> {
  const text = await metrics.metrics()
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

test('received = accepted + rejected, by reason', async (t) => {
  const metrics = new Registry()
  const ledger = createLedger(metrics, () => 0)
  ledger.judged(3, ['invalid_field', 'missing_field', 'invalid_field'])
  ledger.judged(2, [])
  ledger.judged(0, ['invalid_field'], 'shop')
  const { received, accepted, rejected } = ledger.totals()
  t.same(
    { received, accepted, rejected },
    {
      received: 9,
      accepted: 5,
      rejected: { invalid_field: 3, missing_field: 1 },
    },
  )
  t.match(await exported(metrics), [
    'headgate_app_events_rejected_total{app="shop",reason="invalid_field"} 1',
    'headgate_events_received_total 9',
    'headgate_events_accepted_total 5',
    'headgate_events_rejected_total{reason="invalid_field"} 3',
    'headgate_events_rejected_total{reason="missing_field"} 1',
  ])
})

test('accepted + ledger events + recovered = delivered + fallback + dead-lettered + backlog', async (t) => {
  const metrics = new Registry()
  let backlog = 0
  const ledger = createLedger(
    metrics,
    () => backlog,
    () => backlog - 1,
  )
  ledger.recovered(4)
  ledger.judged(10, [])
  ledger.wroteLedger(2)
  ledger.delivered(8)
  ledger.fallback(3)
  ledger.deadLettered(1)
  backlog = 4
  const totals = ledger.totals()
  t.equal(
    totals.accepted + totals.ledgerEvents + totals.recovered,
    totals.delivered + totals.fallback + totals.deadLettered + backlog,
  )
  t.same(totals, {
    received: 10,
    accepted: 10,
    rejected: {},
    ledgerEvents: 2,
    recovered: 4,
    delivered: 8,
    fallback: 3,
    deadLettered: 1,
  })
  const lines = await exported(metrics)
  for (const line of [
    'headgate_events_outcome_total{outcome="delivered"} 8',
    'headgate_events_outcome_total{outcome="fallback"} 3',
    'headgate_events_outcome_total{outcome="dead_lettered"} 1',
    'headgate_ledger_events_total 2',
    'headgate_backlog_events 4',
    'headgate_at_risk_events 3',
  ]) {
    t.ok(lines.includes(line), line)
  }
})

test('nothing is at risk where nobody says so', async (t) => {
  const metrics = new Registry()
  createLedger(metrics, () => 4)
  t.ok((await exported(metrics)).includes('headgate_at_risk_events 0'))
})

test('totals are a copy: nobody can change the books', async (t) => {
  const ledger = createLedger(new Registry(), () => 0)
  ledger.judged(1, ['invalid_field'])
  Object.assign(ledger.totals().rejected, { invalid_field: 99 })
  t.equal(ledger.totals().rejected.invalid_field, 1)
})
