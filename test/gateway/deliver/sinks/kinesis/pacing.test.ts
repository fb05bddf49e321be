import { type KinesisClient, MergeShardsCommand, SplitShardCommand } from '@aws-sdk/client-kinesis'
import t, { type Test } from 'tap'
import { kinesisClient, kinesisSink } from '../../../../../src/gateway/deliver/sinks/kinesis/kinesis.ts'
import { countOpenShards } from '../../../../../src/gateway/deliver/sinks/kinesis/list-shards.ts'
import { paced } from '../../../../../src/gateway/deliver/sinks/kinesis/pacing.ts'
import type { RecordOutcome, Sink } from '../../../../../src/gateway/deliver/sinks/stream.ts'
import { createTelemetry } from '../../../../../src/std/telemetry.ts'
import { linesOf, recordOf, streamContract } from '../../../../contracts/stream.ts'
import { startKinesis } from '../../../../fakes/aws/kinesis.ts'
import { fakeClock } from '../../../../fakes/clock.ts'

const MIB = 1_048_576
const live = () => new AbortController().signal
const stored = (count: number): RecordOutcome[] => Array(count).fill({ kind: 'stored' })
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** The first put has the shards counted; nothing is paced before. */
const counted = async (stream: Sink) => {
  await stream.put([], live())
  await turn()
}

/** A stream that stores, behind a pacer that is told what to believe. */
function setup({
  count = async () => 2,
  put = async () => stored(1) as readonly RecordOutcome[],
  workers = 1,
} = {}) {
  const clock = fakeClock()
  const log: { level: number; msg: string; shards?: number; before?: number }[] = []
  const telemetry = createTelemetry('info', { write: (line) => log.push(JSON.parse(line)) })
  const asked: number[] = []
  const inner: Sink = { kind: 'kinesis', maxRecords: 500, maxBytes: MIB, put, close: async () => {} }
  const countShards = () => {
    asked.push(clock.monotonicMs())
    return count()
  }
  const stream = paced(inner, { countShards, workers, clock, telemetry })
  const metric = async (name: string) =>
    Number((await telemetry.metrics.getSingleMetric(name)?.get())?.values[0]?.value)
  return { clock, log, asked, stream, metric }
}

/** A record of so many bytes with its partition key. */
const recordOfBytes = (bytes: number) => {
  const record = recordOf(['x'])
  return { ...record, data: Buffer.alloc(bytes - record.partitionKey.length) }
}
/** An aborted put does not wait, but it has taken its turn. */
const GONE = AbortSignal.abort()
const milliseconds = (seconds: number) => Math.round(seconds * 1_000)

t.test('a call carries 256 KiB a shard, up to what the stream takes', async (t) => {
  const rows: [shards: number, bytes: number][] = [
    [1, 262_144],
    [3, 786_432],
    [4, MIB],
    [100, MIB],
  ]
  for (const [shards, bytes] of rows) {
    const { stream } = setup({ count: async () => shards })
    t.equal(stream.maxBytes, MIB, 'before the answer')
    await counted(stream)
    t.equal(stream.maxBytes, bytes, `${shards} shards`)
    t.strictSame([stream.kind, stream.maxRecords], ['kinesis', 500])
  }
})

t.test('workers share what the shards take', async (t) => {
  const waits = await Promise.all(
    [1, 2, 3].map(async (workers) => {
      const { stream, metric } = setup({ workers })
      await counted(stream)
      for (let call = 0; call < 4; call++) await stream.put([recordOfBytes(MIB)], GONE)
      return milliseconds(await metric('headgate_sink_paced_seconds_total'))
    }),
  )
  // 1 MiB lasts a third of a second, two thirds, a whole one: the first second is free.
  t.strictSame(waits, [333, 333 + 1_000 + 1_667, 1_000 + 2_000 + 3_000])
})

