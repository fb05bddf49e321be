import { createYielder } from '../../../std/async/yielding.ts'
import type { TimeSpan } from '../../../std/durations.ts'
import type { RollupStore, SeriesRequest, StoredRow } from '../../rollup/stores/store.ts'
import { addRow, emptyAggregate, type SeriesAggregate } from './tally.ts'

/** Gives each row that counts to `take`, in time order, as it is read: memory never holds them all. */
export async function eachRow(
  store: Pick<RollupStore, 'series'>,
  request: SeriesRequest,
  { signal, take }: { readonly signal: AbortSignal; readonly take: (row: StoredRow) => void },
): Promise<void> {
  const breath = createYielder(signal)
  for await (const rows of store.series(request, signal)) {
    for (const row of rows) {
      if (breath.shouldYield()) await breath.yieldNow()
      // Weights that all round to nothing: no average, no rank.
      if (row.n > 0n) take(row)
    }
  }
}

export interface StepWork {
  /** In time order, without gaps; they cover the range of the request. */
  readonly steps: readonly TimeSpan[]
  readonly signal: AbortSignal
  /** Is given the sum of each step that has rows, in time order, once it is complete. */
  readonly take: (fromMs: number, tally: SeriesAggregate) => void
}

export async function eachStep(
  store: Pick<RollupStore, 'series'>,
  request: SeriesRequest,
  { steps, signal, take }: StepWork,
): Promise<void> {
  let step = { at: -1, untilMs: 0, tally: emptyAggregate() }
  const end = ({ at, tally }: typeof step) => {
    if (tally.rows > 0) take(Number(steps[at]?.fromMs), tally)
  }
  const add = (row: StoredRow) => {
    if (row.windowFromMs >= step.untilMs) {
      end(step)
      const at = steps.findIndex(({ toMs }, i) => i > step.at && row.windowFromMs < toMs)
      step = { at, untilMs: Number(steps[at]?.toMs), tally: emptyAggregate() }
    }
    addRow(step.tally, row)
  }
  await eachRow(store, { ...request, mergedWithin: steps }, { signal, take: add })
  end(step)
}
