import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { REQUEST_BYTES } from '../../../src/gateway/collect/memory-budget.ts'
import { PIXEL } from '../../../src/gateway/collect/routes.ts'
import { AppError } from '../../../src/std/errors.ts'
import { lcp, sha256, someApps, startGateway } from '../../fakes/gateway.ts'
import { snippet } from '../../fakes/process/snippets.ts'

const one = JSON.stringify(lcp())
const json = { 'content-type': 'application/json', 'x-headgate-key': 'shop-key' }
const post = (payload: string | Buffer, headers: Record<string, string> = json, url = '/v1/events') =>
  ({ method: 'POST', url, headers, payload }) as const

test('a sender of JSON is told what became of each event', async (t) => {
  const { app, journal } = await startGateway(t)
  const answer = await app.inject(post(JSON.stringify([lcp(), { name: 'a' }])))
  t.equal(answer.statusCode, 202)
  t.same(answer.json(), {
    accepted: 1,
    rejected: [{ index: 1, code: 'missing_field', detail: 'value: is required' }],
    durability: 'memory',
    retrySafe: false,
  })
  t.equal(journal.batches[0]?.canRetry, true)
})

test('the body of docs/mobile.md is taken whole, and may be sent again', async (t) => {
  const { app, journal } = await startGateway(t)
  const body = snippet('docs/mobile.md', 'post.json')
  const answer = await app.inject(post(body))
  const { hints, ...receipt } = answer.json()
  t.same(receipt, { accepted: 2, rejected: [], durability: 'memory' })
  t.match(hints, [/^event_time: is \d+ days ahead/], 'and nothing else to tell')
  t.equal(hints.length, 1)
  const { context, events } = JSON.parse(body)
  t.match(
    journal.events(),
    // Its times were once those of a clock.
    events.map(({ event_time, ...event }: Record<string, unknown>) => ({ ...context, ...event })),
  )
})

test('a beacon gets 204, whatever kind of beacon it is', async (t) => {
  const { app, journal } = await startGateway(t)
  for (const type of ['text/plain;charset=UTF-8', 'application/x-www-form-urlencoded', undefined]) {
    const headers = { 'x-headgate-key': 'shop-key', ...(type && { 'content-type': type }) }
    const answer = await app.inject(post(one, headers))
    t.equal(answer.statusCode, 204, String(type))
    t.equal(answer.body, '')
  }
  t.same(
    journal.batches.map(({ canRetry }) => canRetry),
    [false, false, false],
  )
})

test('nothing valid is 422 with the same list, for beacons as well', async (t) => {
  const { app } = await startGateway(t)
  for (const type of ['application/json', 'text/plain']) {
    const answer = await app.inject(post('{"name":"a"}', { ...json, 'content-type': type }))
    t.equal(answer.statusCode, 422)
    t.match(answer.json(), {
      code: 'nothing_valid',
      accepted: 0,
      rejected: [{ index: 0, code: 'missing_field' }],
    })
  }
})

test('no 2xx for an event that was shed', async (t) => {
  for (const code of ['journal_full', 'journal_unavailable'] as const) {
    const { app, journal } = await startGateway(t)
    journal.failWith = new AppError(code, 'No.', { retryAfterMs: 9_000 })
    for (const type of ['application/json', 'text/plain']) {
      const answer = await app.inject(post(one, { ...json, 'content-type': type }))
      t.equal(answer.statusCode, 503)
      t.equal(answer.json().code, code)
      t.equal(answer.headers['retry-after'], '9')
    }
  }
})

test('a key may come in either header or in the query', async (t) => {
  const { app } = await startGateway(t)
  const type = { 'content-type': 'application/json' }
  t.equal((await app.inject(post(one, { ...type, 'x-api-key': 'shop-key' }))).statusCode, 202)
  t.equal((await app.inject(post(one, type, '/v1/events?key=shop-key'))).statusCode, 202)
  t.equal((await app.inject(post(one, type, '/v1/events/?key=shop-key'))).statusCode, 202)
  const none = await app.inject(post(one, type))
  t.equal(none.statusCode, 401)
  t.match(none.json(), { code: 'unknown_key' })
  t.equal(none.headers['www-authenticate'], 'HeadgateKey')
})

