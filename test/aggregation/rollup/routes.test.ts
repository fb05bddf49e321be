import { createHash } from 'node:crypto'
import swagger from '@fastify/swagger'
import { type Test, test } from 'tap'
import { rollupRoutes } from '../../../src/aggregation/rollup/routes.ts'
import { createAuth } from '../../../src/http/auth.ts'
import { answerWithProblems } from '../../../src/http/problems.ts'
import { queryPool } from '../../../src/http/query-pool.ts'
import { createServer } from '../../../src/http/server.ts'
import { AppError } from '../../../src/std/errors.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { aggregation, GRAIN, MIN, never, type RunParts, T0 } from '../../fakes/aggregation/aggregation.ts'
import { seededEntropy } from '../../fakes/entropy.ts'

const { log } = quietTelemetry()
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens = [
  { name: 'ops', sha256: sha256('ops'), scopes: ['read', 'run'] as ('read' | 'run')[] },
  { name: 'viewer', sha256: sha256('viewer'), scopes: ['read'] as ('read' | 'run')[] },
  {
    name: 'limited',
    sha256: sha256('limited'),
    scopes: ['read', 'run'] as ('read' | 'run')[],
    apps: ['shop'],
  },
]

async function setUp(t: Test, over: Partial<RunParts> = {}) {
  const it = await aggregation(t, over)
  const runs = await it.open()
  const app = createServer([], log)
  answerWithProblems(app, log)
  await app.register(rollupRoutes, { runs, auth: createAuth(tokens), clock: it.clock, pool: queryPool() })
  t.teardown(() => app.close())
  const call = async (
    method: 'GET' | 'POST',
    url: string,
    options: { body?: unknown; token?: string; key?: string } = {},
  ) => {
    const { body, token = 'ops', key } = options
    const headers = {
      authorization: `Bearer ${token}`,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    }
    const response = await app.inject({
      method,
      url,
      headers,
      ...(body === undefined ? {} : { payload: body as object }),
    })
    return {
      status: response.statusCode,
      headers: response.headers,
      body: response.json(),
      text: response.body,
    }
  }
  it.deliver(T0, [1, 2, -3])
  it.clock.advance(GRAIN + 2 * MIN)
  await runs.tick(never)
  await runs.work(never)
  return { ...it, runs, app, call }
}

const run = (body?: unknown, options = {}) => ['POST', '/aggregations/run', { body, ...options }] as const

test('a run is asked for, followed and read', async (t) => {
  const { call, runs } = await setUp(t)
  const asked = await call(...run({ from: T0 - GRAIN, to: '2026-11-22T12:45:00Z' }))
  t.equal(asked.status, 202)
  t.match(asked.body, {
    state: 'queued',
    windows: [
      { rollup: 'vitals', from: '2026-11-22T11:45:00.000Z', to: '2026-11-22T12:00:00.000Z', step: 'compute' },
      { from: '2026-11-22T12:15:00.000Z' },
    ],
    skipped: [
      { why: 'in_the_future' },
      { window: { rollup: 'vitals', from: '2026-11-22T12:00:00.000Z' }, why: 'committed' },
    ],
    skippedBy: { committed: 1, in_the_future: 1 },
  })
  t.equal(asked.headers.location, `/aggregations/runs/${asked.body.id}`)
  const at = String(asked.headers.location)
  t.match((await call('GET', at)).body, { id: asked.body.id, state: 'queued', attempt: 0, principal: 'ops' })
  await runs.work(never)
  const { body } = await call('GET', at, { token: 'viewer' })
  t.match(body, {
    state: 'succeeded',
    trigger: 'request',
    createdAt: '2026-11-22T12:17:00.000Z',
    startedAt: '2026-11-22T12:17:00.000Z',
    endedAt: '2026-11-22T12:17:00.000Z',
    windows: [{ result: 'committed', generation: 1, rows: 0 }, { result: 'committed' }],
  })
  t.notMatch(JSON.stringify(body), /owner|pid|bootId/, 'what is about processes stays here')
  const notes = await call('GET', `${at}/log`).catch(() => undefined)
  t.equal(notes, undefined, 'a log is no JSON document')
})

