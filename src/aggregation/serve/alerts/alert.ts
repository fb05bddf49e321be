import type { Criterion } from '../../../std/input/condition.ts'
import type { Persistence } from './alert-state.ts'

/** What is looked for in the newest windows of a metric. */
export interface Alert extends Persistence {
  readonly id: string
  readonly app: string
  readonly metric: string
  /** Undefined: that of most rows. */
  readonly unit?: string | undefined
  readonly set: string
  /** Undefined of the whole app. */
  readonly value?: string | undefined
  /** As it was written. */
  readonly when: string
  /** The same: all of them must hold in a window. */
  readonly criteria: readonly AlertCriterion[]
  /** Nothing is known of a window with fewer occurrences. */
  readonly minCount: number
}

/** One of a condition; that of a burn knows which budget it is of. */
export type AlertCriterion =
  | Exclude<Criterion, { readonly of: 'burn' }>
  | (Extract<Criterion, { readonly of: 'burn' }> & { readonly at: number; readonly target: number })

export interface AlertsQuery {
  /** Those that are asked about, in the order of the answer. */
  readonly alerts: readonly Alert[]
}

/** How many windows say what state an alert is in: those it may be firing by, and as many before. */
export const judgedWindows = ({ of }: Persistence): number => 2 * of

/** How long before the first of these the rows begin that it is judged by: as long as its longest burn, but for itself. */
export const readBeforeMs = ({ criteria }: Pick<Alert, 'criteria'>, grainMs: number): number =>
  Math.max(0, ...criteria.map((each) => (each.of === 'burn' ? each.rangeMs - grainMs : 0)))
