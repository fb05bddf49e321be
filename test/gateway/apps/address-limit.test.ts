import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import {
  addressLimit,
  BYTES_A_REQUEST,
  MAX_LIMITED_ADDRESSES,
} from '../../../src/gateway/apps/address-limit.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { lcp, startGateway } from '../../fakes/gateway.ts'

test('the store tells the plugin "full" or "empty", and exactly how long', async (t) => {
  const { Store } = addressLimit({ perSecond: 2, burst: 2 }, fakeClock())
  const store = new Store()
  const answers: unknown[] = []
  for (const address of ['a', 'a', 'a', 'b']) {
    store.incr(address, (error, result) => answers.push([error, result]))
  }
  t.same(answers, [
    [null, { current: 0, ttl: 0 }],
    [null, { current: 0, ttl: 0 }],
    [null, { current: 1, ttl: 500 }],
    [null, { current: 0, ttl: 0 }],
  ])
  t.equal(store.child(), store)
  t.equal(MAX_LIMITED_ADDRESSES, 50_000)
})

const tight = { limits: { address: { requestsPerSecond: 1, burst: 3 } } }

const crumbs = (pieces: number) => Readable.from(Array.from({ length: pieces }, () => Buffer.from(' ')))
/** With a checksum that is another's. */
function broken(gzipped: Buffer): Buffer {
  gzipped[gzipped.length - 8] = ~Number(gzipped.at(-8)) & 0xff
  return gzipped
}
const from = (remoteAddress: string, url = '/nowhere', headers = {}) => ({ remoteAddress, url, headers })

test('an address has its burst, then 429 with the time to wait', async (t) => {
  const { app, clock, metric } = await startGateway(t, { gateway: tight })
  for (let i = 0; i < 3; i++) t.equal((await app.inject(from('203.0.113.5'))).statusCode, 404)
  const refused = await app.inject(from('203.0.113.5'))
  t.equal(refused.statusCode, 429, 'unknown paths count as well')
  t.match(refused.json(), { code: 'address_limit', type: 'urn:headgate:problem:address_limit' })
  t.equal(refused.headers['retry-after'], '1')
  t.equal((await app.inject(from('203.0.113.6'))).statusCode, 404, 'its neighbour has its own')
  clock.advance(1_000)
  t.equal((await app.inject(from('203.0.113.5'))).statusCode, 404)
  t.equal(await metric('headgate_requests_refused_total', { code: 'address_limit' }), 1)
})

test('an IPv6 address counts as its /64, a mapped one as IPv4', async (t) => {
  const { app } = await startGateway(t, { gateway: tight })
  for (const host of ['1', '2', 'ffff:1']) await app.inject(from(`2001:db8:1:1::${host}`))
  t.equal((await app.inject(from('2001:db8:1:1::9'))).statusCode, 429)
  t.equal((await app.inject(from('2001:db8:1:2::1'))).statusCode, 404)
  for (let i = 0; i < 3; i++) await app.inject(from('::ffff:203.0.113.5'))
  t.equal((await app.inject(from('203.0.113.5'))).statusCode, 429)
})

test('behind a trusted proxy it is the address that it forwards for; a stranger may not claim one', async (t) => {
  const { app } = await startGateway(t, { gateway: { ...tight, trustProxy: ['10.0.0.0/8'] } })
  const via = (proxy: string, client: string) =>
    app.inject(from(proxy, '/nowhere', { 'x-forwarded-for': client }))
  for (let i = 0; i < 3; i++) await via('10.0.0.1', '203.0.113.5')
  t.equal((await via('10.0.0.2', '203.0.113.5')).statusCode, 429)
  t.equal((await via('10.0.0.1', '203.0.113.6')).statusCode, 404)
  for (let i = 0; i < 3; i++) await via('198.51.100.1', `203.0.113.${i}`)
  t.equal((await via('198.51.100.1', '203.0.113.99')).statusCode, 429)
})

