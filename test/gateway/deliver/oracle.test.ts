import t, { type Test } from 'tap'
import { createLedger } from '../../../src/event/ledger/ledger.ts'
import { startPump } from '../../../src/gateway/deliver/pump.ts'
import { kinesisClient, kinesisSink } from '../../../src/gateway/deliver/sinks/kinesis/kinesis.ts'
import { countOpenShards } from '../../../src/gateway/deliver/sinks/kinesis/list-shards.ts'
import { paced } from '../../../src/gateway/deliver/sinks/kinesis/pacing.ts'
import { lakeDeadLetters } from '../../../src/gateway/deliver/sinks/lake/lake-writer.ts'
import { countedBacklog } from '../../../src/gateway/journal/counted-backlog.ts'
import type { RetryPolicy } from '../../../src/std/async/retry.ts'
import { systemClock } from '../../../src/std/clock.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { linesOf } from '../../contracts/stream.ts'
import { memoryLake } from '../../fakes/aggregation/lake.ts'
import { type FakeKinesis, type KinesisFault, startKinesis } from '../../fakes/aws/kinesis.ts'
import { memoryBacklog } from '../../fakes/backlog.ts'
import { seededEntropy } from '../../fakes/entropy.ts'

const EVENTS = 1_200
const EVENTS_PER_FRAME = 7
/** So that the events need several calls. */
const PADDING = 'x'.repeat(1_000)

const AT_ONCE: RetryPolicy = { delayMs: () => 1 }
/** The longest that a timer can wait: 24 days. */
const NEVER: RetryPolicy = { delayMs: () => 0x7fffffff }

interface Scenario {
  readonly faults?: readonly KinesisFault[]
  /** Events that Kinesis will never take. */
  readonly poison?: readonly number[]
  /** Short where an answer never comes; long elsewhere, for slow machines. */
  readonly requestTimeoutMs?: number
  /** The first dead letters that cannot be stored. */
  readonly lakeFailures?: number
  /** What a shard takes before it throttles, and what ListShards says of the number of shards. */
  readonly limits?: FakeKinesis['limits']
  readonly shardsLie?: FakeKinesis['shardsLie']
}

interface OracleResult {
  /** Acknowledged, and neither in the stream nor among the dead letters. */
  readonly missing: number
  /** Found, and never sent like that. */
  readonly invented: number
  /** Not known to be delivered, so that they would be sent again. */
  readonly backlog: number
  readonly unaccounted: number
}
const CLEAN: OracleResult = { missing: 0, invented: 0, backlog: 0, unaccounted: 0 }

const lineOf = (id: number) => JSON.stringify({ event_id: `event-${id}`, padding: PADDING })
const idOf = (line: string): number => Number(JSON.parse(line).event_id.slice('event-'.length))

/** Issues events through the pump and the real SDK, then looks for every one of them. */
async function run(t: Test, scenario: Scenario, retry: RetryPolicy, drainMs: number) {
  const kinesis = await startKinesis(t)
  kinesis.faults.push(...(scenario.faults ?? []))
  kinesis.limits = scenario.limits
  kinesis.shardsLie = scenario.shardsLie
  const poison = new Set(scenario.poison ?? [])
  kinesis.poison = (data) => linesOf(String(data)).some((line) => poison.has(idOf(line)))
  const lake = memoryLake()
  lake.failures.push(...Array(scenario.lakeFailures ?? 0).fill(new Error('scripted')))
  const backlog = memoryBacklog()
  const telemetry = quietTelemetry()
  const ledger = createLedger(telemetry.metrics, () => backlog.state().events)
  const entropy = seededEntropy()
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
  const { requestTimeoutMs = 30_000 } = scenario
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
  t.teardown(() => stream.close())

  const ids = Array.from({ length: EVENTS }, (_, id) => id)
  for (let from = 0; from < EVENTS; from += EVENTS_PER_FRAME) {
    const frame = backlog.append(ids.slice(from, from + EVENTS_PER_FRAME).map(lineOf))
    ledger.judged(frame.count, [])
  }
  const pump = startPump({
    backlog: countedBacklog(backlog, ledger),
    stream,
    deadLetter: lakeDeadLetters(lake, entropy),
    telemetry,
    entropy,
    clock: systemClock,
    lingerMs: 1,
    retry,
  })
  await pump.stop({ drainMs })

  const streamed = (await kinesis.records('events')).flatMap((data) => linesOf(String(data)))
  const deadLetters = linesOf(lake.textOf('dead/'))
  const issued = new Set(ids.map(lineOf))
  const found = new Set([...streamed, ...deadLetters])
  const { accepted, delivered, deadLettered } = ledger.totals()
  const verdict: OracleResult = {
    missing: [...issued].filter((line) => !found.has(line)).length,
    invented: [...found].filter((line) => !issued.has(line)).length,
    backlog: backlog.state().events,
    unaccounted: accepted - delivered - deadLettered - backlog.state().events,
  }
  return {
    verdict,
    streamed,
    deadLetters: deadLetters.map(idOf),
    deadLettered,
    unused: kinesis.faults.length,
  }
}

