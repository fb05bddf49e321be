import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { test } from 'tap'
import { exchange, lcp, startGateway } from '../fakes/gateway.ts'

const json = { 'content-type': 'application/json', 'x-headgate-key': 'shop-key' }
const good = JSON.stringify(lcp())
const event = (fields: string) => `{"name":"lcp","value":1,${fields}}`
const value = (literal: string) => `{"name":"lcp","value":${literal}}`
const post = (payload: string | Buffer, headers: Record<string, string> = {}, url = '/v1/events') =>
  ({ method: 'POST', url, headers: { ...json, ...headers }, payload }) as const

test('bodies that cannot be read are 400, and say where', async (t) => {
  const { app, ledger } = await startGateway(t)
  for (const [rule, payload, detail] of [
    ['nothing', '', 'The body is empty'],
    ['white space', ' \n ', 'The body is empty'],
    ['half an object', '{"name":"lcp"', /^Not valid JSON/],
    ['half an array', '[{"name":"lcp","value":1},', /^Not valid JSON/],
    ['two objects in one line, the second cut short', `${good}${good.slice(0, -1)}`, /^Not valid JSON/],
    ['JavaScript', "{name:'lcp',value:1}", /^Not valid JSON/],
    ['NaN', value('NaN'), /^Not valid JSON/],
    ['Infinity', value('-Infinity'), /^Not valid JSON/],
    ['a comment', `// hello\n${value('1')}x`, /^Not valid JSON/],
    [
      'invalid UTF-8',
      Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
      /UTF-8/,
    ],
    ['UTF-16', Buffer.from(good, 'utf16le'), /./],
    ['an envelope whose events are none', '{"events":5}', 'events: must be an array'],
    ['bytes', Buffer.from([0, 1, 2, 3, 255]), /./],
  ] as const) {
    const answer = await app.inject(post(payload))
    t.equal(answer.statusCode, 400, rule)
    t.match(answer.json(), { code: 'malformed_body', type: 'urn:headgate:problem:malformed_body' }, rule)
    t.match(answer.json().detail, detail, rule)
    t.notMatch(answer.body, /lcp|hello/, 'and quote nothing')
  }
  t.equal(ledger.totals().received, 0)
})

test('events that break a rule are rejected by field, and their neighbours kept', async (t) => {
  const { app, journal } = await startGateway(t)
  const broken = [
    ['no name', '{"value":1}', 'missing_field', /^name/],
    ['no value', '{"name":"lcp"}', 'missing_field', /^value/],
    ['a value beyond numbers', value('1e999'), 'invalid_field', /^value/],
    ['a value as words', value('"one"'), 'invalid_field', /^value/],
    [
      'a value below what is counted',
      value('-564'),
      'invalid_field',
      /^value: must lie between 0 and 1000000000000/,
    ],
    ['a value beyond it', value('1.7976931348623157e308'), 'invalid_field', /^value: must lie between/],
    [
      'a value in a unit that makes it so',
      event('"unit":"d"').replace('1', '1e9'),
      'invalid_field',
      /^value: must lie/,
    ],
    ['NaN', value('NaN'), 'malformed_line', /JSON/],
    [
      'deep objects',
      event(`"x":${'{"a":'.repeat(40)}1${'}'.repeat(40)}`),
      'event_too_complex',
      /deeper than 32/,
    ],
    ['null, which is absent', value('null'), 'missing_field', /^value/],
    ['a name with a space', '{"name":"a b","value":1}', 'invalid_field', /^name/],
    ['a name of 200', `{"name":"${'a'.repeat(200)}","value":1}`, 'invalid_field', /^name/],
    ['a negative weight', event('"weight":-1'), 'invalid_field', /^weight/],
    [
      'a status that is none',
      event('"http_response_status_code":1e9'),
      'invalid_field',
      /^http_response_status_code/,
    ],
    ['an array', '[]', 'not_an_object', /object/],
    ['a number', '5', 'not_an_object', /object/],
  ] as const
  const answer = await app.inject(post(`[${good},${broken.map(([, body]) => body).join()},${good}]`))
  t.equal(answer.statusCode, 202)
  const { accepted, rejected } = answer.json()
  t.equal(accepted, 2)
  t.equal(journal.events().length, 2)
  for (const [i, [rule, , code, detail]] of broken.entries()) {
    t.match(rejected[i], { index: i + 1, code, detail }, rule)
  }
})