test('an app over its quota is 429, with the time until its bucket has room', async (t) => {
  const limits = { requestsPerSecond: 1, burst: 2 }
  const { app } = await startGateway(t, {
    apps: [{ id: 'shop', keys: [{ sha256: sha256('shop-key') }], limits }],
  })
  for (const status of [202, 202, 429]) t.equal((await app.inject(post(one))).statusCode, status)
  const answer = await app.inject(post(one, { ...json, 'content-type': 'text/plain' }))
  t.match(answer.json(), { status: 429, code: 'app_limit' })
  t.equal(answer.headers['retry-after'], '1')
})

test('metrics of web-vitals have a route of their own', async (t) => {
  const { app, journal } = await startGateway(t)
  const metric = JSON.stringify({ name: 'CLS', value: 0.1, id: 'v5-1-2', rating: 'good', delta: 0.1 })
  const beacon = await app.inject(
    post(metric, { 'content-type': 'text/plain' }, '/v1/web-vitals?key=shop-key'),
  )
  t.equal(beacon.statusCode, 204)
  const fetched = await app.inject(post(`[${metric}]`, json, '/v1/web-vitals'))
  t.equal(fetched.statusCode, 202)
  t.match(fetched.json(), { accepted: 1, rejected: [], durability: 'memory' })
  t.match(journal.events(), [{ sdk_name: 'web-vitals', value: 0.1 }, { sdk_name: 'web-vitals' }])
})

test('a keyless app is found by its Origin', async (t) => {
  const { app, journal } = await startGateway(t)
  const beacon = { 'content-type': 'text/plain', origin: 'https://open.example' }
  const metric = JSON.stringify({ name: 'LCP', value: 1, id: 'v5-1-2' })
  t.equal((await app.inject(post(metric, beacon, '/v1/web-vitals'))).statusCode, 204)
  t.match(journal.events(), [{ app_id: 'open' }])
})

test('a pixel is 43 bytes that nobody may keep', async (t) => {
  const { app, journal } = await startGateway(t)
  const answer = await app.inject('/v1/pixel.gif?key=shop-key&name=page.view&value=1&attributes.plan=pro')
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'image/gif')
  t.equal(answer.headers['cross-origin-resource-policy'], 'cross-origin')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.same(answer.rawPayload, PIXEL)
  t.equal(PIXEL.length, 43)
  t.match(journal.events(), [{ name: 'page.view', value: 1, attributes: { plan: 'pro' } }])
  t.equal(journal.batches[0]?.canRetry, false)
})

test('a pixel is a pixel whatever happened; the outcome is counted', async (t) => {
  const { app, journal, ledger, metric, logLines } = await startGateway(t, {
    logLevel: 'error',
    gateway: { limits: { address: { requestsPerSecond: 1, burst: 6 } } },
  })
  const get = (query: string, headers = {}) =>
    app.inject({ url: `/v1/pixel.gif?${query}`, headers, remoteAddress: '203.0.113.5' })
  const good = 'key=shop-key&name=a&value=1'
  const answers = [
    await get('key=wrong&name=a&value=1'),
    await get('key=shop-key&name=a'),
    await get(`${good}&value=2`),
    await get(`${good}&attributes.x=${'x'.repeat(8_200)}`),
    await get(good, { origin: 'https://evil.example' }),
  ]
  journal.failWith = new Error('a bug')
  answers.push(await get(good), await get(good))
  for (const answer of answers) {
    t.equal(answer.statusCode, 200)
    t.same(answer.rawPayload, PIXEL)
    t.equal(answer.headers['cross-origin-resource-policy'], 'cross-origin')
  }
  for (const code of [
    'unknown_key',
    'nothing_valid',
    'invalid_request',
    'uri_too_long',
    'origin_not_allowed',
    'internal',
    'address_limit',
  ]) {
    t.equal(await metric('headgate_requests_refused_total', { code }), 1, code)
  }
  t.match(ledger.totals(), {
    received: 2,
    accepted: 0,
    rejected: { missing_field: 1, journal_unavailable: 1 },
  })
  t.equal(logLines.length, 1, 'and the bug is logged')
  t.equal(
    (await app.inject({ method: 'HEAD', url: `/v1/pixel.gif?${good}` })).statusCode,
    405,
    'a HEAD is no view',
  )
})

