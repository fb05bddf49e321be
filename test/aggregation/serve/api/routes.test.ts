import { createHash } from 'node:crypto'
import { type Test, test } from 'tap'
import { DEFAULT_SETS } from '../../../../src/aggregation/rollup/model/definition.ts'
import { serveRoutes } from '../../../../src/aggregation/serve/api/routes.ts'
import type { Objective } from '../../../../src/aggregation/serve/objectives/objective.ts'
import type { PipelineState } from '../../../../src/aggregation/serve/pipeline.ts'
import { createAuth } from '../../../../src/http/auth.ts'
import { answerWithProblems } from '../../../../src/http/problems.ts'
import { queryPool } from '../../../../src/http/query-pool.ts'
import { createServer } from '../../../../src/http/server.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { noon, QUARTER, quarterly, queriesHere } from '../../../fakes/aggregation/queries.ts'
import { committed, memoryStore, rollupRow } from '../../../fakes/aggregation/store.ts'
import { fakeClock } from '../../../fakes/clock.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const state: PipelineState = {
  gateway: null,
  aggregation: {
    lastCommittedMs: noon,
    allUntilMs: noon,
    behindMs: 0,
    dueWindows: 1,
    windowsToRepeat: 2,
    tooLate: 0,
    lateRows: 3,
    rejectedRows: 4,
    notIngested: 0,
  },
}

const objective = {
  ...{ id: 'fast', app: 'shop', metric: 'browser.web_vital.lcp', set: 'app' },
  ...{ at: 200, share: 0.75, windowMs: 28 * 86_400_000 },
}
const objectives = [
  objective,
  { ...objective, id: 'pages', set: 'route' },
  { ...objective, id: 'blog-fast', app: 'blog' },
  { ...objective, id: 'gone', app: 'not-there-any-more' },
]

const alert = {
  ...{ id: 'slow', app: 'shop', metric: 'browser.web_vital.lcp', set: 'app', minCount: 9 },
  ...{
    when: 'p75 > 100',
    need: 1,
    of: 2,
    criteria: [{ of: 'quantile', q: 0.75, isAbove: true, limit: 100 } as const],
  },
}
const alerts = [
  alert,
  { ...alert, id: 'slow-a', set: 'route', value: '/a' },
  { ...alert, id: 'blog-slow', app: 'blog' },
]

async function served(t: Test, pool = queryPool(), having: readonly Objective[] = objectives) {
  const { log } = quietTelemetry()
  const clock = fakeClock(noon)
  const store = memoryStore()
  const thrice = [100, 200, 300]
  const route = (value: string) => rollupRow({ set: 'route', value }, thrice)
  await store.fill(committed(noon - QUARTER), [
    rollupRow({}, [...thrice, ...thrice, ...thrice]),
    route('/a'),
    route('/b'),
    route(''),
    rollupRow({ app: 'winter-sale' }, [100]),
    rollupRow({ metric: 'rare' }, [100], 1.5),
    rollupRow({ metric: 'rare', set: 'route', value: '/a' }, [100], 0.5),
    rollupRow({ metric: 'rare', set: 'route', value: '/b' }, [100]),
  ])
  const app = createServer([], log)
  answerWithProblems(app, log)
  await app.register(serveRoutes, {
    queries: queriesHere({ store, definitions: [quarterly], clock }),
    pool,
    auth: createAuth([
      { name: 'ops', sha256: sha256('all'), scopes: ['read', 'run'] },
      { name: 'shop only', sha256: sha256('shop'), scopes: ['read'], apps: ['shop'] },
      { name: 'two', sha256: sha256('two'), scopes: ['read'], apps: ['shop', 'winter-sael'] },
      { name: 'runner', sha256: sha256('run'), scopes: ['run'] },
    ]),
    clock,
    log,
    configured: {
      definitions: [{ sets: DEFAULT_SETS }],
      objectives: having,
      alerts: having.length === 0 ? [] : alerts,
    },
    apps: () => ['shop', 'blog'],
    gateway: () => ({ host: '0.0.0.0', port: 8080 }),
    nextRunMs: () => noon + QUARTER,
    pipeline: {
      state: async () => state,
      firstEventMs: () => noon - QUARTER,
      lackingRows: () => new Map([['default', Float64Array.of(noon - QUARTER)]]),
    },
  })
  t.teardown(() => app.close())
  return async (url: string, token = 'all', sent?: object, accept = '*/*') => {
    const { statusCode, headers, body } = await app.inject({
      url,
      ...(sent && { method: 'POST', payload: sent }),
      headers: { authorization: `Bearer ${token}`, accept },
    })
    const isTable = /csv/.test(String(headers['content-type']))
    return { status: statusCode, headers, body: isTable ? { table: body } : JSON.parse(body) }
  }
}

