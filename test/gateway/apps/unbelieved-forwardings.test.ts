import { test } from 'tap'
import { lcp, startGateway } from '../../fakes/gateway.ts'

const MINUTE_MS = 60_000

test('that a proxy is not trusted is counted, and said once a minute, with the key that mends it', async (t) => {
  const { app, clock, notes, metric, logLines } = await startGateway(t, {
    gateway: { trustProxy: ['10.0.0.0/8'] },
    logLevel: 'info',
  })
  const post = (remoteAddress: string, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: '/v1/events',
      remoteAddress,
      headers: { 'content-type': 'application/json', 'x-headgate-key': 'shop-key', ...headers },
      payload: JSON.stringify(lcp()),
    })
  const forwarded = { 'x-forwarded-for': '203.0.113.5' }
  const warnings = () => logLines.splice(0).map((line) => JSON.parse(line))
  const line = {
    level: 40,
    setting: 'gateway.trustProxy',
    msg: 'a peer that is not trusted says for whom it forwards: all behind it share the limits of one address',
  }

  for (const peer of ['198.51.100.7', '10.0.0.1']) t.equal((await post(peer)).statusCode, 202)
  t.equal((await post('10.0.0.1', forwarded)).statusCode, 202)
  t.same(warnings(), [])
  t.equal(await metric('headgate_forwarding_not_trusted_total'), 0)
  t.equal(notes.unbelieved.told(), undefined)

  for (let i = 0; i < 3; i++) t.equal((await post('172.18.0.9', forwarded)).statusCode, 202)
  const [first, ...others] = warnings()
  t.match(first, { ...line, network: '172.18.0.0/24', requests: 1 })
  t.same(others, [])
  t.notMatch(JSON.stringify(first), /172\.18\.0\.9|203\.0\.113/, 'nobody is named')
  t.equal(await metric('headgate_forwarding_not_trusted_total'), 3)

  clock.advance(MINUTE_MS - 1)
  await post('172.18.0.9', forwarded)
  t.same(warnings(), [])
  clock.advance(1)
  await post('2001:db8:1:2::3', { forwarded: 'for=203.0.113.5' })
  t.match(warnings(), [{ ...line, network: '2001:db8:1::/48', requests: 4 }])
  // Which `status` tells.
  t.same(notes.unbelieved.told(), { requests: 5, network: '2001:db8:1::/48', lastMs: clock.nowMs() })
})
