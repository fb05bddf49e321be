import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { CORS_ALLOWED_HEADERS, KEY_HEADERS } from '../../src/http/cors.ts'
import { AppError } from '../../src/std/errors.ts'
import { lcp, startGateway } from '../fakes/gateway.ts'

const shop = 'https://shop.example'
const json = { 'content-type': 'application/json' }
const keyed = { ...json, 'x-headgate-key': 'shop-key' }

test('a preflight is answered for any origin that some app lists', async (t) => {
  const { app } = await startGateway(t)
  for (const url of ['/v1/events', '/v1/web-vitals', '/v1/pixel.gif', '/not/known/yet']) {
    const answer = await app.inject({
      method: 'OPTIONS',
      url,
      headers: { origin: shop, 'access-control-request-method': 'POST' },
    })
    t.equal(answer.statusCode, 204, url)
    t.match(answer.headers, {
      'access-control-allow-origin': shop,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers': [...CORS_ALLOWED_HEADERS, ...KEY_HEADERS].join(', '),
      'access-control-max-age': '7200',
      vary: 'Origin, Access-Control-Request-Headers',
    })
  }
})

test('whatever headers a page asks for are allowed, but those of credentials', async (t) => {
  const { app } = await startGateway(t)
  const told = async (asked: string, url = '/v1/events') => {
    const answer = await app.inject({
      method: 'OPTIONS',
      url,
      headers: {
        origin: shop,
        'access-control-request-method': 'POST',
        'access-control-request-headers': asked,
      },
    })
    t.equal(answer.statusCode, 204)
    return String(answer.headers['access-control-allow-headers']).split(', ')
  }
  const ours = [...CORS_ALLOWED_HEADERS, ...KEY_HEADERS]
  for (const [rule, asked, more] of [
    ['the tracing of W3C', 'content-type,traceparent,tracestate,baggage', []],
    ['of others', 'sentry-trace, x-of-tomorrow,b3 ,x-own', [...['x-of-tomorrow', 'x-own']]],
    ['in capitals, and twice', 'X-Of-Tomorrow,x-of-tomorrow', ['x-of-tomorrow']],
    ['cookies', 'cookie,cookie2,set-cookie,set-cookie2,x-cookie', ['x-cookie']],
    ['what is between two hops', 'proxy-authorization,proxy-connection', []],
    ["what is the browser's own", 'sec-fetch-site', []],
    ['everything', '*', []],
    ['nothing', ' , ,', []],
    ['what is no name', 'a b,a:b,"a",\u00e9,(c)', []],
    ['a name without end', 'x'.repeat(65), []],
    [
      'names without end',
      Array.from({ length: 500 }, (_, i) => `x${i}`).join(),
      [...Array.from({ length: 64 }, (_, i) => `x${i}`)],
    ],
  ] as const) {
    t.same(await told(asked), [...ours, ...more], rule)
  }
  const asked = 'traceparent,x-own,x-headgate-key,x-api-key,x-amz-security-token,cookie'
  for (const [url, keys] of [
    ['/v1/web-vitals', KEY_HEADERS],
    ['/v1/pixel.gif', KEY_HEADERS],
    ['/v1/credentials', ['authorization', 'x-headgate-key']],
    ['/v1/container-credentials/shop', ['authorization', 'x-headgate-key']],
    ['/v1/attest/challenge', ['authorization', 'x-headgate-key']],
  ] as const) {
    t.same(await told(asked, url), [...CORS_ALLOWED_HEADERS, ...keys, 'x-own'], url)
  }
})

test('the header list names every header of the known clients, and ours', async (t) => {
  for (const name of ['content-type', 'content-encoding', 'tracestate', 'baggage', 'b3']) {
    t.ok(CORS_ALLOWED_HEADERS.includes(name), name)
  }
  t.notOk(CORS_ALLOWED_HEADERS.includes('*'), 'which browsers ignore when credentials are sent')
})