const lcp = 'app=shop&metric=browser.web_vital.lcp'

test('a series, with times as epoch milliseconds or ISO 8601', async (t) => {
  const get = await served(t)
  const { status, headers, body } = await get(
    `/query/series?${lcp}&from=2026-11-22T11:00Z&to=${noon}&q=0.5,0.75`,
  )
  t.equal(status, 200)
  t.match(headers, { 'cache-control': 'no-store', 'content-type': /^application\/json/ })
  t.match(body, {
    from: noon - 4 * QUARTER,
    to: noon,
    step: '15m',
    grain: '15m',
    scale: 5,
    unit: 'ms',
    completeness: { windows: 1, missing: 0, partial: 0, dirty: 1, lateRows: 0, rejected: 0 },
    points: [{ t: noon - QUARTER, n: 9, avg: 200, min: 100, max: 300, lowCount: true }],
    total: { n: 9 },
  })
  t.same(Object.keys(body.points[0].q), ['0.5', '0.75'])
})

test('without times it is the last 24 hours, without q the 75th percentile', async (t) => {
  const get = await served(t)
  const { body } = await get(`/query/series?${lcp}`)
  t.equal(body.to - body.from, 86_400_000)
  t.same(Object.keys(body.total.q), ['0.75'])
  t.equal(
    (await get(`/query/series?${lcp}&from=0&to=1970-01-01T00:01Z`)).body.total,
    null,
    'nothing measured',
  )
})

test('a value repeated merges, as does an empty one', async (t) => {
  const get = await served(t)
  for (const [values, n] of [
    ['&value=/a', 3],
    ['&value=/a&value=/b', 6],
    ['&value=', 3],
  ] as const) {
    t.equal((await get(`/query/series?${lcp}&set=route${values}`)).body.total.n, n, values)
  }
})

test('an empty answer says which name may be mistyped, and never what was sent', async (t) => {
  const get = await served(t)
  const inRange = `&from=${noon - QUARTER}&to=${noon}`
  for (const [rule, path, notices] of [
    ['all is known', `series?${lcp}`, undefined],
    [
      'a metric',
      'series?app=shop&metric=browser.web_vital.lpc',
      ['The metric is not among those of the app in this range; did you mean "browser.web_vital.lcp"?'],
    ],
    [
      'one by its end, in any case',
      'top?app=shop&metric=LCP&set=route',
      ['The metric is not among those of the app in this range; did you mean "browser.web_vital.lcp"?'],
    ],
    [
      'one by a longer end',
      'series?app=shop&metric=webvital.lcp',
      ['The metric is not among those of the app in this range; did you mean "browser.web_vital.lcp"?'],
    ],
    [
      'no end, but letters of one',
      'series?app=shop&metric=cp',
      ['The metric is not among those of the app in this range.'],
    ],
    [
      'one that is near none',
      'top?app=shop&metric=xyzzy&set=route',
      ['The metric is not among those of the app in this range.'],
    ],
    [
      'an app',
      'top?app=shpo&metric=browser.web_vital.lcp&set=route',
      ['The app is neither configured nor in this range; did you mean "shop"?'],
    ],
    [
      'an app that is in the range, and not configured',
      'series?app=winter-sael&metric=browser.web_vital.lcp',
      ['The app is neither configured nor in this range; did you mean "winter-sale"?'],
    ],
    [
      'and for its metrics',
      'metrics?app=winter-sael',
      ['The app is neither configured nor in this range; did you mean "winter-sale"?'],
    ],
    [
      'of the list of metrics as well',
      'metrics?app=xyzzy',
      ['The app is neither configured nor in this range.'],
    ],
    ['an app without events', 'metrics?app=blog', ['Nothing of this app is in this range.']],
    ['and its series', 'series?app=blog&metric=m', ['Nothing of this app is in this range.']],
    [
      'a value',
      `series?${lcp}&set=route&value=/x`,
      ['The set route has no such value in this range; /query/top lists those that it has.'],
    ],
    [
      'a value of a histogram',
      `histogram?${lcp}&set=route&value=/x`,
      ['The set route has no such value in this range; /query/top lists those that it has.'],
    ],
    [
      'a value of the steps of one',
      `histogram?${lcp}&set=route&value=/x&step=1h`,
      ['The set route has no such value in this range; /query/top lists those that it has.'],
    ],
    ['one value of two of a histogram', `histogram?${lcp}&set=route&value=/x&value=/a`, undefined],
    ['one value of two', `series?${lcp}&set=route&value=/x&value=/a`, undefined],
    ['of the metrics that are there nothing', 'metrics?app=shop', undefined],
  ] as const) {
    const { status, body } = await get(`/query/${path}${inRange}`)
    t.equal(status, 200, rule)
    t.same(body.notices, notices, rule)
  }
  const { body } = await get(`/query/metrics?app=winter-sael${inRange}`, 'two')
  t.same(
    body.notices,
    ['The app is neither configured nor in this range.'],
    'a token for some apps is told of no other',
  )
})