test('of many windows that are skipped some are named and all are counted', async (t) => {
  const { call } = await setUp(t)
  const asked = { from: T0 - 30 * GRAIN, to: T0, reprocess: 'failed', dryRun: true }
  const { body } = await call(...run(asked))
  t.equal(body.skipped.length, 20)
  t.same(body.skippedBy, { not_failed: 30 })
})

test('a range that lies ahead has no run', async (t) => {
  const { call } = await setUp(t)
  const now = '2026-11-22T12:17:00.000Z'
  for (const [field, body] of [
    ['from', { from: T0 + 2 * GRAIN, to: T0 + 9 * GRAIN }],
    ['at', { at: T0 + 2 * GRAIN }],
  ] as const)
    t.match(await call(...run(body)), {
      status: 400,
      body: {
        detail: `${field} must not lie ahead: it is ${now}, and no window after that has begun.`,
      },
    })
  t.equal((await call(...run({ at: T0 + 2 * GRAIN - 1 }))).status, 202, 'the window that is open')
})

test('the log of a run is JSON lines', async (t) => {
  const { app, runs } = await setUp(t)
  const [{ id } = { id: '' }] = await runs.list({ limit: 1 })
  const headers = { authorization: 'Bearer viewer' }
  const response = await app.inject({ url: `/aggregations/runs/${id}/log`, headers })
  t.equal(response.headers['content-type'], 'application/x-ndjson')
  t.match(
    response.body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).message),
    ['run started', 'window committed', 'run succeeded'],
  )
})

test('a run without a body takes what is missing; a dry run says what that is', async (t) => {
  const { call } = await setUp(t)
  const dry = await call(...run({ dryRun: true }))
  t.match(dry, {
    status: 202,
    body: { id: null, state: 'planned', windows: [{ from: '2026-11-22T12:15:00.000Z' }] },
  })
  t.equal(dry.headers.location, undefined)
  t.equal(dry.body.notTakenIn, 0)
  const { status, body } = await call(...run())
  t.match({ status, windows: body.windows }, { status: 202, windows: dry.body.windows })
})

test('the same key means the same run', async (t) => {
  const { call } = await setUp(t)
  const first = await call(...run({ at: T0 }, { key: 'k' }))
  const again = await call(...run({ at: T0 }, { key: 'k' }))
  t.same(again.body, first.body)
  t.equal(again.headers.location, first.headers.location)
  t.match(await call(...run({ at: T0, reprocess: 'all' }, { key: 'k' })), {
    status: 422,
    body: { code: 'idempotency_key_reused' },
  })
  t.same((await call(...run({ at: T0 }, { key: '"k"' }))).body, first.body, 'in quotes or not')
  for (const key of ['', '""', 'k'.repeat(256), 'k, k', 'two words', '"k']) {
    t.match(await call(...run({ at: T0 }, { key })), {
      status: 400,
      body: { detail: /^Idempotency-Key must have 1 to 255 printable characters/ },
    })
  }
})

test('a body that is not understood is refused, naming the field', async (t) => {
  const { app, call, runs } = await setUp(t)
  const before = (await runs.list({ limit: 9 })).length
  for (const [body, detail] of [
    [{ form: T0 }, /^form is not a known field; did you mean "from"/],
    [{ from: 'yesterday' }, /^from /],
    [{ rollups: ['daily'] }, /^rollups takes names, each of which must be one of vitals/],
    [[], /object/],
  ] as const) {
    t.match(await call(...run(body)), { status: 400, body: { code: 'invalid_request', detail } })
  }
  const headers = { authorization: 'Bearer ops', 'content-type': 'application/json' }
  const answer = await app.inject({ method: 'POST', url: '/aggregations/run', headers, payload: 'null' })
  t.match(answer.json(), { status: 400, detail: /object/ }, 'null is a body, and no request')
  t.equal((await runs.list({ limit: 9 })).length, before)
})

