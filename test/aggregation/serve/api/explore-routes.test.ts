import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import type { ExploredEvents, Explorer } from '../../../../src/aggregation/explore/explorer.ts'
import {
  type ExploreRoutePorts,
  exploreRoutes,
} from '../../../../src/aggregation/serve/api/explore-routes.ts'
import { DEFAULT_SETS } from '../../../../src/event/schema/dimension-sets.ts'
import { createAuth } from '../../../../src/http/auth.ts'
import { answerWithProblems } from '../../../../src/http/problems.ts'
import { createServer } from '../../../../src/http/server.ts'
import { AppError, type ErrorCode } from '../../../../src/std/errors.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { noon } from '../../../fakes/aggregation/queries.ts'
import { fakeClock } from '../../../fakes/clock.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const answer: ExploredEvents = {
  ...{ from: noon - 1, to: noon, unit: 'ms', dataGen: '0'.repeat(16), relError: 0 },
  total: { n: 1, nEff: 1, rows: 1, avg: 2, min: 2, max: 2, q: { '0.75': 2 } },
  examples: [],
  scanned: { objects: 1, bytes: 2, rows: 3 },
  completeness: { notIngested: 0 },
}

/** The questions that arrive at the explorer are noted, and answered alike. */
async function served(t: Test, change: Partial<ExploreRoutePorts> = {}) {
  const asked: unknown[] = []
  const explorer: Explorer = {
    async explore(query) {
      asked.push(query)
      return answer
    },
    async arrived(query) {
      asked.push(query)
      const event = { id: 'a', t: 1, value: null, unit: null, receivedMs: 2, name: 'm', outcome: 'kept' }
      return { events: query.metric === 'none' ? [] : [event], scanned: answer.scanned }
    },
    async turnedAway(query) {
      asked.push(query)
      return { refused: query.app === 'blog' ? [] : null, rejectedFields: [], deadLetters: [] }
    },
  }
  const { log } = quietTelemetry()
  const app = createServer([], log)
  answerWithProblems(app, log)
  await app.register(exploreRoutes, {
    explorer,
    auth: createAuth([
      { name: 'ops', sha256: sha256('all'), scopes: ['read', 'events'] },
      { name: 'reader', sha256: sha256('reader'), scopes: ['read'] },
      { name: 'shop only', sha256: sha256('shop'), scopes: ['read', 'events'], apps: ['shop'] },
      { name: 'events alone', sha256: sha256('events'), scopes: ['events'] },
    ]),
    clock: fakeClock(noon),
    apps: () => ['shop', 'blog'],
    definitions: [{ sets: DEFAULT_SETS }],
    ...change,
  })
  t.teardown(() => app.close())
  const get = async (query: string, token = 'all') => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await app.inject({ url: `/query/explore?app=shop&metric=m${query}`, headers })
    return { status: response.statusCode, headers: response.headers, body: JSON.parse(response.body) }
  }
  return { get, asked, app, explorer }
}

test('what is asked, from the parameters as they were sent', async (t) => {
  const { get, asked } = await served(t)
  const usual = {
    ...{ app: 'shop', metric: 'm', unit: undefined, bots: undefined, by: undefined, where: [] },
    ...{ quantiles: [0.75], examples: 20, fromMs: noon - 86_400_000, toMs: noon },
  }
  for (const [query, change] of [
    ['', {}],
    ['&q=0.5,0.95&unit=By&bots=include', { quantiles: [0.5, 0.95], unit: 'By', bots: 'include' }],
    [`&from=${noon - 5}&to=${noon - 1}`, { fromMs: noon - 5, toMs: noon - 1 }],
    ['&where=country:DE', { where: [{ dimension: 'country', values: ['DE'] }] }],
    [
      '&where=country:DE&where=page_route:/a:b&where=country:&by=attributes.target',
      {
        by: 'attributes.target',
        where: [
          { dimension: 'country', values: ['DE', ''] },
          { dimension: 'page_route', values: ['/a:b'] },
        ],
      },
    ],
    ['&where=country:%00%EF%BB%BF%27', { where: [{ dimension: 'country', values: ["\u0000\ufeff'"] }] }],
    ['&examples=0', { examples: 0 }],
    ['&examples=100', { examples: 100 }],
  ] as const) {
    const { status, headers, body } = await get(query)
    t.match([status, headers['cache-control']], [200, 'no-store'], query)
    t.same(body, JSON.parse(JSON.stringify(answer)), query)
    t.same(asked.pop(), { ...usual, ...change }, query)
  }
})

