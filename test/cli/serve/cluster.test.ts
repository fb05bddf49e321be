import { Counter, Gauge, Histogram } from 'prom-client'
import { type Test, test } from 'tap'
import { pauseMs, startWorkerPool } from '../../../src/cli/serve/cluster.ts'
import type { GatewayHandle } from '../../../src/cli/serve/gateway-handle.ts'
import type { WorkerReport } from '../../../src/cli/terminal/worker-channel.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { createTelemetry, quietTelemetry } from '../../../src/std/telemetry.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { type FakeLine, fakeLine } from '../../fakes/process/worker-channel.ts'
import { reconciliation } from '../../fakes/reconciliation.ts'

interface StartedPool {
  readonly pool: GatewayHandle
  /** Every worker that was ever started, in order. */
  readonly lines: readonly FakeLine[]
  readonly clock: ReturnType<typeof fakeClock>
  said(): string
}

const tokens = [{ name: 'ops', sha256: 'a'.repeat(64), scopes: ['read'] }]
const configOf = (workers: number) => parseConfig({ gateway: { workers, listen: { port: 0 } } }, {})

function started(t: Test, workers: number, reportMs?: number): StartedPool {
  const lines: FakeLine[] = []
  const fork = (index: number) => {
    const line = fakeLine(index)
    lines.push(line)
    return line.process
  }
  let said = ''
  const telemetry = createTelemetry('info', { write: (line) => (said += line) })
  const clock = fakeClock()
  const pool = startWorkerPool({
    config: configOf(workers),
    fork,
    clock,
    telemetry,
    ...(reportMs !== undefined && { reportMs }),
  })
  t.teardown(async () => {
    pool.ending()
    pool.abandon()
    await pool.close(0)
  })
  return { pool, lines, clock, said: () => said }
}

/** Until it holds; the test's own timeout ends it. */
async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

const failed = { code: 1, signal: null }
const killed = { code: null, signal: 'SIGKILL' }

/** The worker answers what it is asked, from now on. */
async function answers(line: FakeLine, own: WorkerReport['balance'], count = 1): Promise<void> {
  const { metrics } = quietTelemetry()
  const things = new Counter({ name: 'headgate_things_total', help: 'Things.', registers: [metrics] })
  things.inc(count)
  const report = { balance: own, metrics: await metrics.getMetricsAsJSON() }
  line.primary.onMessage((message) => {
    if (message.kind === 'report') line.primary.send({ kind: 'report', id: message.id, report })
  })
}

/** A counter, a histogram and a gauge of a worker that answers. */
async function speaks(line: FakeLine, count: number): Promise<void> {
  const { metrics } = quietTelemetry()
  const registers = [metrics]
  new Counter({ name: 'headgate_things_total', help: 'Things.', registers }).inc(count)
  new Histogram({ name: 'headgate_seconds', help: 'S.', buckets: [1], registers }).observe(0.5)
  new Gauge({ name: 'headgate_waiting', help: 'Waiting.', registers }).set(count)
  const report = { balance: reconciliation(), metrics: await metrics.getMetricsAsJSON() }
  line.primary.onMessage((message) => {
    if (message.kind === 'report') line.primary.send({ kind: 'report', id: message.id, report })
  })
}

test('a pool is ready when all of its workers are, and every worker hears of it', async (t) => {
  const { pool, lines } = started(t, 2)
  t.same(
    lines.map(({ primary }) => primary.index),
    [0, 1],
  )
  t.equal(pool.isReady(), '0 of 2 workers are ready.')
  lines[0]?.primary.send({ kind: 'ready', port: 1 })
  await waitFor(() => pool.isReady() !== '0 of 2 workers are ready.')
  t.equal(pool.isReady(), '1 of 2 workers are ready.')
  lines[1]?.primary.send({ kind: 'ready', port: 1 })
  await pool.started
  t.equal(pool.isReady(), true)
  for (const { told } of lines) t.same(told.at(-1), { kind: 'everyone', ready: true })
  t.same(await pool.listeners(() => true), [], 'the listeners are the workers own')
  t.equal(pool.isWorker, false)
})

