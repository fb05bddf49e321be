import type { Lake } from '../../../../lake/lake.ts'
import { deadKey, rawKey } from '../../../../lake/layout.ts'
import { aborted, sleep } from '../../../../std/async/abort.ts'
import type { Clock } from '../../../../std/clock.ts'
import { AppError } from '../../../../std/errors.ts'
import { type Entropy, sortableId } from '../../../../std/id.ts'
import type { Telemetry } from '../../../../std/telemetry.ts'
import type { RecordOutcome, Sink, SinkRecord } from '../stream.ts'

/** A file closes at either, so that an event can be queried seconds after its answer. */
export const FILE_LIMITS = { maxBytes: 33_554_432, maxAgeMs: 2_000 }
/** The most records of a put. Ours: large enough to fill a file with few puts, small enough to overfill it by little. */
const MAX_PUT_RECORDS = 1_000
/** The most bytes of a put. Ours: an eighth of a file, by which the last one overfills it at most. */
const MAX_PUT_BYTES = 4_194_304
/** Most files in memory: one that fills, one that is being stored. */
const MAX_FILES = 2

export interface LakeSinkOptions {
  readonly lake: Lake
  /** First folder below `raw/`: `gateway`, `fallback-<instance>`. */
  readonly source: string
  readonly clock: Clock
  readonly entropy: Entropy
  readonly telemetry: Telemetry
  readonly maxBytes?: number
  readonly maxAgeMs?: number
}

interface Contents {
  readonly chunks: Buffer[]
  bytes: number
  oldestMs: number
}

interface OpenLakeFile {
  readonly contents: Contents
  readonly full: AbortController
  /** What became of every record in it. Never rejects. */
  readonly stored: Promise<RecordOutcome>
}

const STORED: RecordOutcome = { kind: 'stored' }
const ABORTED: RecordOutcome = { kind: 'transient', code: 'aborted' }

/** A stream straight into the lake: a put resolves once the file that holds its records is complete. */
export function lakeSink(options: LakeSinkOptions): Sink {
  const { lake, source, clock, entropy, telemetry, maxBytes, maxAgeMs } = { ...FILE_LIMITS, ...options }
  const files = new Set<Promise<RecordOutcome>>()
  let filling: OpenLakeFile | undefined

  function open(): OpenLakeFile {
    const contents: Contents = { chunks: [], bytes: 0, oldestMs: Number.POSITIVE_INFINITY }
    const full = new AbortController()
    const stored = fillAndStore(contents, full.signal).finally(() => files.delete(stored))
    files.add(stored)
    return { contents, full, stored }
  }

  async function fillAndStore(contents: Contents, full: AbortSignal): Promise<RecordOutcome> {
    await sleep(maxAgeMs, full)
    if (filling?.contents === contents) filling = undefined
    // In the hour of its oldest record, as Firehose does it.
    const name = sortableId(clock.nowMs(), entropy)
    const key = rawKey({ source, arrivalMs: contents.oldestMs, name, extension: 'ndjson' })
    try {
      await lake.put(key, Buffer.concat(contents.chunks))
      return STORED
    } catch (error) {
      telemetry.log.error({ err: error, bytes: contents.bytes }, 'the lake refused a file: its events wait')
      return { kind: 'transient', ...lakeFailureOf(error) }
    }
  }

  async function append(records: readonly SinkRecord[], signal: AbortSignal): Promise<RecordOutcome> {
    while (!filling && files.size >= MAX_FILES) await Promise.race(files)
    if (signal.aborted) return ABORTED
    filling ??= open()
    const { contents, full, stored } = filling
    for (const { data, receivedMs } of records) {
      contents.chunks.push(data)
      contents.bytes += data.length
      contents.oldestMs = Math.min(contents.oldestMs, receivedMs)
    }
    if (contents.bytes >= maxBytes) {
      filling = undefined
      full.abort()
    }
    return stored
  }

  return {
    kind: 'lake',
    maxRecords: MAX_PUT_RECORDS,
    maxBytes: MAX_PUT_BYTES,
    async put(records, signal) {
      if (records.length === 0) return []
      const outcome = await Promise.race([append(records, signal), aborted(signal).then(() => ABORTED)])
      return records.map(() => outcome)
    },
    async close() {
      filling?.full.abort()
      await Promise.all(files)
    },
  }
}

/** Keeps what the sink will never take, line for line, so that it can be sent once more; the file's name says why. */
export function lakeDeadLetters(lake: Lake, entropy: Entropy) {
  return async ({ data, receivedMs }: SinkRecord, reason: string): Promise<void> => {
    const name = `${entropy.id()}-${reason.replaceAll(/\W/g, '_')}`
    await lake.put(deadKey({ source: 'gateway', arrivalMs: receivedMs, name, extension: 'ndjson' }), data)
  }
}

/** What our own say names the object, and what to do. */
function lakeFailureOf(error: unknown): { readonly code: string; readonly why?: string } {
  if (error instanceof AppError) return { code: error.code, why: error.message }
  return { code: error instanceof Error && 'code' in error ? String(error.code) : 'lake_failed' }
}