test('a histogram as others write it says beside it why it is empty', async (t) => {
  const get = await served(t)
  for (const format of ['otel', 'prometheus']) {
    for (const [path, notices] of [
      [lcp, undefined],
      ['app=blog&metric=m', ['Nothing of this app is in this range.']],
      [
        `${lcp}&set=route&value=/x`,
        ['The set route has no such value in this range; /query/top lists those that it has.'],
      ],
      [
        'app=shop&metric=browser.web_vital.lpc',
        ['The metric is not among those of the app in this range; did you mean "browser.web_vital.lcp"?'],
      ],
    ] as const) {
      const { status, headers, body } = await get(`/query/histogram?${path}&format=${format}`)
      t.match([status, body[format === 'otel' ? 'scale' : 'schema']], [200, 5])
      t.equal(headers['x-headgate-notices'], notices && JSON.stringify(notices), `${format} ${path}`)
    }
  }
  t.notOk('x-headgate-notices' in (await get('/query/histogram?app=blog&metric=m')).headers, 'or in it')
})

test('a histogram, its steps, and as others write it', async (t) => {
  const get = await served(t)
  const { status, headers, body } = await get(`/query/histogram?${lcp}&from=${noon - 1}&to=${noon}`)
  t.equal(status, 200)
  t.match(headers, { 'cache-control': 'no-store', 'content-type': /^application\/json/ })
  t.same(Object.keys(body), [
    ...['from', 'to', 'grain', 'scale', 'relError', 'completeness', 'dataGen', 'unit'],
    ...['thresholds', 'zero', 'buckets', 'n', 'rows', 'sum', 'min', 'max'],
  ])
  t.match(body, { scale: 5, unit: 'ms', zero: 0, n: 9, rows: 9, sum: 1_800, min: 100, max: 300 })
  const steps = await get(`/query/histogram?${lcp}&step=1h&set=route&value=/a&value=/b`)
  t.same(
    steps.body.steps,
    [{ t: noon - 4 * QUARTER, zero: 0, buckets: [213, 245, 264].map((index) => [index, 2]) }],
    'several values merge',
  )
  t.match(await get(`/query/histogram?${lcp}&format=otel`), { body: { scale: 5, count: '9' } })
  t.match(await get(`/query/histogram?${lcp}&format=prometheus`), { body: { schema: 5, sampleCount: '9' } })
})

const sides = `a.from=${noon - QUARTER}&a.to=${noon}&b.from=${noon - 2 * QUARTER}&b.to=${noon - QUARTER}`

test('two ranges compared', async (t) => {
  const get = await served(t)
  const { status, headers, body } = await get(`/query/compare?${lcp}&${sides}`)
  t.equal(status, 200)
  t.match(headers, { 'cache-control': 'no-store', 'content-type': /^application\/json/ })
  t.match(body, { at: 2_500, a: { n: 9 }, b: { n: 0, q: null }, verdict: 'no evidence', unit: 'ms' })
  const same = `a.from=2026-11-22T12:45%2B01:00&a.to=${noon}&b.from=${noon - QUARTER}&b.to=2026-11-22T12:00Z`
  const values = 'a.set=route&a.value=/a&a.value=/b&b.set=route&b.value='
  const routes = await get(`/query/compare?${lcp}&${same}&${values}&q=0.5&at=250.5&sequential=true`)
  t.match(routes.body, { at: 250.5, a: { n: 6, from: noon - QUARTER }, b: { n: 3 }, ratio: 1 })
})

const periods = `from=${noon - QUARTER}&to=${noon}&base.from=${noon - 2 * QUARTER}&base.to=${noon - QUARTER}`

test('what changed between two ranges', async (t) => {
  const get = await served(t)
  const { status, headers, body } = await get(`/query/changes?${lcp}&${periods}`)
  t.equal(status, 200)
  t.match(headers, { 'cache-control': 'no-store', 'content-type': /^application\/json/ })
  t.match(body, {
    at: null,
    now: { n: 9 },
    base: { n: 0 },
    sets: [],
    sentence: 'Nothing was measured in the base.',
  })
  const same = `from=2026-11-22T12:45%2B01:00&to=${noon}&base.from=${noon - QUARTER}&base.to=2026-11-22T12:00Z`
  const split = await get(`/query/changes?${lcp}&${same}&q=0.5&sets=route,app`)
  t.match(split.body, { delta: 0, sets: [{ set: 'route', values: { length: 3 } }, { set: 'app' }] })
})