test('runs are listed newest first, by state, so many', async (t) => {
  const { call, clock } = await setUp(t)
  clock.advance(1)
  await call(...run({ at: T0 }))
  const { status, body } = await call('GET', '/aggregations/runs', { token: 'viewer' })
  t.equal(status, 200)
  t.match(body.runs, [
    { state: 'queued', trigger: 'request', windows: 0 },
    { state: 'succeeded', trigger: 'schedule', windows: 1 },
  ])
  t.equal((await call('GET', '/aggregations/runs?limit=1')).body.runs.length, 1)
  t.match((await call('GET', '/aggregations/runs?state=succeeded')).body.runs, [{ principal: 'schedule' }])
  for (const query of ['limit=0', 'limit=1001', 'limit=ten', 'state=done', 'sort=id']) {
    t.match(
      await call('GET', `/aggregations/runs?${query}`),
      { status: 400, body: { code: 'invalid_request' } },
      query,
    )
  }
})

test('a run that failed says why, and when it is tried again', async (t) => {
  const { call, runs, engine } = await setUp(t, {
    entropy: { ...seededEntropy(7), uniform: () => 0.5 },
  })
  engine.failures.push(new AppError('engine_out_of_memory', 'too much'))
  const { body } = await call(...run({ at: T0 + GRAIN }))
  await runs.work(never)
  t.match((await call('GET', `/aggregations/runs/${body.id}`)).body, {
    state: 'queued',
    attempt: 1,
    retryAt: '2026-11-22T12:17:15.000Z',
    windows: [{ error: { code: 'engine_out_of_memory', message: 'too much' } }],
  })
  engine.failures.push(new AppError('input_missing', 'gone'))
  const second = await call(...run({ at: T0, reprocess: 'all' }))
  await runs.work(never)
  t.match((await call('GET', `/aggregations/runs/${second.body.id}`)).body, {
    state: 'failed',
    error: { code: 'input_missing', message: /1 of 1 windows failed/ },
  })
})

test('a run says what it could not see', async (t) => {
  const { call, runs } = await setUp(t, { askGateway: async () => null })
  const { body } = await call(...run({ at: T0, reprocess: 'all' }))
  await runs.work(never)
  t.match((await call('GET', `/aggregations/runs/${body.id}`)).body, {
    state: 'succeeded',
    unseen: { why: 'no_gateway' },
  })
})

test('a run is cancelled, and stays so', async (t) => {
  const { call } = await setUp(t)
  const { body } = await call(...run({ at: T0 }))
  const cancel = `/aggregations/runs/${body.id}/cancel`
  t.match(await call('POST', cancel), { status: 200, body: { id: body.id, state: 'cancelled' } })
  t.match(await call('POST', cancel), { status: 200, body: { id: body.id, state: 'cancelled' } })
})

test('windows are told with their state', async (t) => {
  const { call, deliver, arrivals } = await setUp(t)
  deliver(T0, [9], T0 + 10 * GRAIN)
  await arrivals.ingest(never)
  const { status, body } = await call('GET', '/aggregations/windows', { token: 'viewer' })
  t.equal(status, 200)
  t.match(body.windows, [
    {
      rollup: 'vitals',
      from: '2026-11-22T12:00:00.000Z',
      to: '2026-11-22T12:15:00.000Z',
      state: 'dirty',
      generation: 1,
      complete: true,
      rows: 1,
      late: 0,
      rejected: 1,
      lagMs: 120_000,
    },
    { state: 'open', lagMs: 0 },
  ])
  t.notOk('generation' in body.windows[1])
  const range = `from=${T0}&to=2026-11-22T12:15:00Z`
  t.equal((await call('GET', `/aggregations/windows?rollup=vitals&${range}`)).body.windows.length, 1)
  for (const query of ['rollup=daily', 'from=then', 'to=then', 'app=shop', 'from=0']) {
    t.match(
      await call('GET', `/aggregations/windows?${query}`),
      { status: 400, body: { code: 'invalid_request' } },
      query,
    )
  }
  const { body: other } = await call('GET', '/aggregations/windows?rollup=daily')
  t.equal(other.detail, 'rollup must be one of vitals.', 'it says what there is, not what was sent')
})

