import { test } from 'tap'
import { summed, unjudged } from '../../src/http/reconciliation.ts'
import { reconciliation } from '../fakes/reconciliation.ts'

test('what the conservation law cannot account for is said', async (t) => {
  t.match(reconciliation(), { workers: 1, silent: 0, unopened: 0, unaccounted: 0 })
  t.equal(reconciliation({ delivered: 6 }).unaccounted, 2, 'two events have vanished')
  t.equal(reconciliation({ delivered: 9 }).unaccounted, -1, 'one was counted twice')
  t.equal(unjudged(reconciliation()), 0)
  t.equal(unjudged(reconciliation({ received: 15 })), 3)
})

test('the books of workers add up', async (t) => {
  const one = reconciliation()
  const two = reconciliation({
    nowMs: 20,
    rejected: { invalid_field: 1, journal_full: 1 },
    backlog: { events: 1, bytes: 100, oldestMs: 5 },
    atRisk: 1,
    unopened: 2,
  })
  const three = reconciliation({ backlog: { events: 3, bytes: 900 } })
  t.same(summed([one, two, three], 1), {
    instance: 'blue-1',
    nowMs: 20,
    workers: 3,
    silent: 1,
    unopened: 2,
    received: 36,
    accepted: 30,
    rejected: { invalid_field: 5, journal_full: 1 },
    ledgerEvents: 6,
    recovered: 3,
    delivered: 24,
    fallback: 3,
    deadLettered: 3,
    backlog: { events: 7, bytes: 1_900, oldestMs: 5 },
    atRisk: 1,
    unaccounted: 2,
    refused: [],
    sink: { kind: 'kinesis', state: 'ok', fallbackOpen: false },
  })
  t.equal(summed([two, reconciliation({ nowMs: 21 }), two], 0).nowMs, 21, 'as late as any of them says')
  t.same(summed([three], 0), three, 'one worker is a gateway')
  t.equal(summed([summed([one, two], 2), three], 1).silent, 3, 'what one of them does not know of')
  const empty = reconciliation({ backlog: { events: 0, bytes: 0 } })
  t.same(summed([empty, empty], 0).backlog, { events: 0, bytes: 0 })
})

test('of requests that peers forwarded who are not trusted the last is told, and all are counted', async (t) => {
  const first = reconciliation({ unbelieved: { requests: 2, network: '10.0.0.0/24', lastMs: 5 } })
  const last = reconciliation({ unbelieved: { requests: 3, network: '10.1.0.0/24', lastMs: 6 } })
  const none = reconciliation()
  for (const workers of [[first, none, last] as const, [last, first] as const])
    t.same(summed(workers, 0).unbelieved, { requests: 5, network: '10.1.0.0/24', lastMs: 6 })
  t.notOk('unbelieved' in summed([none, none], 0))
})

test('a client that was refused by several workers is one, and the most frequent come first', async (t) => {
  const evil = { code: 'origin_not_allowed', app: 'shop', origin: 'https://evil.example' }
  const typo = { code: 'unknown_key', keyPrefix: 'hgk_ab' }
  const one = reconciliation({ refused: [{ ...evil, requests: 2, firstMs: 20, lastMs: 30 }] })
  const two = reconciliation({
    refused: [
      { ...typo, requests: 4, firstMs: 5, lastMs: 6 },
      { ...evil, requests: 1, firstMs: 10, lastMs: 11 },
    ],
  })
  t.same(summed([one, two], 0).refused, [
    { ...typo, requests: 4, firstMs: 5, lastMs: 6 },
    { ...evil, requests: 3, firstMs: 10, lastMs: 30 },
  ])
})

test('events that several workers rejected for one field are told together, the most first', async (t) => {
  const [url, name] = [
    { app: 'shop', code: 'invalid_field', field: 'page_url' },
    { app: 'shop', code: 'missing_field', field: 'name' },
  ] as const
  const one = reconciliation({ rejectedFields: [{ ...url, events: 2, lastMs: 30 }] })
  const two = reconciliation({
    rejectedFields: [
      { ...name, events: 4, lastMs: 6 },
      { ...url, events: 1, lastMs: 11 },
    ],
  })
  const together = [
    { ...name, events: 4, lastMs: 6 },
    { ...url, events: 3, lastMs: 30 },
  ]
  t.same(summed([one, two], 0).rejectedFields, together)
  const before = reconciliation({})
  t.same(summed([before, two], 0).rejectedFields, two.rejectedFields, 'a gateway of before tells none')
  t.same(summed([two, before], 0).rejectedFields, two.rejectedFields)
  t.notOk('rejectedFields' in summed([before, before], 0))
  const many = ['a', 'b'].map((of) =>
    reconciliation({
      rejectedFields: Array.from({ length: 30 }, (_, i) => ({
        ...url,
        field: `${of}${i}`,
        events: i,
        lastMs: 1,
      })),
    }),
  )
  const most = summed([many[0] ?? one, ...many.slice(1)], 0).rejectedFields ?? []
  t.equal(most.length, 30, 'no more of several than of one')
  t.ok(
    most.every(({ events }) => events >= 15),
    'those with most events',
  )
})

test('the sink is as bad as the worst of them sees it', async (t) => {
  const sink = { kind: 'kinesis', fallbackOpen: false } as const
  const ok = reconciliation({ sink: { ...sink, state: 'ok' } })
  const failing = reconciliation({
    sink: { ...sink, state: 'failing', failingSinceMs: 200, fallbackOpen: true },
  })
  const paused = reconciliation({ sink: { ...sink, state: 'paused', reason: 'ResourceNotFoundException' } })
  const longer = reconciliation({ sink: { ...sink, state: 'failing', failingSinceMs: 100 } })
  t.same(summed([ok, failing], 0).sink, failing.sink)
  t.same(summed([failing, ok], 0).sink, failing.sink)
  t.same(summed([ok, failing, paused, longer], 0).sink, {
    ...{ kind: 'kinesis', state: 'paused', reason: 'ResourceNotFoundException' },
    ...{ failingSinceMs: 100, fallbackOpen: true },
  })
})
