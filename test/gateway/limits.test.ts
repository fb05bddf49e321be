import type { AddressInfo } from 'node:net'
import { PutRecordsCommand } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { test } from 'tap'
import { IN_FLIGHT_MS, RUNS_MS, SHUTDOWN_RESERVE_MS } from '../../src/cli/serve/shutdown.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { MAX_EVENTS_PER_BODY } from '../../src/event/decode/spans.ts'
import { MAX_EVENT_AGE_MS, MAX_EVENT_AHEAD_MS } from '../../src/event/enrich.ts'
import { createLedger } from '../../src/event/ledger/ledger.ts'
import * as event from '../../src/event/schema/event.ts'
import { MAX_DEPTH, MAX_EVENT_BYTES } from '../../src/event/verdict.ts'
import { MAX_BEACON_BYTES, MAX_PIXEL_URL_BYTES, MAX_WIRE_BYTES } from '../../src/gateway/collect/body.ts'
import { MAX_INFLATED_BODY_BYTES } from '../../src/gateway/collect/codecs.ts'
import { RATIO_ALARM } from '../../src/gateway/collect/inflate.ts'
import { REQUEST_BYTES } from '../../src/gateway/collect/memory-budget.ts'
import {
  RECORD_MAX_BYTES,
  RECORD_MAX_LINES,
  RECORD_TARGET_BYTES,
} from '../../src/gateway/deliver/pack/pack.ts'
import { startPump } from '../../src/gateway/deliver/pump.ts'
import { kinesisClient } from '../../src/gateway/deliver/sinks/kinesis/kinesis.ts'
import {
  SHARD_BYTES_PER_SECOND,
  SHARD_RECORDS_PER_SECOND,
} from '../../src/gateway/deliver/sinks/kinesis/pacing.ts'
import { FILE_LIMITS } from '../../src/gateway/deliver/sinks/lake/lake-writer.ts'
import type { RecordOutcome } from '../../src/gateway/deliver/sinks/stream.ts'
import { countedBacklog } from '../../src/gateway/journal/counted-backlog.ts'
import { SEGMENT_BYTES } from '../../src/gateway/journal/disk/disk-journal.ts'
import { GROUP_BYTES, GROUP_MS } from '../../src/gateway/journal/disk/group-commit.ts'
import { ANSWER_MS, MOST_WAITING_BYTES } from '../../src/gateway/journal/stream/stream-journal.ts'
import { MAX_HEADER_BYTES } from '../../src/http/client-errors.ts'
import { MAX_CONNECTIONS } from '../../src/http/connections.ts'
import { CORS_MAX_AGE_SECONDS } from '../../src/http/cors.ts'
import { RETRY_AFTER_MAX_MS, RETRY_AFTER_MIN_MS } from '../../src/http/problems.ts'
import * as server from '../../src/http/server.ts'
import { quietTelemetry } from '../../src/std/telemetry.ts'
import { AWAITED_LINGER_MS, PACK_LINGER_MS, SMALL_FILES } from '../../src/wiring/delivery.ts'
import { memoryBacklog } from '../fakes/backlog.ts'
import { fakeClock } from '../fakes/clock.ts'
import { seededEntropy } from '../fakes/entropy.ts'
import { startGateway } from '../fakes/gateway.ts'

const [KIB, MIB, GIB] = [1_024, 1_048_576, 1_073_741_824]
const [SECOND_MS, MINUTE_MS, HOUR_MS] = [1_000, 60_000, 3_600_000]

test('the numbers of the design', async (t) => {
  for (const [what, actual, designed] of [
    ['body on the wire', MAX_WIRE_BYTES, MIB],
    ['body inflated', MAX_INFLATED_BODY_BYTES, 4 * MIB],
    ['ratio alarm', RATIO_ALARM, 20],
    ['beacon', MAX_BEACON_BYTES, 64 * KIB],
    ['pixel URL', MAX_PIXEL_URL_BYTES, 8 * KIB],
    ['events a request', MAX_EVENTS_PER_BODY, 500],
    ['an event', MAX_EVENT_BYTES, 64 * KIB],
    ['header time', server.HEADERS_TIMEOUT_MS, 10 * SECOND_MS],
    ['request time', server.REQUEST_TIMEOUT_MS, 25 * SECOND_MS],
    ['how often both are looked after', server.CONNECTIONS_CHECK_MS, SECOND_MS],
    ['keep-alive, above the 600 s of Google Cloud', server.KEEP_ALIVE_TIMEOUT_MS, 620 * SECOND_MS],
    ['headers', MAX_HEADER_BYTES, 64 * KIB],
    ['connections', MAX_CONNECTIONS, 10_000],
    ['a request beside its body', REQUEST_BYTES, 4 * KIB],
    ['path parameter', server.MAX_PARAM_LENGTH, 512],
    ['preflight cache', CORS_MAX_AGE_SECONDS, 7_200],
    ['503 Retry-After, least', RETRY_AFTER_MIN_MS, 5 * SECOND_MS],
    ['503 Retry-After, most', RETRY_AFTER_MAX_MS, 30 * SECOND_MS],
    ['nesting of JSON', MAX_DEPTH, 32],
    ['age of an event', MAX_EVENT_AGE_MS, 24 * HOUR_MS],
    ['an event ahead of time', MAX_EVENT_AHEAD_MS, 5 * MINUTE_MS],
    ['an id', event.MAX_ID_CHARS, 128],
    ['a text', event.MAX_TEXT_CHARS, 256],
    ['a URL', event.MAX_URL_CHARS, 2_048],
    ['an exception', event.MAX_EXCEPTION_BYTES, KIB],
    ['attributes', event.MAX_ATTRIBUTES, 32],
    ['name of an attribute', event.MAX_ATTRIBUTE_NAME_CHARS, 64],
    ['value of an attribute', event.MAX_ATTRIBUTE_VALUE_CHARS, 256],
    ['sync, after the one before', GROUP_MS, 3],
    ['sync, bytes', GROUP_BYTES, 256 * KIB],
    ['segment', SEGMENT_BYTES, 64 * MIB],
    ['container, bytes', RECORD_TARGET_BYTES, 50_000],
    ['container, lines', RECORD_MAX_LINES, 500],
    ['record', RECORD_MAX_BYTES, 1_000 * KIB],
    ['linger in mode journal', PACK_LINGER_MS, SECOND_MS],
    ['linger in mode stream', AWAITED_LINGER_MS, 100],
    ['wait for an answer in mode stream', ANSWER_MS, 9 * SECOND_MS],
    ['bytes that wait in mode stream', MOST_WAITING_BYTES, 64 * MIB],
    ['lake file, bytes', FILE_LIMITS.maxBytes, 32 * MIB],
    ['lake file, age', FILE_LIMITS.maxAgeMs, 2 * SECOND_MS],
    ['file of the fallback, bytes', SMALL_FILES.maxBytes, 8 * MIB],
    ['file of the fallback, age', SMALL_FILES.maxAgeMs, SECOND_MS],
    ['shard, records a second', SHARD_RECORDS_PER_SECOND, 1_000],
    // Kinesis counts a megabyte of 2^20 bytes.
    ['shard, bytes a second', SHARD_BYTES_PER_SECOND, MIB],
    ['requests in flight at the end', IN_FLIGHT_MS, 10 * SECOND_MS],
    ['runs at the end', RUNS_MS, 5 * SECOND_MS],
    ['kept for the checkpoint', SHUTDOWN_RESERVE_MS, 3 * SECOND_MS],
  ] as const) {
    t.equal(actual, designed, what)
  }
})