test('reading needs the scope read, starting and ending the scope run, by header alone', async (t) => {
  const { app } = await setUp(t)
  for (const [method, url, scope] of [
    ['POST', '/aggregations/run', 'run'],
    ['GET', '/aggregations/runs', 'read'],
    ['GET', '/aggregations/runs/x', 'read'],
    ['GET', '/aggregations/runs/x/log', 'read'],
    ['POST', '/aggregations/runs/x/cancel', 'run'],
    ['GET', '/aggregations/windows', 'read'],
  ] as const) {
    const status = async (authorization?: string, query = '') =>
      (await app.inject({ method, url: url + query, ...(authorization && { headers: { authorization } }) }))
        .statusCode
    t.equal(await status(), 401, `${method} ${url} without a token`)
    t.equal(await status(undefined, '?token=ops'), 401)
    t.equal(await status('Bearer wrong'), 401)
    const viewer = await status('Bearer viewer')
    t.equal(viewer === 403, scope === 'run', `${method} ${url} needs ${scope}`)
  }
})

test('what is unknown is not found', async (t) => {
  const { call } = await setUp(t)
  for (const [method, url] of [
    ['GET', '/aggregations/runs/0mf3jqk2v00-00000000'],
    ['GET', '/aggregations/runs/..%2F..%2Fkeys'],
    ['GET', '/aggregations/runs/0mf3jqk2v00-00000000/log'],
    ['POST', '/aggregations/runs/0mf3jqk2v00-00000000/cancel'],
  ] as const) {
    t.match(await call(method, url), { status: 404, body: { code: 'not_found' } }, url)
  }
})

test('a token that is limited to some apps neither starts, sees nor ends runs', async (t) => {
  const { call, runs } = await setUp(t)
  const [{ id } = { id: '' }] = await runs.list({ limit: 1 })
  for (const [method, url] of [
    ['POST', '/aggregations/run'],
    ['GET', '/aggregations/runs'],
    ['GET', `/aggregations/runs/${id}`],
    ['GET', `/aggregations/runs/${id}/log`],
    ['POST', `/aggregations/runs/${id}/cancel`],
    ['GET', '/aggregations/windows'],
    ['GET', '/aggregations/runs/unknown'],
  ] as const) {
    const answer = await call(method, url, { token: 'limited', ...(method === 'POST' && { body: {} }) })
    t.match(answer, { status: 403, body: { code: 'app_not_in_token' } }, `${method} ${url}`)
  }
  t.equal((await runs.list({ limit: 9 })).length, 1)
})

test('windows of no range, and instants that are none, are refused', async (t) => {
  const { call } = await setUp(t)
  for (const [query, detail] of [
    [`from=${T0}&to=${T0}`, /^from \(\S+\) must be before to \(\S+\)/],
    [`from=${T0 + GRAIN}&to=${T0}`, /^from .* must be before to/],
    ['from=2027-01-01', /^from .* must be before to/],
    ['to=2001-01-01', /^from .* must be before to/],
    ['from=5&to=4', /^from must be epoch milliseconds/],
    ['from=2026-02-29', /^from must be/],
    ['to=999999999990000', /^to must be in the years/],
  ] as const) {
    t.match(await call('GET', `/aggregations/windows?${query}`), { status: 400, body: { detail } }, query)
  }
  const last = await call(
    'GET',
    '/aggregations/windows?from=9999-12-31T23:00Z&to=9999-12-31T23:59:59.999999Z',
  )
  t.match(last, { status: 200, body: { windows: { length: 3 } } }, 'those that end in a year of four digits')
})

