import {
  KinesisClient,
  PutRecordsCommand,
  type PutRecordsCommandOutput,
  type PutRecordsResultEntry,
} from '@aws-sdk/client-kinesis'
import { type AwsCallOptions, awsClient } from '../../../../std/aws/client-options.ts'
import { createBufferPool } from '../buffer-pool.ts'
import type { RecordOutcome, Sink, SinkRecord } from '../stream.ts'
import { callFailureOf, type RecordFailure, recordFailureOf } from './errors.ts'
import { putRecordsBody } from './put-records-body.ts'

/** The most records of a call: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html */
const MAX_RECORDS = 500
/**
 * The API takes 10 MiB. Ours is 1 MiB: a body is encoded, signed and encrypted in one go, which blocks the event loop,
 * and larger calls are hardly cheaper a byte (docs/adr/0007).
 */
const MAX_CALL_BYTES = 1_048_576
/** A full call, in base64 and with 500 envelopes. */
const BODY_POOL = { bufferBytes: 1_441_792, mostFree: 8 }
/** Room for the pump's 24 calls and a spare. */
const MAX_SOCKETS = 32
/** Within a region a connection takes milliseconds, and with one SYN lost and sent again a second. */
const CONNECT_TIMEOUT_MS = 2_000
/** The Kinesis Producer Library gives up after as long (RequestTimeout). */
const CALL_TIMEOUT_MS = 6_000

/** The pump's own backoff sees every throttle. */
export function kinesisClient(options: AwsCallOptions): KinesisClient {
  const { requestTimeoutMs: callMs = CALL_TIMEOUT_MS, ...place } = options
  const connection = { maxSockets: MAX_SOCKETS, connectTimeoutMs: CONNECT_TIMEOUT_MS, callMs }
  return awsClient((made) => new KinesisClient(made), place, connection)
}

/** Takes the client over: `close` destroys it. */
export function kinesisSink({ client, streamName }: { client: KinesisClient; streamName: string }): Sink {
  const call = putRecordsOf(client)
  const bodies = createBufferPool(BODY_POOL)

  async function put(records: readonly SinkRecord[], signal: AbortSignal): Promise<readonly RecordOutcome[]> {
    try {
      const body = putRecordsBody(streamName, records, bodies)
      const { Records: results = [] } = await call({ body, signal })
      // It has been read to its end. That of a call that failed may still be on its way.
      bodies.give(body)
      // Results that cannot be matched with their records prove nothing.
      return records.map((_, index) =>
        outcomeOf(results.length === records.length ? results[index] : undefined),
      )
    } catch (error) {
      const failure = callFailureOf(error)
      if (failure.kind !== 'poison' || records.length === 1) return records.map(() => failure)
      return bisect(records, signal)
    }
  }

  /** Somewhere in these lies a record that spoils the call for all: halves until it stands alone. */
  async function bisect(records: readonly SinkRecord[], signal: AbortSignal) {
    const middle = records.length >> 1
    const first = await put(records.slice(0, middle), signal)
    return [...first, ...(await put(records.slice(middle), signal))]
  }

  return {
    kind: 'kinesis',
    maxRecords: MAX_RECORDS,
    maxBytes: MAX_CALL_BYTES,
    put: async (records, signal) => (records.length === 0 ? [] : doubted(await put(records, signal))),
    close: async () => client.destroy(),
  }
}

interface PutRecordsCall {
  readonly body: Buffer
  readonly signal: AbortSignal
}

/**
 * What the SDK does for a call (endpoint, credentials, signature, transport, answer), put together once: `client.send`
 * builds it anew each time, and V8 compiles it anew, which costs more than all that it does. The SDK offers the same as
 * `cacheMiddleware`, but not together with an AbortSignal. Only the body is ours (put-records-body.ts).
 */
function putRecordsOf(client: KinesisClient): (call: PutRecordsCall) => Promise<PutRecordsCommandOutput> {
  const calls = new WeakMap<object, PutRecordsCall>()
  const callOf = (input: object) => calls.get(input) as PutRecordsCall
  const command = new PutRecordsCommand({ Records: [] })
  command.middlewareStack.add(
    (next) => (args) =>
      next({ ...args, request: Object.assign(Object(args.request), { body: callOf(args.input).body }) }),
    // Before the step's own middleware counts the bytes.
    { name: 'putRecordsBody', step: 'build', priority: 'high' },
  )
  const { requestHandler } = client.config
  command.middlewareStack.add(
    // In place of the SDK's own last step, whose signal is the same for all calls. The answer is read on the way back.
    () => async (args) => {
      const request = args.request as Parameters<typeof requestHandler.handle>[0]
      const { response } = await requestHandler.handle(request, { abortSignal: callOf(args.input).signal })
      return { response, output: { Records: [], $metadata: {} } }
    },
    { name: 'abortableCall', step: 'deserialize', priority: 'low' },
  )
  const handler = command.resolveMiddleware(client.middlewareStack, client.config, {})
  return async (call) => {
    const input = { Records: [] }
    calls.set(input, call)
    return (await handler({ input })).output
  }
}

/**
 * Several records, and all of them poison: rather something is wrong that we do not know of. As a misconfiguration it
 * alarms, and costs a dead letter a probe instead of all there is.
 */
function doubted(outcomes: readonly RecordOutcome[]): readonly RecordOutcome[] {
  if (outcomes.length === 1) return outcomes
  const poison = outcomes.filter((outcome): outcome is RecordFailure => outcome.kind === 'poison')
  if (poison.length < outcomes.length) return outcomes
  return poison.map((failure) => ({ ...failure, kind: 'misconfigured' }))
}

/** Only a sequence number proves that a record is stored. */
function outcomeOf(result: PutRecordsResultEntry | undefined): RecordOutcome {
  if (result?.ErrorCode) return recordFailureOf(result.ErrorCode)
  return result?.SequenceNumber ? { kind: 'stored' } : { kind: 'transient', code: 'malformed_response' }
}