test('a bad line of NDJSON costs itself', async (t) => {
  const { app, journal } = await startGateway(t)
  const answer = await app.inject(
    post(`${good}\n{"name":\n${good}\n`, { 'content-type': 'application/x-ndjson' }),
  )
  t.equal(answer.statusCode, 202)
  t.match(answer.json(), { accepted: 2, rejected: [{ index: 1, code: 'malformed_line' }] })
  t.equal(journal.events().length, 2)
})

test('odd, but good: accepted and stored in our own words', async (t) => {
  const { app, journal, clock } = await startGateway(t)
  const now = clock.nowMs()
  for (const [rule, payload, stored] of [
    ['the largest number', value('1e12'), { value: 1e12 }],
    ['a value as text', value('"187"'), { value: 187 }],
    ['seconds', event('"unit":"s"'), { value: 1_000, unit: 'ms' }],
    ['two objects in one line', `${good}{"name":"lcp","value":7}`, { value: 7 }],
    [
      'attributes that are no texts',
      event('"attributes":{"a":1,"b":true,"c":null}'),
      { attributes: { a: '1', b: 'true' } },
    ],
    ['a long text', event(`"page_route":"${'x'.repeat(300)}"`), { page_route: `${'x'.repeat(255)}…` }],
    ['more than 64 KiB', event(`"exception_message":"${'x'.repeat(70_000)}"`), { name: 'lcp' }],
    ['a route like a rollup’s own', event('"page_route":"~other"'), { page_route: '∼other' }],
    ['of a repeated key the last', '{"name":"a","name":"b","value":1,"value":2}', { name: 'b', value: 2 }],
    ['escaped keys', '{"\\u006eame":"lcp","valu\\u0065":3}', { name: 'lcp', value: 3 }],
    ['a byte order mark', `\ufeff${good}`, { name: 'browser.web_vital.lcp' }],
    ['a clock decades behind', event('"event_time":0'), { event_time: now }],
    ['a clock decades ahead', event('"event_time":4102444800000'), { event_time: now }],
    ['a clock of nonsense', event('"event_time":"yesterday"'), { event_time: now }],
    [
      'an app of its choice',
      event('"app_id":"blog","received_time":1'),
      { app_id: 'shop', received_time: now },
    ],
  ] as const) {
    const answer = await app.inject(post(payload))
    t.equal(answer.statusCode, 202, rule)
    t.match(journal.events().at(-1), stored, rule)
  }
})

test('a key that reaches for a prototype reaches nothing', async (t) => {
  const { app, journal } = await startGateway(t)
  for (const key of ['__proto__', '\\u005f_proto__', 'constructor']) {
    const answer = await app.inject(post(event(`"${key}":{"prototype":{"polluted":"yes"},"polluted":"yes"}`)))
    t.equal(answer.statusCode, 202)
  }
  await app.inject(post(event('"attributes":{"__proto__":"polluted"}')))
  t.notOk('polluted' in {})
  t.notMatch(String(journal.batches.map(({ lines }) => lines)), 'polluted')
})

