import { test } from 'tap'
import { addressLimitStore, MAX_ADDRESSES } from '../../../src/gateway/apps/address-limit.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { startGateway } from '../../fakes/gateway.ts'

test('the store tells the plugin "full" or "empty", and exactly how long', async (t) => {
  const Store = addressLimitStore({ perSecond: 2, burst: 2 }, fakeClock())
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
  t.equal(MAX_ADDRESSES, 50_000)
})

const tight = { limits: { address: { requestsPerSecond: 1, burst: 3 } } }
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
  for (let i = 0; i < 300; i++) await app.inject(from('203.0.113.5'))
  t.equal((await app.inject(from('203.0.113.5'))).statusCode, 404)
})
