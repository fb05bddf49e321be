import { test } from 'tap'
import { parseConfig } from '../../../src/config.ts'
import { createLedger } from '../../../src/event/ledger.ts'
import { createQuota } from '../../../src/gateway/apps/quota.ts'
import { createRegistry } from '../../../src/gateway/apps/registry.ts'
import { createCollector, type Submission } from '../../../src/gateway/collect/collect.ts'
import { native } from '../../../src/gateway/collect/formats/native.ts'
import { webVitals } from '../../../src/gateway/collect/formats/web-vitals.ts'
import { AppError } from '../../../src/std/errors.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { seededEntropy } from '../../fakes/entropy.ts'
import { lcp, memoryJournal, someApps } from '../../fakes/gateway.ts'

const DAY_MS = 86_400_000

function setup(apps: readonly object[] = someApps) {
  const telemetry = quietTelemetry()
  const [journal, clock] = [memoryJournal('journal'), fakeClock()]
  const ledger = createLedger(telemetry.metrics, () => 0)
  const collector = createCollector({
    registry: createRegistry(parseConfig({ apps }, {}).apps),
    quota: createQuota(1, clock),
    journal,
    ledger,
    clock,
    entropy: seededEntropy(),
    telemetry,
  })
  const count = async (name: string) =>
    (await telemetry.metrics.getSingleMetric(name)?.get())?.values[0]?.value
  return { collect: collector.collect, journal, ledger, clock, count }
}

function submission(events: unknown, changes: Partial<Submission> = {}): Submission {
  const body = Buffer.from(JSON.stringify(events))
  return {
    format: native,
    wire: { contentType: 'application/json', headers: {}, query: {} },
    keys: ['shop-key'],
    origin: undefined,
    page: undefined,
    address: '203.0.113.77',
    userAgent:
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36',
    country: undefined,
    canRetry: true,
    gpc: false,
    receive: async () => ({ body, wireBytes: body.length }),
    ...changes,
  }
}

test('accepted events are in the journal, as one batch, before the receipt is given', async (t) => {
  const { collect, journal, clock } = setup()
  let open = () => {}
  journal.gate = new Promise((resolve) => {
    open = resolve
  })
  let done = false
  const receipt = collect(submission([lcp(), lcp({ value: 2 })])).finally(() => {
    done = true
  })
  await new Promise(setImmediate)
  t.notOk(done, 'not while the journal is writing')
  open()
  t.same(await receipt, { accepted: 2, rejected: [], durability: 'journal' })
  t.match(journal.batches, [{ count: 2, receivedMs: clock.nowMs(), canRetry: true }])
  t.match(journal.batches[0]?.lines.toString(), /^\{.*\}\n\{.*\}\n$/)
})

test('an event carries what only the gateway knows', async (t) => {
  const { collect, journal, clock } = setup()
  await collect(submission(lcp({ app_id: 'blog', country: 'FR' }), { country: 'DE' }))
  t.match(journal.events(), [
    {
      app_id: 'shop',
      country: 'DE',
      received_time: clock.nowMs(),
      event_time: clock.nowMs(),
      device_type: 'desktop',
      user_agent_name: 'Chrome',
      os_name: 'Linux',
    },
  ])
  t.notMatch(String(journal.batches[0]?.lines), '203.0.113', 'but no address')
})

test('a format that only one client speaks names it', async (t) => {
  const { collect, journal } = setup()
  await collect(submission({ name: 'LCP', value: 1, id: 'v5-1', rating: 'good' }, { format: webVitals }))
  await collect(submission(lcp()))
  t.same(
    journal.events().map((event) => event['sdk_name']),
    ['web-vitals', undefined],
  )
})

test('neighbours of a refused event survive it, and every event is counted once', async (t) => {
  const { collect, ledger, count } = setup()
  const receipt = await collect(submission([lcp(), 5, lcp({ colour: 'red' })]))
  t.match(receipt, { accepted: 2, rejected: [{ index: 1, code: 'not_an_object' }] })
  t.match(ledger.totals(), { received: 3, accepted: 2, rejected: { not_an_object: 1 } })
  t.equal(await count('headgate_ignored_fields_total'), 1)
})