test('Sec-GPC counts on every route', async (t) => {
  const { app, journal } = await startGateway(t)
  const visitor = lcp({ session_id: 's1', user_id: 'u1' })
  await app.inject(post(JSON.stringify(visitor), { ...json, 'sec-gpc': '1' }))
  await app.inject({
    url: '/v1/pixel.gif?key=shop-key&name=a&value=1&user_id=u1',
    headers: { 'sec-gpc': '1' },
  })
  t.notMatch(String(journal.batches.map(({ lines }) => lines)), /session_id|user_id/)
})

test('a country is believed from a trusted edge only', async (t) => {
  const { app, journal } = await startGateway(t, { gateway: { trustProxy: ['10.0.0.0/8'] } })
  const headers = { ...json, 'cloudfront-viewer-country': 'DE' }
  for (const remoteAddress of ['10.1.2.3', '203.0.113.5'])
    await app.inject({ ...post(one, headers), remoteAddress })
  t.same(
    journal.events().map((event) => event['country']),
    ['DE', undefined],
  )
})

test('a page may show the pixel of the apps that list it, and nobody else of any', async (t) => {
  const [shop, evil] = ['https://shop.example', 'https://evil.example']
  const page = (site: string, referer?: string) => ({
    'sec-fetch-site': site,
    'sec-fetch-mode': 'no-cors',
    'sec-fetch-dest': 'image',
    ...(referer && { referer }),
  })
  const unlisted = { id: 'mail', keys: [{ sha256: sha256('mail-key') }] }
  for (const [rule, key, headers, accepted] of [
    ['its own page', 'shop-key', page('cross-site', `${shop}/cart?a=1`), 1],
    ['its own page, that tells its origin only', 'shop-key', page('cross-site', `${shop}/`), 1],
    ['a page of the same site', 'shop-key', page('same-site', `${shop}/`), 1],
    ['a page of the same origin as this gateway', 'shop-key', page('same-origin', `${evil}/`), 1],
    ['somebody who opens it', 'shop-key', page('none'), 1],
    ['a mail, or a browser that says nothing', 'shop-key', {}, 1],
    ['a proxy of pictures that says where', 'shop-key', { referer: `${evil}/` }, 0],
    ['an old browser, on its own page', 'shop-key', { referer: `${shop}/cart` }, 1],
    ['an old browser, on the page of another app', 'shop-key', { referer: 'https://blog.example/' }, 0],
    ['an old browser, and a Referer that is none', 'shop-key', { referer: 'about:client' }, 0],
    ['an old browser, and an app without origins', 'mail-key', { referer: `${evil}/` }, 1],
    ['an old browser, on the page of a keyless app', '', { referer: 'https://open.example/' }, 1],
    ['an Origin beside a Referer', 'shop-key', { origin: shop, referer: `${evil}/` }, 1],
    ['a foreign Origin beside a Referer', 'shop-key', { origin: evil, referer: `${shop}/` }, 0],
    ['a site in capitals', 'shop-key', page('Cross-Site', `${evil}/`), 0],
    ['a site in capitals that hides itself', 'shop-key', page(' SAME-SITE '), 0],
    ['its own site in capitals', 'shop-key', page('Same-Origin', `${evil}/`), 1],
    ['two sites', 'shop-key', page('same-origin, cross-site', `${evil}/`), 0],
    ['two sites that hide themselves', 'shop-key', page('none, none'), 0],
    ['a site that is none', 'shop-key', page('nowhere', `${evil}/`), 0],
    ['a site that is none, on its own page', 'shop-key', page('nowhere', `${shop}/`), 1],
    ['an empty site', 'shop-key', page('', `${evil}/`), 0],
    ['a blob that names a page', 'shop-key', page('cross-site', `blob:${shop}/a`), 0],
    ['an old browser, and such a blob', 'shop-key', { referer: `blob:${shop}/a` }, 0],
    ['an empty site, and nothing else', 'shop-key', page(''), 1],
    ['a foreign page', 'shop-key', page('cross-site', `${evil}/`), 0],
    ['a foreign page of the same site', 'shop-key', page('same-site', `${evil}/`), 0],
    ['a page that hides itself', 'shop-key', page('cross-site'), 0],
    ['a page of the same site that hides itself', 'shop-key', page('same-site'), 0],
    ['a Referer that is none', 'shop-key', page('cross-site', 'about:client'), 0],
    ['an app on the phone', 'shop-key', page('cross-site', 'android-app://com.example'), 0],
    ['the page of another app', 'shop-key', page('cross-site', 'https://blog.example/'), 0],
    ['an Origin, which says more', 'shop-key', { ...page('cross-site', `${evil}/`), origin: shop }, 1],
    [
      'and says it also when it is foreign',
      'shop-key',
      { ...page('cross-site', `${shop}/`), origin: evil },
      0,
    ],
    ['an app without origins, whose pictures are in mails', 'mail-key', page('cross-site', `${evil}/`), 1],
    ['such an app, and a page that hides itself', 'mail-key', page('cross-site'), 1],
    ['the page of a keyless app', '', page('cross-site', 'https://open.example/a'), 1],
    ['no page of a keyless app', '', page('cross-site'), 0],
  ] as const) {
    const { app, journal } = await startGateway(t, { apps: [...someApps, unlisted] })
    const answer = await app.inject({ url: `/v1/pixel.gif?key=${key}&name=a&value=1`, headers })
    t.equal(answer.statusCode, 200)
    t.equal(journal.events().length, accepted, rule)
  }
})