test('a table for who accepts one, with notices beside it', async (t) => {
  const summary = { n: 2.5, nEff: 2, rows: 2, avg: 3, min: 2, max: null, q: { '0.5': 2, '0.75': 4 } }
  const groups = [
    { ...summary, value: '=1+1' },
    { ...summary, value: 'a"b,c' },
  ]
  const { explorer } = await served(t)
  const explore = async () => ({ ...answer, total: summary, groups, notices: ['One.'] })
  const { app } = await served(t, { explorer: { ...explorer, explore } })
  for (const [token, notices] of [
    ['all', '["One."]'],
    ['reader', '["One.","Single events are told to tokens with the scope \\"events\\" alone."]'],
  ] as const) {
    const headers = { authorization: `Bearer ${token}`, accept: 'text/csv' }
    const {
      statusCode,
      headers: told,
      body,
    } = await app.inject({ url: '/query/explore?app=shop&metric=m', headers })
    t.match([statusCode, told['content-type'], told.vary], [200, /^text\/csv/, 'accept'])
    t.equal(told['x-headgate-notices'], notices)
    t.same(body.split('\r\n'), [
      'of,value,unit,n,nEff,rows,avg,min,max,q0.5,q0.75',
      'total,,ms,2.5,2,2,3,2,,2,4',
      "group,'=1+1,ms,2.5,2,2,3,2,,2,4",
      'group,"a""b,c",ms,2.5,2,2,3,2,,2,4',
      '',
    ])
  }
})

test('single events are for tokens with the scope for them', async (t) => {
  const { get, asked } = await served(t)
  const unsaid = await get('', 'reader')
  t.same(unsaid.body.notices, ['Single events are told to tokens with the scope "events" alone.'])
  t.match(asked.pop(), { examples: 0 })
  t.notOk('notices' in (await get('&examples=0', 'reader')).body, 'who asks for none is told nothing')
  t.match(await get('&examples=1', 'reader'), { status: 403, body: { code: 'scope_missing' } })
  t.match(await get('', 'events'), { status: 403, body: { code: 'scope_missing' } })
  t.match(await get('', 'nobody'), { status: 401 })
})

test('attributes of which no rollup is kept may name single visitors, and need the scope for single events', async (t) => {
  const { app } = await served(t)
  const lcp = 'browser.web_vital.lcp'
  for (const [rule, metric, query, token, status] of [
    ['grouped by an id of requests', lcp, '&by=attributes.trace_id', 'reader', 403],
    ['only those of one', lcp, '&where=country:DE&where=attributes.user:x', 'reader', 403],
    ['who may see single events', lcp, '&by=attributes.trace_id', 'all', 200],
    ['of which a rollup is kept', lcp, '&by=attributes.target&where=attributes.target:x', 'reader', 200],
    ['of which one is kept, but not of this metric', 'm', '&by=attributes.target', 'reader', 403],
    ['no attribute', 'm', '&by=country&where=sdk_name:x', 'reader', 200],
  ] as const) {
    const headers = { authorization: `Bearer ${token}` }
    const url = `/query/explore?app=shop&metric=${metric}${query}`
    const { statusCode, body } = await app.inject({ url, headers })
    t.equal(statusCode, status, rule)
    if (status === 403) t.match(JSON.parse(body), { code: 'scope_missing', detail: /scope "events"/ }, rule)
  }
})

