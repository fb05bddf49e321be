import { Counter, Gauge, Histogram } from 'prom-client'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { Sink } from '../sinks/stream.ts'

type Kind = Sink['kind']

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
  const registers = [metrics]
  const watched = new Map<Kind, SinkReading>()
  const gauge = (name: string, help: string, read: (reading: SinkReading) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['sink'],
      // With several workers the one that does worst counts.
      aggregator: 'max',
      registers,
      collect() {
        for (const [sink, reading] of watched) this.set({ sink }, read(reading))
      },
    })
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers })

  gauge(
    'headgate_sink_failing_seconds',
    'How long nothing could be stored although it was tried.',
    (reading) => reading.failingMs() / 1_000,
  )
  gauge('headgate_sink_paused', '1 while the sink is misconfigured and only probed.', (reading) =>
    Number(reading.isPaused()),
  )
  const putSeconds = new Histogram({
    name: 'headgate_sink_put_seconds',
    help: 'Duration of a put with its pacing, whatever became of it.',
    labelNames: ['sink'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 6, 12],
    registers,
  })
  const records = counter(
    'headgate_sink_records_total',
    'Records put, by what became of them. One that is tried again counts again.',
    ['sink', 'outcome'],
  )
  const retries = counter('headgate_sink_retries_total', 'Records that had to be put again, by reason.', [
    'sink',
    'code',
  ])

  return {
    watch: (sink, reading) => void watched.set(sink, reading),
    putTook: (sink, ms) => putSeconds.observe({ sink }, ms / 1_000),
    put(sink, outcome, retriedFor) {
      records.inc({ sink, outcome })
      if (retriedFor !== undefined) retries.inc({ sink, code: retriedFor })
    },
  }
}
