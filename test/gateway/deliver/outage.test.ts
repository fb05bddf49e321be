import t, { type Test } from 'tap'
import { createLedger } from '../../../src/event/ledger/ledger.ts'
import { startPump } from '../../../src/gateway/deliver/pump.ts'
import { kinesisClient, kinesisSink } from '../../../src/gateway/deliver/sinks/kinesis/kinesis.ts'
import { countOpenShards } from '../../../src/gateway/deliver/sinks/kinesis/list-shards.ts'
import { paced } from '../../../src/gateway/deliver/sinks/kinesis/pacing.ts'
import { lakeDeadLetters, lakeSink } from '../../../src/gateway/deliver/sinks/lake/lake-writer.ts'
import { countedBacklog } from '../../../src/gateway/journal/counted-backlog.ts'
import type { RetryPolicy } from '../../../src/std/async/retry.ts'
import { systemClock } from '../../../src/std/clock.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { linesOf } from '../../contracts/stream.ts'
import { memoryLake } from '../../fakes/aggregation/lake.ts'
import { type KinesisFault, startKinesis } from '../../fakes/aws/kinesis.ts'
import { memoryBacklog } from '../../fakes/backlog.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { seededEntropy } from '../../fakes/entropy.ts'

const MINUTE_MS = 60_000
const EVENTS_PER_FRAME = 10
const PADDING = 'x'.repeat(5_000)

const lineOf = (id: number) => JSON.stringify({ event_id: `event-${id}`, padding: PADDING })

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 1))
}

const AT_ONCE: RetryPolicy = { delayMs: () => 1 }
/** The longest that a timer can wait: 24 days. */
const NEVER: RetryPolicy = { delayMs: () => 0x7fffffff }
const LONG_MS = 600_000

/** The sender as it is wired, before a Kinesis that can be made to fail, on a clock turned by hand. */
async function open(t: Test, { retry = AT_ONCE, requestTimeoutMs = 30_000, maxBacklogBytes = 2 ** 30 } = {}) {
  const kinesis = await startKinesis(t, { events: 4 })
  const lake = memoryLake()
  const clock = fakeClock()
  const entropy = seededEntropy()
  const telemetry = quietTelemetry()
  const backlog = memoryBacklog()
  const ledger = createLedger(telemetry.metrics, () => backlog.state().events)
  const system = { clock, entropy, telemetry, lake }
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
  const client = kinesisClient({
    region: 'eu-west-1',
    endpoint: kinesis.endpoint,
    credentials,
    requestTimeoutMs,
  })
  const stream = paced(kinesisSink({ client, streamName: 'events' }), {
    countShards: () => countOpenShards(client, 'events'),
    clock: systemClock,
    telemetry,
  })
  const fallback = {
    stream: lakeSink({ source: 'fallback-test', maxAgeMs: 1, ...system }),
    maxBacklogBytes,
  }
  const deadLetter = lakeDeadLetters(lake, entropy)
  const pump = startPump({
    backlog: countedBacklog(backlog, ledger),
    ...{ stream, fallback, deadLetter, lingerMs: 1, retry },
    ...system,
  })
  t.teardown(async () => {
    await pump.stop({ drainMs: 0 })
    await stream.close()
  })

  let issued = 0
  const accept = (count: number) => {
    for (const end = issued + count; issued < end; issued += EVENTS_PER_FRAME) {
      const lines = Array.from({ length: EVENTS_PER_FRAME }, (_, n) => lineOf(issued + n))
      backlog.append(lines, clock.nowMs())
      ledger.judged(lines.length, [])
    }
  }
  const calls = () => kinesis.calls.get('PutRecords') ?? 0
  const further = (count: number) => {
    const enough = calls() + count
    return until(() => calls() >= enough)
  }
  const streamed = async () => (await kinesis.records('events')).flatMap((data) => linesOf(String(data)))
  const fallen = () => linesOf(lake.textOf('raw/fallback-test/'))

  /** Where every event is now. */
  async function audit() {
    const [inStream, inLake] = [await streamed(), fallen()]
    const [found, sent] = [
      new Set([...inStream, ...inLake]),
      Array.from({ length: issued }, (_, id) => lineOf(id)),
    ]
    const { accepted, delivered, fallback, deadLettered } = ledger.totals()
    const waiting = backlog.state().events
    return {
      missing: sent.filter((line) => !found.has(line)).length,
      invented: [...found].filter((line) => !sent.includes(line)).length,
      copies: inStream.length + inLake.length - found.size,
      waiting,
      unaccounted: accepted - delivered - fallback - deadLettered - waiting,
    }
  }
  const delivered = () => until(() => backlog.state().frames === 0)
  const state = () => ({ ...ledger.totals(), ...pump.state(), waiting: backlog.state().events })
  return { kinesis, lake, clock, accept, further, fallen, audit, delivered, state, pump }
}

const CLEAN = { missing: 0, invented: 0, copies: 0, waiting: 0, unaccounted: 0 }
const error = (status: number, type: string): KinesisFault => ({ kind: 'error', status, type })

const outages: Readonly<
  Record<string, { outage: KinesisFault; requestTimeoutMs?: number; ambiguous?: boolean }>
> = {
  'errors of the service': { outage: error(500, 'InternalFailure') },
  'throttles of every call': { outage: error(400, 'ProvisionedThroughputExceededException') },
  'throttles of every record': {
    outage: { kind: 'partial', ratio: 1, codes: ['ProvisionedThroughputExceededException'] },
  },
  'access that is denied': { outage: error(400, 'AccessDeniedException') },
  'a key that is disabled': { outage: error(400, 'KMSDisabledException') },
  'a stream that is gone': { outage: error(400, 'ResourceNotFoundException') },
  'a token that has expired': { outage: error(400, 'ExpiredTokenException') },
  'connections that break': { outage: { kind: 'reset', when: 'before' } },
  'connections that break after everything is stored': {
    outage: { kind: 'reset', when: 'after' },
    ambiguous: true,
  },
  'answers that never come': {
    outage: { kind: 'hang', where: 'answer' },
    requestTimeoutMs: 1_500,
    ambiguous: true,
  },
}

