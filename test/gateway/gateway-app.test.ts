import { test } from 'tap'
import { lcp, startGateway } from '../fakes/gateway.ts'

test('probes answer without a key', async (t) => {
  const { app } = await startGateway(t, { ready: () => 'The journal is being recovered.' })
  t.equal((await app.inject('/livez')).statusCode, 200)
  const ready = await app.inject('/readyz')
  t.equal(ready.statusCode, 503)
  t.match(ready.json(), { code: 'not_ready', detail: 'The journal is being recovered.' })
  t.match(ready.headers['retry-after'], /^\d+$/)
})

test('metrics and the ledger are not on the public listener', async (t) => {
  const { app } = await startGateway(t)
  for (const url of ['/metrics', '/reconcile', '/', '/v1'])
    t.equal((await app.inject(url)).statusCode, 404, url)
})

test('a slip in a path is answered with the route that was meant, and a private route with none', async (t) => {
  const { app } = await startGateway(t)
  const detailOf = async (url: string) => (await app.inject({ method: 'POST', url })).json().detail
  for (const [url, meant] of [
    ['/v1/event', '/v1/events'],
    ['/events', '/v1/events'],
    ['/api/v1/events', '/v1/events'],
    ['/v2/events', '/v1/events'],
    ['/v1/web_vital', '/v1/web-vitals'],
    ['/web-vitals?key=shop-key', '/v1/web-vitals'],
    ['/pixel.gif', '/v1/pixel.gif'],
    ['/v1/credential', '/v1/credentials'],
    ['/ready', '/readyz'],
  ] as const)
    t.equal(await detailOf(url), `No route has this path; did you mean "${meant}"?`, url)
  const all = [
    ...['/livez', '/readyz', '/v1/events', '/v1/web-vitals', '/v1/pixel.gif', '/v1/credentials'],
    ...['/v1/container-credentials/:app', '/v1/attest/challenge'],
  ]
  for (const url of [
    '/v1/traces',
    '/metrics',
    '/reconcile',
    '/dashboard',
    '/query/series',
    '/aggregations/run',
  ])
    t.equal(await detailOf(url), `No route has this path; there are ${all.join(', ')}.`, url)
})

test('whoever documents the routes is there before the first of them', async (t) => {
  const seen: string[] = []
  await startGateway(t, {
    prepare: async (app) => {
      app.addHook('onRoute', ({ method, url }) => {
        seen.push(`${method} ${url}`)
      })
    },
  })
  for (const route of [
    'GET /livez',
    'GET /readyz',
    'POST /v1/events',
    'POST /v1/web-vitals',
    'GET /v1/pixel.gif',
  ]) {
    t.ok(seen.includes(route), route)
  }
})

test('a reload of the apps holds from the next request on', async (t) => {
  const { app, registry } = await startGateway(t)
  const send = () =>
    app.inject({ method: 'POST', url: '/v1/events?key=shop-key', payload: lcp(), remoteAddress: '127.0.0.1' })
  t.equal((await send()).statusCode, 202)
  registry.replace([])
  t.equal((await send()).statusCode, 401)
})

test('the log holds no key, address, URL or payload, at any level', async (t) => {
  const { app, logLines, journal } = await startGateway(t, { logLevel: 'debug' })
  const request = {
    method: 'POST',
    url: '/v1/events?key=shop-key&secret=1',
    headers: { 'content-type': 'application/json', cookie: 'secret=1' },
    payload: JSON.stringify(lcp({ page_url: 'https://shop.example/secret' })),
    remoteAddress: '203.0.113.5',
  } as const
  await app.inject(request)
  journal.failWith = new Error('a bug')
  await app.inject(request)
  await app.inject({ ...request, payload: '{"secret' })
  const said = logLines.map((line) => JSON.parse(line).msg)
  t.equal(said.filter((text) => text === 'a request was answered').length, 3, 'three answers')
  t.equal(said.filter((text) => text === 'a request failed').length, 1, 'and one bug')
  t.notMatch(logLines.join(''), /secret|shop-key|203\.0\.113|\?/)
})

test('received is accepted and rejected, after everything that can happen to a request', async (t) => {
  const { app, journal, ledger } = await startGateway(t)
  const bodies = [
    lcp(),
    [lcp(), 1],
    [],
    [{}],
    Array(501).fill(lcp()),
    '{',
    { events: [lcp()], context: { language: 'de' } },
  ]
  for (const payload of bodies) {
    for (const type of ['application/json', 'text/plain']) {
      await app.inject({
        method: 'POST',
        url: '/v1/events?key=shop-key',
        headers: { 'content-type': type },
        payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
      })
    }
  }
  const { received, accepted, rejected } = ledger.totals()
  t.equal(accepted, 2 * (1 + 1 + 500 + 1))
  t.equal(accepted, journal.events().length, 'what was acknowledged is what is stored')
  t.equal(received, accepted + Object.values(rejected).reduce((sum, count) => sum + count, 0))
})
