import { setMaxListeners } from 'node:events'
import type { Ledger } from '../../event/ledger.ts'
import { sleep } from '../../std/abort.ts'
import type { Clock } from '../../std/clock.ts'
import type { Entropy } from '../../std/id.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { Backlog } from './backlog.ts'
import { backoffMs, insist, type RetryPolicy } from './backoff.ts'
import { type Concurrency, createConcurrency } from './concurrency.ts'
import { createInFlight, type InFlight } from './in-flight.ts'
import { createOutbox, type Outbox, type Shipment } from './outbox.ts'
import type { Parcel } from './pack.ts'
import { createRelease } from './release.ts'
import { createSender, type Sender } from './send.ts'
import { createSinkState, type SinkState } from './sink-state.ts'
import type { Stream, StreamRecord } from './stream.ts'

export interface PumpOptions {
  readonly backlog: Backlog
  readonly stream: Stream
  /** Where records go that the stream will never take. Tried until it resolves. */
  readonly deadLetter: (record: StreamRecord, reason: string) => Promise<void>
  readonly ledger: Ledger
  readonly telemetry: Telemetry
  readonly entropy: Entropy
  readonly clock: Clock
  /** How long events wait for company. Waiting is free where the journal has answered for them already. */
  readonly lingerMs: number
  readonly minConcurrency?: number
  readonly maxConcurrency?: number
  /** Most bytes read from the journal and not yet stored. */
  readonly maxInFlightBytes?: number
  /** Most frames in the books: those behind a record that fails again and again are done, but cannot be released. */
  readonly maxUnreleasedFrames?: number
  /** Full jitter from 100 ms to 5 s. A policy says when, never whether: the journal bounds the attempts. */
  readonly retry?: RetryPolicy
}

export interface PumpState {
  readonly inFlightBytes: number
  /** When the first put failed of those since something was last stored, epoch ms. */
  readonly failingSinceMs: number | undefined
  /** The code of the misconfiguration for which the pump only probes. */
  readonly paused: string | undefined
}

/** Brings the backlog to the stream, at least once, and releases what has arrived. */
export interface Pump {
  /** Goes on until the backlog is empty or `drainMs` have passed. What is left stays in the journal. */
  stop(options: { readonly drainMs: number }): Promise<{ readonly drained: boolean }>
  state(): PumpState
}

export function startPump(options: PumpOptions): Pump {
  const pump = new StreamPump(options)
  pump.advance()
  return pump
}

/**
 * Kinesis: 24 connections, as KPL has. Lake: a put is an append that waits for its file, so calls cost nothing,
 * and one file of 32 MiB fills while another is stored.
 */
const DEFAULTS = {
  kinesis: { minConcurrency: 4, maxConcurrency: 24, maxInFlightBytes: 33_554_432 },
  lake: { minConcurrency: 64, maxConcurrency: 64, maxInFlightBytes: 67_108_864 },
}
const MAX_UNRELEASED_FRAMES = 100_000

/**
 * Event-driven: whatever happens ends in `advance`, which starts all that may be started. Every started task is owned
 * by `#tasks`, ends soon after the abort, and never rejects.
 */
class StreamPump implements Pump {
  readonly #options: Required<PumpOptions>
  readonly #outbox: Outbox
  readonly #concurrency: Concurrency
  readonly #sink: SinkState
  readonly #sender: Sender
  readonly #inFlight: InFlight
  readonly #release: () => Promise<void>
  readonly #ending = new AbortController()
  readonly #tasks = new Set<Promise<void>>()
  #reading = false
  #lingering = false
  /** A misconfigured sink has refused, and the next probe is not yet due. */
  #holding = false
  #draining = false
  #stopped: Promise<{ drained: boolean }> | undefined

