import type { Clock } from '../std/clock.ts'
import type { Entropy } from '../std/id.ts'
import type { Telemetry } from '../std/telemetry.ts'
import type { OpenedLake } from './open-lake.ts'

/** What the process brings: its time, its chance, its log and metrics. */
export interface System {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly telemetry: Telemetry
  /** One for all modules of the process: opening it sweeps the whole of it. */
  readonly lake: OpenedLake
}

export interface GatewaySystem extends System {
  /** Where secrets are, by the names that the configuration says. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Which of the processes that share a configuration this one is. */
export interface WorkerPlace {
  /** From 0. */
  readonly index: number
  readonly workers: number
}

export const ALONE: WorkerPlace = { index: 0, workers: 1 }
