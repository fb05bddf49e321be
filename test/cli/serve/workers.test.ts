import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import { lakeRows } from '../../../scripts/lib/demo/lake-rows.ts'
import { runCommand } from '../../../src/cli/commands.ts'
import { shareOf } from '../../../src/cli/serve/gateway-handle.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { LARGEST_REQUEST_BYTES } from '../../../src/event/schema/largest-request.ts'
import { withEnvironment } from '../../fakes/environment.ts'
import { startCommand } from '../../fakes/process/command.ts'
import { ask, listen, post, sha256, start, waitFor } from '../../fakes/process/serving.ts'
import { fakeTerminal } from '../../fakes/process/terminal.ts'
import { fakeLine } from '../../fakes/process/worker-channel.ts'

const operations = { operations: { listen } }

/** Posts to each worker as often as its number says, and once more. */
async function postToAll(workers: readonly { url(listener: string): Promise<string> }[]): Promise<number> {
  let posted = 0
  for (const [at, worker] of workers.entries()) {
    const url = await worker.url('gateway')
    for (let i = 0; i <= at; i++, posted++) {
      if ((await post(url)).status !== 202) throw new Error(`Worker ${at} did not accept`)
    }
  }
  return posted
}

test('a gateway of several workers is one: its books, its metrics, its readiness, its end', async (t) => {
  const { terminal, ended, workers, url, dir } = await start(t, 'gateway', {
    gateway: operations,
    args: ['--workers', '3'],
  })
  const operationsUrl = await url('operations')
  await waitFor(async () => (await ask(`${operationsUrl}/readyz`)).status === 200)
  t.equal(workers.length, 3)
  const posted = await postToAll(workers)
  t.equal(posted, 6)
  t.match((await ask(`${operationsUrl}/reconcile`)).body, {
    workers: 3,
    silent: 0,
    accepted: 6,
    unaccounted: 0,
  })
  const metrics = String((await ask(`${operationsUrl}/metrics`)).body)
  t.match(metrics, /^headgate_events_accepted_total 6$/m)
  t.match(metrics, /^headgate_worker_restarts_total 0$/m)
  for (const worker of workers) {
    const gateway = await worker.url('gateway')
    t.equal((await ask(`${gateway}/readyz`)).status, 200)
    t.equal((await ask(`${gateway}/metrics`)).status, 404)
    t.notMatch(worker.terminal.said().out, /operations listens/)
    t.match(worker.terminal.said().out, /"worker":[012],/, 'a line of the log says whose it is')
  }
  t.notMatch(terminal.said().out, /gateway listens/, 'the primary takes no beacons')
  t.same((await readdir(join(dir, 'data/journal'))).sort(), ['0', '1', '2'])

  terminal.terminate()
  t.equal(await ended, 0)
  t.same(await Promise.all(workers.map((worker) => worker.ended)), [0, 0, 0])
  t.equal((await lakeRows(join(dir, 'data'))).length, 6)
  const names = new Set<string>()
  for (const path of await readdir(join(dir, 'data/lake/raw'), { recursive: true, withFileTypes: true })) {
    if (!path.isFile()) continue
    const lines = (await readFile(join(path.parentPath, path.name), 'utf8')).trim().split('\n')
    for (const line of lines) {
      const { name, attributes } = JSON.parse(line)
      if (name === 'headgate.ledger') names.add(attributes.instance)
    }
  }
  t.same([...names], [(await readFile(join(dir, 'data/instance'), 'utf8')).trim()], 'they have one name')
  const told = fakeTerminal({ HEADGATE_DATA_DIR: join(dir, 'data') })
  t.equal(await runCommand(['reconcile', '--to', `${Date.now()}`], told), 0)
  t.match(told.said().out, /^shop +6 +6 +0 +0 +0 +0 +0$/m, 'each told in the lake what it had accepted')
})

test('serve with workers: the aggregation in this process, beacons in others', async (t) => {
  const { terminal, ended, workers, url } = await start(t, 'serve', { gateway: { workers: 2 } })
  const aggregation = await url('aggregation')
  await waitFor(async () => (await ask(`${aggregation}/readyz`)).status === 200)
  await postToAll(workers)
  t.match((await ask(`${aggregation}/reconcile`)).body, { workers: 2, accepted: 3 })
  t.match((await ask(`${aggregation}/query/pipeline`)).body, { gateway: { accepted: 3 } })
  t.match((await ask(`${aggregation}/metrics`)).body, /^headgate_ingest_rows_total \d+$/m, 'its own as well')
  terminal.terminate()
  t.equal(await ended, 0)
})

