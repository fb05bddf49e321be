import { boundedLabel } from '../../../std/metrics/bounded-label.ts'
import { counter, gauge, histogram } from '../../../std/metrics/instruments.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { Sink } from '../sinks/stream.ts'

type Kind = Sink['kind']

/** Codes that are told apart. Kinesis has some 20, of which a gateway meets a few; the system has as many for networks. Ours. */
const MAX_CODES = 50

/** What a gauge reads when it is scraped. */
export interface SinkReading {
  /** How long nothing could be stored although it was tried; 0 while that works. */
  failingMs(): number
  isPaused(): boolean
}

/** The metrics of all sinks of a pump, told apart by their kind. */
export interface SinkMetrics {
  watch(sink: Kind, reading: SinkReading): void
  putTook(sink: Kind, ms: number): void
  /** A record was put; `retriedFor` says why it has to be put again. */
  put(sink: Kind, outcome: string, retriedFor?: string): void
}

export function createSinkMetrics({ metrics }: Telemetry): SinkMetrics {
  const watched = new Map<Kind, SinkReading>()
  gauge(metrics, 'headgate_sink_failing_seconds', (failing) => {
    for (const [sink, reading] of watched) failing.set({ sink }, reading.failingMs() / 1_000)
  })
  gauge(metrics, 'headgate_sink_paused', (paused) => {
    for (const [sink, reading] of watched) paused.set({ sink }, Number(reading.isPaused()))
  })
  const putSeconds = histogram(metrics, 'headgate_sink_put_seconds')
  const records = counter(metrics, 'headgate_sink_records_total')
  const retries = counter(metrics, 'headgate_sink_retries_total')
  const labelOf = boundedLabel(MAX_CODES)

  return {
    watch: (sink, reading) => void watched.set(sink, reading),
    putTook: (sink, ms) => putSeconds.observe({ sink }, ms / 1_000),
    put(sink, outcome, retriedFor) {
      records.inc({ sink, outcome })
      if (retriedFor !== undefined) retries.inc({ sink, code: labelOf(retriedFor) })
    },
  }
}
