import { setMaxListeners } from 'node:events'
import { sleep } from '../../std/async/abort.ts'
import { jittered, type RetryPolicy, retryUntilAborted } from '../../std/async/retry.ts'
import type { Clock } from '../../std/clock.ts'
import type { Entropy } from '../../std/id.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { Backlog } from '../journal/backlog.ts'
import { nextStep, retryPlan } from './after-outcome.ts'
import { createIntake, type Intake } from './intake.ts'
import type { Fallback } from './lanes/fallback.ts'
import type { Lane } from './lanes/lane.ts'
import { createLanes, type Lanes } from './lanes/lanes.ts'
import { createInFlight, type InFlight } from './pack/in-flight.ts'
import { createRecordQueue, type QueuedRecord, type RecordQueue } from './pack/outbox.ts'
import { halves, type PackedRecord } from './pack/pack.ts'
import { createRelease } from './release.ts'
import type { StopOptions } from './shutdown-policy.ts'
import type { Sink, SinkRecord } from './sinks/stream.ts'

export interface PumpOptions {
  readonly backlog: Backlog
  readonly stream: Sink
  /** Takes what the stream cannot, while that lasts. Left out: it waits in the journal. */
  readonly fallback?: Fallback
  /** Where records go that the stream will never take. Tried until it resolves. */
  readonly deadLetter: (record: SinkRecord, reason: string) => Promise<void>
  readonly telemetry: Telemetry
  readonly entropy: Entropy
  readonly clock: Clock
  /** How long events wait for company. Waiting is free where the journal has answered for them already. */
  readonly lingerMs: number
  readonly bounds?: PumpBounds
  /** Full jitter, up to 100 ms at first and up to 5 s later. A policy says when, never whether: the journal bounds the attempts. */
  readonly retry?: RetryPolicy
}

export interface PumpBounds {
  readonly minConcurrency?: number
  readonly maxConcurrency?: number
  /** Most bytes read from the journal and not yet stored. */
  readonly maxInFlightBytes?: number
  /** Most frames in the books: those behind a record that fails again and again are done, but cannot be released. */
  readonly maxUnreleasedFrames?: number
}

export interface PumpState {
  readonly inFlightBytes: number
  /** When the first put failed of those since something was last stored, epoch ms. */
  readonly failingSinceMs: number | undefined
  /** The code of the misconfiguration for which the pump only probes. */
  readonly paused: string | undefined
  /** What the last put that failed came to, in words. */
  readonly why: string | undefined
  readonly fallbackOpen: boolean
}

/** Brings the backlog to the stream, at least once, and releases what has arrived. */
export interface Pump {
  /** The end is near: from now on the fallback opens at the first failure. */
  failFast(): void
  /** Goes on until the backlog is empty or the time is up. What is left stays in the journal. */
  stop(options: StopOptions): Promise<{ readonly drained: boolean }>
  state(): PumpState
}

export function startPump(options: PumpOptions): Pump {
  const pump = new StreamPump(options)
  pump.advance()
  return pump
}

/** Into the lake goes a file of 32 MiB that fills while another is stored. */
const MAX_IN_FLIGHT_BYTES = { kinesis: 33_554_432, lake: 67_108_864 }
/** Frames of a few bytes cost more in books than in bytes. Ours. */
const MAX_UNRELEASED_FRAMES = 100_000

/** It reads and sends while it runs, hurries while it drains, and once it has ended starts nothing any more. */
type Phase = 'running' | 'draining' | 'ended'

/**
 * Event-driven: whatever happens ends in `advance`, which starts all that may be started. Every started task is owned
 * by `#tasks`, ends soon after the abort, and never rejects.
 */
class StreamPump implements Pump {
  readonly #options: PumpOptions
  readonly #retryPolicy: RetryPolicy
  readonly #outbox: RecordQueue
  readonly #intake: Intake
  readonly #lanes: Lanes
  readonly #inFlight: InFlight
  readonly #release: () => Promise<void>
  readonly #ending = new AbortController()
  readonly #tasks = new Set<Promise<void>>()
  #phase: Phase = 'running'
  #stopped: Promise<{ drained: boolean }> | undefined

