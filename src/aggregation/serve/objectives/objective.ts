import { DAY_MS, HOUR_MS, type TimeSpan } from '../../../std/durations.ts'

/** What is promised of a metric: that so much of all that is measured in a time is at or below a value. */
export interface Objective {
  readonly id: string
  readonly app: string
  readonly metric: string
  /** Undefined: that of most rows. */
  readonly unit?: string | undefined
  readonly set: string
  /** Undefined: each of the set by itself. */
  readonly value?: string | undefined
  /** The largest good value. */
  readonly at: number
  /** How much is to be good, above 0 and below 1. */
  readonly share: number
  readonly windowMs: number
}

/** Over which time it is told how fast a budget is used up. Ours, as of Google's SRE workbook: a page, a page, a ticket. */
export const BURN_RANGES_MS = { '1h': HOUR_MS, '6h': 6 * HOUR_MS, '3d': 3 * DAY_MS } as const

/** The range of so much time before an end, of whole windows. */
export const rangeBefore = (toMs: number, lengthMs: number): TimeSpan => ({
  fromMs: Math.max(0, toMs - lengthMs),
  toMs,
})

export interface ObjectivesQuery {
  /** Those that are asked about, in the order of the answer. */
  readonly objectives: readonly Objective[]
}
