import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis'
import t, { type Test } from 'tap'
import { createLedger } from '../../../../../src/event/ledger/ledger.ts'
import { startPump } from '../../../../../src/gateway/deliver/pump.ts'
import { kinesisClient, kinesisSink } from '../../../../../src/gateway/deliver/sinks/kinesis/kinesis.ts'
import { countOpenShards } from '../../../../../src/gateway/deliver/sinks/kinesis/list-shards.ts'
import { paced } from '../../../../../src/gateway/deliver/sinks/kinesis/pacing.ts'
import { countedBacklog } from '../../../../../src/gateway/journal/counted-backlog.ts'
import { systemClock } from '../../../../../src/std/clock.ts'
import { quietTelemetry } from '../../../../../src/std/telemetry.ts'
import { linesOf } from '../../../../contracts/stream.ts'
import { memoryBacklog } from '../../../../fakes/backlog.ts'
import { seededEntropy } from '../../../../fakes/entropy.ts'
import { freePort, listeners } from '../../../../fakes/process/free-port.ts'

const EVENTS = 1_000
const StreamName = 'events'

/** An emulator by other people, as a child. It knows two ports and no host: a preload keeps it on loopback. */
async function startKinesisLocal(t: Test): Promise<string> {
  const main = createRequire(import.meta.url).resolve('kinesis-local')
  const [plainPort, tlsPort] = [await freePort(), await freePort()]
  const preload = fileURLToPath(new URL('../../../../fakes/process/loopback-only.mjs', import.meta.url))
  const child = spawn(process.execPath, ['--import', preload, main], {
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      LOG_LEVEL: 'ERROR',
      KINESIS_MOCK_PLAIN_PORT: String(plainPort),
      KINESIS_MOCK_TLS_PORT: String(tlsPort),
      KINESIS_MOCK_CERT_PATH: join(dirname(main), 'server.json'),
      CREATE_STREAM_DURATION: '5ms',
    },
  })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const endpoint = `http://127.0.0.1:${plainPort}`
  while (!(await fetch(`${endpoint}/healthcheck`).catch(() => ({ ok: false }))).ok) {
    t.equal(child.exitCode, null, 'the emulator is on its way')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  for (const port of [plainPort, tlsPort]) t.strictSame(listeners(port), ['0100007F'], 'on loopback alone')
  return endpoint
}

async function readBack(client: KinesisClient): Promise<string[]> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName }))
  const lines: string[] = []
  for (const { ShardId } of Shards) {
    const from = new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' })
    let { ShardIterator } = await client.send(from)
    for (let more = true; more; ) {
      const page = await client.send(new GetRecordsCommand({ ShardIterator }))
      lines.push(...(page.Records ?? []).flatMap(({ Data = [] }) => linesOf(Buffer.from(Data).toString())))
      more = (page.Records ?? []).length > 0
      ShardIterator = page.NextShardIterator
    }
  }
  return lines
}

t.test('a second emulator holds exactly what the pump delivered', async (t) => {
  const endpoint = await startKinesisLocal(t)
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
  const client = kinesisClient({ region: 'us-east-1', endpoint, credentials, requestTimeoutMs: 60_000 })
  t.teardown(() => client.destroy())
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }))
  await waitUntilStreamExists({ client, maxWaitTime: 10, minDelay: 0.05, maxDelay: 0.1 }, { StreamName })

  const backlog = memoryBacklog()
  const telemetry = quietTelemetry()
  const ledger = createLedger(telemetry.metrics, () => backlog.state().events)
  const countShards = () => countOpenShards(client, StreamName)
  t.equal(await countShards(), 2)
  const lines = Array.from({ length: EVENTS }, (_, id) =>
    JSON.stringify({ event_id: `event-${id}`, city: 'Zürich' }),
  )
  for (const line of lines) backlog.append([line])
  const pump = startPump({
    backlog: countedBacklog(backlog, ledger),
    stream: paced(kinesisSink({ client, streamName: StreamName }), {
      countShards,
      clock: systemClock,
      telemetry,
    }),
    deadLetter: async () => {},
    telemetry,
    entropy: seededEntropy(),
    clock: systemClock,
    lingerMs: 1,
  })
  t.strictSame(await pump.stop({ drainMs: 30_000 }), { drained: true })
  t.strictSame((await readBack(client)).sort(), [...lines].sort())
  t.match(ledger.totals(), { delivered: EVENTS, deadLettered: 0 })
})
