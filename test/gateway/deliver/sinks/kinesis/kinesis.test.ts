import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import t, { type Test } from 'tap'
import { callFailureOf } from '../../../../../src/gateway/deliver/sinks/kinesis/errors.ts'
import { kinesisClient, kinesisSink } from '../../../../../src/gateway/deliver/sinks/kinesis/kinesis.ts'
import type { RecordOutcome } from '../../../../../src/gateway/deliver/sinks/stream.ts'
import { awsFaultInWords } from '../../../../../src/std/aws/aws-faults.ts'
import { linesOf, recordOf, streamContract } from '../../../../contracts/stream.ts'
import { type KinesisFault, type PutResult, startKinesis } from '../../../../fakes/aws/kinesis.ts'
import { verdictOn } from '../../../../fakes/aws/sigv4.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
const live = () => new AbortController().signal

async function open(t: Test, { streamName = 'events', requestTimeoutMs = 6_000 } = {}) {
  const kinesis = await startKinesis(t)
  const client = kinesisClient({
    region: 'eu-west-1',
    endpoint: kinesis.endpoint,
    credentials,
    requestTimeoutMs,
  })
  const stream = kinesisSink({ client, streamName })
  t.teardown(() => stream.close())
  const stored = async () => (await kinesis.records('events')).flatMap((data) => linesOf(String(data)))
  return { kinesis, stream, stored }
}

const records = (...names: string[]) => names.map((name) => recordOf([name]))
const sorted = (lines: readonly string[]) => [...lines].sort()
const STORED: RecordOutcome = { kind: 'stored' }
/** An outcome says in words what an operator can mend. */
const failed = (kind: string, code: string) => ({ kind, code, why: awsFaultInWords(code) })

streamContract(t, 'kinesis', (t) => open(t))

t.test('a call carries what the API allows, over connections that stay open', async (t) => {
  const { kinesis, stream } = await open(t)
  t.strictSame([stream.kind, stream.maxRecords, stream.maxBytes], ['kinesis', 500, 1_048_576])
  for (let call = 0; call < 5; call++) await stream.put(records(`call-${call}`), live())
  t.equal(kinesis.connections(), 1)
  t.equal(kinesis.calls.get('PutRecords'), 5)
})

t.test('calls under way at once, and one after the other, each carry their own data', async (t) => {
  const { stream, stored } = await open(t)
  const large = (name: string) => `${name}:${'x'.repeat(700_000)}`
  const names: string[] = []
  for (const round of ['a', 'b', 'c']) {
    const own = [1, 2, 3].map((n) => large(`${round}-${n}`))
    names.push(...own)
    const outcomes = await Promise.all(own.map((name) => stream.put([recordOf([name])], live())))
    t.strictSame(outcomes, [[STORED], [STORED], [STORED]])
  }
  t.ok(sorted(await stored()).join() === sorted(names).join(), 'all of them, each once')
})

t.test('records of a call fail one by one', async (t) => {
  const { kinesis, stream, stored } = await open(t)
  kinesis.faults.push({
    kind: 'partial',
    ratio: 0.5,
    codes: ['ProvisionedThroughputExceededException', 'InternalFailure'],
  })
  t.strictSame(await stream.put(records('a', 'b', 'c', 'd'), live()), [
    STORED,
    failed('throttled', 'ProvisionedThroughputExceededException'),
    STORED,
    failed('throttled', 'ProvisionedThroughputExceededException'),
  ])
  t.strictSame(sorted(await stored()), ['a', 'c'])

  kinesis.faults.push({ kind: 'partial', ratio: 1, codes: ['InternalFailure'] })
  t.strictSame(await stream.put(records('e'), live()), [failed('transient', 'InternalFailure')])
})