test('a day is local', async (t) => {
  const get = await served(t)
  const { body } = await get(
    `/query/series?${lcp}&step=1d&tz=Asia/Kathmandu&from=${noon - QUARTER}&to=${noon}`,
  )
  t.equal(body.step, '1d')
  t.equal(new Date(body.from).toISOString(), '2026-11-21T18:15:00.000Z')
})

test('a ranking', async (t) => {
  const get = await served(t)
  const { status, body } = await get(`/query/top?${lcp}&set=route&by=n&limit=2&minN=2`)
  t.equal(status, 200)
  t.match(body, { found: 3, values: [{ value: '', n: 3, lowCount: true }, { value: '/a' }] })
  t.equal(body.values.length, 2)
  const rare = '/query/top?app=shop&metric=rare&set=route'
  const { found, values } = (await get(rare)).body
  t.same(
    [found, values.reduce((sum: number, { n }: { readonly n: number }) => sum + n, 0)],
    [2, 1.5],
    'what weighs less than one event counts',
  )
  t.match((await get(`${rare}&minN=1`)).body, { found: 1, values: [{ value: '/b' }] })
})

test('when releases appeared', async (t) => {
  const get = await served(t)
  t.match((await get(`/query/releases?${lcp}&set=route`)).body, {
    metric: 'browser.web_vital.lcp',
    releases: [{ value: '', n: 3 }, { value: '/a', t: noon - QUARTER }, { value: '/b' }],
  })
  t.match((await get('/query/releases?app=blog')).body, { metric: null, releases: [] })
})

test('objectives: all that the token may read, of an app, or one', async (t) => {
  const get = await served(t)
  const ids = async (query: string, token: string) =>
    (await get(`/query/objectives${query}`, token)).body.objectives.map(({ id }: { id: string }) => id)
  for (const [query, token, told] of [
    ['', 'all', ['fast', 'pages', 'blog-fast']],
    ['', 'shop', ['fast', 'pages']],
    ['?app=shop', 'all', ['fast', 'pages']],
    ['?id=pages', 'shop', ['pages']],
    ['?app=blog&id=blog-fast', 'all', ['blog-fast']],
    ['?app=winter-sale', 'all', []],
  ] as const)
    t.same(await ids(query, token), told, `${query} ${token}`)
  t.match((await get('/query/objectives?id=fast')).body.objectives, [
    { n: 9, share: /./, budget: { total: 2.25 }, lowCount: true, unit: 'ms' },
  ])
  for (const [query, token, status, detail] of [
    ['?app=blog', 'shop', 403, 'The token is for other apps.'],
    [
      '?id=fsat',
      'shop',
      400,
      'id must be one of the objectives of the apps that this token may read: fast, pages; did you mean "fast"?',
    ],
    [
      '?id=blog-fast',
      'shop',
      400,
      'id must be one of the objectives of the apps that this token may read: fast, pages.',
    ],
    ['?app=blog&id=fast', 'all', 400, 'id must be one of the objectives: blog-fast.'],
    ['?app=winter-sale&id=fast', 'all', 400, 'id must be one of the objectives, and there is none.'],
    ['?metric=m', 'all', 400, /^metric is not asked for here, but elsewhere; there are app, id/],
  ] as const)
    t.match(await get(`/query/objectives${query}`, token), { status, body: { detail } }, query)
  t.match((await get('/query/objectives?app=shpo')).body, {
    objectives: [],
    notices: ['None of the objectives is of this app; did you mean "shop"?'],
  })
  t.match((await get('/query/objectives?app=elsewhere')).body.notices, [
    'None of the objectives is of this app.',
  ])
  const without = await served(t, queryPool(), [])
  for (const query of ['', '?app=shop'])
    t.match((await without(`/query/objectives${query}`)).body, {
      objectives: [],
      notices: ['There are no objectives: they are configured as aggregation.objectives.'],
    })
  const batch = { queries: ['/query/objectives?id=fast', '/query/objectives?app=blog'] }
  t.match((await get('/query/batch', 'shop', batch)).body.answers, [
    { status: 200, body: { objectives: [{ id: 'fast' }] } },
    { status: 403 },
  ])
})