test('a worker that ends is replaced under its number, and nobody is ready meanwhile', async (t) => {
  const { pool, lines, clock, said } = started(t, 2)
  for (const { primary } of lines) primary.send({ kind: 'ready', port: 1 })
  await pool.started
  clock.advance(60_000)
  lines[1]?.end(killed)
  await waitFor(() => lines.length === 3)
  t.equal(lines[2]?.primary.index, 1)
  t.equal(pool.isReady(), '1 of 2 workers are ready.')
  t.same(lines[0]?.told.at(-1), { kind: 'everyone', ready: '1 of 2 workers are ready.' })
  t.match(
    said(),
    /"worker":1,"code":null,"signal":"SIGKILL","waitMs":100,"msg":"a worker ended: another takes its place"/,
  )
  t.match(await (await pool.metrics()).metrics(), /^headgate_worker_restarts_total 1$/m)
  lines[2]?.primary.send({ kind: 'ready', port: 1 })
  await waitFor(() => pool.isReady() === true)
})

test('each worker starts with what is in force when it does', async (t) => {
  const { pool, lines } = started(t, 2)
  const config = configOf(2)
  for (const { told } of lines) t.same(told[0], { kind: 'start', config })
  for (const { primary } of lines) primary.send({ kind: 'ready', port: 1 })
  await pool.started
  const { apps, aggregation } = parseConfig({ apps: [{ id: 'shop' }], aggregation: { tokens } }, {})
  pool.reload(parseConfig({ dataDir: '/elsewhere', apps, aggregation }, {}))
  const inForce = { ...config, apps, aggregation }
  for (const { told } of lines) t.same(told.at(-1), { kind: 'reload', config: inForce })
  lines[1]?.end(killed)
  await waitFor(() => lines.length === 3)
  t.same(lines[2]?.told[0], { kind: 'start', config: inForce })
})

test('the more often a worker fails, the longer the pause; who served for a while begins anew', async (t) => {
  t.same([1, 2, 3, 4, 9, 10, 50].map(pauseMs), [100, 200, 400, 800, 25_600, 30_000, 30_000])
  const { pool, lines, clock, said } = started(t, 1)
  const serve = async (at: number) => {
    await waitFor(() => lines.length === at + 1)
    lines[at]?.primary.send({ kind: 'ready', port: 1 })
    await waitFor(() => pool.isReady() === true)
  }
  for (const [at, servedMs] of [0, 59_999, 60_000, 0].entries()) {
    await serve(at)
    clock.advance(servedMs)
    lines[at]?.end(failed)
  }
  await serve(4)
  const waits = said().match(/(?<="waitMs":)\d+/g)
  t.same(waits, ['100', '200', '100', '200'])
})

test('a start that fails again and again is given up, and said to be', async (t) => {
  const { pool, lines } = started(t, 1)
  for (let i = 0; i < 3; i++) {
    await waitFor(() => lines.length === i + 1)
    lines[i]?.end(i === 2 ? killed : failed)
  }
  await t.rejects(pool.started, { code: 'not_ready', message: /^Worker 0 ended with SIGKILL before it was / })
  t.equal(lines.length, 3)
  const other = started(t, 1)
  for (let i = 0; i < 3; i++) {
    await waitFor(() => other.lines.length === i + 1)
    other.lines[i]?.end(failed)
  }
  await t.rejects(other.pool.started, { message: /^Worker 0 ended with code 1 before/ })
})

test('a worker that cannot be forked is one that ended: tried again, and given up at the start', async (t) => {
  const lines: FakeLine[] = []
  const failures: Error[] = []
  const fork = (index: number) => {
    const failure = failures.shift()
    if (failure) throw failure
    const line = fakeLine(index)
    lines.push(line)
    return line.process
  }
  let said = ''
  const telemetry = createTelemetry('info', { write: (line) => (said += line) })
  const options = { config: configOf(1), fork, clock: fakeClock(), telemetry }
  const noMemory = () => Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM' })

  failures.push(noMemory(), noMemory())
  const pool = startWorkerPool(options)
  await waitFor(() => lines.length === 1)
  lines[0]?.primary.send({ kind: 'ready', port: 1 })
  await pool.started
  t.equal(pool.isReady(), true)
  t.equal(said.match(/"code":"ENOMEM".*"msg":"a worker cannot be started now"/g)?.length, 2)
  pool.ending()
  pool.abandon()
  await pool.close(0)

  failures.push(noMemory(), noMemory(), noMemory())
  const hopeless = startWorkerPool({ ...options, telemetry: quietTelemetry() })
  await t.rejects(hopeless.started, { code: 'not_ready' })
  await hopeless.close(0)
  t.equal(lines.length, 1)
})