test('a worker that ends is replaced and its journal goes on; meanwhile nobody is ready', async (t) => {
  const { terminal, ended, workers, url } = await start(t, 'gateway', {
    gateway: { ...operations, workers: 2 },
  })
  const operationsUrl = await url('operations')
  await waitFor(async () => (await ask(`${operationsUrl}/readyz`)).status === 200)
  const other = (await workers[0]?.url('gateway')) ?? ''
  workers[1]?.terminal.terminate()
  t.equal(await workers[1]?.ended, 0)
  const { status, body } = await ask(`${other}/readyz`)
  t.match({ status, body }, { status: 503, body: { detail: '1 of 2 workers are ready.' } })
  await waitFor(() => workers.length === 3)
  await waitFor(async () => (await ask(`${operationsUrl}/readyz`)).status === 200)
  t.match(workers[2]?.terminal.said().out, /"worker":1,/)
  t.match((await ask(`${operationsUrl}/metrics`)).body, /^headgate_worker_restarts_total 1$/m)
  terminal.terminate()
  t.equal(await ended, 0)
})

test('the successor of a worker has what is in force, whatever the file says by then', async (t) => {
  const { terminal, ended, workers, url, file, dir } = await start(t, 'gateway', {
    gateway: { ...operations, workers: 2 },
  })
  const operationsUrl = await url('operations')
  const isReady = async () => (await ask(`${operationsUrl}/readyz`)).status === 200
  await waitFor(isReady)
  const config = JSON.parse(await readFile(file, 'utf8'))
  const other = {
    ...config,
    dataDir: join(dir, 'other'),
    gateway: { listen, durability: 'memory', workers: 1 },
    apps: [],
  }
  for (const [at, text] of [JSON.stringify(other), '{ "apps": ['].entries()) {
    await writeFile(file, text)
    workers[1 + at]?.terminal.terminate()
    t.equal(await workers[1 + at]?.ended, 0)
    await waitFor(() => workers.length === 3 + at)
    await waitFor(isReady)
    const answer = await post((await workers[2 + at]?.url('gateway')) ?? '')
    t.match(await answer.json(), { accepted: 1, durability: 'journal' })
  }
  t.same(await readdir(dir), ['data', 'headgate.json'], 'no other folder is begun')
  terminal.terminate()
  t.equal(await ended, 0)
  t.equal((await lakeRows(join(dir, 'data'))).length, 2)
})

test('SIGHUP while a worker starts reaches it; an app that is gone is gone in its successors too', async (t) => {
  const { terminal, ended, workers, url, file } = await start(t, 'gateway', {
    gateway: { ...operations, workers: 2 },
  })
  const operationsUrl = await url('operations')
  const isReady = async () => (await ask(`${operationsUrl}/readyz`)).status === 200
  await waitFor(isReady)
  const config = JSON.parse(await readFile(file, 'utf8'))
  workers[1]?.terminal.terminate()
  await waitFor(() => workers.length === 3)
  await writeFile(file, JSON.stringify({ ...config, apps: [] }))
  terminal.reload()
  await terminal.logged('apps and tokens were read again')
  await waitFor(isReady)
  for (const worker of [workers[0], workers[2]]) {
    await worker?.terminal.logged('apps and tokens were read again')
    t.equal((await post((await worker?.url('gateway')) ?? '')).status, 401)
  }
  workers[2]?.terminal.terminate()
  await waitFor(() => workers.length === 4)
  await waitFor(isReady)
  t.equal((await post((await workers[3]?.url('gateway')) ?? '')).status, 401)
  t.notMatch(workers[3]?.terminal.said().out, /were read again/, 'it had nothing to read')
  terminal.terminate()
  t.equal(await ended, 0)
})

