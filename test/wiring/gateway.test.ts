import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { type Config, parseConfig } from '../../src/config/parse.ts'
import { systemClock } from '../../src/std/clock.ts'
import { createTelemetry, quietTelemetry } from '../../src/std/telemetry.ts'
import { wireAggregation } from '../../src/wiring/aggregation.ts'
import { gatewayAt, remoteGatewayOf } from '../../src/wiring/ask-gateway.ts'
import { wireGateway } from '../../src/wiring/gateway.ts'
import { openLake } from '../../src/wiring/open-lake.ts'
import type { GatewaySystem } from '../../src/wiring/system.ts'
import { batchOf } from '../contracts/journal.ts'
import { linesOf } from '../contracts/stream.ts'
import { startKinesis } from '../fakes/aws/kinesis.ts'
import { startFakeS3 } from '../fakes/aws/s3.ts'
import { seededEntropy } from '../fakes/entropy.ts'
import { withEnvironment } from '../fakes/environment.ts'
import { reconciliation } from '../fakes/reconciliation.ts'

async function system(config: Config): Promise<GatewaySystem & { said(): string }> {
  let text = ''
  const telemetry = createTelemetry('info', { write: (line) => (text += line) })
  const lake = await openLake(config, systemClock)
  return { clock: systemClock, entropy: seededEntropy(), telemetry, lake, env: {}, said: () => text }
}

const batch = (id: string) => batchOf(`{"v":1,"event_id":"${id}"}`, { receivedMs: Date.UTC(2026, 10, 22) })

