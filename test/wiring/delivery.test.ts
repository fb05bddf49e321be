import { type Test, test } from 'tap'
import { parseConfig } from '../../src/config/parse.ts'
import { buildGateway } from '../../src/gateway/gateway-app.ts'
import { systemClock } from '../../src/std/clock.ts'
import { createTelemetry } from '../../src/std/telemetry.ts'
import { wireGateway } from '../../src/wiring/gateway.ts'
import { linesOf } from '../contracts/stream.ts'
import { type MemoryLake, memoryLake } from '../fakes/aggregation/lake.ts'
import { type FakeKinesis, type KinesisFault, startKinesis } from '../fakes/aws/kinesis.ts'
import { seededEntropy } from '../fakes/entropy.ts'
import { withEnvironment } from '../fakes/environment.ts'
import { lcp, sha256 } from '../fakes/gateway.ts'

const LONG_MS = 20_000

/** Time as it goes by, and a way to skip some of it. */
function skippableClock() {
  let skippedMs = 0
  return {
    nowMs: () => systemClock.nowMs() + skippedMs,
    monotonicMs: () => systemClock.monotonicMs() + skippedMs,
    skip(ms: number) {
      skippedMs += ms
    },
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}

interface DeliveryWorld {
  readonly kinesis: FakeKinesis
  readonly lake: MemoryLake
  readonly dataDir: string
}

async function world(t: Test): Promise<DeliveryWorld> {
  withEnvironment(t, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' })
  return { kinesis: await startKinesis(t, { events: 2 }), lake: memoryLake(), dataDir: t.testdir() }
}

/** A gateway in mode `stream` that listens, in the world that it finds. */
async function open(t: Test, { kinesis, lake, dataDir }: DeliveryWorld, gateway: object = {}) {
  const stream = { kind: 'kinesis', name: 'events', endpoint: kinesis.endpoint, region: 'eu-west-1' }
  const apps = [{ id: 'shop', keys: [{ sha256: sha256('shop-key') }] }]
  const config = parseConfig({ dataDir, apps, gateway: { durability: 'stream', stream, ...gateway } }, {})
  let said = ''
  const telemetry = createTelemetry('info', { write: (line) => (said += line) })
  const clock = skippableClock()
  const system = { clock, entropy: seededEntropy(), telemetry, lake, env: {} }
  const wiring = await wireGateway(config, system)
  const app = await buildGateway(config.gateway, {
    ...system,
    ...wiring,
    listener: { ready: () => true, workers: 1 },
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  let isOpen = true
  const close = async (withinMs = LONG_MS) => {
    if (!isOpen) return
    isOpen = false
    await wiring.close(withinMs)
    await app.close()
  }
  t.teardown(() => close(0))
  const send = (contentType: string, ids: readonly string[]) =>
    fetch(`${url}/v1/events?key=shop-key`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body: JSON.stringify(ids.map((event_id) => lcp({ event_id }))),
    })
  return {
    close,
    clock,
    pixel: (id: string) => fetch(`${url}/v1/pixel.gif?key=shop-key&name=a&value=1&event_id=${id}`),
    post: (...ids: string[]) => send('application/json', ids),
    beacon: (...ids: string[]) => send('text/plain', ids),
    books: () => wiring.balance(),
    said: () => said,
    /** Until so many events are in memory. */
    waiting: (events: number) =>
      until(async () => {
        const gauge = await telemetry.metrics.getSingleMetric('headgate_unanswered_events')?.get()
        return gauge?.values[0]?.value === events
      }),
    async metric(name: string) {
      const lines = (await telemetry.metrics.metrics()).split('\n')
      return lines.filter((line) => line.startsWith(name))
    },
  }
}

const idsIn = (lines: readonly string[]): string[] =>
  lines
    .map((line) => JSON.parse(line))
    .flatMap(({ name, event_id }) => (name === 'headgate.ledger' ? [] : [event_id]))
const inStream = async ({ kinesis }: DeliveryWorld) =>
  idsIn((await kinesis.records('events')).flatMap((data) => linesOf(String(data)))).sort()
const inLake = ({ lake }: DeliveryWorld, prefix = 'raw/') => idsIn(linesOf(lake.textOf(prefix))).sort()

const DOWN: KinesisFault = { kind: 'error', status: 503, type: 'ServiceUnavailable' }
const lakeDown = ({ lake }: DeliveryWorld) =>
  void lake.failures.push(...Array(99_999).fill(new Error('away')))

test('while Kinesis takes events, an answer says stream, and they are there when it is given', async (t) => {
  const there = await world(t)
  const { post, beacon, pixel, books, metric, close } = await open(t, there)
  const answer = await post('a', 'b')
  t.equal(answer.status, 202)
  t.same(await answer.json(), { accepted: 2, rejected: [], durability: 'stream' })
  t.same(await inStream(there), ['a', 'b'])
  t.equal((await beacon('c')).status, 204)
  t.equal((await pixel('d')).status, 200)
  t.same(await inStream(there), ['a', 'b', 'c', 'd'])
  t.match(books(), { accepted: 4, delivered: 4, atRisk: 0, unaccounted: 0, backlog: { events: 0 } })
  t.same(await metric('headgate_events_acknowledged_total'), [
    'headgate_events_acknowledged_total{durability="stream"} 4',
  ])
  await close()
  t.match(books(), { accepted: 4, ledgerEvents: 1, delivered: 5, unaccounted: 0 })
})

test('while Kinesis is down, an answer says lake, and the file that holds the events is complete', async (t) => {
  const there = await world(t)
  const { post, books, metric, close } = await open(t, there)
  there.kinesis.outage = DOWN
  for (const id of ['a', 'b']) {
    t.match(await (await post(id)).json(), { accepted: 1, durability: 'lake' })
    t.ok(inLake(there, 'raw/fallback-').includes(id))
  }
  t.match(books(), {
    accepted: 2,
    fallback: 2,
    unaccounted: 0,
    sink: { state: 'failing', fallbackOpen: true },
  })
  t.same(await inStream(there), [])
  there.kinesis.outage = undefined
  await until(async () => /"stream"/.test(await (await post('c')).text()))
  t.match(await metric('headgate_events_acknowledged_total'), [/"lake"/, /"stream"/])
  await close()
  t.match(books(), { unaccounted: 0, backlog: { events: 0 } })
})

test('with both down, senders that can are told to try again, and beacons wait on the disk', async (t) => {
  const there = await world(t)
  const { post, beacon, pixel, books, metric, waiting, clock, said, close } = await open(t, there)
  there.kinesis.outage = DOWN
  lakeDown(there)
  const sent = [post('a'), beacon('b'), pixel('c')]
  await waiting(3)
  clock.skip(9_000)
  const [refused, kept, shown] = await Promise.all(sent)
  t.equal(refused?.status, 503)
  t.ok(Number(refused?.headers.get('retry-after')) >= 5)
  t.match(await refused?.json(), { code: 'sinks_unavailable' })
  t.equal(kept?.status, 204)
  t.equal(shown?.status, 200)
  t.match(books(), {
    received: 3,
    accepted: 2,
    rejected: { sinks_unavailable: 1 },
    atRisk: 2,
    unaccounted: 0,
  })
  t.same(await metric('headgate_events_acknowledged_total'), [
    'headgate_events_acknowledged_total{durability="journal"} 2',
  ])
  t.match(said(), /neither the stream nor the lake takes events/)
  await close(300)
  t.match(said(), /events stay in the journal for the next start/)

  there.kinesis.outage = undefined
  const next = await open(t, there)
  await until(() => next.books().delivered === 3)
  t.match(next.books(), { recovered: 3, atRisk: 0, backlog: { events: 0 }, unaccounted: 0 })
  t.same(
    (await inStream(there)).filter((id) => id !== 'a'),
    ['b', 'c'],
  )
  await next.close()
})

test('when either is back, what waits on the disk is delivered, and nothing is counted twice', async (t) => {
  const there = await world(t)
  const { post, beacon, books, metric, waiting, clock, close } = await open(t, there)
  there.kinesis.outage = DOWN
  lakeDown(there)
  const first = [post('a'), beacon('b')]
  await waiting(2)
  clock.skip(9_000)
  await Promise.all(first)
  const probe = post('c')
  await waiting(3)
  t.equal((await beacon('d')).status, 204, 'one finds out whether it is over, the others need not wait')
  t.match(await (await post('e')).json(), { code: 'sinks_unavailable' })
  t.match(books(), { atRisk: 2, unaccounted: 0 })
  there.lake.failures.splice(0)
  t.match(await (await probe).json(), { durability: 'lake' })
  await until(() => books().atRisk === 0)
  t.match(books(), { accepted: 3, fallback: 3, unaccounted: 0 })
  t.same([...new Set(inLake(there))], ['a', 'b', 'c', 'd'])
  t.same(
    await metric('headgate_belated_events_total'),
    ['headgate_belated_events_total 2'],
    'a, and b once more',
  )
  t.match(await (await post('f')).json(), { durability: 'lake' })
  await close()
})

test('an answer waits for each record of its events, and a poison event is a dead letter', async (t) => {
  const there = await world(t)
  const { post, books, close } = await open(t, there)
  there.kinesis.faults.push({
    kind: 'partial',
    ratio: 0.5,
    codes: ['ProvisionedThroughputExceededException'],
  })
  const ids = Array.from({ length: 400 }, (_, i) => `id-${i}`.padEnd(120, 'x'))
  const answers = await Promise.all([post(...ids.slice(0, 200)), post(...ids.slice(200))])
  for (const answer of answers) t.match(await answer.json(), { accepted: 200, durability: 'stream' })
  t.same(await inStream(there), [...ids].sort())

  there.kinesis.poison = (data) => String(data).includes('"poison"')
  t.match(await (await post('poison')).json(), { accepted: 1, durability: 'lake' })
  t.same(inLake(there, 'dead/'), ['poison'])
  t.match(books(), { delivered: 400, deadLettered: 1, unaccounted: 0 })
  await close()
})

test('a stream into the lake answers when the file is complete', async (t) => {
  const there = await world(t)
  const { post, books, close } = await open(t, there, { stream: { kind: 'lake' } })
  t.match(await (await post('a')).json(), { accepted: 1, durability: 'lake' })
  t.same(inLake(there, 'raw/gateway/'), ['a'])
  t.match(books(), { delivered: 1, unaccounted: 0 })
  await close()
})

test('at the end those who wait get their answer', async (t) => {
  const there = await world(t)
  const { post, beacon, books, waiting, close } = await open(t, there)
  there.kinesis.outage = { kind: 'hang', where: 'answer' }
  lakeDown(there)
  const sent = [post('a'), beacon('b')]
  await waiting(2)
  await until(() => (there.kinesis.calls.get('PutRecords') ?? 0) > 0)
  await close(500)
  t.same(await Promise.all(sent.map(async (answer) => (await answer).status)), [503, 204])
  t.match(books(), { accepted: 1, atRisk: 2, backlog: { events: 2 }, ledgerEvents: 1, unaccounted: 0 })
})

test('a disk that dies with us is emptied before the end', async (t) => {
  const there = await world(t)
  const { beacon, books, waiting, clock, said, close } = await open(t, there, {
    journal: { ephemeral: true },
  })
  t.match(said(), /the lake is on a disk that nobody finds again/)
  there.kinesis.outage = DOWN
  lakeDown(there)
  const kept = beacon('a')
  await waiting(1)
  clock.skip(9_000)
  t.equal((await kept).status, 204)
  const closing = close()
  there.lake.failures.splice(0)
  await closing
  t.match(books(), { atRisk: 0, backlog: { events: 0 }, fallback: 2, unaccounted: 0 })
  t.same([...new Set(inLake(there))], ['a'])
})

test('what mode journal has left is delivered in mode stream', async (t) => {
  const there = await world(t)
  there.kinesis.outage = DOWN
  const before = await open(t, there, { durability: 'journal', workers: 1 })
  t.match(await (await before.post('a')).json(), { durability: 'journal' })
  await before.close(0)
  there.kinesis.outage = undefined
  const after = await open(t, there)
  await until(() => after.books().delivered >= 1)
  t.ok((await inStream(there)).includes('a'))
  await after.close()
  t.match(after.books(), { unaccounted: 0, backlog: { events: 0 } })
})