test('equal ranges that wait share one run, whoever asks', async (t) => {
  const { call, runs, clock } = await setUp(t)
  const range = { from: T0, to: T0 + GRAIN, reprocess: 'all' }
  const first = (await call(...run(range))).body
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(...run(range))))
  t.same([...new Set(answers.map(({ status, body }) => `${status} ${body.id}`))], [`202 ${first.id}`])
  t.match(answers[0]?.headers, { location: `/aggregations/runs/${first.id}` })
  const own = new Set([first.id])
  for (const [what, other] of [
    ['another range', { ...range, to: T0 + 2 * GRAIN }],
    ['another start', { ...range, from: T0 - GRAIN }],
    ['another kind', { ...range, reprocess: 'missing' }],
  ] as const) {
    const { id } = (await call(...run(other))).body
    t.equal(own.has(id), false, what)
    own.add(id)
  }
  const keyed = (await call(...run(range, { key: 'mine' }))).body
  t.not(keyed.id, first.id, 'a key of its own is a run of its own')
  t.equal((await call(...run({ ...range, dryRun: true }))).body.id, null)

  const all = (await call(...run({}))).body
  clock.advance(1)
  t.equal((await call(...run())).body.id, all.id, 'what is missing is the same a moment later')
  t.equal((await runs.list({ limit: 99 })).length, 1 + 5 + 1)
  await runs.work(never)
  t.not((await call(...run(range))).body.id, first.id, 'what has run is no longer shared')
})

test('a run of many windows is shared with who confirms them', async (t) => {
  const { call } = await setUp(t)
  const many = { from: T0 - 300 * GRAIN, to: T0 }
  const first = (await call(...run({ ...many, confirm: true }))).body
  t.match(await call(...run(many)), { status: 400, body: { detail: /confirm/ } })
  t.equal((await call(...run({ ...many, confirm: true }))).body.id, first.id)
})

test('the queue of runs has an end', async (t) => {
  const { call, runs } = await setUp(t)
  const ask = (i: number) => call(...run({ at: T0 - i * GRAIN, reprocess: 'all' }))
  for (let i = 0; i < 32; i++) t.equal((await ask(i)).status, 202)
  const refused = await ask(32)
  t.match(refused, {
    status: 503,
    headers: { 'retry-after': '30' },
    body: { code: 'runs_full', detail: '32 runs wait already.' },
  })
  t.equal((await ask(5)).status, 202, 'but for those who share')
  await runs.work(never)
  t.equal((await ask(32)).status, 202)
})

test('requests that wait to become runs have an end as well', async (t) => {
  const { call } = await setUp(t)
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => call(...run({ at: T0 - i * GRAIN, reprocess: 'all' }))),
  )
  const statuses = answers.map(({ status }) => status)
  t.same([...new Set(statuses)].sort(), [202, 503])
  t.ok(statuses.filter((status) => status === 202).length <= 32)
})

test('every route is documented', async (t) => {
  const app = createServer([], log)
  const components = { securitySchemes: { bearer: { type: 'http' as const, scheme: 'bearer' } } }
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 't', version: '1' }, components },
  })
  const { open, clock } = await aggregation(t)
  await app.register(rollupRoutes, { runs: await open(), auth: createAuth(tokens), clock, pool: queryPool() })
  await app.ready()
  const operations = Object.values(app.swagger().paths ?? {}).flatMap((path) => Object.values(path as object))
  t.same(operations.map(({ operationId }) => operationId).sort(), [
    'cancelRun',
    'getRun',
    'getRunLog',
    'listRuns',
    'listWindows',
    'runAggregation',
  ])
  for (const { operationId, summary, tags, responses } of operations) {
    t.match(
      { summary, tags, responses },
      { summary: /\w/, tags: ['aggregation'], responses: { 401: {} } },
      operationId,
    )
  }
  await app.close()
})
