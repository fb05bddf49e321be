import { type Test, test } from 'tap'
import { erasureBooks } from '../../../../src/aggregation/ingest/erase/erasure-books.ts'
import { type Erasure, newErasure } from '../../../../src/aggregation/ingest/erase/erasure-record.ts'
import { erasureRoutes } from '../../../../src/aggregation/ingest/erase/routes.ts'
import { createAuth } from '../../../../src/http/auth.ts'
import { answerWithProblems } from '../../../../src/http/problems.ts'
import { queryPool } from '../../../../src/http/query-pool.ts'
import { createServer } from '../../../../src/http/server.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { erasuresOver } from '../../../fakes/aggregation/erasures.ts'
import { memoryLake } from '../../../fakes/aggregation/lake.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { NOON } from '../../../fakes/events.ts'
import { sha256 } from '../../../fakes/gateway.ts'

async function listening(t: Test) {
  const lake = memoryLake()
  const { erasures } = erasuresOver({
    ...{ lake, tempDir: '', clock: fakeClock(NOON) },
    arrivals: {
      ingest: async () => ({ inputs: 0, rows: 0, malformed: 0, setAside: [], doubtful: [], failed: [] }),
    },
    openSession: async () => ({ run: async () => {}, rows: async function* () {}, close: async () => {} }),
  })
  const { log } = quietTelemetry()
  const app = createServer([], log)
  answerWithProblems(app, log)
  const auth = createAuth([
    { name: 'eraser', sha256: sha256('eraser'), scopes: ['erase'] },
    { name: 'of blog', sha256: sha256('of-blog'), scopes: ['erase'], apps: ['blog'] },
    { name: 'reader', sha256: sha256('reader'), scopes: ['read', 'run', 'write'] },
  ])
  await app.register(erasureRoutes, { erasures, auth, apps: () => ['shop', 'blog'], pool: queryPool() })
  t.teardown(() => app.close())
  const ask = async (url: string, body?: object, token = 'eraser') => {
    const answer = await app.inject({
      ...{ url, method: body === undefined ? 'GET' : 'POST' },
      headers: { authorization: `Bearer ${token}` },
      ...(body !== undefined && { payload: body }),
    })
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() }
  }
  return { lake, ask }
}

test('an erasure is asked for, and told of, without the id', async (t) => {
  const { lake, ask } = await listening(t)
  const asked = await ask('/erasures', { app: 'shop', session: 'somebody', from: '2026-11-22', dryRun: true })
  t.match(asked, {
    status: 202,
    headers: { location: `/erasures/${asked.body.id}` },
    body: {
      ...{ app: 'shop', by: 'session', from: '2026-11-22T00:00:00.000Z', dryRun: true, state: 'queued' },
      ...{ principal: 'eraser', places: { raw: { objects: 0, rows: 0 } }, unsearched: [], runs: [], log: [] },
    },
  })
  for (const by of ['user', 'pageView']) await ask('/erasures', { app: 'blog', [by]: 'somebody' })
  const { body: all } = await ask('/erasures')
  t.same(all.erasures.map((each: Erasure) => each.by).sort(), ['page-view', 'session', 'user'])
  t.match(await ask(`/erasures/${asked.body.id}`), { status: 200, body: asked.body })
  t.same(all.unreadable, [])
  await lake.put('erasures/0.json', Buffer.from('{"id":"somebo'))
  t.match((await ask('/erasures')).body, { erasures: [{}, {}, {}], unreadable: ['erasures/0.json'] })
  t.notMatch(JSON.stringify(all), /somebody|salt|digest/)
  t.notMatch([...lake.objects.values()].map(String).join(), /somebody/)
})

test('a token of some apps erases, and sees, nothing of others', async (t) => {
  const { ask } = await listening(t)
  const { body } = await ask('/erasures', { app: 'shop', session: 'x' })
  t.match(await ask('/erasures', { app: 'shop', session: 'x' }, 'of-blog'), {
    status: 403,
    body: { code: 'app_not_in_token' },
  })
  t.match(await ask('/erasures', { app: 'blogg', session: 'x' }, 'of-blog'), {
    body: { detail: /did you mean/i },
  })
  t.match(await ask('/erasures', { app: 'blog', session: 'x' }, 'of-blog'), { status: 202 })
  t.match((await ask('/erasures', undefined, 'of-blog')).body.erasures, [{ app: 'blog' }])
  t.match(await ask(`/erasures/${body.id}`, undefined, 'of-blog'), { status: 404 })
  t.match(await ask('/erasures/none'), { status: 404, body: { code: 'not_found' } })
  for (const url of ['/erasures', '/erasures/none'])
    t.match(await ask(url, undefined, 'reader'), { status: 403, body: { code: 'scope_missing' } })
  t.match(await ask('/erasures', {}, 'nobody'), { status: 401 })
})

test('a token of some apps is told nothing of all of them', async (t) => {
  const { lake, ask } = await listening(t)
  const target = { app: 'blog', by: 'user', salt: 's', digest: 'd' } as const
  const unsearched = [{ key: 'dead/gateway/dt=2026-11-22/hr=12/a.ndjson', why: 'because' }]
  await erasureBooks(lake).save({
    ...newErasure({ ...target, id: '1-a', dryRun: false, principal: 'ops', createdMs: NOON }),
    ...{ unsearched, unseen: { why: 'backlog', events: 3 } },
  })
  await lake.put('erasures/0.json', Buffer.from('{'))
  for (const [token, wanted] of [
    ['eraser', [unsearched, { why: 'backlog', events: 3 }, ['erasures/0.json']]],
    ['of-blog', [undefined, { why: 'backlog' }, undefined]],
  ] as const) {
    const { body } = await ask('/erasures', undefined, token)
    const [listed] = body.erasures
    t.same([listed.unsearched, listed.unseen, body.unreadable], wanted)
    t.same((await ask('/erasures/1-a', undefined, token)).body, listed)
  }
})