t.test('a shard that is full throttles its records and no others', async (t) => {
  const { kinesis, stream, stored } = await open(t)
  kinesis.limits = { records: 10, bytes: 1_048_576 }
  const names = Array.from({ length: 40 }, (_, index) => `record-${index}`)
  const outcomes = await stream.put(records(...names), live())
  const kept = names.filter((_, index) => outcomes[index]?.kind === 'stored')
  t.equal(kept.length, 20)
  t.strictSame(sorted(await stored()), sorted(kept))
})

t.test('a call that fails as a whole fails for each of its records', async (t) => {
  const { kinesis, stream, stored } = await open(t)
  const rows: [status: number, type: string, kind: string][] = [
    [400, 'ProvisionedThroughputExceededException', 'throttled'],
    [400, 'LimitExceededException', 'throttled'],
    [400, 'KMSThrottlingException', 'throttled'],
    [400, 'ThrottlingException', 'throttled'],
    [429, 'TooManyRequests', 'throttled'],
    [500, 'InternalFailure', 'transient'],
    [503, 'ServiceUnavailable', 'transient'],
    [408, 'RequestTimeout', 'transient'],
    [400, 'AccessDeniedException', 'misconfigured'],
    [400, 'ResourceNotFoundException', 'misconfigured'],
    [400, 'KMSDisabledException', 'misconfigured'],
    [400, 'KMSInvalidStateException', 'misconfigured'],
    [400, 'KMSAccessDeniedException', 'misconfigured'],
    [400, 'KMSNotFoundException', 'misconfigured'],
    [400, 'KMSOptInRequired', 'misconfigured'],
    [400, 'UnrecognizedClientException', 'misconfigured'],
    [400, 'InvalidSignatureException', 'misconfigured'],
    [400, 'ExpiredTokenException', 'misconfigured'],
    [400, 'RequestExpired', 'misconfigured'],
    [400, 'IncompleteSignature', 'misconfigured'],
    [403, 'MissingAuthenticationTokenException', 'misconfigured'],
  ]
  for (const [status, type, kind] of rows) {
    kinesis.faults.push({ kind: 'error', status, type })
    const failure = failed(kind, type)
    t.strictSame(await stream.put(records('a', 'b'), live()), [failure, failure], `${status} ${type}`)
  }
  t.strictSame(await stored(), [])
})

t.test('a failure of the network is ambiguous: it may have been stored', async (t) => {
  const rows: [rule: string, fault: KinesisFault, code: RegExp, stored: string[]][] = [
    ['reset before', { kind: 'reset', when: 'before' }, /^(ECONNRESET|EPIPE)$/, []],
    ['reset after', { kind: 'reset', when: 'after' }, /^ECONNRESET$/, ['a', 'b']],
    ['no answer', { kind: 'hang', where: 'answer' }, /^ETIMEDOUT$/, ['a', 'b']],
    ['half an answer', { kind: 'hang', where: 'body' }, /./, ['a', 'b']],
  ]
  for (const [rule, fault, code, kept] of rows) {
    const { kinesis, stream, stored } = await open(t, { requestTimeoutMs: 150 })
    kinesis.faults.push(fault)
    const outcomes = await stream.put(records('a', 'b'), live())
    t.match(
      outcomes,
      [
        { kind: 'transient', code },
        { kind: 'transient', code },
      ],
      rule,
    )
    t.strictSame(sorted(await stored()), kept, rule)
  }
})

t.test('a put ends soon when it is aborted on its way', async (t) => {
  const { kinesis, stream } = await open(t)
  kinesis.faults.push({ kind: 'hang', where: 'answer' })
  const call = new AbortController()
  const outcomes = stream.put(records('a'), call.signal)
  while (!kinesis.calls.has('PutRecords')) await new Promise((resolve) => setImmediate(resolve))
  call.abort()
  t.strictSame(await outcomes, [failed('transient', 'AbortError')])
})

