import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Test, test } from 'tap'
import Value from 'typebox/value'
import { type AggregationListener, buildAggregation } from '../../src/aggregation/aggregation-app.ts'
import { DEFAULT_SETS } from '../../src/aggregation/rollup/model/definition.ts'
import { AggregationConfig } from '../../src/config/schema/config-schema.ts'
import { AppError } from '../../src/std/errors.ts'
import { quietTelemetry } from '../../src/std/telemetry.ts'
import { noErasures } from '../fakes/aggregation/erasures.ts'
import { emptyExplorer } from '../fakes/aggregation/explorer.ts'
import { importsHere } from '../fakes/aggregation/imports.ts'
import { queriesHere } from '../fakes/aggregation/queries.ts'
import { memoryStore } from '../fakes/aggregation/store.ts'
import { fakeClock } from '../fakes/clock.ts'
import { reconciliation } from '../fakes/reconciliation.ts'

const sha256 = createHash('sha256').update('secret').digest('hex')
const authorization = 'Bearer secret'
const noRun = async () => {
  throw new AppError('not_found', 'There is no such run.')
}

async function built(t: Test, its: Partial<AggregationListener> = {}, configured: object = {}) {
  const listener = { log: quietTelemetry().log, ready: () => true, ...its }
  const config = Value.Default(AggregationConfig, {
    tokens: [{ name: 'ops', sha256, scopes: ['read', 'run'] }],
    ...configured,
  }) as AggregationConfig
  const clock = fakeClock()
  const definitions = [
    {
      id: 'default',
      grainMs: 900_000,
      sets: DEFAULT_SETS,
      bots: 'exclude' as const,
      maxMetrics: 500,
      maxValues: 500,
    },
  ]
  const app = await buildAggregation(config, {
    listener,
    clock,
    explorer: emptyExplorer,
    queries: queriesHere({ store: memoryStore(), definitions, clock }),
    definitions,
    runs: {
      submit: noRun,
      get: noRun,
      list: async () => [],
      log: noRun,
      cancel: noRun,
      windows: async () => [],
    },
    lakeWork: { imports: importsHere(t).imports, erasures: noErasures },
    apps: () => ['shop'],
    gateway: () => ({ host: '127.0.0.1', port: 21_280 }),
    pipeline: {
      firstEventMs: () => undefined,
      lackingRows: () => new Map(),
      state: noRun,
    },
  })
  t.teardown(() => app.close())
  return app
}

test('probes and the dashboard need no token, all else does', async (t) => {
  const { metrics } = quietTelemetry()
  const operations = { metrics: async () => metrics, balance: async () => reconciliation() }
  const app = await built(t, { operations })
  for (const [url, without, withToken] of [
    ['/livez', 200, 200],
    ['/readyz', 200, 200],
    ['/', 302, 302],
    ['/dashboard', 200, 200],
    ['/dashboard/', 200, 200],
    ['/dashboard/dashboard.js', 200, 200],
    ['/dashboard/uPlot.esm.js', 200, 200],
    ['/dashboard/package.json', 404, 404],
    ['/dashboard/..%2Fassets.js', 404, 404],
    ['/query/apps', 401, 200],
    ['/query/metrics?app=shop', 401, 200],
    ['/aggregations/runs', 401, 200],
    ['/metrics', 401, 200],
    ['/reconcile', 401, 200],
    ['/nothing', 404, 404],
  ] as const) {
    t.equal((await app.inject({ url })).statusCode, without, `${url} without a token`)
    t.equal((await app.inject({ url, headers: { authorization } })).statusCode, withToken, `${url} with one`)
  }
})

test('a slip in a path is answered with the route that was meant, and what is sent to the wrong listener with the right one', async (t) => {
  const app = await built(t)
  const detailOf = async (url: string) => (await app.inject({ method: 'POST', url })).json().detail
  for (const [url, meant] of [
    ['/dashbord', '/dashboard'],
    ['/aggregation/run', '/aggregations/run'],
    ['/aggregations/rums', '/aggregations/runs'],
    ['/serie', '/query/series'],
    ['/events', '/query/events'],
    ['/query/alerts', '/alerts'],
  ] as const)
    t.equal(await detailOf(url), `No route has this path; did you mean "${meant}"?`, url)
  const right = 'Measurements are sent to the listener of the gateway (gateway.listen), not to this one.'
  t.equal(await detailOf('/v1/events'), `No route has this path. ${right}`)
  t.match(
    await detailOf('/collect'),
    /^No route has this path; there are \/livez, .*, \/query\/pipeline\. Measurements/,
  )
})

test('where another listener serves operators, this one does not', async (t) => {
  const app = await built(t)
  t.equal((await app.inject({ url: '/metrics', headers: { authorization } })).statusCode, 404)
})

test('an instance that is not ready says why', async (t) => {
  const app = await built(t, { ready: () => 'The journal is being recovered.' })
  const answer = await app.inject({ url: '/readyz' })
  t.equal(answer.statusCode, 503)
  t.match(answer.json(), { code: 'not_ready', detail: 'The journal is being recovered.' })
})