test('a port that a proxy adds, brackets and spelling make no other address', async (t) => {
  const { app } = await startGateway(t, { gateway: { ...tight, trustProxy: ['10.0.0.0/8'] } })
  const statuses = async (client: (i: number) => string) => {
    const all: number[] = []
    for (let i = 0; i < 5; i++) {
      all.push((await app.inject(from('10.0.0.1', '/nowhere', { 'x-forwarded-for': client(i) }))).statusCode)
    }
    return all
  }
  const held = [404, 404, 404, 429, 429]
  for (const [rule, client] of [
    ['IPv4 with ports', (i: number) => `203.0.113.5:${4_000 + i}`],
    ['IPv6 with ports', (i: number) => `[2001:db8:1:1::1]:${4_000 + i}`],
    ['IPv6 with zones', (i: number) => `2001:db8:1:2::1%eth${i}`],
    [
      'IPv4 as IPv6',
      (i: number) => ['::ffff:203.0.113.6', '[::ffff:203.0.113.6]:1', '203.0.113.6'][i % 3] ?? '',
    ],
    ['no address', (i: number) => ['unknown', '_hidden', ''][i % 3] ?? ''],
  ] as const) {
    t.same(await statuses(client), held, rule)
  }
})

test('bytes are charged as requests are, and what was done already is owed', async (t) => {
  const clock = fakeClock()
  const { charge } = addressLimit({ perSecond: 2, burst: 4 }, clock)
  const sender = { address: 'a', block: 'a', isForwarded: false, isExempt: false }
  charge(sender, 3 * BYTES_A_REQUEST)
  for (let i = 0; i < 100; i++) charge(sender, BYTES_A_REQUEST - 1)
  charge(sender, 9 * BYTES_A_REQUEST)
  t.throws(() => charge(sender, BYTES_A_REQUEST), { code: 'address_limit', retryAfterMs: 4_000 })
  t.doesNotThrow(() => charge(sender, BYTES_A_REQUEST - 1), 'a beacon costs nothing beside its request')
  t.doesNotThrow(() => charge({ ...sender, block: 'b' }, BYTES_A_REQUEST), 'nor is it the debt of another')
  t.doesNotThrow(() => charge({ ...sender, isExempt: true }, BYTES_A_REQUEST))
  clock.advance(4_000)
  t.doesNotThrow(() => charge(sender, BYTES_A_REQUEST))
})

test('a body is charged to its address: as announced, as it came, and once more as it was inflated', async (t) => {
  for (const [rule, send, wait = '3'] of [
    ['announced', { payload: Buffer.alloc(4 * BYTES_A_REQUEST, ' ') }],
    ['in chunks', { payload: Readable.from([Buffer.alloc(4 * BYTES_A_REQUEST, ' ')]) }],
    ['inflated', { payload: gzipSync(Buffer.alloc(4 * BYTES_A_REQUEST, ' ')) }],
    ['in crumbs', { payload: crumbs(1_600) }, '2'],
    ['inflated, to too much', { payload: gzipSync(Buffer.alloc(5_000_000, ' ')) }, '31'],
    ['inflated in vain', { payload: broken(gzipSync(Buffer.alloc(4_000_000, ' '))) }, '29'],
    ['of nobody', { payload: Buffer.alloc(4 * BYTES_A_REQUEST, ' '), url: '/v1/events' }],
  ] as const) {
    const { app } = await startGateway(t, { gateway: tight })
    const headers = { 'content-type': 'application/json' }
    const once = {
      method: 'POST',
      url: '/v1/events?key=shop-key',
      headers,
      remoteAddress: '203.0.113.5',
    } as const
    t.not((await app.inject({ ...once, ...send })).statusCode, 429, rule)
    const next = await app.inject(from('203.0.113.5'))
    t.equal(next.statusCode, 429, rule)
    t.equal(next.headers['retry-after'], wait, rule)
    t.equal((await app.inject(from('203.0.113.6'))).statusCode, 404, rule)
  }
})

