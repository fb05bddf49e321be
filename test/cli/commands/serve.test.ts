import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync } from 'node:fs'
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import { DEFAULT_SETS } from '../../../src/aggregation/rollup/model/definition.ts'
import { patienceMs } from '../../../src/cli/serve/shutdown.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { credentialsOf } from '../../fakes/credentials/vending.ts'
import { withEnvironment } from '../../fakes/environment.ts'
import { startCommand } from '../../fakes/process/command.ts'
import { ask, listen, post, sha256, start, waitFor } from '../../fakes/process/serving.ts'
import { fakeLine } from '../../fakes/process/worker-channel.ts'

const runNow = (aggregation: string) =>
  fetch(`${aggregation}/aggregations/run`, {
    method: 'POST',
    headers: { authorization: 'Bearer token', 'content-type': 'application/json' },
    body: '{}',
  })

test('serve runs both modules, keeps their listeners apart, and ends with 0', async (t) => {
  const { terminal, ended, url } = await start(t, 'serve')
  const [gateway, aggregation] = [await url('gateway'), await url('aggregation')]
  t.equal((await post(gateway)).status, 202)
  t.same((await ask(`${aggregation}/readyz`)).body, { status: 'ready' })
  t.match((await ask(`${aggregation}/reconcile`)).body, { received: 1, accepted: 1, unaccounted: 0 })
  t.match((await ask(`${aggregation}/metrics`)).body, /^headgate_events_accepted_total 1$/m)
  t.match((await ask(`${aggregation}/query/pipeline`)).body, {
    gateway: { accepted: 1 },
    aggregation: { behindMs: null },
  })
  const { port } = new URL(gateway)
  const { nextRunMs, ...known } = Object((await ask(`${aggregation}/query/apps`)).body)
  t.same(known, {
    apps: ['shop'],
    token: { name: 't', scopes: ['read', 'run'], allApps: true },
    sets: DEFAULT_SETS,
    gateway: { host: '127.0.0.1', port: Number(port) },
  })
  t.ok(nextRunMs > Date.now(), 'the schedule runs')
  for (const path of ['/metrics', '/reconcile', '/aggregations/runs', '/query/apps', '/dashboard']) {
    t.equal((await ask(gateway + path)).status, 404, `${path} is not public`)
  }
  terminal.terminate()
  t.equal(await ended, 0)
})

test('events that were taken in are explored, from the child process of DuckDB', async (t) => {
  const { terminal, ended, url } = await start(t, 'serve', {
    aggregation: { tokens: [{ name: 't', sha256: sha256('token'), scopes: ['read', 'run', 'events'] }] },
  })
  const [gateway, aggregation] = [await url('gateway'), await url('aggregation')]
  for (const _ of [1, 2, 3]) t.equal((await post(gateway)).status, 202)
  const { id } = Object(await (await runNow(aggregation)).json())
  const state = async () => Object((await ask(`${aggregation}/aggregations/runs/${id}`)).body).state
  await waitFor(async () => (await state()) === 'succeeded')
  const explore = async (more: string) =>
    ask(`${aggregation}/query/explore?app=shop&metric=a&from=2026-01-01&to=2100-01-01${more}`)
  t.match(await explore('&by=country&where=country:~unknown&q=0.5'), {
    status: 200,
    body: {
      total: { n: 3, rows: 3, avg: 1, min: 1, max: 1, q: { '0.5': 1 } },
      groups: [{ value: '~unknown', rows: 3 }],
      examples: { length: 3 },
      scanned: { objects: 1 },
    },
  })
  t.equal((await post(gateway, 'another-key')).status, 401)
  const events = `${aggregation}/query/events?app=shop&order=slowest&limit=2`
  t.match(await ask(events), {
    status: 200,
    body: {
      arrived: [{ name: 'a', value: 1, outcome: 'kept' }, { name: 'a' }],
      refused: [{ code: 'unknown_key', requests: 1 }],
      deadLetters: [],
    },
  })
  t.match(await explore('&where=contry:DE'), { status: 422, body: { code: 'unknown_dimension' } })
  terminal.terminate()
  t.equal(await ended, 0)
})

