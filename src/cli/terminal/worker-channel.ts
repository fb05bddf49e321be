import type { GatewayBalance } from '../../http/reconciliation.ts'
import type { MetricValues } from '../../std/metrics/metric-registry.ts'

/** What a worker says of itself when it is asked. */
export interface WorkerReport {
  readonly balance: GatewayBalance
  readonly metrics: MetricValues
}

export type ToWorker =
  | { readonly kind: 'stop' }
  | { readonly kind: 'reload' }
  /** Whether all workers take requests, or why not. */
  | { readonly kind: 'everyone'; readonly ready: true | string }
  | { readonly kind: 'report'; readonly id: number }

export type ToPrimary =
  /** It takes requests, at this port. */
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'report'; readonly id: number; readonly report: WorkerReport }

/** A worker's end of the line to its primary. */
export interface PrimaryChannel {
  /** From 0: which of the workers this is. One that takes a dead one's place has its number. */
  readonly index: number
  send(message: ToPrimary): void
  onMessage(listener: (message: ToWorker) => void): void
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