test('what more workers left is delivered by fewer', async (t) => {
  const away = { stream: { kind: 'kinesis', name: 'events', endpoint: 'http://127.0.0.1:1' } }
  withEnvironment(t, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' })
  const many = await start(t, 'gateway', { gateway: { ...away, workers: 3 }, shutdown: { drainMs: 0 } })
  await waitFor(() => many.workers.length === 3)
  const posted = await postToAll(many.workers)
  many.terminal.terminate()
  t.equal(await many.ended, 0)
  t.equal((await lakeRows(join(many.dir, 'data')).catch(() => [])).length, 0)

  const config = JSON.parse(await readFile(many.file, 'utf8'))
  const gateway = { listen, ...operations, stream: { kind: 'lake' } }
  await writeFile(many.file, JSON.stringify({ ...config, gateway }))
  const one = fakeTerminal()
  const ended = runCommand(['gateway', '-c', many.file], one)
  t.teardown(() => one.terminate())
  const operationsUrl = String((await one.logged('operations listens'))['url'])
  const books = async () => Object((await ask(`${operationsUrl}/reconcile`)).body)
  // Three ledger events were left as well.
  await waitFor(async () => (await books()).delivered === posted + 3)
  t.match(await books(), { recovered: posted + 3, backlog: { events: 0 }, unaccounted: 0 })
  one.terminate()
  t.equal(await ended, 0)
  t.equal((await lakeRows(join(many.dir, 'data'))).length, posted)
})

test('SIGHUP reaches every worker', async (t) => {
  const { terminal, ended, workers, file } = await start(t, 'gateway', { gateway: { workers: 2 } })
  await waitFor(() => workers.length === 2)
  const urls = await Promise.all(workers.map((worker) => worker.url('gateway')))
  for (const url of urls) await waitFor(async () => (await ask(`${url}/readyz`)).status === 200)
  const config = JSON.parse(await readFile(file, 'utf8'))
  const apps = [{ id: 'shop', keys: [{ sha256: sha256('new-key') }] }]
  await writeFile(file, JSON.stringify({ ...config, apps }))
  terminal.reload()
  for (const url of urls) await waitFor(async () => (await post(url, 'new-key')).status === 202)
  for (const url of urls) t.equal((await post(url)).status, 401)
  terminal.terminate()
  t.equal(await ended, 0)
})

test('a start that fails ends with 1, and leaves no worker behind', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  for (const [rule, gateway, said] of [
    [
      'the listener of the primary',
      { workers: 2, operations: { listen: { port } } },
      /gateway\.operations\.listen: 127\.0\.0\.1:\d+ is taken/,
    ],
    [
      'the listener of the workers',
      { ...operations, workers: 2, listen: { port } },
      /gateway\.listen: 127\.0\.0\.1:\d+ is taken/,
    ],
  ] as const) {
    const { terminal, ended, workers } = await start(t, 'gateway', { gateway })
    t.equal(await ended, 1, rule)
    t.match(terminal.said().err, said, rule)
    await Promise.all(workers.map((worker) => worker.ended))
  }
})

test('workers that cannot start end the start, and close what is open', async (t) => {
  const dir = t.testdir()
  const env = {
    HEADGATE_DATA_DIR: dir,
    HEADGATE_GATEWAY_LISTEN_PORT: '0',
    HEADGATE_AGGREGATION_LISTEN_PORT: '0',
  }
  const fork = (index: number) => {
    const line = fakeLine(index)
    line.end({ code: 3, signal: null })
    return line.process
  }
  const { terminal, ended, url } = startCommand(['serve', '--workers', '2'], env, { fork })
  const aggregation = await url('aggregation')
  t.equal(await ended, 1)
  t.match(terminal.said().err, /^headgate serve: Worker [01] ended with code 3 before it was ready$/m)
  await t.rejects(fetch(`${aggregation}/readyz`), 'nobody is served')
})

test('an end in the middle of the start is an end', async (t) => {
  const { terminal, ended, workers } = await start(t, 'gateway', { gateway: { workers: 2 } })
  await waitFor(() => workers.length === 2)
  terminal.terminate()
  t.equal(await ended, 0)
  t.same(await Promise.all(workers.map((worker) => worker.ended)), [0, 0])
})

test('a number of workers that makes no sense is told in the words of the option', async (t) => {
  for (const workers of ['two', 'none', '0', '65', '1.5', '1e1', ' 2', '02', '+2', '[1]', 'null']) {
    const terminal = fakeTerminal({ HEADGATE_DATA_DIR: t.testdir() })
    t.equal(await runCommand(['gateway', '--workers', workers], terminal), 2, workers)
    t.equal(
      terminal.said().err,
      `headgate gateway: --workers must be a whole number, from 1 to 64, as in --workers 4; "${workers}" is none\n`,
    )
  }
})

test('what all workers may use together is divided among them', async (t) => {
  const gateway = { workers: 4, journal: { maxBytes: '1GiB' }, limits: { inflightBytes: '10MiB' } }
  const share = shareOf(parseConfig({ gateway }, {})).gateway
  t.same(
    [share.journal.maxBytes, share.limits.inflightBytes],
    [268_435_456, LARGEST_REQUEST_BYTES],
    'the largest fits',
  )
  const much = { ...gateway, limits: { inflightBytes: '64MiB' } }
  t.equal(shareOf(parseConfig({ gateway: much }, {})).gateway.limits.inflightBytes, 16 * 2 ** 20)
  t.throws(
    () => parseConfig({ gateway: { ...gateway, journal: { maxBytes: '31MiB' } } }, {}),
    /gateway\.journal\.maxBytes: must be at least 8MiB for each of gateway\.workers/,
  )
})