test('every answer, errors included, forbids framing, foreign scripts and sharing', async (t) => {
  const app = await built(t)
  for (const url of ['/dashboard', '/dashboard/dashboard.js', '/query/apps', '/nothing', '/livez']) {
    const { headers } = await app.inject({ url, headers: { origin: 'https://evil.example' } })
    t.match(
      headers,
      {
        'content-security-policy':
          "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
        'permissions-policy': /geolocation=\(\)/,
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      },
      url,
    )
    t.equal(headers['access-control-allow-origin'], undefined, `${url}: no CORS`)
  }
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: '/aggregations/run',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
  })
  t.equal(preflight.headers['access-control-allow-origin'], undefined)
  t.ok(preflight.statusCode >= 400)
})

test('of two Authorization headers none is taken, as another may read the other one', async (t) => {
  const { metrics } = quietTelemetry()
  const operations = { metrics: async () => metrics, balance: async () => reconciliation() }
  const app = await built(t, { operations })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  for (const path of ['/query/apps', '/query/pipeline', '/aggregations/runs', '/metrics', '/reconcile']) {
    const headers = ['host', 'x', 'authorization', authorization, 'Authorization', 'Bearer other']
    const [answer] = await once(request(new URL(path, url), { headers, agent: false }).end(), 'response')
    t.equal(answer.statusCode, 400, path)
    t.match(JSON.parse(await text(answer)), {
      code: 'invalid_request',
      detail: 'authorization was sent more than once.',
    })
  }
})

test('an empty body of a type is none, where none is needed, and what is no JSON is told with its place', async (t) => {
  const app = await built(t)
  const post = async (url: string, payload: string) => {
    const headers = { authorization, 'content-type': 'application/json' }
    const { statusCode, body } = await app.inject({ method: 'POST', url, headers, payload })
    return [statusCode, JSON.parse(body).detail]
  }
  for (const [url, payload, status, detail] of [
    ['/aggregations/runs/r1/cancel', '', 404, 'There is no such run.'],
    ['/aggregations/run', '', 404, 'There is no such run.'],
    [
      '/query/batch',
      '',
      400,
      'The body must be a JSON object, such as {"queries":["/query/metrics?app=shop"]}; there is none.',
    ],
    [
      '/query/batch',
      '["/query/apps"]',
      400,
      /^The body must be .* such as \{"queries":\[.*; it is a list\.$/,
    ],
    [
      '/query/batch',
      'queries=1',
      400,
      'The body is not JSON: it begins with neither { nor [, as an object or a list does.',
    ],
    ['/nothing', '', 404, /^No route has this path/],
    [
      '/query/batch',
      '{"secret":1,}',
      400,
      'The body is not JSON at position 12: a comma before the end of a list or group.',
    ],
    ['/aggregations/run', '{"__proto__":{}}', 400, /key that none may have: `__proto__`/],
  ] as const)
    t.match(await post(url, payload), [status, detail], `${url} ${payload}`)
})

test('assets are typed, revalidated by their tag, and never stale', async (t) => {
  const app = await built(t)
  const page = await app.inject({ url: '/dashboard' })
  t.match(page.headers, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' })
  const again = await app.inject({
    url: '/dashboard',
    headers: { 'if-none-match': String(page.headers['etag']) },
  })
  t.equal(again.statusCode, 304)
  t.equal(again.body, '')
  t.equal((await app.inject({ url: '/' })).headers['location'], '/dashboard')
})

test('the page itself holds no script, no style and no handler', async (t) => {
  const app = await built(t)
  const { body } = await app.inject({ url: '/dashboard' })
  t.notMatch(body, /<script(?![^>]*\ssrc=)/, 'no inline script')
  t.notMatch(body, /<style|\sstyle=|\son[a-z]+=/i, 'no inline style, no handler')
  t.notMatch(body, /(src|href)="https?:/i, 'nothing from elsewhere')
  for (const name of [
    'dashboard.js',
    'graph.js',
    'messages.js',
    'views.js',
    'chart.js',
    'dom.js',
    'api.js',
  ]) {
    const script = await app.inject({ url: `/dashboard/${name}` })
    t.notMatch(
      script.body,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/,
      `${name} writes text only`,
    )
  }
})

test('what prepares the instance sees every route that is mounted later', async (t) => {
  const routes: string[] = []
  await built(t, {
    prepare: async (app) => {
      app.addHook('onRoute', ({ url }) => {
        routes.push(url)
      })
    },
  })
  for (const url of ['/livez', '/aggregations/run', '/query/series', '/dashboard'])
    t.equal(routes.includes(url), true, url)
})

test('a next run is told where there is a schedule', async (t) => {
  for (const enabled of [true, false]) {
    const app = await built(t, {}, { schedule: { enabled } })
    const { body } = await app.inject({ url: '/query/apps', headers: { authorization } })
    t.equal('nextRunMs' in JSON.parse(body), enabled)
  }
})
