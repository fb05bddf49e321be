import { readdirSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { type Config, parseConfig } from '../src/config.ts'
import { systemClock } from '../src/std/clock.ts'
import { createTelemetry } from '../src/std/telemetry.ts'
import { type GatewaySystem, openLake, wireGateway } from '../src/wiring.ts'
import { remoteGatewayOf, wireAggregation } from '../src/wiring-aggregation.ts'
import { batchOf } from './contracts/journal.ts'
import { linesOf } from './contracts/stream.ts'
import { seededEntropy } from './fakes/entropy.ts'
import { startKinesis } from './fakes/kinesis.ts'
import { startFakeS3 } from './fakes/s3.ts'

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
  const env = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' }
  const before = { ...process.env }
  Object.assign(process.env, env)
  t.teardown(() => {
    process.env = before
  })
  const config = (stream: object) =>
    parseConfig({ dataDir, gateway: { stream: { kind: 'kinesis', name: 'events', ...stream } } }, {})

  const away = config({ endpoint: 'http://127.0.0.1:1' })
  const down = await system(away)
  const first = await wireGateway(away, down)
  t.equal(await first.journal.append(batch('a')), 'journal')
  first.ledger.admitted(1, [])
  t.match(first.reconcile(), { accepted: 1, delivered: 0, backlog: { events: 1 }, unaccounted: 0 })
  await first.close(0)
  t.match(down.said(), /events stay in the journal for the next start/)

  const there = config({ endpoint: kinesis.endpoint, region: 'eu-west-1' })
  const up = await system(there)
  const second = await wireGateway(there, up)
  t.match(up.said(), /the journal was recovered/)
  await second.close(20_000)
  t.match(second.reconcile(), { recovered: 1, delivered: 1, backlog: { events: 0 }, unaccounted: 0 })
  t.same(
    (await kinesis.records('events')).flatMap((data) => linesOf(String(data))),
    ['{"v":1,"event_id":"a"}'],
  )
})

test('the books tell the state of the sink', async (t) => {
  const kinesis = await startKinesis(t)
  const before = { ...process.env }
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' })
  t.teardown(() => {
    process.env = before
  })
  const sinkAt = async (endpoint: string) => {
    const stream = { kind: 'kinesis', name: 'events', endpoint }
    const config = parseConfig({ dataDir: t.testdir(), gateway: { stream } }, {})
    const gateway = await wireGateway(config, await system(config))
    t.same(gateway.reconcile().sink, { kind: 'kinesis', state: 'ok', fallbackOpen: false })
    await gateway.journal.append(batch('a'))
    while (gateway.reconcile().sink.state === 'ok') await new Promise((resolve) => setTimeout(resolve, 5))
    const { sink } = gateway.reconcile()
    await gateway.close(0)
    return sink
  }
  const failing = await sinkAt('http://127.0.0.1:1')
  t.match(failing, { state: 'failing', failingSinceMs: Number, fallbackOpen: false })
  kinesis.outage = { kind: 'error', status: 400, type: 'ResourceNotFoundException' }
  const paused = await sinkAt(kinesis.endpoint)
  t.match(paused, { state: 'paused', reason: 'ResourceNotFoundException' })
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
    t.match(gateway.reconcile(), { accepted: 0, unaccounted: 0 })
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
    const { definitions, pipelineState } = await wireAggregation(config, {
      ...(await system(config)),
      askGateway,
    })
    t.same(
      definitions.map(({ id }) => id),
      ids,
    )
    t.equal(definitions[0]?.grainMs, 300_000)
    t.match(await pipelineState(), { gateway: null, aggregation: { lastCommittedMs: null, dueWindows: 0 } })
  }
})

test('a lake in S3 takes what the gateway stores, and what the aggregation reads', async (t) => {
  const { endpoint, objects } = await startFakeS3(t)
  const before = { ...process.env }
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' })
  t.teardown(() => {
    process.env = before
  })
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
    gateway.ledger.admitted(1, [])
    await gateway.close(20_000)
    t.match(gateway.reconcile(), { delivered: 1, backlog: { events: 0 }, unaccounted: 0 })
    const [[key, body] = ['', ''], ...others] = objects
    t.ok(key.startsWith(begins), key)
    t.equal(String(body), '{"v":1,"event_id":"a"}\n')
    t.same(others, [])
    const { pipelineState } = await wireAggregation(config, { ...own, askGateway: async () => null })
    t.match(await pipelineState(), { aggregation: { dueWindows: 0 } })
    const kept = ['idempotency.secret', 'instance', 'journal', 'tmp']
    t.same(readdirSync(config.dataDir).sort(), kept, 'no lake on this disk')
  }
})

test('files in S3 close sooner than those on disk', async (t) => {
  const { endpoint, objects } = await startFakeS3(t)
  const before = { ...process.env }
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' })
  t.teardown(() => {
    process.env = before
  })
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

test('the gateway of another process is asked where the configuration says, or is unknown', async (t) => {
  const config = (aggregation: object) => parseConfig({ aggregation }, {})
  t.equal(await remoteGatewayOf(config({}), {})(), null)
  t.equal(await remoteGatewayOf(config({ gatewayUrl: 'http://127.0.0.1:1' }), {})(), null)
  const named = config({ gatewayUrl: 'http://127.0.0.1:1', gatewayTokenEnv: 'TOKEN' })
  t.equal(await remoteGatewayOf(named, { TOKEN: 'x' })(), null)
})

test('the lake of a process is for its owner alone', async (t) => {
  const config = parseConfig({ dataDir: t.testdir() }, {})
  await openLake(config, systemClock)
  t.equal((await stat(join(config.dataDir, 'lake'))).mode & 0o777, 0o700)
})
