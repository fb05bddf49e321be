import type { TimeSpan } from '../../../std/durations.ts'
import type { Criterion } from '../../../std/input/condition.ts'
import { quantile, WEIGHT_UNIT } from '../../rollup/model/measure.ts'
import type { RollupStore } from '../../rollup/stores/store.ts'
import { eachStep } from '../tally/rows.ts'
import { boundsOf, type SeriesAggregate, sharesOf } from '../tally/tally.ts'
import type { Alert } from './alert.ts'
import { alertState } from './alert-state.ts'

interface AlertAsked extends Omit<Alert, 'id' | 'when'> {
  readonly rollup: string
  readonly unit: string
}

interface AlertWork {
  /** Its windows, in time order. */
  readonly steps: readonly TimeSpan[]
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

/** In which of its windows the condition held, and the state that follows. */
export async function computeAlert(
  store: Pick<RollupStore, 'series'>,
  { rollup, app, metric, unit, set, value, criteria, minCount, need, of }: AlertAsked,
  { steps, signal }: AlertWork,
) {
  const windows: JudgedWindow[] = []
  const take = (t: number, tally: SeriesAggregate) => {
    const n = Number(tally.n) / WEIGHT_UNIT
    const values = criteria.map((criterion) => measured(criterion, tally))
    const holds = criteria.every(({ isAbove, limit }, i) => isBeyond(Number(values[i]), { isAbove, limit }))
    windows.push({ t, n, values, holds: n < minCount ? null : holds })
  }
  const values = value === undefined ? undefined : [value]
  const range = { fromMs: Number(steps[0]?.fromMs), toMs: Number(steps.at(-1)?.toMs) }
  await eachStep(store, { rollup, app, metric, unit, set, values, ...range }, { steps, signal, take })
  const judged = new Map(windows.map((window) => [window.t, window.holds]))
  const state = alertState(
    steps.map(({ fromMs }) => judged.get(fromMs) ?? null),
    { need, of },
  )
  return { text: JSON.stringify({ state, windows }), isEmpty: [windows.length === 0] }
}

const measured = (criterion: Criterion, tally: SeriesAggregate): number =>
  criterion.of === 'quantile'
    ? quantile(tally.histogram, criterion.q, boundsOf(tally))
    : sharesOf(tally, { good: criterion.at, poor: criterion.at }).good

const isBeyond = (value: number, { isAbove, limit }: Pick<Criterion, 'isAbove' | 'limit'>): boolean =>
  isAbove ? value > limit : value < limit