test('what is read for nobody is charged, of preflights and probes as well, which are never refused', async (t) => {
  const { app } = await startGateway(t, { gateway: { ...tight, trustProxy: ['127.0.0.1'] } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  let sender = 0
  /** A request whose body is chunks of one byte. */
  async function send(request: string, pieces: number): Promise<number> {
    const lines = [`${request} HTTP/1.1`, 'host: a', `x-forwarded-for: 203.0.113.${sender}`, 'via: a']
    const headers = ['origin: https://shop.example', 'access-control-request-method: POST']
    const body = pieces === 0 ? [] : ['transfer-encoding: chunked']
    const socket = connect({ port, host: '127.0.0.1' })
    const head = [...lines, ...headers, ...body, 'connection: close'].join('\r\n')
    socket.write(`${head}\r\n\r\n${'1\r\nx\r\n'.repeat(pieces)}${pieces === 0 ? '' : '0\r\n\r\n'}`)
    let answer = ''
    for await (const data of socket) answer += data
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
  }
  for (const [request, pieces, times, status, next] of [
    ['POST /v1/events', 0, 3, 401, 429],
    ['POST /v1/events', 0, 2, 401, 404],
    ['POST /v1/events', 256, 2, 401, 429],
    ['POST /nowhere', 256, 2, 404, 429],
    ['GET /nowhere', 256, 2, 404, 429],
    ['GET /v1/pixel.gif', 256, 2, 200, 429],
    ['PUT /v1/events', 300, 2, 405, 429],
    ['POST /v1/credentials', 256, 2, 401, 429],
    ['POST /v1/events', 10, 2, 401, 404],
    ['OPTIONS /v1/events', 0, 20, 204, 404],
    ['OPTIONS /v1/events', 256, 6, 204, 429],
    ['OPTIONS /v1/events', 256, 4, 204, 404],
    ['GET /livez', 0, 20, 200, 404],
    ['GET /livez', 256, 6, 200, 429],
    ['GET /readyz', 5_000, 1, 200, 429],
  ] as const) {
    const rule = `${request}, ${pieces} pieces`
    sender++
    for (let i = 0; i < times; i++) t.equal(await send(request, pieces), status, rule)
    t.equal(await send('GET /nowhere', 0), next, `after ${times} × ${rule}`)
    if (status < 400) t.equal(await send(request, 0), status, `${rule}: again, whatever it owes`)
  }
})

test('senders as they come are never charged above their requests', async (t) => {
  const { app, clock } = await startGateway(t)
  const events = Array.from({ length: 500 }, (_, i) =>
    lcp({ value: i, page_url: `https://shop.example/${i}` }),
  )
  const headers = { 'content-type': 'application/json', 'x-headgate-key': 'shop-key' }
  const batch = { method: 'POST', url: '/v1/events', headers, remoteAddress: '203.0.113.5' } as const
  for (let second = 0; second < 10; second++) {
    for (let i = 0; i < 30; i++) {
      const answer = await app.inject({ ...batch, payload: gzipSync(JSON.stringify(events)) })
      t.not(answer.json().code, 'address_limit')
    }
    clock.advance(1_000)
  }
})

test('probes and preflights pass, and so does a caller on this machine', async (t) => {
  const { app } = await startGateway(t, { gateway: tight })
  const preflight = {
    method: 'OPTIONS',
    headers: { origin: 'https://shop.example', 'access-control-request-method': 'POST' },
  } as const
  for (let i = 0; i < 5; i++) {
    t.equal((await app.inject(from('203.0.113.5', '/livez'))).statusCode, 200)
    t.equal((await app.inject(from('203.0.113.5', '/readyz'))).statusCode, 200)
    t.equal((await app.inject({ ...from('203.0.113.5'), ...preflight })).statusCode, 204)
    t.equal((await app.inject(from('127.0.0.1'))).statusCode, 404)
  }
})

test('each of several workers takes its part of the limit', async (t) => {
  const { app } = await startGateway(t, { gateway: tight, workers: 3 })
  t.equal((await app.inject(from('203.0.113.5'))).statusCode, 404)
  const refused = await app.inject(from('203.0.113.5'))
  t.equal(refused.statusCode, 429)
  t.equal(refused.headers['retry-after'], '3')
})

test('the limit can be switched off', async (t) => {
  const { app } = await startGateway(t, { gateway: { limits: { address: 'off' } } })
  const body = gzipSync(JSON.stringify({ name: 'a', value: 1 })).subarray(0, 12)
  const headers = {
    'x-headgate-key': 'shop-key',
    'content-encoding': 'gzip',
    'content-type': 'application/json',
  }
  for (let i = 0; i < 3; i++) {
    const { statusCode } = await app.inject({ method: 'POST', url: '/v1/events', headers, payload: body })
    t.equal(statusCode, 400, 'a body that cannot be inflated is not charged')
  }
  for (let i = 0; i < 300; i++) await app.inject(from('203.0.113.5'))
  t.equal((await app.inject(from('203.0.113.5'))).statusCode, 404)
})