test('a request of which nothing is accepted is an error that lists why', async (t) => {
  const { collect, journal, ledger } = setup()
  await t.rejects(collect(submission([{ name: 'a' }])), {
    code: 'nothing_valid',
    message: 'None of 1 events could be accepted. The first: value: is required',
    details: { accepted: 0, rejected: [{ index: 0, code: 'missing_field', detail: 'value: is required' }] },
  })
  await t.rejects(collect(submission([])), { code: 'nothing_valid', details: { accepted: 0, rejected: [] } })
  t.same(journal.batches, [])
  t.match(ledger.totals(), { received: 1, accepted: 0, rejected: { missing_field: 1 } })
})

test('what the journal does not take is rejected, not acknowledged', async (t) => {
  for (const [failure, reason] of [
    [new AppError('journal_full', 'Full.'), 'journal_full'],
    [new AppError('journal_unavailable', 'EIO'), 'journal_unavailable'],
    [new AppError('sinks_unavailable', 'Away.'), 'sinks_unavailable'],
    [new Error('a bug'), 'journal_unavailable'],
  ] as const) {
    const { collect, journal, ledger } = setup()
    journal.failWith = failure
    await t.rejects(collect(submission([lcp(), 5, lcp()])), failure)
    const { received, accepted, rejected } = ledger.totals()
    t.same(
      { received, accepted, rejected },
      { received: 3, accepted: 0, rejected: { not_an_object: 1, [reason]: 2 } },
    )
  }
})

test('a client clock that is years off costs the event its time, nothing else', async (t) => {
  const { collect, journal, clock, count } = setup()
  const now = clock.nowMs()
  const times = [now - 1_000, now - 2 * DAY_MS, now + DAY_MS, 0, 'long ago', -1e300]
  await collect(submission(times.map((event_time) => lcp({ event_time }))))
  t.same(
    journal.events().map((event) => event['event_time']),
    [now - 1_000, now, now, now, now, now],
  )
  t.equal(await count('headgate_clock_replaced_total'), 5)
})

test('a retried request gets the same event ids, a beacon never does', async (t) => {
  const { collect, journal } = setup()
  for (const canRetry of [true, true, false, false]) await collect(submission([lcp()], { canRetry }))
  const [first, again, beacon, other] = journal.events().map((event) => event['event_id'])
  t.equal(first, again)
  t.not(beacon, other)
})

test('the id of a request depends on the network of its sender, unless the app drops addresses', async (t) => {
  const idsOf = async (ip: 'truncate' | 'drop', addresses: readonly string[]) => {
    const { collect, journal } = setup([{ ...someApps[0], privacy: { ip } }])
    for (const address of addresses) await collect(submission([lcp()], { address }))
    return new Set(journal.events().map((event) => event['event_id'])).size
  }
  t.equal(await idsOf('truncate', ['203.0.113.1', '203.0.113.2']), 1)
  t.equal(await idsOf('truncate', ['203.0.113.1', '198.51.100.1']), 2)
  t.equal(await idsOf('drop', ['203.0.113.1', '198.51.100.1']), 1)
})

test('URLs are scrubbed before anything is stored', async (t) => {
  const { collect, journal } = setup([{ ...someApps[0], privacy: { allowQuery: ['tab'] } }])
  await collect(submission(lcp({ page_url: 'https://u:p@shop.example/a?tab=1&token=secret#x' })))
  t.equal(journal.events()[0]?.['page_url'], 'https://shop.example/a?tab=1')
  t.notMatch(String(journal.batches[0]?.lines), /secret|u:p/)
})