test('a token for some apps is told of no object, whatever is wrong with it', async (t) => {
  const { explorer } = await served(t)
  const failures: Error[] = []
  const fail = async () => Promise.reject(failures[0])
  const { app } = await served(t, { explorer: { ...explorer, explore: fail, arrived: fail } })
  const gone = 'Objects of the range are not in the lake any more.'
  const unread = 'The events of the range could not be read now; who operates Headgate finds why in its log.'
  for (const [code, detail] of [
    ['input_missing', gone],
    ['engine_failed', unread],
    ['engine_out_of_memory', unread],
    ['engine_unusable', unread],
    ['lake_failed', unread],
    ['range_too_large', 'raw/blog/key'],
  ] as const satisfies readonly (readonly [ErrorCode, string])[])
    for (const url of ['/query/explore?app=shop&metric=m', '/query/events?app=shop']) {
      failures[0] = new AppError(code, 'raw/blog/key')
      const detailFor = async (token: string) => {
        const { body } = await app.inject({ url, headers: { authorization: `Bearer ${token}` } })
        t.equal(JSON.parse(body).code, code)
        return JSON.parse(body).detail
      }
      t.equal(await detailFor('shop'), detail, `${code} ${url}`)
      t.equal(await detailFor('all'), 'raw/blog/key', `${code} ${url}: who is for all`)
    }
  failures[0] = new Error('raw/blog/key')
  const headers = { authorization: 'Bearer shop' }
  const { body } = await app.inject({ url: '/query/events?app=shop', headers })
  t.match(JSON.parse(body), { code: 'internal', detail: 'The error was logged.' })
})

test('a token for some apps asks about these alone, and is told of no others', async (t) => {
  const { get, app } = await served(t)
  for (const ofAll of ['scanned', 'completeness']) t.notOk(ofAll in (await get('', 'shop')).body, ofAll)
  const headers = { authorization: 'Bearer shop' }
  const other = await app.inject({ url: '/query/explore?app=shpo&metric=m', headers })
  t.match(JSON.parse(other.body), { code: 'app_not_in_token', detail: /did you mean "shop"/ })
})

test('what is no dimension is named, with what was meant', async (t) => {
  const { get } = await served(t)
  for (const [query, parameter, detail] of [
    [
      '&where=contry:DE',
      'where',
      /^where must be one of page_route, .*attributes\.<name>; "contry" is none of them; did you mean "country"\?$/,
    ],
    ['&where=country:DE&where=route:/a', 'where', /did you mean "page_route"\?$/],
    ['&by=browser', 'by', /^by must be one of [^;]*\.$/],
    ['&by=os', 'by', /^by must be one of [^;]*\.$/],
    ['&by=attributes.', 'by', /^by must be one of /],
    ["&by=attributes.a'b", 'by', /^by must be one of /],
    ['&where=session_id:x', 'where', /^where must be one of /],
  ] as const) {
    const { status, body } = await get(query)
    t.match([status, body.code, body.parameter], [422, 'unknown_dimension', parameter], query)
    t.match(body.detail, detail, query)
  }
  for (const [query, detail] of [
    ['&where=country', /^where must be a dimension and its value with a colon between them/],
    ['&where=', /^where must be a dimension/],
    ['&where=:DE', /^where must be a dimension/],
    ['&examples=101', /^examples must be a whole number from 0 to 100/],
    ['&set=route', /^set is not asked for here, but elsewhere/],
    [`&where=country:${'x'.repeat(4_100)}`, /^where must be/],
    ['&where=country:A'.repeat(21), /^where must be/],
  ] as const) {
    const { status, body } = await get(query)
    t.match([status, body.code], [400, 'invalid_request'], query)
    t.match(body.detail, detail, query.slice(0, 40))
  }
})