  constructor(options: PumpOptions) {
    const { backlog, clock, entropy, ledger, stream, telemetry } = options
    const retry: RetryPolicy = { delayMs: (attempt) => backoffMs(attempt, entropy) }
    this.#options = {
      retry,
      maxUnreleasedFrames: MAX_UNRELEASED_FRAMES,
      ...DEFAULTS[stream.kind],
      ...options,
    }
    this.#outbox = createOutbox(
      () => entropy.token(16),
      (parcel) => this.#own(this.#bury(parcel, 'too_large')),
    )
    this.#concurrency = createConcurrency(this.#options.minConcurrency, this.#options.maxConcurrency)
    this.#sink = createSinkState({ kind: stream.kind, clock, telemetry })
    this.#sender = createSender({
      stream,
      clock,
      telemetry,
      sink: this.#sink,
      concurrency: this.#concurrency,
    })
    this.#inFlight = createInFlight(telemetry.metrics)
    this.#release = createRelease({
      inFlight: this.#inFlight,
      backlog,
      ledger,
      insist: (what, work) => this.#insist(what, work),
    })
    // Every waiting retry listens, and there may be many.
    setMaxListeners(0, this.#ending.signal)
  }

  stop({ drainMs }: { readonly drainMs: number }): Promise<{ drained: boolean }> {
    this.#stopped ??= this.#stop(drainMs)
    return this.#stopped
  }

  state(): PumpState {
    return {
      inFlightBytes: this.#inFlight.bytes(),
      failingSinceMs: this.#sink.failingSinceMs(),
      paused: this.#sink.paused(),
    }
  }

  advance(): void {
    if (this.#ending.signal.aborted) return
    if (!this.#reading && this.#hasRoom()) this.#own(this.#read())
    for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
      this.#own(this.#deliver(batch))
    }
  }

  async #stop(drainMs: number): Promise<{ drained: boolean }> {
    this.#draining = true
    this.#outbox.flush()
    this.advance()
    this.#endWhenDrained()
    await sleep(drainMs, this.#ending.signal)
    this.#end()
    while (this.#tasks.size > 0) await Promise.all(this.#tasks)
    return { drained: this.#options.backlog.state().frames === 0 }
  }

  #endWhenDrained(): void {
    if (this.#draining && this.#options.backlog.state().frames === 0) this.#end()
  }

  #end(): void {
    this.#ending.abort()
    this.#sender.abort()
  }

  #own(task: Promise<void>): void {
    const owned = task.then(() => {
      this.#tasks.delete(owned)
      this.advance()
    })
    this.#tasks.add(owned)
  }

  #hasRoom(): boolean {
    const { maxInFlightBytes, maxUnreleasedFrames } = this.#options
    return this.#inFlight.bytes() < maxInFlightBytes && this.#inFlight.frames() < maxUnreleasedFrames
  }

  async #read(): Promise<void> {
    this.#reading = true
    const { backlog, maxInFlightBytes, stream } = this.#options
    const bytes = Math.min(maxInFlightBytes - this.#inFlight.bytes(), stream.maxBytes)
    await this.#insist('read the journal', async () => {
      for (const frame of await backlog.read(bytes, this.#ending.signal)) {
        this.#inFlight.add(frame)
        this.#outbox.add(frame)
      }
    })
    if (this.#draining) this.#outbox.flush()
    else if (!this.#lingering) this.#own(this.#linger())
    this.#reading = false
  }

  async #linger(): Promise<void> {
    this.#lingering = true
    await sleep(this.#options.lingerMs, this.#ending.signal)
    this.#lingering = false
    this.#outbox.flush()
  }

  /** What may be sent now: a batch while there is a slot; to a misconfigured sink one record at a time, as a probe. */
  #nextBatch(): readonly Shipment[] {
    const { maxBytes, maxRecords } = this.#options.stream
    const probing = this.#sink.paused() !== undefined
    const slots = probing ? 1 : this.#concurrency.limit()
    if (this.#holding || this.#sender.calls() >= slots) return []
    return this.#outbox.take({ maxBytes, maxRecords: probing ? 1 : maxRecords })
  }

  async #deliver(shipments: readonly Shipment[]): Promise<void> {
    const failed: Shipment[] = []
    for (const { shipment, outcome } of await this.#sender.send(shipments)) {
      if (outcome.kind === 'stored') this.#inFlight.settle(shipment.shares, 'delivered')
      else if (outcome.kind === 'poison') this.#own(this.#bury(shipment, outcome.code))
      else failed.push({ ...shipment, attempts: shipment.attempts + 1 })
    }
    if (failed.length > 0) this.#own(this.#retry(failed))
    this.advance()
    await this.#settled()
  }

  async #retry(failed: readonly Shipment[]): Promise<void> {
    const attempts = Math.max(...failed.map((shipment) => shipment.attempts))
    const hold = this.#sink.paused() !== undefined
    this.#holding ||= hold
    await sleep(this.#options.retry.delayMs(attempts - 1), this.#ending.signal)
    if (hold) this.#holding = false
    this.#outbox.putBack(failed)
  }

  async #bury({ record, shares }: Parcel, reason: string): Promise<void> {
    const { deadLetter, telemetry } = this.#options
    const buried = await this.#insist('store a dead letter', () => deadLetter(record, reason))
    if (!buried) return
    telemetry.log.warn({ reason, lines: record.lines, bytes: record.data.length }, 'Dead-lettered')
    this.#inFlight.settle(shares, 'deadLettered')
    await this.#settled()
  }

  async #settled(): Promise<void> {
    await this.#release()
    this.#endWhenDrained()
  }

  #insist(what: string, work: () => Promise<void>): Promise<boolean> {
    const { retry, telemetry } = this.#options
    const onFailure = (error: unknown) =>
      telemetry.log.error({ err: error }, `Failed to ${what}: trying again`)
    return insist(work, { retry, signal: this.#ending.signal, onFailure })
  }
}
