import type { Clock } from '../../../std/clock.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { RecordOutcome, Sink } from '../sinks/stream.ts'
import type { SinkMetrics } from './metrics.ts'

/** What is known of the sink, from real writes alone: one that succeeds makes it healthy again, nothing sticks. */
export interface SinkState {
  /** When the first call failed of those since something was last stored, epoch ms. */
  failingSinceMs(): number | undefined
  /** How long that is ago, whatever was done to the wall clock. */
  failingMs(): number | undefined
  /** Why sending is paused. */
  paused(): string | undefined
  /** What the last of those that failed came to, in words. */
  why(): string | undefined
  /** Learns from a finished call. */
  called(outcomes: readonly RecordOutcome[], tookMs: number): void
}

export interface SinkStateOptions {
  readonly kind: Sink['kind']
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly metrics: SinkMetrics
}

export function createSinkState({ kind, clock, telemetry, metrics }: SinkStateOptions): SinkState {
  const { log } = telemetry
  let failing: { readonly sinceMs: number; readonly monotonicMs: number; readonly why: string } | undefined
  let paused: string | undefined
  const failingMs = () => failing && clock.monotonicMs() - failing.monotonicMs
  metrics.watch(kind, { failingMs: () => failingMs() ?? 0, isPaused: () => paused !== undefined })

  function pauseOrResume(outcomes: readonly RecordOutcome[]): void {
    const misconfigured = outcomes.filter(isRetried).find((outcome) => outcome.kind === 'misconfigured')
    if (misconfigured) {
      const { code } = misconfigured
      if (paused === undefined) log.error({ sink: kind, code }, 'the sink is misconfigured: paused')
      paused = code
      return
    }
    // A network error proves nothing about a configuration: only an answer does.
    const answered = outcomes.some((outcome) => outcome.kind !== 'transient')
    if (paused === undefined || !answered) return
    log.info({ sink: kind, code: paused }, 'the sink answers again: resumed')
    paused = undefined
  }

  return {
    failingSinceMs: () => failing?.sinceMs,
    failingMs,
    paused: () => paused,
    why: () => failing?.why,
    called(outcomes, tookMs) {
      metrics.putTook(kind, tookMs)
      for (const outcome of outcomes) {
        metrics.put(kind, outcome.kind, isRetried(outcome) ? outcome.code : undefined)
      }
      const failed = outcomes.find(isRetried)
      if (outcomes.some((outcome) => outcome.kind === 'stored')) failing = undefined
      else if (failed !== undefined) {
        const why = failed.why ?? failed.code
        failing = { sinceMs: clock.nowMs(), monotonicMs: clock.monotonicMs(), ...failing, why }
      }
      pauseOrResume(outcomes)
    },
  }
}

type Failed = Exclude<RecordOutcome, { readonly kind: 'stored' }>

const isRetried = (outcome: RecordOutcome): outcome is Failed =>
  outcome.kind !== 'stored' && outcome.kind !== 'poison'
