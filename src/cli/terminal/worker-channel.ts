import type { Config } from '../../config/parse.ts'
import type { GatewayBalance } from '../../http/reconciliation.ts'
import type { MetricValues } from '../../std/metrics/metric-registry.ts'

/** What a worker says of itself when it is asked. */
export interface WorkerReport {
  readonly balance: GatewayBalance
  readonly metrics: MetricValues
}

export type ToWorker =
  /** The first that it hears: the configuration in force. A worker reads no file, which may say something else by now. */
  | { readonly kind: 'start'; readonly config: Config }
  /** What is in force from now on. */
  | { readonly kind: 'reload'; readonly config: Config }
  | { readonly kind: 'stop' }
  /** Whether all workers take requests, or why not. */
  | { readonly kind: 'everyone'; readonly ready: true | string }
  | { readonly kind: 'report'; readonly id: number }

export type ToPrimary =
  /** It takes requests, at this port. */
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'report'; readonly id: number; readonly report: WorkerReport }

/** A worker's end of the line to its primary. */
export interface PrimaryChannel extends PrimaryLine {
  /** The last that was told; waits for the first. */
  configuration(): Promise<Config>
}

/** What comes and goes on it. */
export interface PrimaryLine {
  /** From 0: which of the workers this is. One that takes a dead one's place has its number. */
  readonly index: number
  send(message: ToPrimary): void
  onMessage(listener: (message: ToWorker) => void): void
}

/** Keeps what is told from the first moment on, whoever asks when. */
export function primaryChannel(line: PrimaryLine): PrimaryChannel {
  let begin: (config: Config) => void
  let told = new Promise<Config>((resolve) => {
    begin = resolve
  })
  line.onMessage((message) => {
    if (message.kind === 'start') begin(message.config)
    if (message.kind === 'reload') told = Promise.resolve(message.config)
  })
  return { ...line, configuration: () => told }
}

export interface WorkerEnd {
  readonly code: number | null
  readonly signal: string | null
}

/** The primary's end, and the process behind it. */
export interface WorkerProcess {
  send(message: ToWorker): void
  onMessage(listener: (message: ToPrimary) => void): void
  /** Resolves with how it ended. */
  readonly ended: Promise<WorkerEnd>
  kill(): void
}