t.test('an answer that does not prove a record is stored does not call it stored', async (t) => {
  const unproven = { kind: 'transient', code: 'malformed_response' }
  const rows: [string, (results: readonly PutResult[]) => unknown, unknown[]][] = [
    ['a result too few', (results) => results.slice(1), [unproven, unproven]],
    ['a result too many', (results) => [...results, ...results], [unproven, unproven]],
    ['no results', () => undefined, [unproven, unproven]],
    ['an empty result', ([first]) => [first, {}], [STORED, unproven]],
    ['an empty sequence number', ([first]) => [{ ...first, SequenceNumber: '' }, first], [unproven, STORED]],
    [
      'a code beside a sequence number',
      ([first]) => [first, { ...first, ErrorCode: 'InternalFailure' }],
      [STORED, failed('transient', 'InternalFailure')],
    ],
  ]
  const { kinesis, stream } = await open(t)
  for (const [rule, results, expected] of rows) {
    kinesis.faults.push({ kind: 'tamper', results })
    t.strictSame(await stream.put(records('a', 'b'), live()), expected, rule)
  }
})

t.test('a record that spoils its call is isolated, and the others are stored', async (t) => {
  const { kinesis, stream, stored } = await open(t)
  kinesis.poison = (data) => String(data).startsWith('bad')
  const names = Array.from({ length: 40 }, (_, index) =>
    index === 7 || index === 31 ? `bad-${index}` : `good-${index}`,
  )
  const outcomes = await stream.put(records(...names), live())
  t.strictSame(
    outcomes,
    names.map((name) => (name.startsWith('bad') ? failed('poison', 'InvalidArgumentException') : STORED)),
  )
  t.strictSame(sorted(await stored()), sorted(names.filter((name) => name.startsWith('good'))))
})

t.test('a sink that refuses all of several records is not believed to have met only poison', async (t) => {
  const { kinesis, stream } = await open(t)
  kinesis.poison = () => true
  const outcome = (kind: string) => failed(kind, 'InvalidArgumentException')
  t.strictSame(await stream.put(records('a', 'b'), live()), [
    outcome('misconfigured'),
    outcome('misconfigured'),
  ])
  t.strictSame(await stream.put(records('a'), live()), [outcome('poison')], 'alone, as a probe, it is')
})

t.test('a body that is too large for something on the way is cut in half', async (t) => {
  const { kinesis, stream, stored } = await open(t)
  kinesis.faults.push({ kind: 'error', status: 413, type: 'RequestEntityTooLarge' })
  t.strictSame(await stream.put(records('a', 'b', 'c'), live()), [STORED, STORED, STORED])
  t.strictSame(kinesis.batches, [3, 1, 2])
  t.strictSame(sorted(await stored()), ['a', 'b', 'c'])
})

t.test('no record is blamed for the name of the stream', async (t) => {
  const { kinesis, stream } = await open(t)
  kinesis.faults.push({
    kind: 'error',
    status: 400,
    type: 'ValidationException',
    message: "1 validation error detected: Value 'a b' at 'streamName' failed to satisfy constraint",
  })
  t.strictSame(await stream.put(records('a'), live()), [failed('misconfigured', 'ValidationException')])
})

t.test('a clock that is wrong heals with the second call: the client has learnt how wrong', async (t) => {
  for (const skewMs of [3_600_000, -86_400_000]) {
    const { kinesis, stream, stored } = await open(t)
    kinesis.skewMs = skewMs
    const refused = failed('misconfigured', 'InvalidSignatureException')
    t.strictSame(await stream.put(records('a'), live()), [refused])
    t.strictSame(await stream.put(records('a'), live()), [STORED])
    kinesis.skewMs = 0
    t.strictSame(await stream.put(records('b'), live()), [refused], 'nothing sticks when it is set right')
    t.strictSame(await stream.put(records('b'), live()), [STORED])
    t.strictSame(sorted(await stored()), ['a', 'b'])
  }
})