test('a preflight of an unlisted origin is refused without an allow-origin header', async (t) => {
  const { app } = await startGateway(t)
  for (const origin of ['https://evil.example', 'null']) {
    const answer = await app.inject({
      method: 'OPTIONS',
      url: '/v1/events',
      headers: { origin, 'access-control-request-method': 'POST' },
    })
    t.equal(answer.statusCode, 405)
    t.notOk('access-control-allow-origin' in answer.headers)
    t.notOk('access-control-allow-credentials' in answer.headers)
    t.equal(answer.headers.vary, 'Origin')
  }
})

test('every answer to a listed origin can be read by it, errors and unknown paths included', async (t) => {
  const { app, journal } = await startGateway(t, {
    gateway: { limits: { address: { requestsPerSecond: 1, burst: 100 } } },
  })
  const post = (headers: object, payload: string | Buffer, url = '/v1/events') =>
    app.inject({ method: 'POST', url, headers: { ...keyed, origin: shop, ...headers }, payload })
  const answers = {
    202: await post({}, JSON.stringify(lcp())),
    400: await post({}, '{'),
    401: await post({ 'x-headgate-key': 'wrong' }, JSON.stringify(lcp())),
    404: await post({}, '{', '/nowhere'),
    405: await app.inject({ method: 'PUT', url: '/v1/events', headers: { origin: shop } }),
    413: await post({}, gzipSync(Buffer.alloc(5_000_000))),
    415: await post({ 'content-encoding': 'compress' }, Buffer.from('1f9d9061', 'hex')),
    422: await post({}, '[]'),
  }
  journal.failWith = new AppError('journal_full', 'Full.')
  const all = Object.entries({ ...answers, 503: await post({}, JSON.stringify(lcp())) })
  const fromAfar = { remoteAddress: '203.0.113.5', headers: { origin: shop } }
  for (let i = 0; i < 100; i++) await app.inject({ url: '/', ...fromAfar })
  all.push(['429', await app.inject({ url: '/', ...fromAfar })])
  for (const [status, answer] of all) {
    t.equal(answer.statusCode, Number(status))
    t.match(answer.headers, {
      'access-control-allow-origin': shop,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'Retry-After',
      vary: 'Origin',
      'cache-control': 'no-store',
    })
  }
})

test('an origin of another app may ask, but not read: the request is held to its own app', async (t) => {
  const { app, journal } = await startGateway(t)
  const answer = await app.inject({
    method: 'POST',
    url: '/v1/events',
    headers: { ...keyed, origin: 'https://blog.example' },
    payload: JSON.stringify(lcp()),
  })
  t.equal(answer.statusCode, 403)
  t.equal(answer.json().code, 'origin_not_allowed')
  t.notOk('access-control-allow-origin' in answer.headers)
  t.notOk('access-control-allow-credentials' in answer.headers)
  t.equal(answer.headers.vary, 'Origin')
  t.same(journal.batches, [])
})

test('senders without an Origin get no CORS headers, and nobody ever gets a cookie', async (t) => {
  const { app } = await startGateway(t)
  const answer = await app.inject({
    method: 'POST',
    url: '/v1/events',
    headers: { ...keyed, cookie: 'a=b' },
    payload: JSON.stringify(lcp()),
  })
  t.equal(answer.statusCode, 202)
  t.notOk('access-control-allow-origin' in answer.headers)
  t.equal(answer.headers.vary, 'Origin', 'a cache must not give this answer to a browser')
  t.notOk('set-cookie' in answer.headers)
})

test('an origin that a reload brings is allowed from then on', async (t) => {
  const { app, registry } = await startGateway(t)
  const preflight = () =>
    app.inject({
      method: 'OPTIONS',
      url: '/v1/events',
      headers: { origin: 'https://new.example', 'access-control-request-method': 'POST' },
    })
  t.equal((await preflight()).statusCode, 405)
  registry.replace([
    {
      id: 'new',
      keys: [],
      origins: ['https://new.example'],
      aliases: [],
      keyless: true,
      limits: { requestsPerSecond: 1, burst: 1, bytesPerSecond: 1, eventsPerSecond: 1 },
      privacy: { ip: 'truncate', gpc: 'strip', allowQuery: [] },
    },
  ])
  t.equal((await preflight()).statusCode, 204)
})