test('Global Privacy Control, as the app wants it', async (t) => {
  const visitor = lcp({ session_id: 's1', user_id: 'u1', page_view_id: 'p1', attributes: { plan: 'pro' } })
  for (const [policy, gpc, kept] of [
    ['strip', true, [undefined, undefined, undefined, undefined]],
    ['strip', false, ['s1', 'u1', 'p1', { plan: 'pro' }]],
    ['ignore', true, ['s1', 'u1', 'p1', { plan: 'pro' }]],
    ['drop', false, ['s1', 'u1', 'p1', { plan: 'pro' }]],
  ] as const) {
    const { collect, journal } = setup([{ ...someApps[0], privacy: { gpc: policy } }])
    await collect(submission(visitor, { gpc }))
    const { session_id, user_id, page_view_id, attributes } = journal.events()[0]!
    t.same([session_id, user_id, page_view_id, attributes], kept, `${policy}, ${gpc}`)
  }
  const { collect, journal, ledger } = setup([{ ...someApps[0], privacy: { gpc: 'drop' } }])
  await t.rejects(collect(submission([visitor, visitor], { gpc: true })), {
    code: 'nothing_valid',
    details: { rejected: [{ code: 'privacy_gpc' }, { code: 'privacy_gpc' }] },
  })
  t.same(journal.batches, [])
  t.same(ledger.totals().rejected, { privacy_gpc: 2 })
})

test('an app over its requests is turned away before its body is read', async (t) => {
  const { collect, clock } = setup([{ ...someApps[0], limits: { requestsPerSecond: 1, burst: 1 } }])
  const unread = async () => t.fail('the body was read')
  await collect(submission(lcp()))
  await t.rejects(collect(submission(lcp(), { receive: unread as never })), {
    code: 'app_limit',
    retryAfterMs: 1_000,
  })
  clock.advance(1_000)
  t.match(await collect(submission(lcp())), { accepted: 1 })
})

test('an app that only its Origin names is charged when the body has been read', async (t) => {
  const { collect, ledger } = setup([{ ...someApps[2], limits: { requestsPerSecond: 1, burst: 1 } }])
  const keyless = { keys: [], origin: 'https://open.example' }
  await collect(submission(lcp(), keyless))
  await t.rejects(collect(submission(lcp(), keyless)), { code: 'app_limit' })
  t.equal(ledger.totals().received, 1, 'what was never judged was never received')
})

test('bytes and events have quotas of their own', async (t) => {
  for (const limits of [{ bytesPerSecond: 100 }, { eventsPerSecond: 3 }]) {
    const { collect, journal } = setup([{ ...someApps[0], limits }])
    await collect(submission([lcp(), lcp(), lcp()]))
    await t.rejects(collect(submission([lcp()])), { code: 'app_limit' })
    t.equal(journal.events().length, 3)
  }
})

test('a request that is turned away as a whole stores nothing', async (t) => {
  const { collect, journal, ledger } = setup()
  for (const [changes, code] of [
    [{ keys: ['wrong'] }, 'unknown_key'],
    [{ keys: ['shop-key', 'blog-key'] }, 'conflicting_apps'],
    [{ origin: 'https://evil.example' }, 'origin_not_allowed'],
    [{ receive: async () => ({ body: Buffer.from('{'), wireBytes: 1 }) }, 'malformed_body'],
  ] as const) {
    await t.rejects(collect(submission([lcp()], changes)), { code })
  }
  t.same(journal.batches, [])
  t.equal(ledger.totals().received, 0)
})

test('what is acknowledged is counted for its app and minute, and nothing else is', async (t) => {
  const { collect, journal, ledger, clock } = setup()
  let open = () => {}
  journal.gate = new Promise((resolve) => {
    open = resolve
  })
  const arrivedMs = clock.nowMs()
  const appending = collect(submission([lcp(), lcp(), { name: 1 }]))
  await new Promise(setImmediate)
  clock.advance(60_000)
  open()
  await appending
  await collect(submission([lcp()], { keys: ['blog-key'] }))
  journal.failWith = new AppError('journal_full', 'full')
  await t.rejects(collect(submission([lcp()])))
  t.same(ledger.tally.take(Number.POSITIVE_INFINITY), [
    { app: 'shop', fromMs: arrivedMs, events: 2 },
    { app: 'blog', fromMs: arrivedMs + 60_000, events: 1 },
  ])
})