t.test('calls wait for what goes beyond one and a half times the rate of the shards', async (t) => {
  const rows: [rule: string, calls: number, records: number, bytes: number, waitedS: number][] = [
    ['a second of bytes goes at once', 3, 1, MIB, 0],
    ['what is more waits', 4, 1, MIB, 1 / 3],
    ['the longer the more there is', 5, 1, MIB, 1 / 3 + 2 / 3],
    ['a second of records goes at once', 6, 500, 5_000, 0],
    ['and records count as well', 7, 500, 5_000, 1 / 6],
  ]
  for (const [rule, calls, records, bytes, waitedS] of rows) {
    const { stream, metric } = setup()
    await counted(stream)
    for (let call = 0; call < calls; call++) {
      await stream.put(Array(records).fill(recordOfBytes(Math.ceil(bytes / records))), GONE)
    }
    t.equal(milliseconds(await metric('headgate_sink_paced_seconds_total')), milliseconds(waitedS), rule)
  }
})

t.test('time gives room again, and idleness no more than a second of it', async (t) => {
  const { clock, stream, metric } = setup()
  await counted(stream)
  const putMib = async (count: number) => {
    for (let call = 0; call < count; call++) await stream.put([recordOfBytes(MIB)], GONE)
    return milliseconds(await metric('headgate_sink_paced_seconds_total'))
  }
  t.equal(await putMib(3), 0)
  clock.advance(1_000)
  t.equal(await putMib(3), 0)
  clock.advance(50_000)
  t.equal(await putMib(3), 0)
  t.equal(await putMib(1), 333)
})

t.test('a call that waited is made in the end, and its outcomes are its own', async (t) => {
  const { clock, stream } = setup()
  await counted(stream)
  await stream.put([recordOfBytes(3 * MIB - 1_000)], live())
  clock.advance(10)
  t.strictSame(await stream.put([recordOfBytes(30_000)], live()), stored(1))
})

t.test('nothing waits while the number of shards is not known', async (t) => {
  const { stream, metric, log } = setup({ count: () => Promise.reject(new Error('denied')) })
  for (let call = 0; call < 50; call++) await stream.put([recordOfBytes(MIB)], live())
  t.equal(await metric('headgate_sink_paced_seconds_total'), 0)
  t.equal(await metric('headgate_sink_shards'), 0)
  t.equal(stream.maxBytes, MIB)
  t.match(log, [{ level: 40, code: 'Error', msg: 'the shards could not be counted' }])
})

t.test('shards are counted at the start, each minute, and soon after a throttle', async (t) => {
  const outcomes: RecordOutcome[] = []
  const put = async () => [outcomes.shift() ?? { kind: 'stored' as const }]
  const { asked, clock, stream } = setup({ put })
  const putAt = async (ms: number, outcome: RecordOutcome = { kind: 'stored' }) => {
    clock.advance(ms - clock.monotonicMs())
    outcomes.push(outcome)
    await stream.put([recordOf(['a'])], live())
    return [...asked]
  }
  const throttled: RecordOutcome = { kind: 'throttled', code: 'x' }
  t.strictSame(asked, [], 'not before there is something to send')
  t.strictSame(await putAt(0), [0])
  t.strictSame(await putAt(59_999), [0])
  t.strictSame(await putAt(60_000), [0, 60_000])
  t.strictSame(await putAt(62_000, throttled), [0, 60_000], 'not at once again')
  t.strictSame(await putAt(65_000, throttled), [0, 60_000, 65_000])
  t.strictSame(await putAt(66_000), [0, 60_000, 65_000])
})

t.test(
  'the last count that was learnt holds, and each change and each row of failures is told once',
  async (t) => {
    const answers = [3, new Error('away'), new Error('away'), 0, 3, new Error('away'), 5]
    const count = async () => {
      const answer = answers.shift()
      if (typeof answer !== 'number') throw answer
      return answer
    }
    const { clock, log, stream, metric } = setup({ count })
    const known: number[] = []
    while (answers.length > 0) {
      await stream.put([recordOf(['a'])], live())
      clock.advance(60_000)
      known.push(await metric('headgate_sink_shards'))
    }
    t.strictSame(known, [3, 3, 3, 3, 3, 3, 5])
    t.match(log, [
      { msg: 'the shards were counted', shards: 3 },
      { msg: 'the shards could not be counted' },
      { msg: 'the shards could not be counted' },
      { msg: 'the shards were counted', before: 3, shards: 5 },
    ])
  },
)