test('a start whose port is taken says so in words, answers nobody before, and leaves nothing behind', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  for (const [more, key] of [
    [{ aggregation: { listen: { port } } }, 'aggregation.listen'],
    [{ gateway: { listen: { port } } }, 'gateway.listen'],
  ] as const) {
    const { terminal, ended, dir } = await start(t, 'serve', more)
    t.equal(await ended, 1)
    const variable = `HEADGATE_${key.toUpperCase().replace('.', '_')}_PORT`
    t.equal(
      terminal.said().err,
      `headgate serve: ${key}: 127.0.0.1:${port} is taken: another process listens there. Stop it, or choose another port by ${key}.port or ${variable} (EADDRINUSE)\n`,
    )
    t.equal(terminal.said().out, '', 'nothing was opened')
    t.same(readdirSync(dir), ['headgate.json'], 'nor a folder made')
  }
  const free = t.testdir()
  const dev = startCommand(['serve'], {
    HEADGATE_DATA_DIR: join(free, 'data'),
    HEADGATE_GATEWAY_LISTEN_PORT: '0',
    HEADGATE_AGGREGATION_LISTEN_PORT: `${port}`,
  })
  t.equal(await dev.ended, 1)
  t.equal(dev.terminal.said().out, '', 'no secret is said that holds for nothing')
})

test('a port that is taken after all ends the start, and closes what is open', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const dir = t.testdir()
  // A worker leaves the looking to its primary.
  const line = fakeLine(0)
  const { terminal, ended } = startCommand(['gateway'], {}, { primary: line.primary })
  const apps = [{ id: 'shop', keys: [{ sha256: sha256('key') }] }]
  const config = parseConfig({ dataDir: dir, gateway: { listen: { port } }, apps }, {})
  line.process.send({ kind: 'start', config })
  t.equal(await ended, 1)
  t.match(terminal.said().err, /^headgate gateway: gateway\.listen: 127\.0\.0\.1:\d+ is taken/)
  t.notOk(readdirSync(join(dir, 'journal/0')).includes('lock'), 'the journal is not held')
})

test('a start on a folder that is in use leaves no dev.json', async (t) => {
  const first = await start(t, 'gateway')
  await first.url('gateway')
  const dataDir = join(first.dir, 'data')
  const second = startCommand(['gateway'], { HEADGATE_DATA_DIR: dataDir, HEADGATE_GATEWAY_LISTEN_PORT: '0' })
  t.equal(await second.ended, 1)
  t.notMatch(second.terminal.said().err, /app key/)
  t.equal(readdirSync(dataDir).includes('dev.json'), false)
  first.terminal.terminate()
  t.equal(await first.ended, 0)
})

test('an acknowledged event is in the lake when serve has ended', async (t) => {
  const { terminal, ended, url, dir } = await start(t, 'serve')
  const gateway = await url('gateway')
  for (let i = 0; i < 5; i++) await post(gateway)
  terminal.terminate()
  t.equal(await ended, 0)
  const { lakeRows } = await import('../../../scripts/lib/demo/lake-rows.ts')
  t.equal((await lakeRows(join(dir, 'data'))).length, 5)
})

test('a gateway on its own shows its operations on a listener of their own, when asked to', async (t) => {
  const { terminal, ended, url } = await start(t, 'gateway', { gateway: { operations: { listen } } })
  t.equal((await post(await url('gateway'))).status, 202)
  const operations = await url('operations')
  t.match((await ask(`${operations}/reconcile`)).body, { accepted: 1 })
  t.equal((await fetch(`${operations}/reconcile`)).status, 401)
  terminal.terminate()
  t.equal(await ended, 0)

  const alone = await start(t, 'gateway')
  t.equal((await post(await alone.url('gateway'))).status, 202)
  alone.terminal.terminate()
  t.equal(await alone.ended, 0)
  t.notMatch(alone.terminal.said().out, /operations listens/)
})

test('the aggregation on its own asks the gateway elsewhere, or says that it does not know', async (t) => {
  const unknown = await start(t, 'aggregation')
  const aggregation = await unknown.url('aggregation')
  t.match((await ask(`${aggregation}/query/pipeline`)).body, { gateway: null })
  t.match((await ask(`${aggregation}/reconcile`)).body, { status: 404, code: 'not_found' })
  t.equal((await ask(`${aggregation}/readyz`)).status, 200)
  t.match((await ask(`${aggregation}/metrics`)).body, /^headgate_ingest_rows_total 0$/m)
  unknown.terminal.terminate()
  t.equal(await unknown.ended, 0)
})

test('SIGHUP keeps the app that a first start made up', async (t) => {
  const dataDir = t.testdir()
  const { terminal, ended, url } = startCommand(['gateway'], {
    HEADGATE_DATA_DIR: dataDir,
    HEADGATE_GATEWAY_LISTEN_PORT: '0',
  })
  const gateway = await url('gateway')
  const { appKey } = JSON.parse(await readFile(join(dataDir, 'dev.json'), 'utf8'))
  terminal.reload()
  await waitFor(() => /apps and tokens were read again/.test(terminal.said().out))
  t.equal((await post(gateway, appKey)).status, 202)
  terminal.terminate()
  t.equal(await ended, 0)
})

