import type { TimeSpan } from '../../../std/durations.ts'
import { quantile, WEIGHT_UNIT } from '../../rollup/model/measure.ts'
import type { RollupStore } from '../../rollup/stores/store.ts'
import { eachStep } from '../tally/rows.ts'
import { boundsOf, type SeriesAggregate, sharesOf } from '../tally/tally.ts'
import type { Alert, AlertCriterion } from './alert.ts'
import { alertState } from './alert-state.ts'

interface AlertAsked extends Omit<Alert, 'id' | 'when'> {
  readonly rollup: string
  readonly unit: string
}

interface AlertWork {
  /** All that are read, in time order. */
  readonly steps: readonly TimeSpan[]
  /** Those before are read for what is burnt, and not judged. */
  readonly judgedFromMs: number
  readonly signal: AbortSignal
}

interface JudgedWindow {
  readonly t: number
  readonly n: number
  /** What was compared, in the order of the condition. */
  readonly values: readonly number[]
  /** Null where too little was measured. */
  readonly holds: boolean | null
}

/** A window up to the one that is judged. */
interface PastWindow {
  readonly toMs: number
  readonly n: number
  /** How much of it is at or below a value. */
  readonly shareAt: (at: number) => number
}

/** In which of its windows the condition held, and the state that follows. */
export async function computeAlert(
  store: Pick<RollupStore, 'series'>,
  { rollup, app, metric, unit, set, value, criteria, minCount, need, of }: AlertAsked,
  { steps, judgedFromMs, signal }: AlertWork,
) {
  const ends = new Map(steps.map(({ fromMs, toMs }) => [fromMs, toMs]))
  const past: PastWindow[] = []
  const windows: JudgedWindow[] = []
  const take = (t: number, tally: SeriesAggregate) => {
    const n = Number(tally.n) / WEIGHT_UNIT
    const shares = new Map(atsOf(criteria).map((at) => [at, sharesOf(tally, { good: at, poor: at }).good]))
    const window = { toMs: Number(ends.get(t)), n, shareAt: (at: number) => Number(shares.get(at)) }
    past.push(window)
    if (t < judgedFromMs) return
    const values = criteria.map((criterion) =>
      criterion.of === 'quantile'
        ? quantile(tally.histogram, criterion.q, boundsOf(tally))
        : criterion.of === 'share'
          ? window.shareAt(criterion.at)
          : burnOf(past, window.toMs, criterion),
    )
    const holds = criteria.every(({ isAbove, limit }, i) => isBeyond(Number(values[i]), { isAbove, limit }))
    windows.push({ t, n, values, holds: n < minCount ? null : holds })
  }
  const values = value === undefined ? undefined : [value]
  const range = { fromMs: Number(steps[0]?.fromMs), toMs: Number(steps.at(-1)?.toMs) }
  await eachStep(store, { rollup, app, metric, unit, set, values, ...range }, { steps, signal, take })
  const judged = new Map(windows.map((window) => [window.t, window.holds]))
  const state = alertState(
    steps.filter(({ fromMs }) => fromMs >= judgedFromMs).map(({ fromMs }) => judged.get(fromMs) ?? null),
    { need, of },
  )
  return { text: JSON.stringify({ state, windows }), isEmpty: [past.length === 0] }
}

/** Which shares are looked at. A histogram itself is too large to be kept of each window. */
const atsOf = (criteria: readonly AlertCriterion[]): readonly number[] =>
  criteria.flatMap((criterion) => (criterion.of === 'quantile' ? [] : [criterion.at]))

/** The bad share of a time up to the end of a window ÷ what may be bad of it. */
function burnOf(
  past: readonly PastWindow[],
  toMs: number,
  { rangeMs, at, target }: Extract<AlertCriterion, { readonly of: 'burn' }>,
): number {
  const those = past.filter((window) => window.toMs > toMs - rangeMs)
  const n = those.reduce((sum, window) => sum + window.n, 0)
  const bad = those.reduce((sum, window) => sum + (1 - window.shareAt(at)) * window.n, 0)
  return bad / n / (1 - target)
}

const isBeyond = (value: number, { isAbove, limit }: Pick<AlertCriterion, 'isAbove' | 'limit'>): boolean =>
  isAbove ? value > limit : value < limit