t.test('closing ends a question that is under way', async (t) => {
  let answer = (_: number) => {}
  const count = () => new Promise<number>((resolve) => (answer = resolve))
  const { stream, metric } = setup({ count })
  await stream.put([], live())
  const closed = stream.close()
  answer(7)
  await closed
  t.equal(await metric('headgate_sink_shards'), 7)
})

async function openKinesis(t: Test, shards = 2) {
  const kinesis = await startKinesis(t, { events: shards })
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
  const client = kinesisClient({ region: 'eu-west-1', endpoint: kinesis.endpoint, credentials })
  const telemetry = createTelemetry('silent')
  const clock = fakeClock()
  const countShards = () => countOpenShards(client, 'events')
  const stream = paced(kinesisSink({ client, streamName: 'events' }), { countShards, clock, telemetry })
  t.teardown(() => stream.close())
  const stored = async () => (await kinesis.records('events')).flatMap((data) => linesOf(String(data)))
  return { kinesis, client, stream, stored, clock }
}

streamContract(t, 'paced kinesis', (t) => openKinesis(t))

const HASH_OF_QUARTER = String(2n ** 126n)

async function settled(client: KinesisClient, change: () => Promise<unknown>): Promise<number> {
  const before = await countOpenShards(client, 'events')
  await change()
  for (;;) {
    const count = await countOpenShards(client, 'events')
    if (count !== before) return count
  }
}

t.test('only shards that take records are counted, over as many pages as there are', async (t) => {
  const { kinesis, client } = await openKinesis(t)
  t.equal(await countOpenShards(client, 'events'), 2)
  const [ShardToSplit, last] = ['shardId-000000000000', 'shardId-000000000001']
  const StreamName = 'events'
  const split = new SplitShardCommand({ StreamName, ShardToSplit, NewStartingHashKey: HASH_OF_QUARTER })
  t.equal(await settled(client, () => client.send(split)), 3)
  kinesis.shardsPerPage = 1
  t.equal(await countOpenShards(client, 'events'), 3)
  const AdjacentShardToMerge = 'shardId-000000000003'
  const merge = new MergeShardsCommand({
    StreamName,
    ShardToMerge: AdjacentShardToMerge,
    AdjacentShardToMerge: last,
  })
  t.equal(await settled(client, () => client.send(merge)), 2)
  t.equal(kinesis.calls.get('DescribeStreamSummary'), undefined)
  await t.rejects(countOpenShards(client, 'elsewhere'), { name: 'ResourceNotFoundException' })
})

t.test('a wrong number of shards heals, and costs no record', async (t) => {
  const { kinesis, stream, stored, clock } = await openKinesis(t, 4)
  const until = async (bytes: number) => {
    while (stream.maxBytes !== bytes) await turn()
  }
  t.equal(stream.maxBytes, MIB)
  kinesis.shardsLie = 1
  await stream.put([recordOf(['a'])], live())
  await until(262_144)
  kinesis.shardsLie = { kind: 'error', status: 400, type: 'AccessDeniedException' }
  clock.advance(60_000)
  await stream.put([recordOf(['b'])], live())
  kinesis.shardsLie = undefined
  clock.advance(60_000)
  await stream.put([recordOf(['c'])], live())
  await until(MIB)
  t.strictSame((await stored()).sort(), ['a', 'b', 'c'])
})

t.test('a question without an answer keeps nothing from being closed', async (t) => {
  const { kinesis, stream } = await openKinesis(t)
  kinesis.shardsLie = { kind: 'hang', where: 'answer' }
  await stream.put([recordOf(['a'])], live())
  while (kinesis.calls.get('ListShards') !== 1) await turn()
  t.equal(await stream.close(), undefined)
})