test('the newest are told, as many as are asked for', async (t) => {
  const { lake, ask } = await listening(t)
  const books = erasureBooks(lake)
  for (let at = 0; at < 105; at += 1)
    await books.save({
      ...newErasure({
        ...{ app: at % 2 === 0 ? 'shop' : 'blog', by: 'user', salt: 's', digest: 'd', principal: 'ops' },
        ...{ id: `1-${1_000 + at}`, dryRun: false, createdMs: NOON },
      }),
    })
  const idsOf = async (url: string, token?: string): Promise<string[]> =>
    (await ask(url, undefined, token)).body.erasures.map((each: Erasure) => each.id)
  t.same(await idsOf('/erasures?limit=2'), ['1-1104', '1-1103'])
  t.same(await idsOf('/erasures?limit=2', 'of-blog'), ['1-1103', '1-1101'])
  t.equal((await idsOf('/erasures')).length, 100)
  t.equal((await idsOf('/erasures?limit=1000')).length, 105)
  for (const limit of ['0', '1001', 'x'])
    t.match(await ask(`/erasures?limit=${limit}`), { status: 400, body: { detail: /limit/ } })
})

test('so many wait, and no more', async (t) => {
  const { lake, ask } = await listening(t)
  const asking = (at: number) => ask('/erasures', { app: 'shop', session: `s-${at}` })
  for (let at = 0; at < 32; at += 1) t.equal((await asking(at)).status, 202)
  t.match(await asking(40), {
    status: 503,
    headers: { 'retry-after': '30' },
    body: { code: 'erasures_full', detail: '32 erasures wait already.' },
  })
  const books = erasureBooks(lake)
  const [first] = (await books.list()).erasures
  if (first !== undefined) await books.save({ ...first, state: 'done' })
  t.match(await asking(41), { status: 202 })
})

test('what cannot be written down is refused by what the disk says', async (t) => {
  const { lake, ask } = await listening(t)
  const failing = [
    new AppError('lake_failed', 'put failed', {
      cause: Object.assign(new Error('full'), { code: 'ENOSPC' }),
    }),
    new AppError('lake_failed', 'put failed'),
  ]
  lake.put = () => Promise.reject(failing.shift())
  t.match(await ask('/erasures', { app: 'shop', session: 'x' }), {
    status: 507,
    body: { code: 'storage_full' },
  })
  t.match(await ask('/erasures', { app: 'shop', session: 'x' }), {
    status: 502,
    body: { code: 'lake_failed' },
  })
})

test('what is no request is refused, and why', async (t) => {
  const { ask } = await listening(t)
  for (const [body, detail] of [
    [{ session: 'x' }, /app/],
    [{ app: 'shop' }, /session or user or pageView must be given/],
    [{ app: 'shop', session: 'x', user: 'y' }, /one of them alone/],
    [{ app: 'shop', session: '' }, /session/],
    [{ app: 'shop', session: 'x', from: 'soon' }, /from/],
    [{ app: 'shop', session: 'x', from: '2026-01-02', to: '2026-01-01' }, /before/],
    [{ app: 'shop', session: 'x', dryrun: true }, /dryrun/],
  ] as const)
    t.match(
      await ask('/erasures', body),
      { status: 400, body: { code: 'invalid_request', detail } },
      JSON.stringify(body),
    )
})

test('one that has ended tells what went, and what was not seen', async (t) => {
  const { lake, ask } = await listening(t)
  const key = (top: string, at: number) => `${top}/gateway/dt=2026-11-22/hr=12/${at}.parquet`
  const target = { app: 'shop', by: 'user', salt: 's', digest: 'd' } as const
  await erasureBooks(lake).save({
    ...newErasure({ ...target, id: '1-a', dryRun: false, principal: 'ops', createdMs: NOON }),
    ...{ state: 'failed', endedMs: NOON + 1, error: 'see run r', unseen: { why: 'stream' }, runs: ['r'] },
    objects: [
      { key: key('raw', 1), rows: 2 },
      { key: key('raw', 2), rows: 3 },
      { key: key('raw', 1), rows: 1 },
      { key: key('dead', 1), rows: 1 },
    ],
    unsearched: [{ key: key('dead', 2), why: 'because' }],
    log: [{ timeMs: NOON, message: 'gone', count: 4 }],
  })
  t.match(await ask('/erasures/1-a'), {
    body: {
      ...{
        state: 'failed',
        endedAt: '2026-11-22T12:00:00.001Z',
        error: 'see run r',
        unseen: { why: 'stream' },
      },
      places: {
        raw: { objects: 2, rows: 6 },
        quarantine: { objects: 0, rows: 0 },
        dead: { objects: 1, rows: 1 },
      },
      unsearched: [{ why: 'because' }],
      log: [{ time: '2026-11-22T12:00:00.000Z', message: 'gone', count: 4 }],
    },
  })
})