test('bodies may be compressed, with or without saying so', async (t) => {
  const { app } = await startGateway(t)
  t.equal((await app.inject(post(gzipSync(one), { ...json, 'content-encoding': 'gzip' }))).statusCode, 202)
  t.equal((await app.inject(post(gzipSync(one)))).statusCode, 202)
  const unknown = await app.inject(
    post(Buffer.from('1f9d9061', 'hex'), { ...json, 'content-encoding': 'compress' }),
  )
  t.equal(unknown.statusCode, 415)
  t.equal(unknown.json().code, 'unsupported_encoding')
  t.match(unknown.headers['accept-encoding'], /^gzip, x-gzip, deflate, br/)
})

test('the budget of bodies in flight is for all requests together, inflated and stored bytes included', async (t) => {
  const inflightBytes = 2 * REQUEST_BYTES + 2_000
  const { app, journal } = await startGateway(t, { inflightBytes })
  const large = JSON.stringify(
    lcp({ attributes: { a: 'x'.repeat(250), b: 'x'.repeat(250), c: 'x'.repeat(200) } }),
  )
  t.equal((await app.inject(post(large))).statusCode, 202, 'it fits alone')
  let open = () => {}
  journal.gate = new Promise((resolve) => {
    open = resolve
  })
  const held = app.inject(post(large))
  await new Promise(setImmediate)
  const refused = await app.inject(post(gzipSync(large)))
  t.equal(refused.statusCode, 503)
  t.equal(refused.json().code, 'overloaded')
  t.match(refused.headers['retry-after'], /^\d+$/)
  open()
  t.equal((await held).statusCode, 202)
  t.equal((await app.inject(post(large))).statusCode, 202, 'and what was held is given back')
})

test('what is to be stored is part of the budget', async (t) => {
  const events = JSON.stringify(Array.from({ length: 100 }, () => lcp()))
  const inflightBytes = REQUEST_BYTES + events.length + 10_000
  const { app, ledger } = await startGateway(t, { inflightBytes })
  const refused = await app.inject(post(events))
  t.match(refused.json(), { status: 503, code: 'overloaded' })
  t.equal(ledger.totals().accepted, 0)
})

