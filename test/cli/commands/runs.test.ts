import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { runCommand } from '../../../src/cli/commands.ts'
import { NO_ROUTE } from '../../../src/http/problems.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'

interface Said {
  readonly status?: number
  readonly body: unknown
}

/** A private listener by path: `POST /aggregations/runs/r1/cancel`. What it was asked is kept. */
async function admin(t: Test, answers: Readonly<Record<string, Said>>) {
  const asked: string[] = []
  const server = createServer(({ method, url, headers }, response) => {
    asked.push(`${method} ${url} ${headers.authorization}`)
    const { status = 200, body } = answers[`${method} ${url}`] ?? {
      status: 404,
      body: { detail: 'There is no such run.' },
    }
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

async function runs(url: string, ...args: readonly string[]) {
  const terminal = fakeTerminal({ HEADGATE_TOKEN: 'secret' })
  const code = await runCommand(['runs', ...args, '--url', url], terminal)
  return { code, ...terminal.said() }
}

const summary = {
  ...{ id: 'r1', state: 'succeeded', trigger: 'request', principal: 'ops', attempt: 1 },
  createdAt: '2026-11-22T09:20:00.000Z',
  startedAt: '2026-11-22T09:20:01.000Z',
  endedAt: '2026-11-22T09:23:09.000Z',
}
const window = (minute: string, to: string, more: object) => ({
  ...{ rollup: 'default', step: 'compute' },
  from: `2026-11-22T09:${minute}:00.000Z`,
  to: `2026-11-22T09:${to}:00.000Z`,
  ...more,
})
const done = window('00', '15', { result: 'committed', generation: 1, rows: 1_234 })
const skipped = (why: string) => ({
  window: { rollup: 'default', from: summary.createdAt, to: summary.endedAt },
  why,
})

test('list shows the newest runs', async (t) => {
  const { startedAt, endedAt, ...waiting } = { ...summary, id: 'r2', state: 'queued' }
  const list = {
    runs: [
      { ...waiting, windows: 1_000 },
      { ...summary, windows: 2 },
    ],
  }
  const { url, asked } = await admin(t, {
    'GET /aggregations/runs?limit=20': { body: list },
    'GET /aggregations/runs?limit=5': { body: { runs: [] } },
  })
  t.same(await runs(url, 'list'), {
    code: 0,
    out: `run      state  windows  asked by      queued (UTC)   took
r2      queued    1,000       ops  2026-11-22 09:20
r1   succeeded        2       ops  2026-11-22 09:20  3 min
`,
    err: '',
  })
  t.same(asked, ['GET /aggregations/runs?limit=20 Bearer secret'])
  t.match(await runs(url, 'list', '--limit', '5'), { code: 0, out: 'There are no runs yet.\n' })
  t.same(JSON.parse((await runs(url, 'list', '--json')).out), list)
  for (const limit of ['0', '1001', '1.5', 'all', '1e2', ' 5', '0x5'])
    t.match(await runs(url, 'list', '--limit', limit), {
      code: 2,
      err: /--limit must be a whole number from 1 to 1000/,
    })
})

test('show tells the windows of a run, what went wrong, and its log', async (t) => {
  const { endedAt, ...open } = summary
  const error = { code: 'engine_failed', message: 'The engine ended.' }
  const run = {
    ...{ ...open, attempt: 2, state: 'queued', retryAt: '2026-11-22T09:30:00.000Z', error },
    windows: [done, window('15', '30', { result: 'failed', error }), window('30', '45', {})],
    skipped: [skipped('in_the_future'), skipped('open'), skipped('in_the_future')],
    unseen: { why: 'backlog', events: 5 },
    notIngested: {
      count: 1_200,
      objects: [{ key: 'raw/gateway/a.parquet', why: 'Lake get failed: EACCES' }],
    },
  }
  const log = `{"time":"2026-11-22T09:20:01.500Z","level":"info","message":"ingested","files":3}\n{"time":"2026-11-22T09:20:02.000Z","level":"error","message":"failed"}\n`
  const { url } = await admin(t, {
    'GET /aggregations/runs/r1': { body: run },
    'GET /aggregations/runs/r1/log': { body: log },
  })
  t.same(await runs(url, 'show', 'r1'), {
    code: 0,
    out: `Run r1 queued: 1 of 3 windows done, 1 failed

asked by  ops (request), 2026-11-22T09:20:00.000Z
started   2026-11-22T09:20:01.000Z, try 2
again     2026-11-22T09:30:00.000Z
error     engine_failed: The engine ended.
skipped   3 windows: 2 in the future, 1 open
unseen    events that the gateway had not delivered yet
not taken 1,200 objects, tried again by each run: raw/gateway/a.parquet (Lake get failed: EACCES), and 1,199 more

window (UTC)                rollup     step     result  rollup rows
2026-11-22 09:00 to 09:15  default  compute  committed        1,234
2026-11-22 09:15 to 09:30  default  compute     failed            0
2026-11-22 09:30 to 09:45  default  compute      waits            0

2026-11-22 09:15: engine_failed: The engine ended.

09:20:01.500 info ingested files=3
09:20:02.000 error failed
`,
    err: '',
  })
  t.match(JSON.parse((await runs(url, 'show', 'r1', '--json')).out), {
    ...run,
    log: [{ files: 3 }, { level: 'error' }],
  })
})

test('a run that ended tells how long it took, and of the one object that it could not take', async (t) => {
  const notIngested = { count: 1, objects: [{ key: 'raw/a.parquet', why: 'Lake get failed: EACCES' }] }
  const { url } = await admin(t, {
    'GET /aggregations/runs/r1': { body: { ...summary, windows: [done], skipped: [], notIngested } },
    'GET /aggregations/runs/r1/log': { body: '' },
  })
  t.match(
    (await runs(url, 'show', 'r1')).out,
    `started   2026-11-22T09:20:01.000Z
ended     2026-11-22T09:23:09.000Z, after 3 min
not taken 1 object, tried again by each run: raw/a.parquet (Lake get failed: EACCES)
`,
  )
})

test('a run tells what is counted as it says, where nothing was set aside', async (t) => {
  const doubtful = { rows: 3, told: [{ key: 'raw/a.parquet', why: 'unit is s', rows: 3 }] }
  const setAside = { lines: 0, objects: 0, told: [], doubtful }
  const { url } = await admin(t, {
    'GET /aggregations/runs/r1': { body: { ...summary, windows: [done], skipped: [], setAside } },
    'GET /aggregations/runs/r1/log': { body: '' },
  })
  const { out } = await runs(url, 'show', 'r1')
  t.match(
    out,
    /\ndoubtful {2}3 events counted as they say, which was hardly meant: raw\/a.parquet \(unit is s\)\n/,
  )
  t.notMatch(out, 'set aside')
})

test('a run tells what was set aside, and what came too late, with the command that counts it', async (t) => {
  const setAside = {
    ...{ lines: 3, objects: 1 },
    told: [
      { key: 'raw/bi/a.ndjson', why: 'it lacks name', lines: 3, keptIn: 'dead/ingest-bi/c.ndjson' },
      { key: 'raw/bi/b.parquet', why: 'It is none', keptIn: 'dead/ingest-bi/b.parquet' },
    ],
  }
  const sealed = [
    { ...skipped('sealed'), tooLate: 5 },
    skipped('sealed'),
    { window: { ...skipped('sealed').window, from: '2026-11-02T10:00:00.000Z' }, why: 'sealed', tooLate: 1 },
  ]
  const { url } = await admin(t, {
    'GET /aggregations/runs/r1': { body: { ...summary, windows: [done], skipped: sealed, setAside } },
    'GET /aggregations/runs/r1/log': { body: '' },
  })
  const { out } = await runs(url, 'show', 'r1')
  const { from, to } = skipped('sealed').window
  t.match(
    out,
    `
too late  6 events came too late for 2 windows from 2026-11-02T10:00Z to ${to.slice(0, 16)}Z, finished and older than aggregation.schedule.horizon. To count them: headgate aggregate --from 2026-11-02T10:00Z --to ${to.slice(0, 16)}Z --reprocess all
set aside 3 lines and 1 object, kept in dead/ with the reasons beside them:
            raw/bi/a.ndjson (it lacks name)
            raw/bi/b.parquet (It is none)
`,
  )
  t.ok(from > '2026-11-02')
})

test('a run without windows, that began nothing, is shown as far as it came', async (t) => {
  const { startedAt, ...never } = { ...summary, state: 'cancelled' }
  const { url } = await admin(t, {
    'GET /aggregations/runs/r1': { body: { ...never, windows: [], skipped: [] } },
    'GET /aggregations/runs/r1/log': { body: '' },
  })
  t.equal(
    (await runs(url, 'show', 'r1')).out,
    `Run r1 cancelled: 0 of 0 windows done

asked by  ops (request), 2026-11-22T09:20:00.000Z
ended     2026-11-22T09:23:09.000Z
`,
  )
})

test('cancel ends a run and says how far it came', async (t) => {
  const cancelled = { ...summary, state: 'cancelled', windows: [done, window('15', '30', {})], skipped: [] }
  const { url, asked } = await admin(t, {
    'POST /aggregations/runs/r1/cancel': { body: cancelled },
    'POST /aggregations/runs/r3/cancel': { body: { ...cancelled, id: 'r3', state: 'succeeded' } },
    'POST /aggregations/runs/r2/cancel': {
      status: 409,
      body: { detail: 'The run belongs to process 7; end that instead.' },
    },
  })
  t.match(await runs(url, 'cancel', 'r1'), { code: 0, out: 'Run r1 cancelled: 1 of 2 windows done.\n' })
  t.same(asked, ['POST /aggregations/runs/r1/cancel Bearer secret'])
  t.same(JSON.parse((await runs(url, 'cancel', 'r1', '--json')).out), cancelled)
  t.match(await runs(url, 'cancel', 'r3'), {
    code: 1,
    out: 'Run r3 had ended before it could be cancelled: succeeded: 1 of 2 windows done.\n',
  })
  t.match(await runs(url, 'cancel', 'r2'), {
    code: 1,
    out: '',
    err: `${url}: answered 409: The run belongs to process 7; end that instead.\n`,
  })
})

test('what cannot be told ends with 1, and says why', async (t) => {
  const whole = { ...summary, windows: [], skipped: [] }
  const { url } = await admin(t, {
    'GET /aggregations/runs?limit=20': { body: { numbers: 1 } },
    'GET /aggregations/runs/odd': { body: {} },
    'GET /aggregations/runs/half': { body: whole },
    'GET /aggregations/runs/a%2Fb': { status: 403, body: { detail: 'This is about all apps.' } },
  })
  for (const [rule, args, why] of [
    ['another service', ['list'], 'answered 200: this is not a list of runs'],
    ['another answer', ['show', 'odd'], 'answered 200: this is not a run'],
    ['no such run', ['show', 'r9'], 'answered 404: There is no such run.'],
    ['a log that is gone', ['show', 'half'], 'answered 404: There is no such run.'],
    ['no such run to cancel', ['cancel', 'r9'], 'answered 404: There is no such run.'],
    [
      'a token for some apps, and an id of odd letters',
      ['show', 'a/b'],
      'answered 403: This is about all apps.',
    ],
  ] as const) {
    const { err, ...answer } = await runs(url, ...args)
    t.same(answer, { code: 1, out: '' }, rule)
    t.ok(err.startsWith(`${url}: ${why}\n`), err)
    t.equal(/What listens there is not/.test(err), /this is not/.test(why), 'where nothing of ours listens')
    t.equal(/`headgate runs list` shows those/.test(err), /no such run/.test(why), rule)
  }
  const closed = 'http://127.0.0.1:1'
  t.match(await runs(closed, 'list'), {
    code: 1,
    err: /^http:\/\/127\.0\.0\.1:1: unreachable: bad port\nCheck that Headgate runs there/,
  })
  const { url: another } = await admin(t, {
    'GET /aggregations/runs?limit=20': { status: 404, body: { detail: `${NO_ROUTE}; there are /livez.` } },
  })
  t.match(await runs(another, 'list'), {
    code: 1,
    err: /answered 404: No route has this path; there are \/livez\.\nWhat listens there is not the private listener of Headgate: /,
  })
})

test('without --url the configured listener is asked', async (t) => {
  const { url } = await admin(t, { 'GET /aggregations/runs?limit=20': { body: { runs: [] } } })
  const terminal = fakeTerminal({
    ...{ HEADGATE_TOKEN: 'secret', HEADGATE_DATA_DIR: t.testdir() },
    HEADGATE_AGGREGATION_LISTEN_PORT: new URL(url).port,
  })
  t.equal(await runCommand(['runs', 'list'], terminal), 0)
  t.equal(terminal.said().out, 'There are no runs yet.\n')
})