t.test('each call is signed as it is sent, with the credentials of its time', async (t) => {
  const region = 'eu-west-1'
  const keys = new Map([
    ['OLD', { secret: 'old' }],
    ['NEW', { secret: 'new' }],
  ])
  const seen: string[] = []
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray())
    const { method = '', headers } = request
    const verdict = verdictOn({ method, headers, body }, { region, keys, nowMs: Date.now() })
    seen.push(verdict.kind === 'signed' ? verdict.key.secret : verdict.why)
    const Records = JSON.parse(String(body)).Records.map(() => ({ SequenceNumber: '1', ShardId: '1' }))
    response.end(JSON.stringify({ FailedRecordCount: 0, Records }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  let id = 'OLD'
  const client = new KinesisClient({
    region,
    endpoint: `http://127.0.0.1:${port}`,
    // Due for renewal at once, so that the client asks again for each call.
    credentials: async () => ({
      ...{ accessKeyId: id, secretAccessKey: keys.get(id)?.secret ?? '' },
      expiration: new Date(Date.now() + 1_000),
    }),
    requestHandler: new NodeHttpHandler(),
  })
  const stream = kinesisSink({ client, streamName: 'events' })
  t.teardown(() => stream.close())

  const names = Array.from({ length: 10 }, (_, index) => `record ${index}`.repeat(index + 1))
  const together = await Promise.all(names.map((name) => stream.put(records(name), live())))
  t.strictSame(together, Array(10).fill([STORED]), 'calls that overlap')
  id = 'NEW'
  t.strictSame(await stream.put(records('later'), live()), [STORED])
  t.strictSame(seen, [...Array(10).fill('old'), 'new'])
})

t.test('codes that a service makes up are transient, and cut', async (t) => {
  const codes = [`Odd"\n${'x'.repeat(9_000)}`, 'constructor', 'ThrottlingException']
  const server = createServer(async (request, response) => {
    await request.resume().toArray()
    const Records = codes.map((ErrorCode) => ({ ErrorCode, ErrorMessage: 'no' }))
    response.end(JSON.stringify({ FailedRecordCount: 3, Records }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const credentials = { accessKeyId: 'AKIA', secretAccessKey: 'secret' }
  const client = kinesisClient({ region: 'eu-west-1', endpoint: `http://127.0.0.1:${port}`, credentials })
  const stream = kinesisSink({ client, streamName: 'events' })
  t.teardown(() => stream.close())
  t.strictSame(await stream.put(records('a', 'b', 'c'), live()), [
    failed('transient', `Odd??${'x'.repeat(59)}…`),
    failed('transient', 'constructor'),
    failed('throttled', 'ThrottlingException'),
  ])
  const named = Object.assign(new Error('no'), { name: 'constructor', $metadata: { httpStatusCode: 400 } })
  t.strictSame(callFailureOf(named), failed('misconfigured', 'constructor'))
})

t.test('a stream that does not exist is a misconfiguration', async (t) => {
  const { stream } = await open(t, { streamName: 'elsewhere' })
  t.strictSame(await stream.put(records('a'), live()), [failed('misconfigured', 'ResourceNotFoundException')])
})

t.test('what is not an answer of Kinesis', async (t) => {
  const rows: [string, unknown, unknown][] = [
    [
      'no one listens',
      Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
      ['transient', 'ECONNREFUSED'],
    ],
    [
      'no credentials',
      Object.assign(new Error('none'), { name: 'CredentialsProviderError' }),
      ['misconfigured', 'CredentialsProviderError'],
    ],
    ['not an error', 'oops', ['transient', 'unknown']],
  ]
  for (const [rule, error, [kind, code]] of rows as [string, unknown, string[]][]) {
    t.strictSame(callFailureOf(error), failed(String(kind), String(code)), rule)
  }
})

t.test('over TLS with the default timeouts, the client is made of the same parts', async (t) => {
  const client = kinesisClient({ region: 'eu-west-1' })
  t.teardown(() => client.destroy())
  t.equal(await client.config.maxAttempts(), 1)
  t.equal(client.config.requestHandler.metadata?.handlerProtocol, 'http/1.1')
})