test('an Idempotency-Key makes a repetition the same events; one that is none is named', async (t) => {
  const { app, journal } = await startGateway(t)
  for (const key of ['"a-key"', 'a-key']) {
    const { statusCode, body } = await app.inject(post(one, { ...json, 'idempotency-key': key }))
    t.equal(statusCode, 202)
    t.notMatch(body, 'retrySafe')
  }
  const [first, again] = journal.events().map((event) => event['event_id'])
  t.equal(first, again)
  const reused = await app.inject(post(`${one} `, { ...json, 'idempotency-key': 'a-key' }))
  t.match(reused.json(), { status: 422, code: 'idempotency_key_reused' })
  const empty = await app.inject(post(one, { ...json, 'idempotency-key': '""' }))
  t.match(empty.json(), { status: 400, code: 'invalid_request', detail: /^Idempotency-Key / })
  const told = await app.inject(post(one, json))
  t.equal(told.json().retrySafe, false, 'without one, the sender is told')
})

/** One field of a form for each pair. */
function form(boundary: string, ...fields: readonly (readonly [name: string, content: string])[]) {
  const parts = fields.map(
    ([name, content]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`,
  )
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
  return [`${parts.join('')}--${boundary}--\r\n`, headers] as const
}

test('a repetition says the same, however it is wrapped for its way', async (t) => {
  const { app } = await startGateway(t)
  const gzipped = (level: number) => [gzipSync(one, { level }), { 'content-encoding': 'gzip' }] as const
  const [later, gzip] = gzipped(9)
  later.writeUInt32LE(1_700_000_000, 4)
  const vital = JSON.stringify({ name: 'LCP', value: 1 })
  const utf8 = { 'content-type': 'application/json; charset=utf-8' }
  for (const [url, same, other] of [
    ['/v1/events', [[one, {}], [one, utf8], gzipped(1), [later, gzip]], [`${one}\n`, {}]],
    ['/v1/events?data', [form('a', ['data', one]), form('bc', ['data', one])], form('a', ['other', one])],
    [
      '/v1/events?fields',
      [form('a', ['name', 'a'], ['value', '1']), form('bc', ['name', 'a'], ['value', '1'])],
      form('a', ['name', 'a'], ['value', '2']),
    ],
    [
      '/v1/web-vitals',
      [form('a', ['data', vital]), form('bc', ['data', vital])],
      form('a', ['data', `${vital} `]),
    ],
  ] as const) {
    const send = ([body, headers]: readonly [string | Buffer, Record<string, string>]) =>
      app.inject(post(body, { ...json, ...headers, 'idempotency-key': url }, url))
    for (const each of same) t.match((await send(each)).statusCode, /^20[24]$/, url)
    t.match((await send(other)).json(), { code: 'idempotency_key_reused' }, url)
  }
})

test('a small request that would be a large one in the journal is refused for that', async (t) => {
  const { app, journal } = await startGateway(t)
  const context = {
    attributes: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`a${i}`, 'x'.repeat(250)])),
  }
  const events = Array.from({ length: 500 }, () => ({ name: 'a', value: 1 }))
  const { statusCode, body } = await app.inject(post(gzipSync(JSON.stringify({ context, events }))))
  t.match(JSON.parse(body), { status: 413, code: 'stored_too_large', detail: /context/ })
  t.equal(statusCode, 413)
  t.same(journal.batches, [])
})

test('a beacon may be 64 KiB, any other body 1 MiB', async (t) => {
  const { app } = await startGateway(t)
  const padded = (bytes: number) => one.padEnd(bytes)
  const beacon = { ...json, 'content-type': 'text/plain' }
  for (const [payload, headers, status] of [
    [padded(65_536), beacon, 204],
    [padded(65_537), beacon, 413],
    [padded(1_048_576), json, 202],
    [padded(1_048_577), json, 413],
  ] as const) {
    t.equal((await app.inject(post(payload, headers))).statusCode, status)
  }
})