test('objectives as a table', async (t) => {
  const get = await served(t)
  const { status, headers, body } = await get('/query/objectives', 'all', undefined, 'text/csv')
  t.equal(status, 200)
  t.match(headers, { vary: 'accept', 'content-type': 'text/csv; charset=utf-8; header=present' })
  const [head, ...lines] = body.table.trimEnd().split('\r\n')
  t.equal(
    head,
    'id,app,metric,set,value,unit,at,target,window,from,to,n,share,budget.total,budget.left,burn.1h,burn.6h,burn.3d,lowCount,completeness.windows,completeness.missing,completeness.partial,dataGen',
  )
  t.same(
    lines.map((line: string) =>
      line
        .split(',')
        .filter((_, i) => [0, 3, 4, 11, 13, 18].includes(i))
        .join(),
    ),
    [
      'fast,app,,9,2.25,true',
      'pages,route,,9,2.25,true',
      'pages,route,,3,0.75,true',
      'pages,route,/a,3,0.75,true',
      'pages,route,/b,3,0.75,true',
      'blog-fast,app,,0,0,true',
    ],
  )
  t.match(JSON.parse(String(headers['x-headgate-notices'])), [
    'blog-fast: Nothing of this app is in this range.',
  ])
  t.match((await get('/query/objectives')).headers, { vary: 'accept', 'content-type': /json/ })
  const without = await served(t, queryPool(), [])
  const none = await without('/query/objectives', 'all', undefined, 'text/csv')
  t.match(none.headers['x-headgate-notices'], /There are no objectives/)
  t.match((await get(`/query/metrics?app=shop`, 'all', undefined, 'text/csv')).headers, {
    'content-type': /json/,
  })
})

test('alerts: all that the token may read, of an app, or one', async (t) => {
  const get = await served(t)
  t.match((await get('/alerts', 'shop')).body.alerts, [
    {
      id: 'slow',
      when: 'p75 > 100',
      for: '1 of 2',
      minCount: 9,
      state: 'firing',
      windows: [{ n: 9, holds: true }],
    },
    { id: 'slow-a', value: '/a', state: 'unknown', windows: [{ n: 3, holds: null }] },
  ])
  t.match((await get('/alerts?id=blog-slow')).body.alerts, [
    { state: 'unknown', windows: [], notices: [/./] },
  ])
  t.match(await get('/alerts?id=slwo', 'shop'), {
    status: 400,
    body: {
      detail:
        'id must be one of the alerts of the apps that this token may read: slow, slow-a; did you mean "slow"?',
    },
  })
  t.match(await get('/alerts?app=blog', 'shop'), { status: 403, body: { code: 'app_not_in_token' } })
  t.match(await get('/alerts', 'run'), { status: 403, body: { code: 'scope_missing' } })
  t.match((await get('/alerts?app=elsewhere')).body.notices, ['None of the alerts is of this app.'])
  const without = await served(t, queryPool(), [])
  t.match((await without('/alerts', 'shop')).body.notices, [
    'There are no alerts of the apps that this token may read: they are configured as aggregation.alerts.',
  ])
  t.same((await without('/alerts')).body, {
    alerts: [],
    notices: ['There are no alerts: they are configured as aggregation.alerts.'],
  })
})