  constructor(options: PumpOptions) {
    const { backlog, entropy, lingerMs, stream, telemetry, bounds = {} } = options
    this.#options = options
    this.#retryPolicy = options.retry ?? jittered(entropy)
    this.#outbox = createRecordQueue(
      () => entropy.id(),
      (record) => this.#own(this.#deadLetter(record, 'too_large')),
    )
    this.#lanes = createLanes({ ...options, ...bounds })
    this.#inFlight = createInFlight(telemetry.metrics, (...done) => backlog.arrived(...done))
    this.#release = createRelease(this.#inFlight, backlog)
    this.#intake = createIntake({
      backlog,
      inFlight: this.#inFlight,
      outbox: this.#outbox,
      lingerMs,
      maxInFlightBytes: bounds.maxInFlightBytes ?? MAX_IN_FLIGHT_BYTES[stream.kind],
      maxUnreleasedFrames: bounds.maxUnreleasedFrames ?? MAX_UNRELEASED_FRAMES,
      maxReadBytes: stream.maxBytes,
      signal: this.#ending.signal,
      own: this.#own.bind(this),
      retry: this.#retryUntilEnded.bind(this),
    })
    // Every waiting retry listens, and there may be many.
    setMaxListeners(0, this.#ending.signal)
  }

  failFast(): void {
    this.#lanes.failFast()
  }

  stop(options: StopOptions): Promise<{ drained: boolean }> {
    this.#stopped ??= this.#stop(options)
    return this.#stopped
  }

  state(): PumpState {
    const { sink } = this.#lanes.primary
    return {
      inFlightBytes: this.#inFlight.bytes(),
      failingSinceMs: sink.failingSinceMs(),
      paused: sink.paused(),
      why: sink.why(),
      fallbackOpen: this.#lanes.isFallbackOpen(),
    }
  }

  advance(): void {
    if (this.#phase === 'ended') return
    this.#intake.readOn()
    const next = () => this.#lanes.next(this.#outbox)
    for (let call = next(); call; call = next()) this.#own(this.#deliver(call.lane, call.records))
  }

  async #stop({ drainMs, handOverMs = 0 }: StopOptions): Promise<{ drained: boolean }> {
    this.#phase = 'draining'
    this.#intake.hurry()
    this.advance()
    this.#endWhenDrained()
    await sleep(drainMs, this.#ending.signal)
    if (handOverMs > 0) this.#lanes.closePrimary()
    this.advance()
    await sleep(handOverMs, this.#ending.signal)
    this.#end()
    while (this.#tasks.size > 0) await Promise.all(this.#tasks)
    return { drained: this.#options.backlog.state().frames === 0 }
  }

  #endWhenDrained(): void {
    if (this.#phase === 'draining' && this.#options.backlog.state().frames === 0) this.#end()
  }

  #end(): void {
    this.#phase = 'ended'
    this.#ending.abort()
    this.#lanes.end()
  }

  #own(task: Promise<void>): void {
    const owned = task.then(() => {
      this.#tasks.delete(owned)
      this.advance()
    })
    this.#tasks.add(owned)
  }

  async #deliver(lane: Lane, records: readonly QueuedRecord[]): Promise<void> {
    const failed: QueuedRecord[] = []
    for (const { record, outcome } of await lane.send(records)) {
      const step = nextStep(outcome)
      if (step.kind === 'settle') this.#inFlight.settle(record.slices, lane.destination)
      else if (step.kind === 'isolate') this.#own(this.#isolate(lane, record, step.reason))
      else failed.push({ ...record, attempts: record.attempts + 1 })
    }
    if (failed.length > 0) this.#own(this.#retry(lane, failed))
    this.advance()
    await this.#settled()
  }

  /** Bisects down to the line that the stream will never take: that one alone is a dead letter. */
  #isolate(lane: Lane, record: QueuedRecord, reason: string): Promise<void> {
    const { attempts } = record
    const parts = halves(record)?.map((part) => ({ ...part, attempts }))
    return parts ? this.#deliver(lane, parts) : this.#deadLetter(record, reason)
  }

  async #retry(lane: Lane, failed: readonly QueuedRecord[]): Promise<void> {
    const onProbation = this.#lanes.isOnProbation(lane)
    const condition = { onProbation, fallbackOpen: this.#lanes.isFallbackOpen() }
    const most = Math.max(...failed.map(({ attempts }) => attempts))
    const { requeue, holdsLane, attempt } = retryPlan(condition, most)
    const delayMs = this.#retryPolicy.delayMs(attempt)
    const delay = holdsLane ? lane.delayProbe(delayMs) : sleep(delayMs, lane.ended)
    if (requeue === 'afterDelay') await delay
    this.#outbox.requeue(failed)
    this.advance()
    await delay
  }

  async #deadLetter({ record, slices }: PackedRecord, reason: string): Promise<void> {
    const { deadLetter, telemetry } = this.#options
    const isStored = await this.#retryUntilEnded('store a dead letter', () => deadLetter(record, reason))
    if (!isStored) return
    telemetry.log.warn(
      { why: reason, events: record.lines, bytes: record.data.length },
      'an event became a dead letter',
    )
    this.#inFlight.settle(slices, 'deadLettered')
    await this.#settled()
  }

  async #settled(): Promise<void> {
    await this.#release()
    this.#endWhenDrained()
  }

  #retryUntilEnded(what: string, work: () => Promise<void>): Promise<boolean> {
    const { telemetry } = this.#options
    const retry = this.#retryPolicy
    const onFailure = (error: unknown) =>
      telemetry.log.error({ err: error, during: what }, 'a step of delivery failed and is tried again')
    return retryUntilAborted(work, { retry, signal: this.#ending.signal, onFailure })
  }
}