test('apps that are configured take the place of the one that a first start made up', async (t) => {
  const dir = t.testdir({ 'a.yaml': '{}' })
  const file = join(dir, 'a.yaml')
  const env = { HEADGATE_DATA_DIR: join(dir, 'data'), HEADGATE_GATEWAY_LISTEN_PORT: '0' }
  const { terminal, ended, url } = startCommand(['gateway', '-c', file], env)
  const gateway = await url('gateway')
  const { appKey } = JSON.parse(await readFile(join(dir, 'data/dev.json'), 'utf8'))
  t.equal((await post(gateway, appKey)).status, 202)
  await writeFile(file, `apps: [{ id: shop, keys: [{ sha256: ${sha256('key')} }] }]\n`)
  terminal.reload()
  await waitFor(async () => (await post(gateway)).status === 202)
  t.equal((await post(gateway, appKey)).status, 401)
  terminal.terminate()
  t.equal(await ended, 0)
})

test('SIGHUP reads the apps again; a faulty file changes nothing', async (t) => {
  const { terminal, ended, url, file } = await start(t, 'serve')
  const gateway = await url('gateway')
  const config = JSON.parse(await readFile(file, 'utf8'))
  await writeFile(
    file,
    JSON.stringify({ ...config, apps: [{ id: 'shop', keys: [{ sha256: sha256('new-key') }] }] }),
  )
  terminal.reload()
  await waitFor(() => /apps and tokens were read again/.test(terminal.said().out))
  t.equal((await post(gateway)).status, 401)
  t.equal((await post(gateway, 'new-key')).status, 202)
  await writeFile(file, '{')
  terminal.reload()
  await waitFor(() => /the old configuration is kept/.test(terminal.said().out))
  t.equal((await post(gateway, 'new-key')).status, 202)
  terminal.terminate()
  t.equal(await ended, 0)
})

test('SIGHUP during the start is heard, and done when it is over', async (t) => {
  const { terminal, ended, file } = await start(t, 'serve')
  const config = JSON.parse(await readFile(file, 'utf8'))
  terminal.reload()
  await terminal.logged('gateway listens')
  await writeFile(file, JSON.stringify({ ...config, apps: [{ id: 'shop' }, { id: 'app' }] }))
  t.match(await terminal.logged('apps and tokens were read again'), { apps: 2, tokens: 1 })
  terminal.terminate()
  t.equal(await ended, 0)
})

test('SIGHUP reads tokens again, says what only a restart changes, and makes up no app', async (t) => {
  const { terminal, ended, url, file } = await start(t, 'serve')
  const aggregation = await url('aggregation')
  await url('gateway')
  const config = JSON.parse(await readFile(file, 'utf8'))
  const tokens = [{ name: 'new', sha256: sha256('new-token'), scopes: ['read'] }]
  const changed = { ...config, logLevel: 'warn', aggregation: { ...config.aggregation, tokens }, apps: [] }
  await writeFile(file, JSON.stringify(changed))
  await waitFor(async () => (await fetch(`${aggregation}/readyz`)).ok)
  terminal.reload()
  t.match(await terminal.logged('apps and tokens were read again'), { level: 30, apps: 0, tokens: 1 })
  t.match(await terminal.logged('only a restart changes some settings'), {
    level: 40,
    settings: ['logLevel'],
  })
  t.equal(terminal.said().err, '', 'a log that machines read has no other lines beside it')
  const asked = async (token: string) => {
    const response = await fetch(`${aggregation}/query/apps`, {
      headers: { authorization: `Bearer ${token}` },
    })
    return [response.status, ((await response.json()) as { apps?: unknown }).apps]
  }
  t.same(await asked('new-token'), [200, []], 'the new one is let in, and sees the apps of now')
  t.same(await asked('token'), [401, undefined], 'the old one is not')
  terminal.terminate()
  t.equal(await ended, 0)
})

test('rows of an app that is not configured are told by the apps of the last SIGHUP', async (t) => {
  const { terminal, ended, url, dir, file } = await start(t, 'aggregation')
  const aggregation = await url('aggregation')
  const config = JSON.parse(await readFile(file, 'utf8'))
  await writeFile(file, JSON.stringify({ ...config, apps: [{ id: 'shop-web' }] }))
  terminal.reload()
  await terminal.logged('apps and tokens were read again')
  const folder = join(dir, 'data/lake/raw/backfill/dt=2026-11-22/hr=09')
  await mkdir(folder, { recursive: true })
  const time = Date.UTC(2026, 10, 22, 9)
  const event = { v: 1, event_id: 'e', event_time: time, received_time: time, name: 'a.b', value: 1 }
  await writeFile(
    join(folder, 'a.ndjson'),
    ['shop', 'shop', 'shop-web'].map((app_id) => `${JSON.stringify({ ...event, app_id })}\n`).join(''),
  )
  await runNow(aggregation)
  t.match(await terminal.logged('rows are counted as they say, which was hardly meant'), {
    why: /^app_id is none of the apps that are configured/,
    rows: 2,
  })
  terminal.terminate()
  t.equal(await ended, 0)
})

