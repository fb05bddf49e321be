import { Counter, Gauge, Histogram } from 'prom-client'
import type { Clock } from '../../std/clock.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { RecordOutcome, Stream } from './stream.ts'

/** What is known of the sink, from real writes alone: one that succeeds makes it healthy again, nothing sticks. */
export interface SinkState {
  /** When the first call failed of those since something was last stored, epoch ms. */
  failingSinceMs(): number | undefined
  /** Why sending is paused. */
  paused(): string | undefined
  /** Learns from a finished call. */
  called(outcomes: readonly RecordOutcome[], tookMs: number): void
}

export interface SinkStateOptions {
  readonly kind: Stream['kind']
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export function createSinkState({ kind, clock, telemetry }: SinkStateOptions): SinkState {
  const { log } = telemetry
  let failingSinceMs: number | undefined
  let paused: string | undefined
  const metrics = createMetrics(telemetry, {
    failingMs: () => (failingSinceMs === undefined ? 0 : Math.max(0, clock.nowMs() - failingSinceMs)),
    isPaused: () => paused !== undefined,
  })

  function pauseOrResume(outcomes: readonly RecordOutcome[]): void {
    const misconfigured = outcomes.filter(isRetried).find((outcome) => outcome.kind === 'misconfigured')
    if (misconfigured) {
      const { code } = misconfigured
      if (paused === undefined) log.error({ sink: kind, code }, 'The sink is misconfigured: paused')
      paused = code
      return
    }
    // A network error proves nothing about a configuration: only an answer does.
    const answered = outcomes.some((outcome) => outcome.kind !== 'transient')
    if (paused === undefined || !answered) return
    log.info({ sink: kind, code: paused }, 'The sink answers again: resumed')
    paused = undefined
  }

  return {
    failingSinceMs: () => failingSinceMs,
    paused: () => paused,
    called(outcomes, tookMs) {
      metrics.putSeconds.observe({ sink: kind }, tookMs / 1_000)
      for (const outcome of outcomes) {
        metrics.records.inc({ outcome: outcome.kind })
        if (isRetried(outcome)) metrics.retries.inc({ code: outcome.code })
      }
      if (outcomes.some((outcome) => outcome.kind === 'stored')) failingSinceMs = undefined
      else if (outcomes.some(isRetried)) failingSinceMs ??= clock.nowMs()
      pauseOrResume(outcomes)
    },
  }
}

type Failed = Exclude<RecordOutcome, { readonly kind: 'stored' }>

const isRetried = (outcome: RecordOutcome): outcome is Failed =>
  outcome.kind !== 'stored' && outcome.kind !== 'poison'

function createMetrics(
  telemetry: Telemetry,
  read: { readonly failingMs: () => number; readonly isPaused: () => boolean },
) {
  const registers = [telemetry.metrics]
  new Gauge({
    name: 'headgate_sink_failing_seconds',
    help: 'How long nothing could be stored although it was tried.',
    registers,
    collect() {
      this.set(read.failingMs() / 1_000)
    },
  })
  new Gauge({
    name: 'headgate_sink_paused',
    help: '1 while the sink is misconfigured and only probed.',
    registers,
    collect() {
      this.set(Number(read.isPaused()))
    },
  })
  return {
    putSeconds: new Histogram({
      name: 'headgate_stream_put_seconds',
      help: 'Duration of a put, whatever became of it.',
      labelNames: ['sink'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 6, 12],
      registers,
    }),
    records: new Counter({
      name: 'headgate_stream_records_total',
      help: 'Records put, by what became of them. One that is tried again counts again.',
      labelNames: ['outcome'],
      registers,
    }),
    retries: new Counter({
      name: 'headgate_stream_retries_total',
      help: 'Records that had to be put again, by reason.',
      labelNames: ['code'],
      registers,
    }),
  }
}