test('what Kinesis cannot take now stays in the journal, and the next process delivers it', async (t) => {
  const kinesis = await startKinesis(t)
  const dataDir = t.testdir()
  withEnvironment(t, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' })
  const config = (stream: object) =>
    parseConfig({ dataDir, gateway: { stream: { kind: 'kinesis', name: 'events', ...stream } } }, {})

  const away = config({ endpoint: 'http://127.0.0.1:1' })
  const down = await system(away)
  const first = await wireGateway(away, down)
  t.equal(await first.journal.append(batch('a')), 'journal')
  first.ledger.judged(1, [])
  t.match(first.balance(), { accepted: 1, delivered: 0, backlog: { events: 1 }, unaccounted: 0 })
  await first.close(0)
  t.match(down.said(), /events stay in the journal for the next start/)

  const there = config({ endpoint: kinesis.endpoint, region: 'eu-west-1' })
  const up = await system(there)
  const second = await wireGateway(there, up)
  t.match(up.said(), /the journal was recovered/)
  await second.close(20_000)
  t.match(second.balance(), { recovered: 1, delivered: 1, backlog: { events: 0 }, unaccounted: 0 })
  t.same(
    (await kinesis.records('events')).flatMap((data) => linesOf(String(data))),
    ['{"v":1,"event_id":"a"}'],
  )
})

test('metrics can be asked for as soon as there are any', async (t) => {
  const config = parseConfig({ dataDir: t.testdir() }, {})
  const own = await system(config)
  const wiring = wireGateway(config, own)
  const { metrics } = own.telemetry
  while (metrics.getSingleMetric('headgate_backlog_events') === undefined)
    await new Promise((resolve) => setImmediate(resolve))
  t.match(await metrics.metrics(), /^headgate_backlog_events 0$/m, 'while former journals are looked for')
  const gateway = await wiring
  await gateway.close(0)
})

test('the books say that former journals cannot be looked for', async (t) => {
  const config = parseConfig({ dataDir: t.testdir({ journal: { 1: t.fixture('symlink', '1') } }) }, {})
  const gateway = await wireGateway(config, await system(config))
  t.match(gateway.balance(), { workers: 1, silent: 0, unopened: 1 })
  await gateway.close(0)
})

test('the books tell the state of the sink', async (t) => {
  const kinesis = await startKinesis(t)
  withEnvironment(t, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' })
  const sinkAt = async (endpoint: string) => {
    const stream = { kind: 'kinesis', name: 'events', endpoint }
    const config = parseConfig({ dataDir: t.testdir(), gateway: { stream } }, {})
    const gateway = await wireGateway(config, await system(config))
    t.same(gateway.balance().sink, { kind: 'kinesis', state: 'ok', fallbackOpen: false })
    await gateway.journal.append(batch('a'))
    while (gateway.balance().sink.state === 'ok') await new Promise((resolve) => setTimeout(resolve, 5))
    const { sink } = gateway.balance()
    await gateway.close(0)
    return sink
  }
  const failing = await sinkAt('http://127.0.0.1:1')
  t.match(failing, { state: 'failing', why: /^ECONNREFUSED: nobody answers there; / })
  kinesis.outage = { kind: 'error', status: 400, type: 'ResourceNotFoundException' }
  const paused = await sinkAt(kinesis.endpoint)
  t.match(paused, {
    state: 'paused',
    reason: 'ResourceNotFoundException',
    why: /: there is no such stream; /,
  })
})

test('mode memory says what it is, in the log and in the answer', async (t) => {
  const config = parseConfig({ dataDir: t.testdir(), gateway: { durability: 'memory' } }, {})
  const own = await system(config)
  const gateway = await wireGateway(config, own)
  t.equal(await gateway.journal.append(batch('a')), 'memory')
  t.match(own.said(), /a crash loses what was acknowledged/)
  await gateway.close(10_000)
})

test('a place may be said once for all of AWS', async (t) => {
  const stream = { kind: 'kinesis', name: 'events' }
  const region = 'eu-west-1'
  for (const aws of [{ region, endpoint: 'http://127.0.0.1:1' }, { region }]) {
    const config = parseConfig({ dataDir: t.testdir(), gateway: { stream }, aws }, {})
    const gateway = await wireGateway(config, await system(config))
    t.match(gateway.balance(), { accepted: 0, unaccounted: 0 })
    await gateway.close(0)
  }
})

test('rollups are those of the configuration, or the default one', async (t) => {
  const askGateway = async () => null
  const sets = [{ name: 'os', dimensions: ['os_name'] }]
  for (const [rollups, ids] of [
    [[], ['default']],
    [[{ id: 'mine', sets }], ['mine']],
  ] as const) {
    const config = parseConfig(
      { dataDir: t.testdir(), aggregation: { rollups, schedule: { grain: '5m' } } },
      {},
    )
    const { definitions, pipeline } = await wireAggregation(config, {
      ...(await system(config)),
      askGateway,
    })
    t.same(
      definitions.map(({ id }) => id),
      ids,
    )
    t.equal(definitions[0]?.grainMs, 300_000)
    t.match(await pipeline.state(), { gateway: null, aggregation: { lastCommittedMs: null, dueWindows: 0 } })
    t.equal(pipeline.firstEventMs(), Number.POSITIVE_INFINITY)
  }
})

test('a lake in S3 takes what the gateway stores, and what the aggregation reads', async (t) => {
  const { endpoint, objects } = await startFakeS3(t)
  withEnvironment(t, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' })
  const dataDir = t.testdir()
  const s3 = { kind: 's3', bucket: 'lake', endpoint, forcePathStyle: true }
  for (const [lake, aws, begins] of [
    [{ ...s3, prefix: 'beacons/eu' }, {}, 'beacons/eu/raw/gateway/'],
    [{ ...s3, region: 'eu-west-1' }, { region: 'eu-west-2' }, 'raw/gateway/'],
  ] as const) {
    objects.clear()
    const config = parseConfig({ dataDir: join(dataDir, String(aws.region)), lake, aws }, {})
    const own = await system(config)
    const gateway = await wireGateway(config, own)
    await gateway.journal.append(batch('a'))
    gateway.ledger.judged(1, [])
    await gateway.close(20_000)
    t.match(gateway.balance(), { delivered: 1, backlog: { events: 0 }, unaccounted: 0 })
    const [[key, body] = ['', ''], ...others] = objects
    t.ok(key.startsWith(begins), key)
    t.equal(String(body), '{"v":1,"event_id":"a"}\n')
    t.same(others, [])
    const { pipeline } = await wireAggregation(config, { ...own, askGateway: async () => null })
    t.match(await pipeline.state(), { aggregation: { dueWindows: 0 } })
    const kept = ['idempotency.secret', 'instance', 'journal', 'tmp']
    t.same(readdirSync(config.dataDir).sort(), kept, 'no lake on this disk')
  }
})

test('files in S3 close sooner than those on disk', async (t) => {
  const { endpoint, objects } = await startFakeS3(t)
  withEnvironment(t, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' })
  const lake = { kind: 's3', bucket: 'lake', endpoint, forcePathStyle: true }
  const config = parseConfig({ dataDir: t.testdir(), lake }, {})
  const gateway = await wireGateway(config, await system(config))
  const line = `{"v":1,"event_id":"${'x'.repeat(1_000)}"}\n`
  const lines = Buffer.from(line.repeat(1_000))
  const large = { ...batch('x'), lines, count: 1_000 }
  const [MiB, batches] = [1_048_576, 24]
  await Promise.all(Array.from({ length: batches }, () => gateway.journal.append(large)))
  await gateway.close(30_000)
  const sizes = [...objects.values()].map(({ length }) => length)
  t.equal(
    sizes.reduce((sum, bytes) => sum + bytes, 0),
    batches * lines.length,
  )
  // At 8 MiB, overfilled by one put of the pump's at most.
  t.ok(Math.max(...sizes) <= 12 * MiB, `${sizes}`)
})

/** Something that listens, and what it was asked. */
async function listener(t: Test, status: number, body: string) {
  const asked: unknown[] = []
  const server = createServer(({ url, headers }, response) => {
    asked.push([url, headers.authorization])
    response.writeHead(status, { location: '/elsewhere' }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

const state = reconciliation()

test('the gateway of another process is asked where the configuration says, or is unknown', async (t) => {
  const config = (aggregation: object) => parseConfig({ aggregation }, {})
  const { url, asked } = await listener(t, 200, JSON.stringify(state))
  const { log } = quietTelemetry()
  t.equal(await remoteGatewayOf(config({}), {}, log)(), null)
  t.match(await remoteGatewayOf(config({ gatewayUrl: url }), { TOKEN: 'x' }, log)(), state)
  t.match(
    await remoteGatewayOf(config({ gatewayUrl: url, gatewayTokenEnv: 'TOKEN' }), { TOKEN: 'x' }, log)(),
    state,
  )
  t.same(asked, [
    ['/reconcile', undefined],
    ['/reconcile', 'Bearer x'],
  ])
})

test('why a gateway does not tell its state is told, once', async (t) => {
  const nobody = 'http://127.0.0.1:2'
  const at = async (status: number, body: string) => (await listener(t, status, body)).url
  for (const [what, url, kind, why] of [
    ['nobody', nobody, 'unreachable', /^unreachable: nothing listens there \(ECONNREFUSED\)$/],
    ['a refusal', await at(401, '{"detail":"Send a token."}'), 'refused', /^answered 401: Send a token\.$/],
    [
      'another shape',
      await at(200, '{"received":"many"}'),
      'strange',
      /^answered 200: this is not the state/,
    ],
    ['no JSON', await at(200, '<html>'), 'strange', /^answered 200: this is not the state of a gateway$/],
    ['a proxy', await at(502, '<html>'), 'strange', /^answered 502: this is not the state of a gateway$/],
    ['a redirect', await at(302, JSON.stringify(state)), 'strange', /^answered 302: this is not the state/],
  ] as const) {
    for (const mayBeAbsent of [false, true]) {
      const lines: string[] = []
      const { log } = createTelemetry('warn', { write: (line) => lines.push(line) })
      const ask = gatewayAt([url], { token: undefined, log, mayBeAbsent })
      for (let i = 0; i < 2; i++) t.equal(await ask(), null, what)
      const isFault = !(mayBeAbsent && kind === 'unreachable')
      t.equal(lines.length, isFault ? 1 : 0, what)
      if (isFault) t.match(JSON.parse(String(lines)), { url, kind, why }, what)
    }
  }
  const known = await listener(t, 200, JSON.stringify(state))
  const { log } = quietTelemetry()
  t.match(
    await gatewayAt([nobody, known.url], { token: 'x', log, mayBeAbsent: true })(),
    state,
    'the next one',
  )
})

test('the lake of a process is for its owner alone', async (t) => {
  const config = parseConfig({ dataDir: t.testdir() }, {})
  await openLake(config, systemClock)
  t.equal((await stat(join(config.dataDir, 'lake'))).mode & 0o777, 0o700)
})