test('to fork in a way that there is none is a mistake, and no worker that ended', async (t) => {
  const mistake = new TypeError('ours')
  const fork = () => {
    throw mistake
  }
  const options = { config: configOf(1), fork, clock: fakeClock(), telemetry: quietTelemetry() }
  const pool = startWorkerPool(options)
  await t.rejects(pool.close(0), mistake)
})

test('once all were ready, no number of failures ends the others', async (t) => {
  const { pool, lines } = started(t, 2)
  for (const { primary } of lines) primary.send({ kind: 'ready', port: 1 })
  await pool.started
  for (let i = 1; i < 5; i++) {
    lines[i]?.end(failed)
    await waitFor(() => lines.length === i + 2)
  }
  t.equal(lines[0]?.killed(), false)
  lines[5]?.primary.send({ kind: 'ready', port: 1 })
  await waitFor(() => pool.isReady() === true)
})

test('books and metrics are those of all workers; who does not answer is counted as silent', async (t) => {
  const { pool, lines } = started(t, 3, 200)
  t.equal(await pool.balance(), null, 'nobody answers yet')
  const [one, two, silent] = lines as [FakeLine, FakeLine, FakeLine]
  await answers(one, reconciliation({ instance: 'a' }), 2)
  await answers(two, reconciliation({ instance: 'a', delivered: 6 }), 3)
  t.match(await pool.balance(), { workers: 2, silent: 1, received: 24, unaccounted: 2 })
  const text = await (await pool.metrics()).metrics()
  t.match(text, /^headgate_things_total 5$/m)
  t.match(text, /^headgate_worker_restarts_total 0$/m)
  t.match((await pool.metrics()).contentType, /^text\/plain/)
  const asking = pool.balance()
  silent.primary.send({ kind: 'report', id: 999, report: { balance: reconciliation(), metrics: [] } })
  silent.end(killed)
  t.match(await asking, { workers: 2, silent: 1 }, 'nor does one answer for another, or one that is gone')
})

test('what only grows never falls: not when a worker ends, nor when it is silent, nor before its successor speaks', async (t) => {
  const { pool, lines } = started(t, 2, 100)
  const [one, two] = lines as [FakeLine, FakeLine]
  const told = async () => {
    const text = await (await pool.metrics()).metrics()
    return ['things_total', 'seconds_bucket{le="1"}', 'seconds_count', 'seconds_sum', 'waiting'].map((name) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`headgate_${name} `))
          ?.split(' ')[1],
      ),
    )
  }
  await speaks(one, 2)
  await speaks(two, 3)
  t.same(await told(), [5, 2, 2, 1, 5])
  t.match(await pool.balance(), { workers: 2, replaced: 0, replacedMs: undefined })
  one.end(killed)
  t.same(await told(), [5, 2, 2, 1, 3], 'what waits is that of the living')
  await waitFor(() => lines.length === 3)
  t.same(await told(), [5, 2, 2, 1, 3], 'nor does its successor know of it')
  t.match(await pool.balance(), { workers: 1, silent: 1, replaced: 1, replacedMs: Number })
  await speaks(lines[2] as FakeLine, 4)
  t.same(await told(), [9, 3, 3, 1.5, 7])
  two.end(killed)
  lines[2]?.end(killed)
  await waitFor(() => lines.length === 5)
  t.same((await told()).slice(0, 4), [9, 3, 3, 1.5])
  t.equal(await pool.balance(), null)
})

test('a worker that ends while it is asked is counted once', async (t) => {
  const { pool, lines } = started(t, 2)
  const [one, two] = lines as [FakeLine, FakeLine]
  await speaks(one, 2)
  await speaks(two, 3)
  await pool.metrics()
  const asked = pool.metrics()
  one.end(killed)
  t.match(await (await asked).metrics(), /^headgate_things_total 5$/m)
  t.match(await (await pool.metrics()).metrics(), /^headgate_things_total 5$/m)
})

test('the end is told to all at once, and waited for; at the deadline what lives is killed', async (t) => {
  const { pool, lines } = started(t, 2)
  const [one, two] = lines as [FakeLine, FakeLine]
  const config = { ...configOf(2), apps: [] }
  pool.reload(config)
  pool.ending()
  for (const { told } of lines) t.same(told.slice(-2), [{ kind: 'reload', config }, { kind: 'stop' }])
  let closed = false
  const closing = pool.close(0).then(() => {
    closed = true
  })
  one.end({ code: 0, signal: null })
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(closed, false, 'the other one is waited for')
  pool.abandon()
  await closing
  t.same([one.killed(), two.killed()], [false, true])
  t.equal(lines.length, 2, 'nobody is replaced any more')
})