test('the quotas are on without being asked for', async (t) => {
  const { gateway, apps } = parseConfig({ apps: [{ id: 'shop' }] }, {})
  t.same(gateway.limits, { address: { requestsPerSecond: 50, burst: 200 }, inflightBytes: 64 * MIB })
  t.match(apps[0]?.limits, { requestsPerSecond: 500, burst: 1_000, bytesPerSecond: 5 * MIB })
})

test('a journal and a shutdown have their bounds without being asked for', async (t) => {
  const { gateway, shutdown } = parseConfig({}, {})
  t.equal(gateway.journal.maxBytes, 4 * GIB)
  t.match(shutdown, { totalMs: 25 * SECOND_MS, drainMs: 15 * SECOND_MS })
})

test('a listening server has these timeouts', async (t) => {
  const { app } = await startGateway(t)
  await app.listen({ port: 0 })
  t.ok((app.server.address() as AddressInfo).port > 0)
  t.equal(app.server.headersTimeout, server.HEADERS_TIMEOUT_MS)
  t.equal(app.server.requestTimeout, server.REQUEST_TIMEOUT_MS)
  t.equal(app.server.keepAliveTimeout, server.KEEP_ALIVE_TIMEOUT_MS)
  t.match(app.server, {
    connectionsCheckingInterval: server.CONNECTIONS_CHECK_MS,
    maxConnections: MAX_CONNECTIONS,
  })
})

test('a client of Kinesis connects in 2 s, waits for 6 in silence, and tries once', async (t) => {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
  const client = kinesisClient({ region: 'eu-west-1', endpoint: 'http://127.0.0.1:1', credentials })
  t.teardown(() => client.destroy())
  const { requestHandler, maxAttempts } = client.config
  t.equal(await maxAttempts(), 1)
  if (!(requestHandler instanceof NodeHttpHandler)) throw new Error('Its handler is not that of HTTP/1.1')
  // It resolves its options with the first call.
  await t.rejects(client.send(new PutRecordsCommand({ StreamName: 'events', Records: [] })))
  t.match(requestHandler.httpHandlerConfigs(), {
    connectionTimeout: 2 * SECOND_MS,
    socketTimeout: 6 * SECOND_MS,
    httpAgent: { keepAlive: true, maxSockets: 32 },
    httpsAgent: { keepAlive: true, maxSockets: 32 },
  })
})

test('Kinesis is called four times at once to begin with, and 24 times at most', async (t) => {
  const backlog = memoryBacklog()
  const telemetry = quietTelemetry()
  /** Calls under way. */
  const waiting: (() => void)[] = []
  const pump = startPump({
    backlog: countedBacklog(
      backlog,
      createLedger(telemetry.metrics, () => backlog.state().events),
    ),
    stream: {
      kind: 'kinesis',
      maxRecords: 1,
      maxBytes: MIB,
      put: (records) =>
        new Promise<readonly RecordOutcome[]>((resolve) => {
          waiting.push(() => resolve(records.map(() => ({ kind: 'stored' }))))
        }),
      close: async () => {},
    },
    telemetry,
    clock: fakeClock(),
    entropy: seededEntropy(),
    lingerMs: 0,
    deadLetter: async () => {},
  })
  t.teardown(() => pump.stop({ drainMs: 0 }))
  const turn = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  for (let i = 0; i < 600; i++) backlog.append(Array(RECORD_MAX_LINES).fill('{}'))
  while (waiting.length < 4) await turn(0)
  for (let i = 0; i < 20; i++) await turn(0)
  t.equal(waiting.length, 4)
  let most = 0
  while (backlog.state().frames > 0) {
    await turn(1)
    most = Math.max(most, waiting.length)
    for (const end of waiting.splice(0)) end()
  }
  t.equal(most, 24)
})