t.test('an outage', async (t) => {
  for (const [name, { outage, ambiguous, ...options }] of Object.entries(outages)) {
    t.test(`of ${name} costs no event and needs no operator`, async (t) => {
      const { kinesis, clock, accept, further, fallen, audit, delivered, state } = await open(t, options)
      accept(100)
      await delivered()
      t.match(state(), { delivered: 100, fallback: 0 })

      kinesis.outage = outage
      accept(200)
      await until(() => state().failingSinceMs !== undefined)
      clock.advance(MINUTE_MS - 1_000)
      await further(3)
      t.strictSame(fallen(), [], 'for a minute it may be back any moment')
      clock.advance(1_000)
      await delivered()
      t.equal(state().fallback, 200)

      clock.advance(10 * MINUTE_MS)
      accept(300)
      await delivered()
      t.equal(state().fallback, 500, 'then all goes to the lake, at once')
      t.equal(kinesis.batches.at(-1), 1, 'and one record at a time asks whether it is over')

      kinesis.outage = undefined
      await until(() => {
        if (state().waiting === 0) accept(10)
        return state().failingSinceMs === undefined
      })
      await delivered()
      const { fallback } = state()
      clock.advance(1_000)
      accept(200)
      await delivered()
      t.equal(state().fallback, fallback, 'when it is, nothing goes to the lake any more')
      const { copies, ...verdict } = await audit()
      t.match(CLEAN, verdict)
      if (ambiguous) t.ok(copies > 0, `${copies} copies of what may or may not have been stored`)
      else t.equal(copies, 0, 'what is known not to be stored is stored once')
    })
  }
})

t.test('without retries the same audit finds what an outage has caught, so it is able to', async (t) => {
  for (const [name, { outage, ambiguous, ...options }] of Object.entries(outages)) {
    t.test(`of ${name}`, async (t) => {
      const { kinesis, clock, accept, audit, pump, state } = await open(t, { ...options, retry: NEVER })
      kinesis.outage = outage
      accept(200)
      await until(() => state().failingSinceMs !== undefined)
      clock.advance(MINUTE_MS)
      accept(200)
      await pump.stop({ drainMs: 200 })
      const { waiting, missing, unaccounted } = await audit()
      t.ok(waiting > 0, `${waiting} wait for an attempt that never comes`)
      t.ok(ambiguous || missing > 0, `${missing} are nowhere but in the journal`)
      t.equal(unaccounted, 0)
    })
  }
})

t.test(
  'a stream that is too slow gets help before the journal is full, and keeps what it can take',
  async (t) => {
    const bytes = 500 * PADDING.length
    const { kinesis, clock, accept, audit, delivered, state } = await open(t, { maxBacklogBytes: bytes })
    kinesis.limits = { records: 1, bytes: 60_000, refillCalls: 2 }
    accept(2_000)
    clock.advance(1_000)
    await delivered()
    const { fallback, delivered: taken } = state()
    t.ok(fallback > 0 && taken > 0, `${taken} to the stream, ${fallback} to the lake`)
    t.strictSame(await audit(), CLEAN)
  },
)

t.test('with the lake away as well, events wait until either is back', async (t) => {
  for (const back of ['stream', 'lake']) {
    t.test(`the ${back} first`, async (t) => {
      const { kinesis, lake, clock, accept, further, audit, delivered, state } = await open(t)
      kinesis.outage = error(503, 'ServiceUnavailable')
      lake.failures.push(...Array(99_999).fill(new Error('the lake is away')))
      accept(300)
      await until(() => state().failingSinceMs !== undefined)
      clock.advance(MINUTE_MS)
      await further(3)
      await until(() => lake.failures.length < 99_990)
      t.match(state(), { delivered: 0, fallback: 0, waiting: 300 })
      if (back === 'stream') kinesis.outage = undefined
      else lake.failures.splice(0)
      await delivered()
      t.match(state(), back === 'stream' ? { delivered: 300 } : { fallback: 300 })
      t.strictSame(await audit(), CLEAN)
    })
  }
})

t.test('a process that ends in an outage leaves nothing on a disk that ends with it', async (t) => {
  for (const [name, { outage, ambiguous, ...options }] of Object.entries(outages)) {
    t.test(`of ${name}`, async (t) => {
      const { kinesis, accept, audit, pump } = await open(t, options)
      kinesis.outage = outage
      accept(500)
      t.strictSame(await pump.stop({ drainMs: 100, handOverMs: LONG_MS }), { drained: true })
      const { copies, ...verdict } = await audit()
      t.match(CLEAN, verdict)
      t.ok(ambiguous || copies === 0, `${copies} copies`)
    })
  }
})

t.test('poison is isolated to its line through the whole sender', async (t) => {
  const { kinesis, lake, accept, audit, delivered, state } = await open(t)
  const poison = [lineOf(7), lineOf(321)]
  kinesis.poison = (data) => poison.some((line) => String(data).includes(`${line}\n`))
  accept(400)
  await delivered()
  t.match(state(), { delivered: 398, deadLettered: 2 })
  t.strictSame(linesOf(lake.textOf('dead/')).sort(), [...poison].sort())
  t.match(await audit(), { missing: 2, invented: 0, copies: 0, unaccounted: 0 })
  const calls = kinesis.batches.length
  t.ok(calls <= 60, `two searches take ${calls} calls`)
})