const times = (count: number, fault: KinesisFault): KinesisFault[] => Array(count).fill(fault)
const error = (status: number, type: string): KinesisFault => ({ kind: 'error', status, type })
const codes = ['ProvisionedThroughputExceededException', 'InternalFailure']

const scenarios: Readonly<Record<string, Scenario>> = {
  'records that fail one by one': { faults: times(5, { kind: 'partial', ratio: 0.5, codes }) },
  'throttled calls': { faults: times(4, error(400, 'ProvisionedThroughputExceededException')) },
  'errors of the service': { faults: times(4, error(500, 'InternalFailure')) },
  'connections that break before anything is stored': { faults: times(3, { kind: 'reset', when: 'before' }) },
  'connections that break after everything is stored': { faults: times(3, { kind: 'reset', when: 'after' }) },
  'answers that never come': {
    requestTimeoutMs: 1_500,
    faults: times(2, { kind: 'hang', where: 'answer' }),
  },
  'answers that stop half-way': {
    requestTimeoutMs: 1_500,
    faults: times(2, { kind: 'hang', where: 'body' }),
  },
  'answers with too few results': {
    faults: times(3, { kind: 'tamper', results: (results) => results.slice(1) }),
  },
  'answers that prove nothing': {
    faults: times(3, { kind: 'tamper', results: (results) => results.map(() => ({})) }),
  },
  'access that is denied for a while': { faults: times(3, error(400, 'AccessDeniedException')) },
  'a key that is not to be had for a while': {
    faults: [
      ...times(2, error(400, 'KMSThrottlingException')),
      ...times(2, error(400, 'KMSInvalidStateException')),
    ],
  },
  'a token that has expired until it is renewed': { faults: times(3, error(400, 'ExpiredTokenException')) },
  'shards that are full for a while': { limits: { records: 3, bytes: 100_000, refillCalls: 3 } },
  'shards that are full, and a number of them that is a lie': {
    limits: { records: 3, bytes: 100_000, refillCalls: 3 },
    shardsLie: 100,
  },
  'shards that nobody may count, and calls that fail': {
    shardsLie: error(400, 'AccessDeniedException'),
    faults: times(3, error(500, 'InternalFailure')),
  },
  'poison, and a lake that is away when it is found': { poison: [3, 500, 1_111], lakeFailures: 2 },
  'all of it together': {
    requestTimeoutMs: 1_500,
    poison: [700],
    faults: [
      { kind: 'partial', ratio: 0.3, codes },
      { kind: 'reset', when: 'after' },
      error(400, 'KMSAccessDeniedException'),
      { kind: 'delay', ms: 20 },
      { kind: 'hang', where: 'answer' },
      { kind: 'partial', ratio: 0.9, codes },
      error(503, 'ServiceUnavailable'),
      { kind: 'tamper', results: () => [] },
    ],
  },
}

t.test(
  'every event reaches the stream or the dead letters, none is invented, all are accounted for',
  async (t) => {
    for (const [name, scenario] of Object.entries(scenarios)) {
      t.test(`with ${name}`, async (t) => {
        const { verdict, deadLetters, deadLettered, unused } = await run(t, scenario, AT_ONCE, 20_000)
        t.strictSame(verdict, CLEAN)
        t.equal(unused, 0, 'every fault has happened')
        t.equal(deadLetters.length, deadLettered)
        t.strictSame(
          deadLetters.sort((a, b) => a - b),
          scenario.poison ?? [],
          'of dead letters there are no others',
        )
      })
    }
  },
)

t.test('without retries the same oracle finds each fault, so it is able to', async (t) => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    t.test(`with ${name}`, async (t) => {
      const { verdict } = await run(t, scenario, NEVER, 700)
      t.not(verdict.backlog, 0)
      t.equal(verdict.unaccounted, 0, 'what is not delivered is in the backlog')
    })
  }

  t.test('and without faults it finds none', async (t) => {
    const { verdict, streamed } = await run(t, {}, NEVER, 20_000)
    t.strictSame(verdict, CLEAN)
    t.equal(streamed.length, EVENTS, 'and no event twice')
  })
})