test('headers that are wrong or repeated', async (t) => {
  const { app, journal } = await startGateway(t)
  for (const [rule, headers, status, code] of [
    ['an unknown key', { 'x-headgate-key': 'wrong' }, 401, 'unknown_key'],
    ['an empty key', { 'x-headgate-key': '' }, 401, 'unknown_key'],
    ['a key of 10 KB', { 'x-headgate-key': 'k'.repeat(10_000) }, 401, 'unknown_key'],
    ['a key sent twice', { 'x-headgate-key': 'shop-key, shop-key' }, 400, 'invalid_request'],
    ['keys of two apps', { 'x-api-key': 'blog-key' }, 403, 'conflicting_apps'],
    ['an Origin of nobody', { origin: 'https://evil.example' }, 403, 'origin_not_allowed'],
    ['an Origin that is none', { origin: 'null' }, 403, 'origin_not_allowed'],
    ['two Origins', { origin: 'https://shop.example, https://evil.example' }, 403, 'origin_not_allowed'],
    ['an empty Origin', { origin: '' }, 403, 'origin_not_allowed'],
  ] as const) {
    const answer = await app.inject(post(good, headers))
    t.equal(answer.statusCode, status, rule)
    t.equal(answer.json().code, code, rule)
    t.notMatch(answer.body, /evil|wrong|kkk|rot13/, 'what was sent is not quoted')
  }
  t.same(journal.batches, [])
  const twice = await app.inject(post(good, {}, '/v1/events?key=a&key=b'))
  t.match(twice.json(), { status: 400, detail: 'The query parameter key was sent more than once.' })
})

test('a content type that is none does not matter, to any of the routes', async (t) => {
  const { app, journal } = await startGateway(t)
  for (const [type, status] of [
    ['application/json,application/json', 202],
    ['application/json,text/plain', 202],
    ['json', 202],
    ['undefined', 202],
    ['null', 202],
    ['a'.repeat(60_000), 202],
    ['', 204],
    ['; charset=utf-8', 204],
    ['text/plain,text/plain', 204],
  ] as const) {
    for (const url of ['/v1/events', '/v1/web-vitals']) {
      const answer = await app.inject(post(good, { 'content-type': type }, url))
      t.equal(answer.statusCode, status, type.slice(0, 40))
    }
    t.equal((await app.inject(post(good, { 'content-type': type }, '/nowhere'))).statusCode, 404)
  }
  t.equal(journal.events().length, 18)
})

test('an encoding that is none, or that the body does not have, does not matter', async (t) => {
  const { app, journal } = await startGateway(t)
  for (const encoding of [
    '',
    'identity',
    'none',
    'utf-8',
    'rot13',
    'br',
    'gzip',
    'deflate',
    'gzip, identity',
  ]) {
    const answer = await app.inject(post(good, { 'content-encoding': encoding }))
    t.equal(answer.statusCode, 202, encoding)
  }
  t.equal(journal.events().length, 9)
  const compressed = await app.inject(
    post(Buffer.from('1f9d9061', 'hex'), { 'content-encoding': 'compress' }),
  )
  t.equal(compressed.statusCode, 415)
  t.match(compressed.json(), { code: 'unsupported_encoding' })
  t.match(compressed.headers['accept-encoding'], /^gzip, x-gzip, deflate, br/)
  t.notMatch(compressed.body, 'compress')
})

test('slashes too many make no other path', async (t) => {
  const { app, journal } = await startGateway(t)
  for (const url of ['//v1/events', '/v1//events', '///v1///events//', '//v1/events?a=//b']) {
    t.equal((await app.inject(post(good, {}, url))).statusCode, 202, url)
  }
  t.equal((await app.inject('//v1//pixel.gif?key=shop-key&name=a&value=1')).statusCode, 200)
  t.equal(journal.events().length, 5)
  const other = await app.inject({ method: 'DELETE', url: '//v1/events/' })
  t.equal(other.statusCode, 405)
  t.equal(other.headers.allow, 'POST')
  t.equal((await app.inject('//nowhere')).statusCode, 404)
})

