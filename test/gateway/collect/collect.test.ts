import { test } from 'tap'
import { parseConfig } from '../../../src/config/parse.ts'
import { createLedger } from '../../../src/event/ledger/ledger.ts'
import { createQuota } from '../../../src/gateway/apps/quota.ts'
import { createRegistry } from '../../../src/gateway/apps/registry.ts'
import { createSenderNotes } from '../../../src/gateway/apps/sender-notes.ts'
import { createCollector, type Submission } from '../../../src/gateway/collect/collect.ts'
import type { Format } from '../../../src/gateway/collect/formats/format.ts'
import { native } from '../../../src/gateway/collect/formats/native.ts'
import { pixel } from '../../../src/gateway/collect/formats/pixel.ts'
import { webVitals } from '../../../src/gateway/collect/formats/web-vitals.ts'
import { AppError } from '../../../src/std/errors.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { seededEntropy } from '../../fakes/entropy.ts'
import { lcp, recordingJournal, someApps } from '../../fakes/gateway.ts'

const DAY_MS = 86_400_000

function setup(apps: readonly object[] = someApps, clock = fakeClock()) {
  const telemetry = quietTelemetry()
  const journal = recordingJournal('journal')
  const ledger = createLedger(telemetry.metrics, () => 0)
  const collector = createCollector({
    registry: createRegistry(parseConfig({ apps }, {}).apps),
    quota: createQuota(1, clock),
    journal,
    ledger,
    notes: createSenderNotes(clock, telemetry),
    clock,
    entropy: seededEntropy(),
    telemetry,
    idempotencySecret: 'a secret of thirty-two characters',
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
    idempotencyKey: undefined,
    userAgent:
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36',
    country: undefined,
    canRetry: true,
    gpc: false,
    receive: async () => ({ body, wireBytes: body.length }),
    hold: () => {},
    block: '192.0.2.1',
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
  const receipt = collect(submission([lcp(), lcp({ value: 2_000 })])).finally(() => {
    done = true
  })
  await new Promise(setImmediate)
  t.notOk(done, 'not while the journal is writing')
  open()
  t.same(await receipt, { accepted: 2, rejected: [], durability: 'journal', retrySafe: false })
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

test('and nothing that it knows of the request before', async (t) => {
  const { collect, journal } = setup()
  const mac = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:150.0) Gecko/20100101 Firefox/150.0'
  const requests: readonly Partial<Submission>[] = [
    { country: 'DE' },
    { country: 'DE', userAgent: mac },
    { country: 'FR', userAgent: mac },
    { userAgent: mac },
    { userAgent: mac, keys: ['blog-key'] },
    { userAgent: mac, keys: ['blog-key'] },
    { userAgent: '' },
  ]
  for (const changes of requests) await collect(submission(lcp(), changes))
  t.strictSame(
    journal.events().map(({ app_id, country, os_name }) => [app_id, country, os_name]),
    [
      ['shop', 'DE', 'Linux'],
      ['shop', 'DE', 'macOS'],
      ['shop', 'FR', 'macOS'],
      ['shop', undefined, 'macOS'],
      ['blog', undefined, 'macOS'],
      ['blog', undefined, 'macOS'],
      ['shop', undefined, undefined],
    ],
  )
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

test('neighbours of a rejected event survive it, and every event is counted once', async (t) => {
  const { collect, ledger, count } = setup()
  const receipt = await collect(submission([lcp(), 5, lcp({ colour: 'red' })]))
  t.match(receipt, { accepted: 2, rejected: [{ index: 1, code: 'not_an_object' }] })
  t.match(ledger.totals(), { received: 3, accepted: 2, rejected: { not_an_object: 1 } })
  t.equal(await count('headgate_ignored_fields_total'), 1)
})

test('a sender whose field or unit is nearly one of ours is told so, and nobody else anything more', async (t) => {
  const { collect } = setup()
  const good = await collect(submission(lcp({ event_id: 'a' })))
  t.strictSame(good, { accepted: 1, rejected: [], durability: 'journal' })
  t.match(await collect(submission(lcp({ unit: 'milliseconds' }))), {
    accepted: 1,
    hints: ['unit: "milliseconds" is kept as it is and not converted; did you mean "ms"?'],
  })
  await t.rejects(collect(submission({ name: 'a', valeu: 3 })), {
    code: 'nothing_valid',
    details: { hints: ['"valeu" is no field of an event and was left out; did you mean "value"?'] },
  })
  t.match(await collect(submission(lcp({ event_time: 1_795_867_200 }))), {
    hints: [/^event_time: looks like seconds, /],
  })
  t.match(await collect(submission({ name: 'LCP', value: 3, id: 'v6-1', rating: 'good' })), {
    hints: [/to \/v1\/web-vitals/],
  })
})

test('hints are not looked for where no answer has them', async (t) => {
  const { collect } = setup()
  const odd = { valeu: 3, unit: 'milliseconds', event_time: 'yesterday' }
  const beacon = await collect(submission(lcp({ ...odd, event_id: 'a' }), { canRetry: false }))
  t.strictSame(beacon, { accepted: 1, rejected: [], durability: 'journal' })
  const query = { name: 'a', valeu: '3' }
  const wire = { contentType: undefined, headers: {}, query }
  const shown = await t.rejects(collect(submission('', { format: pixel, wire, canRetry: false })))
  t.strictSame(Object.keys((shown as AppError).details), ['accepted', 'rejected'])
  const refused = await t.rejects(collect(submission({ name: 'a', valeu: 3 }, { canRetry: false })))
  t.match((refused as AppError).details, { hints: [/"valeu"/] }, 'but this one has them, whoever reads it')
})

test('a request of which nothing is accepted is an error that lists why', async (t) => {
  const { collect, journal, ledger } = setup()
  await t.rejects(collect(submission([{ name: 'a' }])), {
    code: 'nothing_valid',
    message: 'The event could not be accepted: value: is required',
    details: { accepted: 0, rejected: [{ index: 0, code: 'missing_field', detail: 'value: is required' }] },
  })
  await t.rejects(collect(submission([{ name: 'a' }, 5])), {
    message: 'None of 2 events could be accepted. The first: value: is required',
  })
  await t.rejects(collect(submission([])), {
    code: 'nothing_valid',
    message: 'The request holds no event.',
    details: { accepted: 0, rejected: [] },
  })
  t.same(journal.batches, [])
  t.match(ledger.totals(), { received: 3, accepted: 0, rejected: { missing_field: 2, not_an_object: 1 } })
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

test('equal requests are different events, whoever sends them, unless a key says that they are one', async (t) => {
  for (const [rule, canRetry, keys, events] of [
    ['fetch', true, [undefined, undefined], 4],
    ['beacon', false, [undefined, undefined], 4],
    ['fetch, one key', true, ['k', 'k'], 2],
    ['beacon, one key', false, ['k', 'k'], 2],
    ['fetch, two keys', true, ['k', 'l'], 4],
  ] as const) {
    const { collect, journal } = setup()
    for (const idempotencyKey of keys) await collect(submission([lcp(), lcp()], { canRetry, idempotencyKey }))
    t.equal(new Set(journal.events().map((event) => event['event_id'])).size, events, rule)
  }
})

test('a receipt says that a retry would be another event, and nothing where it would not', async (t) => {
  const [own, none] = [lcp({ event_id: 'e1' }), lcp()]
  for (const [rule, events, changes, retrySafe] of [
    ['no id', [none], {}, false],
    ['an id each', [own, own], {}, undefined],
    ['one of two has an id', [own, none], {}, false],
    ['what has none was not accepted', [own, { name: 1 }], {}, undefined],
    ['a key', [none], { idempotencyKey: 'k' }, undefined],
    [
      'web-vitals name their reports',
      [{ name: 'LCP', value: 1, delta: 1, id: 'v5-1' }],
      { format: webVitals },
      undefined,
    ],
    [
      'a report that tells no change may be another one',
      [{ name: 'LCP', value: 1, id: 'v5-1' }],
      { format: webVitals },
      false,
    ],
    ['a web-vitals metric without an id', [{ name: 'LCP', value: 1 }], { format: webVitals }, false],
  ] as const) {
    const { collect } = setup()
    const receipt = await collect(submission(events, changes))
    t.equal(receipt.retrySafe, retrySafe, rule)
    t.equal('retrySafe' in receipt, retrySafe === false, `${rule}: there only if false`)
  }
})

test('a repetition under a key falls into the window of the first, and is counted as one that arrived now', async (t) => {
  const { collect, journal, clock } = setup()
  const firstMs = clock.nowMs()
  const sent = [lcp(), lcp({ event_time: firstMs - DAY_MS }), lcp({ event_time: firstMs + 299_000 })]
  await collect(submission(sent, { idempotencyKey: 'k' }))
  clock.advance(599_999)
  await collect(submission(sent, { idempotencyKey: 'k' }))
  const times = journal.events().map(({ event_time, received_time }) => [event_time, received_time])
  const [own, old, ahead] = [firstMs, firstMs - DAY_MS, firstMs + 299_000]
  const againMs = firstMs + 599_999
  t.same(times, [
    [own, firstMs],
    [old, firstMs],
    [ahead, firstMs],
    [own, againMs],
    [old, againMs],
    [ahead, againMs],
  ])
  clock.advance(1)
  await collect(submission(sent, { idempotencyKey: 'k' }))
  t.equal(journal.events().at(-3)?.['event_time'], clock.nowMs(), 'after ten minutes it is as a first')
})

test('a key stands for one request of one app: what it says, and where', async (t) => {
  const { collect, journal } = setup()
  const k = { idempotencyKey: 'k' }
  await collect(submission([lcp()], k))
  await t.rejects(collect(submission([lcp({ value: 2 })], k)), { code: 'idempotency_key_reused' })
  const metric = { name: 'LCP', value: 1 }
  await t.rejects(collect(submission(metric, { ...k, format: webVitals })), {
    code: 'idempotency_key_reused',
  })
  t.match(await collect(submission([lcp({ value: 2 })], { ...k, keys: ['blog-key'] })), { accepted: 1 })
  t.match(await collect(submission([lcp()], k)), { accepted: 1 }, 'and still for that')
  const [shop, blog, again] = journal.events().map((event) => event['event_id'])
  t.not(shop, blog)
  t.equal(shop, again)
})

test('a pixel under a key says what is in its query', async (t) => {
  const { collect } = setup()
  const pixelOf = (value: string) =>
    submission([], {
      ...{ format: pixel, idempotencyKey: 'k', canRetry: false },
      wire: { contentType: undefined, headers: {}, query: { name: 'a', value } },
      receive: async () => ({ body: Buffer.alloc(0), wireBytes: 0 }),
    })
  await collect(pixelOf('1'))
  t.match(await collect(pixelOf('1')), { accepted: 1 })
  await t.rejects(collect(pixelOf('2')), { code: 'idempotency_key_reused' })
})

test('a request that was not kept leaves its key to any other', async (t) => {
  const k = { idempotencyKey: 'k' }
  const other = [lcp({ value: 2 })]
  const { collect, journal, clock } = setup([{ ...someApps[0], limits: { bytesPerSecond: 1_000 } }])
  journal.failWith = new AppError('journal_full', 'Full.')
  await t.rejects(collect(submission([lcp()], k)), { code: 'journal_full' })
  journal.failWith = undefined
  clock.advance(1_000)
  const large = submission(
    Array.from({ length: 500 }, () => lcp()),
    { ...k, hold: () => failing() },
  )
  await t.rejects(collect(large), { code: 'overloaded' })
  await t.rejects(collect(submission([{ name: 1 }], k)), { code: 'nothing_valid' })
  t.match(await collect(submission(other, k)), { accepted: 1 })
  t.equal(journal.events()[0]?.['event_time'], clock.nowMs() - 1_000, 'but its time stays')
})

const failing = (): never => {
  throw new AppError('overloaded', 'Full.')
}

test('a repetition that comes while the first is written is the same events; another body is refused', async (t) => {
  const { collect, journal } = setup()
  let open = () => {}
  journal.gate = new Promise((resolve) => {
    open = resolve
  })
  const k = { idempotencyKey: 'k' }
  const both = [collect(submission([lcp()], k)), collect(submission([lcp()], k))]
  await new Promise(setImmediate)
  await t.rejects(collect(submission([lcp({ value: 2 })], k)), { code: 'idempotency_key_reused' })
  open()
  t.match(await Promise.all(both), [{ accepted: 1 }, { accepted: 1 }])
  const [first, second] = journal.events()
  t.equal(first?.['event_id'], second?.['event_id'])
  t.not(first?.['received_time'], second?.['received_time'], 'two that were accepted can be told')
})

test('no id tells of an address or a body', async (t) => {
  const { collect, journal } = setup()
  const body = [lcp()]
  for (const idempotencyKey of [undefined, 'k']) await collect(submission(body, { idempotencyKey }))
  const again = setup()
  await again.collect(submission([lcp({ value: 2 })], { idempotencyKey: 'k' }))
  const [, keyed] = journal.events()
  t.equal(again.journal.events()[0]?.['event_id'], keyed?.['event_id'], 'the key alone names the request')
})

test('under Global Privacy Control a key links nothing but a request and its repetition, for a day', async (t) => {
  const { collect, journal, clock } = setup()
  const idsOf = async (events: readonly object[], changes: Partial<Submission> = {}) => {
    await collect(submission(events, { idempotencyKey: 'visitor-77', gpc: true, ...changes }))
    return journal
      .events()
      .slice(-events.length)
      .map((event) => String(event['event_id']))
  }
  const both = [lcp(), lcp({ value: 2 })]
  const first = await idsOf(both)
  t.same(await idsOf(both), first, 'sent again it is the same events')
  for (const id of first) t.match(id, /^[0-9a-f]{32}$/)
  t.not(first[0]?.slice(0, 8), first[1]?.slice(0, 8), 'two events do not show that they came together')
  t.equal((await idsOf([lcp()], { gpc: false, keys: ['blog-key'] }))[0]?.endsWith('-0'), true)
  clock.advance(600_000)
  const later = await idsOf([lcp({ value: 3 })])
  t.notOk(first.includes(later[0] as string), 'the same key with other content, when it is forgotten')
  clock.advance(DAY_MS)
  for (const id of await idsOf(both)) t.notOk(first.includes(id), 'another day')
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

test('a request that can be of no app is turned away by its head, its body unread', async (t) => {
  const { collect } = setup()
  const aliased: Format = { ...native, carriesAlias: true }
  const unread = async () => t.fail('the body was read') as never
  for (const [rule, changes, code] of [
    ['no key', { keys: [] }, 'unknown_key'],
    ['an unknown key', { keys: ['wrong'] }, 'unknown_key'],
    ['two apps', { keys: ['shop-key', 'blog-key'] }, 'conflicting_apps'],
    ['a foreign Origin', { origin: 'https://evil.example' }, 'origin_not_allowed'],
    ['a foreign page', { page: 'https://evil.example' }, 'origin_not_allowed'],
    ['an Origin alone, of an app with keys', { keys: [], origin: 'https://shop.example' }, 'unknown_key'],
    ['an alias that nothing could speak for', { keys: [], format: aliased }, 'unknown_key'],
    ['an alias of nobody', { keys: [], origin: 'https://evil.example', format: aliased }, 'unknown_key'],
  ] as const) {
    await t.rejects(collect(submission([lcp()], { ...changes, receive: unread })), { code }, rule)
  }
})

test('where bodies carry aliases, what its head cannot tell is read', async (t) => {
  const format = (alias: string): Format => ({
    name: 'native',
    carriesAlias: true,
    *decode(request) {
      return { ...(yield* native.decode(request)), alias }
    },
  })
  const { collect, journal } = setup()
  const shop = { keys: [], origin: 'https://shop.example' }
  await collect(submission([lcp()], { ...shop, format: format('lab-shop') }))
  await collect(submission([lcp()], { format: format('lab-shop') }))
  await t.rejects(collect(submission([lcp()], { ...shop, format: format('lab-unknown') })), {
    code: 'unknown_key',
  })
  await t.rejects(collect(submission([lcp()], { keys: ['blog-key'], format: format('lab-shop') })), {
    code: 'conflicting_apps',
  })
  t.same(
    journal.events().map((event) => event['app_id']),
    ['shop', 'shop'],
  )
})

test('an app that only its Origin names is charged before the body is read', async (t) => {
  const { collect, ledger } = setup([{ ...someApps[2], limits: { requestsPerSecond: 1, burst: 1 } }])
  const keyless = { keys: [], origin: 'https://open.example' }
  await collect(submission(lcp(), keyless))
  await t.rejects(collect(submission(lcp(), keyless)), { code: 'app_limit' })
  t.equal(ledger.totals().received, 1, 'what was never judged was never received')
})

test('bytes and events have quotas of their own', async (t) => {
  for (const limits of [{ bytesPerSecond: 600 }, { eventsPerSecond: 3 }]) {
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

/** What a rollup takes for the last: see rollup-sql.ts. */
function lastOf(events: readonly Record<string, unknown>[]) {
  const order = (event: Record<string, unknown> | undefined) => [
    Number(event?.['event_time']),
    Number(event?.['received_time']),
  ]
  const sorted = [...events].sort((a, b) => {
    const [[aTime = 0, aReceived = 0], [bTime = 0, bReceived = 0]] = [order(a), order(b)]
    return aTime - bTime || aReceived - bReceived
  })
  const [last, before] = [sorted.at(-1), sorted.at(-2)]
  return before && `${order(before)}` === `${order(last)}` ? 'a tie' : last?.['value']
}

test('of the values of a measurement the last that was sent is the last that is stored', async (t) => {
  const id = 'v5-1795384242843-1'
  const values = (...all: number[]) => all.map((value) => lcp({ measurement_id: id, value }))
  const web = (...all: number[]) => all.map((value) => ({ name: 'INP', id, value }))
  const told = (value: number, delta: number) => [{ name: 'INP', id, value, delta }]
  const timed = (event_time: number) => values(96, 104).map((event) => ({ ...event, event_time }))
  const noonMs = Date.UTC(2026, 10, 22, 12)
  for (const [rule, requests, last] of [
    ['an array', [values(96, 104)], 104],
    ['twelve in an array', [values(...Array.from({ length: 12 }, (_, i) => i + 1))], 12],
    ['falling', [values(3, 2, 1)], 1],
    ['one event_time for all', [timed(noonMs - 500)], 104],
    ['a time of its own, earlier', [[...values(104), ...timed(noonMs - 500)]], 104],
    ['with ids of their own', [values(9, 10).map((event, i) => ({ ...event, event_id: `z-${9 - i}` }))], 10],
    ['an envelope', [{ context: { event_time: noonMs }, events: values(980, 1_200) }], 1_200],
    ['two requests in a millisecond', [values(980), values(1_200), values(9)], 9],
    ['batches in a millisecond', [values(1, 2, 3), values(30, 20)], 20],
  ] as const) {
    const { collect, journal } = setup()
    for (const events of requests) await collect(submission(events))
    t.equal(lastOf(journal.events()), last, rule)
    const beacons = setup()
    for (const events of requests) await beacons.collect(submission(events, { canRetry: false }))
    t.equal(lastOf(beacons.journal.events()), last, `${rule}, from a beacon`)
  }
  for (const [rule, requests, last] of [
    ['web-vitals', [web(96, 104)], 104],
    ['one by one', [web(96), web(104), web(98)], 98],
    ['fallen to a value that was there before', [web(96), web(104), web(96)], 96],
    ['the same with the changes', [told(96, 96), told(104, 8), told(96, -8)], 96],
  ] as const) {
    const { collect, journal } = setup()
    for (const events of requests) await collect(submission(events, { format: webVitals, canRetry: false }))
    const [count, ids] = [requests.flat().length, journal.events().map((event) => event['event_id'])]
    t.equal(new Set(ids).size, count, `${rule}: none is taken for another`)
    t.equal(lastOf(journal.events()), last, rule)
  }
  const { collect, journal } = setup()
  const lines = Buffer.from(
    values(96, 104)
      .map((event) => JSON.stringify(event))
      .join('\n'),
  )
  await collect(submission([], { receive: async () => ({ body: lines, wireBytes: lines.length }) }))
  t.equal(lastOf(journal.events()), 104, 'NDJSON')
})

test('rows of different measurements keep the arrival of their request', async (t) => {
  const { collect, journal, clock } = setup()
  const events = [lcp({ measurement_id: 'a' }), lcp({ measurement_id: 'b' }), lcp(), lcp()]
  await collect(submission(events))
  t.ok(journal.events().every((event) => event['received_time'] === clock.nowMs()))
})

test('bytes are charged as stored: a context counts with each of its events', async (t) => {
  const { collect, journal } = setup([{ ...someApps[0], limits: { bytesPerSecond: 30_000 } }])
  const context = { page_route: 'x'.repeat(250), environment: 'y'.repeat(250) }
  const envelope = { context, events: Array.from({ length: 50 }, () => lcp()) }
  await collect(submission(envelope))
  await t.rejects(collect(submission(lcp())), { code: 'app_limit' })
  t.ok(JSON.stringify(envelope).length < 10_000 && Number(journal.batches[0]?.lines.length) > 30_000)
})

test('what a request would store is bounded by what it says', async (t) => {
  const wide = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`n${i}`, '"'.repeat(256)]))
  const context = { attributes: wide }
  const small = { name: 'a', value: 1 }
  const many = (count: number) => Array.from({ length: count }, () => small)
  const batch = many(200).map((event) => ({ ...event, page_route: '"'.repeat(256) }))
  for (const [rule, events, isRefused] of [
    ['a few small events', many(3), false],
    ['500 small events', many(500), false],
    ['each says it itself', batch, false],
    ['one event with a large context', { context, events: many(1) }, false],
    ['many with a large context', { context, events: many(100) }, true],
    [
      'many of a context in another script',
      { context: { page_url: '漢'.repeat(2_000) }, events: many(200) },
      true,
    ],
  ] as const) {
    const { collect, journal, ledger } = setup()
    const request = collect(submission(events))
    if (isRefused) await t.rejects(request, { code: 'stored_too_large' }, rule)
    else await t.resolves(request, rule)
    t.equal(journal.batches.length, isRefused ? 0 : 1)
    t.equal(ledger.totals().received > 0, !isRefused)
  }
})

test('an event that would take more than an event may is rejected alone', async (t) => {
  const urls = Object.fromEntries(
    ['page_url', 'page_path', 'referrer', 'url_full'].map((f) => [f, `/${'漢'.repeat(2_047)}`]),
  )
  const attributes = Object.fromEntries(
    Array.from({ length: 32 }, (_, i) => [`${i}${'漢'.repeat(62)}`, '漢'.repeat(256)]),
  )
  const texts = ['page_route', 'environment', 'error_type', 'exception_type', 'app_version', 'language']
  const more = ['sdk_name', 'sdk_version', 'resource_type', 'navigation_type', 'http_request_method']
  const full = Object.fromEntries([...texts, ...more].map((field) => [field, '漢'.repeat(256)]))
  const large = lcp({
    ...urls,
    ...full,
    attributes,
    user_id: '漢'.repeat(128),
    session_id: '漢'.repeat(128),
    exception_message: 'x'.repeat(1_024),
    exception_stacktrace: 'x'.repeat(1_024),
  })
  const { collect, journal, ledger } = setup()
  const receipt = await collect(submission([lcp({ value: 1 }), large, { name: 1 }, lcp({ value: 2 }), large]))
  t.match(receipt, {
    accepted: 2,
    rejected: [
      { index: 1, code: 'event_too_large' },
      { index: 2, code: 'missing_field' },
      { index: 4, code: 'event_too_large' },
    ],
  })
  t.same(
    journal.events().map(({ value }) => value),
    [1, 2],
  )
  t.match(ledger.totals(), { received: 5, accepted: 2, rejected: { event_too_large: 2, missing_field: 1 } })
  await t.rejects(collect(submission([large])), {
    code: 'nothing_valid',
    details: { rejected: [{ index: 0, code: 'event_too_large' }] },
  })
})

/** More than is taken apart at once, and each of its texts has to be looked at closely. */
const large = (name: string) =>
  Array.from({ length: 60 }, (_, i) =>
    lcp({
      measurement_id: name,
      event_id: `${name}-${i}`,
      attributes: Object.fromEntries(
        Array.from({ length: 16 }, (_, at) => [`a${at}`, `${i}-${at} ${'10.0.0.1 '.repeat(20)}`]),
      ),
    }),
  )

test('a large request lets small ones go first, and is stored as one batch all the same', async (t) => {
  const { collect, journal } = setup()
  const done: string[] = []
  const sent = (name: string, events: unknown) => collect(submission(events)).then(() => done.push(name))
  await Promise.all([sent('large', large('m')), sent('small', lcp()), sent('single', lcp())])
  t.same(done.at(-1), 'large', done.join())
  t.same(
    journal.batches.map(({ count }) => count),
    [1, 1, 60],
  )
  const stored = journal.events().slice(2)
  t.same(
    stored.map(({ event_id }) => event_id),
    large('m').map(({ event_id }) => event_id),
    'in the order of the request',
  )
  t.match(stored[0], { attributes: { a0: /^0-0 (?:\[ip\] ?)+$/ } })
})

test('large requests are taken apart one after the other, in the order in which they came', async (t) => {
  const { collect, journal, clock } = setup()
  const broken = submission([], { receive: async () => ({ body: Buffer.alloc(200_000, '['), wireBytes: 1 }) })
  const [first, refused, last] = await Promise.allSettled([
    collect(submission(large('first'))),
    collect(broken),
    collect(submission(large('last'))),
  ])
  t.match(
    [first, refused, last],
    [
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'malformed_body' } },
      { status: 'fulfilled' },
    ],
  )
  t.same(
    [0, 60].map((at) => journal.events()[at]?.['measurement_id']),
    ['first', 'last'],
  )
  t.equal(journal.batches[0]?.receivedMs, clock.nowMs())
})

test('nobody waits for all the large requests of another app, or of another address', async (t) => {
  const { collect, journal } = setup()
  const one = { keys: ['blog-key'] }
  const crowd = { block: '198.51.100.7' }
  await Promise.all([
    ...['a', 'b', 'c', 'd'].map((name) => collect(submission(large(name), crowd))),
    collect(submission(large('neighbour'))),
    collect(submission(large('other app'), one)),
  ])
  const order = [0, 1, 2, 3, 4, 5].map((at) => journal.events()[60 * at]?.['measurement_id'])
  t.same(order, ['a', 'b', 'other app', 'neighbour', 'c', 'd'])
})

test('what overtakes a large request is the earlier value of a measurement', async (t) => {
  const { collect, journal, clock } = setup()
  const startMs = clock.nowMs()
  const receipts = [collect(submission(large('same')))]
  await new Promise(setImmediate)
  clock.advance(50)
  receipts.push(collect(submission(lcp({ measurement_id: 'same', event_id: 'overtaking' }))))
  await Promise.all(receipts)
  const times = journal.events().map(({ received_time }) => Number(received_time))
  t.equal(journal.events()[0]?.['event_id'], 'overtaking')
  t.same(
    times,
    [...times].sort((a, b) => a - b),
    'later rows came later',
  )
  t.ok(Number(times[0]) >= startMs + 50)
  t.equal(new Set(times).size, 61, 'no two at once')
})

test('what is short goes before what is large, unless it takes long itself', async (t) => {
  for (const [stepMs, order] of [
    [1, [20, 500]],
    [20, [500, 20]],
  ] as const) {
    let ms = 0
    const { collect, journal } = setup(someApps, { ...fakeClock(), monotonicMs: () => (ms += stepMs) })
    // Parsed, it takes many times the millisecond after which others have a turn.
    const large = Array.from({ length: 500 }, (_, i) => lcp({ page_path: `/${'x'.repeat(4_000)}${i}` }))
    const short = Array.from({ length: 20 }, () => lcp())
    await Promise.all([collect(submission(large)), collect(submission(short))])
    t.same(
      journal.batches.map(({ count }) => count),
      order,
      `${stepMs} ms a look at the clock`,
    )
  }
})
