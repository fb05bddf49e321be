import { sleep } from '../../../../std/async/abort.ts'
import type { Clock } from '../../../../std/clock.ts'
import { counter } from '../../../../std/metrics/instruments.ts'
import type { Telemetry } from '../../../../std/telemetry.ts'
import type { Sink, SinkRecord } from '../stream.ts'
import { createShardCount } from './shard-count.ts'

/** The most records that a shard takes: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html */
export const SHARD_RECORDS_PER_SECOND = 1_000
/** The most bytes that a shard takes, on the same page. */
export const SHARD_BYTES_PER_SECOND = 1_048_576
/**
 * As the Kinesis Producer Library does it (RateLimit): above what the stream takes, so that it can be used up, and not so
 * far above that throttled records crowd out others.
 */
const RATE = 1.5
/** A second's worth may go at once. */
const BURST_MS = 1_000
/** As the Kinesis Producer Library does it: more of one call on one shard is a burst for that shard. */
const CALL_BYTES_PER_SHARD = 262_144
const REFRESH_MS = 60_000
/** A throttle may mean that shards were merged. Ours: often enough to notice, and no storm when all is throttled. */
const THROTTLED_REFRESH_MS = 5_000

export interface PacingOptions {
  /** Asks how many shards are open. May reject, and may be wrong for a while. */
  readonly countShards: () => Promise<number>
  /** Processes that send to them, each its share. */
  readonly workers?: number
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/**
 * The stream, given no more than its shards take; keys are random, so all shards share alike. Until their number is known
 * nothing is held back. They are counted with the first put and again while there are puts. A wrong number costs
 * throttles or time, never a record, and lasts until the next question.
 */
export function paced(stream: Sink, options: PacingOptions): Sink {
  const { countShards, workers = 1, clock, telemetry } = options
  const shards = createShardCount({ count: countShards, clock, telemetry })
  const recordsAhead = createBucket()
  const bytesAhead = createBucket()
  const pacedSeconds = counter(telemetry.metrics, 'headgate_sink_paced_seconds_total')

  async function wait(records: readonly SinkRecord[], signal: AbortSignal): Promise<void> {
    const count = shards.known()
    if (count === undefined) return
    const nowMs = clock.monotonicMs()
    const perMs = (count * RATE) / 1_000 / workers
    const waitMs = Math.max(
      recordsAhead.take(records.length / (SHARD_RECORDS_PER_SECOND * perMs), nowMs),
      bytesAhead.take(bytesOf(records) / (SHARD_BYTES_PER_SECOND * perMs), nowMs),
    )
    if (waitMs <= 0) return
    pacedSeconds.inc(waitMs / 1_000)
    await sleep(waitMs, signal)
  }

  return {
    kind: stream.kind,
    maxRecords: stream.maxRecords,
    get maxBytes() {
      return Math.min(stream.maxBytes, CALL_BYTES_PER_SHARD * (shards.known() ?? Number.POSITIVE_INFINITY))
    },
    async put(records, signal) {
      shards.freshen(REFRESH_MS)
      await wait(records, signal)
      const outcomes = await stream.put(records, signal)
      if (outcomes.some(({ kind }) => kind === 'throttled')) shards.freshen(THROTTLED_REFRESH_MS)
      return outcomes
    },
    async close() {
      // Ends a question that is under way as well.
      await stream.close()
      await shards.settled()
    },
  }
}

interface Bucket {
  /** Takes what lasts `costMs` at the permitted rate, and answers how long to wait before it is used. */
  take(costMs: number, nowMs: number): number
}

function createBucket(): Bucket {
  let paidUntilMs = 0
  return {
    take(costMs, nowMs) {
      paidUntilMs = Math.max(paidUntilMs, nowMs) + costMs
      return paidUntilMs - nowMs - BURST_MS
    },
  }
}

const bytesOf = (records: readonly SinkRecord[]): number =>
  records.reduce((sum, { data, partitionKey }) => sum + data.length + partitionKey.length, 0)