test('some at once, some wait, and the rest is told to come again; who is gone is asked for no more', async (t) => {
  const ended: string[] = []
  const begun: (() => void)[] = []
  const explorer: Explorer = {
    ...(await served(t)).explorer,
    explore: (_, signal) =>
      new Promise((resolve, reject) => {
        begun.push(() => resolve(answer))
        signal.addEventListener('abort', () => {
          ended.push(String(signal.reason.code))
          reject(signal.reason)
        })
      }),
  }
  const limits = { atOnce: 1, waiting: 1, ofToken: 8, deadlineMs: 60_000 }
  const { get, app } = await served(t, { explorer, limits })
  const [first, second] = [get(''), get('')]
  while (begun.length === 0) await new Promise(setImmediate)
  const third = await get('')
  t.match([third.status, third.headers['retry-after']], [503, '2'])
  begun.shift()?.()
  t.equal((await first).status, 200)
  while (begun.length === 0) await new Promise(setImmediate)
  begun.shift()?.()
  t.equal((await second).status, 200)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const leaving = new AbortController()
  const { port } = app.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/query/explore?app=shop&metric=m`
  const gone = fetch(url, { signal: leaving.signal, headers: { authorization: 'Bearer all' } })
  while (begun.length === 0) await new Promise(setImmediate)
  const before = ended.length
  leaving.abort()
  await t.rejects(gone)
  while (ended.length === before) await new Promise(setImmediate)
  t.same(ended.slice(before), ['cancelled'])
})

test('what arrived and what did not, for tokens that may see single events', async (t) => {
  const { app, asked } = await served(t)
  const get = async (query: string, token = 'all') => {
    const headers = { authorization: `Bearer ${token}` }
    const { statusCode, body } = await app.inject({ url: `/query/events?${query}`, headers })
    return { status: statusCode, body: JSON.parse(body) }
  }
  const range = { fromMs: noon - 3_600_000, toMs: noon }
  const { status, body } = await get('app=blog')
  t.equal(status, 200)
  t.same(body, {
    ...{ from: range.fromMs, to: noon, refused: [], rejectedFields: [], deadLetters: [] },
    arrived: [{ id: 'a', t: 1, receivedMs: 2, name: 'm', value: null, unit: null, outcome: 'kept' }],
    scanned: answer.scanned,
  })
  t.same(asked.splice(0), [
    { app: 'blog', limit: 20, ...range, metric: undefined, order: 'newest' },
    { app: 'blog', limit: 20, ...range, ofAllApps: true },
  ])
  const limited = await get(
    `app=shop&metric=none&limit=100&order=slowest&from=${noon - 5}&to=${noon}`,
    'shop',
  )
  t.same(limited.body, {
    ...{ from: noon - 5, to: noon, arrived: [], refused: null, rejectedFields: [], deadLetters: [] },
    notices: [
      'Nothing of this is in the lake in this range. What no ingest has taken in yet is not seen here: that is a tick of the schedule.',
      'No gateway tells whom it refused: none runs here, or none answers at aggregation.gatewayUrl.',
    ],
  })
  t.match(asked, [{ limit: 100, order: 'slowest', metric: 'none' }, { ofAllApps: false }])
  for (const [query, token, status, code] of [
    ['app=shop', 'reader', 403, 'scope_missing'],
    ['app=shop', 'events', 403, 'scope_missing'],
    ['app=blog', 'shop', 403, 'app_not_in_token'],
    ['app=shop&limit=101', 'all', 400, 'invalid_request'],
    ['app=shop&order=oldest', 'all', 400, 'invalid_request'],
  ] as const)
    t.match(await get(query, token), { status, body: { code } }, `${query} ${token}`)
})

test('a stop ends explorations at once, and what they hold', async (t) => {
  const { explorer } = await served(t)
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  let hasLetGo = false
  const explore = (_asked: unknown, signal: AbortSignal) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () =>
        setImmediate(() => {
          hasLetGo = true
          reject(signal.reason)
        }),
      )
      begin()
    })
  const { app, get } = await served(t, { explorer: { ...explorer, explore } })
  const answer = get('')
  await begun
  await app.close()
  t.ok(hasLetGo)
  t.match(await answer, { status: 503, body: { code: 'shutting_down' } })
})