test('SIGHUP gives and takes credentials of the app whose direct records are taken in', async (t) => {
  const { terminal, ended, url, dir, file } = await start(t, 'aggregation', {
    gateway: { credentials: { region: 'eu-west-1', subjectKeyEnv: 'SUBJECT_KEY' } },
  })
  const aggregation = await url('aggregation')
  const config = JSON.parse(await readFile(file, 'utf8'))
  const folder = join(dir, 'data/lake/quarantine/direct-shop/dt=2026-11-22/hr=09')
  await mkdir(folder, { recursive: true })
  const reloads = () => terminal.said().out.split('apps and tokens were read again').length
  for (const [credentials, metric] of [
    [credentialsOf('shop'), 'headgate_direct_events_total{app="shop",record_token="none"} 1'],
    [undefined, 'headgate_direct_waiting_objects{reason="unknown_app"} 1'],
  ]) {
    await writeFile(file, JSON.stringify({ ...config, apps: [{ id: 'shop', credentials }] }))
    const before = reloads()
    terminal.reload()
    await waitFor(() => reloads() > before)
    await writeFile(join(folder, 'a.ndjson'), '{"name":"a","value":1}\n')
    await runNow(aggregation)
    await waitFor(async () => String((await ask(`${aggregation}/metrics`)).body).includes(`${metric}\n`))
  }
  terminal.terminate()
  t.equal(await ended, 0)
})

test('a stuck request takes no time from what must be written at the end', async (t) => {
  const { terminal, ended, url, dir } = await start(t, 'gateway', {
    shutdown: { totalMs: 6_000, drainMs: 500, waitMs: 10 },
  })
  const { port } = new URL(await url('gateway'))
  const socket = connect(Number(port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.write(
    'POST /v1/events?key=key HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{',
  )
  await waitFor(async () => (await post(`http://127.0.0.1:${port}`)).status === 202)
  terminal.terminate()
  t.equal(await ended, 0)
  t.notMatch(terminal.said().out, /stopped at the deadline/)
  const left = await readdir(join(dir, 'data', 'journal', '0'))
  t.strictSame([left.includes('checkpoint'), left.includes('lock')], [true, false], 'the journal is closed')
})

test('the shutdown has a deadline: a disk that hangs does not outlive it', async (t) => {
  const { terminal, ended, url, dir } = await start(t, 'gateway', {
    shutdown: { totalMs: 1_000, drainMs: 0, waitMs: 0 },
  })
  await url('gateway')
  // Who opens a pipe waits for someone at the other end: so does each of the threads that all calls of the disk need.
  const pipes = Array.from({ length: Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) }, (_, i) =>
    join(dir, `pipe-${i}`),
  )
  execFileSync('mkfifo', pipes)
  const hanging = pipes.map((pipe) => open(pipe, 'r'))
  terminal.terminate()
  t.equal(await ended, 0)
  t.match(terminal.said().out, /stopped at the deadline/)
  const ends = pipes.map((pipe) => openSync(pipe, 'w'))
  const journal = join(dir, 'data', 'journal', '0')
  await waitFor(async () => !(await readdir(journal)).includes('lock'))
  for (const pipe of await Promise.all(hanging)) await pipe.close()
  for (const end of ends) closeSync(end)
})

test('with a disk that nobody finds again, what Kinesis does not take is in the lake at the end', async (t) => {
  withEnvironment(t, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' })
  const gateway = {
    instance: 'blue-1',
    journal: { ephemeral: true },
    stream: { kind: 'kinesis', name: 'events', endpoint: 'http://127.0.0.1:1' },
  }
  const { terminal, ended, url, dir } = await start(t, 'gateway', { gateway, shutdown: { drainMs: 100 } })
  const gatewayUrl = await url('gateway')
  for (let i = 0; i < 5; i++) t.equal((await post(gatewayUrl)).status, 202)
  terminal.terminate()
  t.equal(await ended, 0)
  const { lakeRows } = await import('../../../scripts/lib/demo/lake-rows.ts')
  t.equal((await lakeRows(join(dir, 'data'))).length, 5)
  t.strictSame(await readdir(join(dir, 'data', 'lake', 'raw')), ['fallback-blue-1'])
})

test('only where others reach us a load balancer may need time to notice', async (t) => {
  t.equal(patienceMs(['127.0.0.1', '::1']), 0)
  t.equal(patienceMs(['127.0.0.1', '0.0.0.0']), 10_000)
})