test('several queries in one, each as it would be answered alone', async (t) => {
  const get = await served(t)
  const queries = [
    `/query/series?${lcp}&q=0.5`,
    '/query/metrics?app=blog',
    '/query/metrics?app=shpo',
    '/query/top?app=shop',
    '/query/pipeline',
  ]
  const { status, headers, body } = await get('/query/batch', 'shop', { queries })
  t.equal(status, 200)
  t.match(headers, { 'cache-control': 'no-store', 'content-type': /^application\/json/ })
  t.match(body.answers, [
    { status: 200, body: { total: { n: 9 } } },
    { status: 403, body: { code: 'app_not_in_token' } },
    { status: 403, body: { detail: 'The token is for other apps; did you mean "shop"?' } },
    { status: 400, body: { detail: /^metric is missing: .* set is missing: / } },
    { status: 400, body: { detail: '/query/pipeline cannot be in a batch: it is about no app.' } },
  ])
  t.same(body.answers[0].body, (await get(queries[0]!, 'shop')).body)
  for (const [sent, detail] of [
    [{}, /^queries is missing: it must be a list of up to 32 queries, such as \["\/query/],
    [{ queries: [] }, /^queries must be a list of up to 32 queries/],
    [{ queries: Array(33).fill('/query/apps') }, /^queries must be a list of up to 32 queries/],
    [{ queries: ['', { app: 'shop' }] }, /^queries\.0 must be the path of a query .* queries\.1 must be /s],
    [{ querys: [] }, /^querys is not a known field; did you mean "queries"\?/],
  ] as const)
    t.match(await get('/query/batch', 'all', sent), { status: 400, body: { detail } }, JSON.stringify(sent))
  t.match(await get('/query/batch', 'guess', {}), { status: 401, body: { code: 'unauthorized' } })
  t.match(await get('/query/batch', 'run', { queries }), { status: 403, body: { code: 'scope_missing' } })
})

test('the metrics of an app, the apps of a token, the state of the pipeline', async (t) => {
  const get = await served(t)
  t.same((await get('/query/metrics?app=shop')).body, {
    metrics: [
      { metric: 'browser.web_vital.lcp', unit: 'ms', rows: 9 },
      { metric: 'rare', unit: 'ms', rows: 1 },
    ],
  })
  t.same((await get('/query/apps')).body, {
    apps: ['shop', 'blog'],
    token: { name: 'ops', scopes: ['read', 'run'], allApps: true },
    sets: DEFAULT_SETS,
    gateway: { host: '0.0.0.0', port: 8080 },
    nextRunMs: noon + QUARTER,
  })
  t.same((await get('/query/apps', 'shop')).body, {
    apps: ['shop'],
    token: { name: 'shop only', scopes: ['read'], allApps: false },
    sets: DEFAULT_SETS,
    gateway: { host: '0.0.0.0', port: 8080 },
    nextRunMs: noon + QUARTER,
  })
  t.same((await get('/query/pipeline')).body, state)
})

test('a token sees the apps on its list and no others', async (t) => {
  const get = await served(t)
  t.equal((await get(`/query/series?${lcp}`, 'shop')).status, 200)
  for (const path of [
    'series?metric=m&',
    'histogram?metric=m&',
    `compare?metric=m&${sides}&`,
    'top?metric=m&set=route&',
    'releases?',
    'metrics?',
  ]) {
    const { status, body } = await get(`/query/${path}app=blog`, 'shop')
    t.same([status, body.code, body.detail], [403, 'app_not_in_token', 'The token is for other apps.'], path)
  }
  t.match(await get('/query/metrics?app=shpo', 'shop'), {
    body: { code: 'app_not_in_token', detail: 'The token is for other apps; did you mean "shop"?' },
  })
  t.match(await get('/query/pipeline', 'shop'), {
    status: 403,
    body: { code: 'app_not_in_token', detail: /about all apps/ },
  })
})

test('nothing without a known token of the scope read, whatever else is wrong', async (t) => {
  const get = await served(t)
  for (const path of [
    'series?app=',
    'histogram',
    'compare',
    'changes',
    'top',
    'releases',
    'objectives',
    'metrics',
    'apps',
    'pipeline',
  ]) {
    t.match(await get(`/query/${path}`, 'guess'), { status: 401, body: { code: 'unauthorized' } }, path)
    t.match(await get(`/query/${path}`, 'run'), { status: 403, body: { code: 'scope_missing' } }, path)
  }
})

test('what is wrong is named', async (t) => {
  const get = await served(t)
  for (const [query, status, detail] of [
    ['series?metric=m', 400, /app/],
    [`series?${lcp}&from=yesterday`, 400, /^from must be epoch milliseconds/],
    [`series?${lcp}&to=2026-11-22T12:00`, 400, /^to must be /],
    [`series?${lcp}&from=${noon}&to=${noon - 1}`, 400, /^from .* must be before to/],
    [`series?${lcp}&from=${noon + 1}`, 400, /^from .* must be before to/],
    [`series?${lcp}&from=20261121`, 400, /a date has hyphens/],
    [`series?${lcp}&from=1795262400`, 400, /epoch seconds/],
    [`top?${lcp}&set=route&from=2026-02-30`, 400, /^from must be /],
    ['metrics?app=shop&to=999999999990000', 400, /^to must be in the years 1970 to 9999/],
    [`series?${lcp}&q=1`, 400, /^q must be up to 10 numbers above 0 and below 1 .*such as 0\.5,0\.75\.$/],
    [`series?${lcp}&q=p75,99.9,0.5`, 400, /such as 0\.5,0\.75; did you mean q=0\.75,0\.999,0\.5\?$/],
    [
      `series?${lcp}&value=/a`,
      400,
      /^value needs the set that it is of, such as set=route; sets with values are route, country, device, browser, os, release, navigation, target, route-device\.$/,
    ],
    [`series?${lcp}&set=app&value=/a&value=`, 400, /^value needs the set that it is of, /],
    [`series?${lcp}&step=90s`, 400, /^step must be 1m to 24h, .*such as 15m\.$/],
    [`series?${lcp}&step=1d&tz=Mars`, 400, /^tz must be an IANA time zone, such as Europe\/Berlin\.$/],
    [`series?${lcp}&tz=Mars`, 400, /^tz must be an IANA time zone, such as Europe\/Berlin\.$/],
    [
      `series?${lcp}&set=colour`,
      400,
      /^set must be one of app, route, country, device, browser, os, release, navigation, target, route-device\.$/,
    ],
    [
      `series?${lcp}&set=routes`,
      400,
      /^set must be one of app, route, country, device, browser, os, release, navigation, target, route-device; "routes" is none of them; did you mean "route"\?$/,
    ],
    [`series?${lcp}&set=page_route`, 400, /; "page_route" is none of them; did you mean "route"\?$/],
    [`top?${lcp}&set=contry`, 400, /; "contry" is none of them; did you mean "country"\?$/],
    [
      `top?${lcp}&set=route&by=contry`,
      400,
      /^by must be one of q, n; "contry" is none of them; did you mean set=country\?$/,
    ],
    [`top?${lcp}&set=route&by=nn`, 400, /^by must be one of q, n\.$/],
    [
      `series?${lcp}&country=DE`,
      400,
      /^country is not a known field; did you mean set=country\? There are app, metric, unit, set, value, from, /,
    ],
    [
      `top?${lcp}&set=route&limt=5`,
      400,
      /^limt is not a known field; did you mean "limit"\? There are app, /,
    ],
    [
      `top?${lcp}&set=route&hunter=2`,
      400,
      /^\?\(6 characters\) is not a known field; there are app, metric, /,
    ],
    [`top?${lcp}`, 400, /^set is missing: it must be the name of a set of a rollup, such as route\.$/],
    [`series?${lcp}&tz=Europe/Berln`, 400, /^tz must be an IANA .*; did you mean "Europe\/Berlin"\?$/],
    [`series?${lcp}&set=route`, 400, /^value is missing: /],
    [`series?${lcp}&rollup=weekly`, 400, /^rollup must be one of default\.$/],
    [
      `series?${lcp}&form=0`,
      400,
      /^form is not a known field; did you mean "from"\? There are app, metric, /,
    ],
    [`series?${lcp}&from=0`, 422, /windows/],
    ['histogram?app=shop', 400, /^metric is missing: /],
    [`histogram?${lcp}&q=0.5`, 400, /^q is not asked for here, but elsewhere; there are app, metric, /],
    [`histogram?${lcp}&format=csv`, 400, /^format must be one of json, otel, prometheus\.$/],
    [`histogram?${lcp}&format=otl`, 400, /^format must be one of .*did you mean "otel"\?$/],
    [`histogram?${lcp}&format=otel&step=1h`, 400, /^format must be json beside step\.$/],
    [`histogram?${lcp}&step=90s`, 400, /^step must be 1m to 24h, .*such as 15m\.$/],
    [`histogram?${lcp}&step=7m`, 400, /^step must be a multiple of 15m/],
    [`histogram?${lcp}&step=1d&tz=Mars`, 400, /^tz must be an IANA time zone/],
    [`histogram?${lcp}&value=/a`, 400, /^value needs the set that it is of/],
    [`histogram?${lcp}&set=route`, 400, /^value is missing: /],
    [`histogram?${lcp}&set=colour`, 400, /^set must be one of app, route/],
    [`histogram?${lcp}&rollup=weekly`, 400, /^rollup must be one of default\.$/],
    [`histogram?${lcp}&from=yesterday`, 400, /^from must be epoch milliseconds/],
    [`histogram?${lcp}&from=${noon}&to=${noon - 1}`, 400, /^from .* must be before to/],
    [`histogram?${lcp}&from=0`, 422, /more than 20000 windows of 24h; ask for at most 20000 days/],
    [`histogram?${lcp}&from=2026-09-22&step=15m`, 422, /more than 2998 steps; ask for at most 31 days/],
    ['compare?app=shop', 400, /^metric is missing: .* a\.from is missing: .* b\.to is missing: /s],
    [
      `compare?${lcp}&${sides}&from=0`,
      400,
      /^from is not asked for here, but elsewhere; there are app, metric, unit, a\.from, /,
    ],
    [`compare?${lcp}&${sides}&hunter=2`, 400, /^\?\(6 characters\) is not a known field; there are app, /],
    [`compare?${lcp}&${sides}&q=0.5,0.75`, 400, /^q must be a number above 0 and below 1, such as 0\.75\.$/],
    [`compare?${lcp}&${sides}&q=p75`, 400, /; did you mean q=0\.75\?$/],
    [`compare?${lcp}&${sides}&at=-1`, 400, /^at must be a number of at most twelve digits, /],
    [`compare?${lcp}&${sides}&at=1e3`, 400, /^at must be a number/],
    [`compare?${lcp}&${sides}&sequential=yes`, 400, /^sequential must be one of true, false/],
    [`compare?${lcp}&${sides}&a.set=rout`, 400, /^a\.set must be one of .*did you mean "route"\?$/],
    [
      `compare?${lcp}&${sides}&a.from=0`,
      400,
      /^a\.from must be epoch milliseconds .*; there are 2 of them, and one is taken\.$/,
    ],
    [
      `compare?${lcp}&a.from=yesterday&a.to=1&b.from=${noon}&b.to=${noon - 1}`,
      400,
      /^a\.from must be epoch milliseconds .*\. a\.to must be epoch milliseconds/,
    ],
    [
      `compare?${lcp}&a.from=0&a.to=${noon}&b.from=${noon}&b.to=${noon - 1}`,
      400,
      /^b\.from \(.*\) must be before b\.to \(.*\)\.$/,
    ],
    [`compare?${lcp}&a.from=0&a.to=${noon}&b.from=0&b.to=${noon}`, 422, /more than 20000 windows of 24h/],
    [`compare?${lcp}&${sides}&b.value=${'x'.repeat(4_097)}`, 400, /^b\.value must be a value of the set/],
    [
      `compare?${lcp}&${sides}&b.value=/a`,
      400,
      /^b\.value needs the set that it is of, such as b\.set=route/,
    ],
    ['changes?app=shop&metric=m', 400, /^from is missing: .* to is missing: .* base\.from is missing: /s],
    [
      `changes?${lcp}&${periods}&set=route`,
      400,
      /^set is not a known field; did you mean "sets"\? There are /,
    ],
    [`changes?${lcp}&${periods}&at=1`, 400, /^at is not asked for here, but elsewhere; there are app, /],
    [`changes?${lcp}&${periods}&a.from=1`, 400, /^a\.from is not asked for here, but elsewhere; /],
    [
      `metrics?${lcp}`,
      400,
      /^metric is not asked for here, but elsewhere; there are app, unit, from, to, rollup, bots\.$/,
    ],
    [`top?${lcp}&set=route&step=1h`, 400, /^step is not asked for here, but elsewhere; there are app, /],
    [
      `changes?${lcp}&${periods}&sets=route&sets=country`,
      400,
      /^sets must be up to 20 names of sets with commas between them, .*; there are 2 of them, and one is taken\.$/,
    ],
    [`changes?${lcp}&${periods}&q=1`, 400, /^q must be a number above 0 and below 1, such as 0\.75/],
    [
      `changes?${lcp}&${periods}&sets=,`,
      400,
      /^sets must be up to 20 names of sets with commas between them, such as /,
    ],
    [`changes?${lcp}&${periods}&sets=${'a,'.repeat(20)}a`, 400, /^sets must be up to 20 names/],
    [
      `changes?${lcp}&${periods}&sets=route,rout`,
      400,
      /^sets must be one of app, route.*did you mean "route"\?$/,
    ],
    [`changes?${lcp}&${periods}&rollup=weekly`, 400, /^rollup must be one of default\.$/],
    [
      `changes?${lcp}&from=0&to=1970-01-02&base.from=${noon}&base.to=${noon}`,
      400,
      /^base\.from \(.*\) must be before base\.to \(.*\)\.$/,
    ],
    [
      `changes?${lcp}&${periods.replace(/base\.from=\d+/, 'base.from=0')}`,
      422,
      /more than 2000 windows of 15m; ask for at most 20 days/,
    ],
    [`top?${lcp}&set=route&limit=101`, 400, /^limit must be a whole number from 1 to 100, such as 20\.$/],
    [`top?${lcp}&set=route&by=size`, 400, /by must be one of q, n/],
    [
      `top?${lcp}&set=route&minN=-1`,
      400,
      /^minN must be a whole number of at most nine digits, such as 100\.$/,
    ],
    [
      `top?${lcp}&set=route&from=0`,
      422,
      /^The range covers more than 10098 windows of 15m; ask for at most 105 days/,
    ],
  ] as const) {
    const answer = await get(`/query/${query}`)
    t.equal(answer.status, status, query)
    t.match(answer.body.detail, detail, query)
  }
})

test('a query that gets no turn is told when to come back', async (t) => {
  const get = await served(t, queryPool({ atOnce: 1, waiting: 0, ofToken: 8, deadlineMs: 10_000 }))
  const paths = [
    `series?${lcp}`,
    `histogram?${lcp}`,
    `compare?${lcp}&${sides}`,
    `top?${lcp}&set=route`,
    'metrics?app=shop',
    'pipeline',
  ]
  for (const path of paths) {
    const answers = await Promise.all([get(`/query/${path}`), get(`/query/${path}`)])
    t.same(answers.map(({ status }) => status).sort(), [200, 503], path)
    const [busy] = answers.filter(({ status }) => status === 503)
    t.match(busy, { headers: { 'retry-after': '2' }, body: { code: 'queries_busy' } }, path)
  }
  t.equal((await get('/query/apps')).status, 200, 'who may read what is no query')
})

test('a token of one app is told nothing of all apps', async (t) => {
  const get = await served(t)
  const { body } = await get(`/query/series?${lcp}`, 'shop')
  t.same(Object.keys(body.completeness), ['windows', 'missing', 'partial'])
})