test('bodies that grow out of bounds are 413, in bounded memory', async (t) => {
  const { app, metric } = await startGateway(t)
  const bomb = Buffer.concat(Array(1_000).fill(gzipSync(Buffer.alloc(1_048_576, ' '))))
  t.ok(bomb.length < 1_048_576 * 1.1, 'one GiB in one MiB')
  for (const [payload, headers] of [
    [bomb.subarray(0, 1_000_000), { 'content-encoding': 'gzip' }],
    [brotliCompressSync(Buffer.alloc(50_000_000, ' ')), { 'content-encoding': 'br' }],
    [gzipSync(Buffer.alloc(5_000_000, ' ')), { 'content-type': 'text/plain' }],
  ] as const) {
    const before = process.memoryUsage().rss
    const answer = await app.inject(post(payload, headers))
    t.equal(answer.statusCode, 413)
    t.match(answer.json(), { code: 'body_too_large', detail: 'The inflated body exceeds 4194304 bytes.' })
    t.ok(process.memoryUsage().rss - before < 100_000_000)
  }
  t.equal(await metric('headgate_inflate_ratio_alarms_total'), 3)
})

/** A request line and headers, for sockets. */
const head = (headers: string, path = '/v1/events') =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nX-Headgate-Key: shop-key\r\nContent-Type: application/json\r\n${headers}\r\n\r\n`

async function listening(t: Parameters<typeof startGateway>[0]) {
  const gateway = await startGateway(t)
  const refused = new Promise<string>((resolve) => {
    gateway.app.addHook('onError', async (_request, _reply, error) => resolve(error.code))
  })
  await gateway.app.listen({ port: 0, host: '127.0.0.1' })
  return { ...gateway, refused, port: (gateway.app.server.address() as AddressInfo).port }
}

test('a body too long is refused by its announcement, unheld, and its sender can read why', async (t) => {
  const { port, journal } = await listening(t)
  const answer = await exchange(port, [head('Content-Length: 1500000'), Buffer.alloc(1_500_000, ' ')])
  t.match(answer, /^HTTP\/1\.1 413 [\s\S]+connection: close[\s\S]+"code":"body_too_large"/)
  t.same(journal.batches, [])
})

test('one that announces nothing is refused at the first byte too many', async (t) => {
  const { port, journal } = await listening(t)
  const chunk = Buffer.concat([Buffer.from('186a0\r\n'), Buffer.alloc(100_000, ' '), Buffer.from('\r\n')])
  const answer = await exchange(port, [
    head('Transfer-Encoding: chunked'),
    ...Array(15).fill(chunk),
    '0\r\n\r\n',
  ])
  t.match(answer, /^HTTP\/1\.1 413 [\s\S]+"code":"body_too_large"/)
  t.same(journal.batches, [])
})

test('a sender that goes away half-way leaves nothing behind', async (t) => {
  const { port, journal, refused, app } = await listening(t)
  const socket = connect(port, '127.0.0.1')
  const arrived = once(app.server, 'request')
  socket.write(head('Content-Length: 100') + good.slice(0, 20))
  await arrived
  socket.destroy()
  t.equal(await refused, 'malformed_body')
  t.same(journal.batches, [])
})

test('a sender that stops half-way is told that it took too long', async (t) => {
  const { port, journal, app } = await listening(t)
  app.server.headersTimeout = 1
  app.server.requestTimeout = 1
  const answer = await exchange(port, [head('Content-Length: 100') + good.slice(0, 20)])
  t.match(answer, /^HTTP\/1\.1 408 [\s\S]+"code":"slow_request"/)
  t.same(journal.batches, [])
})

test('framing that could hide a second request is no HTTP to us', async (t) => {
  const { port, journal } = await listening(t)
  for (const headers of [
    'Content-Length: 5\r\nTransfer-Encoding: chunked',
    'Content-Length: 5\r\nContent-Length: 6',
    'Content-Length: five',
    'Content-Length: -5',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'X-Header : space',
  ]) {
    const answer = await exchange(port, [`${head(headers)}5\r\nhello\r\n0\r\n\r\n`])
    t.match(answer, /^HTTP\/1\.1 400 [\s\S]+"code":"invalid_request"/, headers)
  }
  t.same(journal.batches, [])
})
