import type { TimeSpan } from '../../std/durations.ts'
import { overlap } from '../rollup/model/window-spans.ts'
import type { RollupStore, SeriesRequest } from '../rollup/stores/store.ts'
import type { KeptAnswer } from './answer/query-cache.ts'
import type { FoundAnswer } from './asked-periods.ts'
import { computeSeries, covering, type DecidedQuery, type Point, type SeriesQuery } from './series.ts'

interface OpenPorts {
  readonly store: Pick<RollupStore, 'series'>
  readonly openStore: Pick<RollupStore, 'series'>
}

interface OpenWork {
  readonly query: SeriesQuery & Pick<DecidedQuery, 'rollup'>
  readonly steps: readonly TimeSpan[]
  readonly signal: AbortSignal
}

/**
 * The points of steps that open windows lie in, of all that has come, in the place of those of what is committed of them.
 * The total stays that of what is committed: it is to be the same for who asks again.
 */
export async function withOpenPoints(
  { computed, told, limits, open }: FoundAnswer,
  { store, openStore }: OpenPorts,
  { query, steps, signal }: OpenWork,
): Promise<KeptAnswer> {
  const { unit } = told
  const those = open.filter(({ units }) => units.some((each) => each.unit === unit))
  const [first] = those
  if (first === undefined) return computed
  const holding = steps.filter((step) => those.some((window) => overlap(window, step)))
  const both: Pick<RollupStore, 'series'> = {
    async *series(request: SeriesRequest) {
      yield* store.series({ ...request, toMs: first.fromMs }, signal)
      yield* openStore.series({ ...request, mergedWithin: undefined, fromMs: first.fromMs }, signal)
    },
  }
  const range = covering(holding)
  const work = { steps: holding, signal, thresholds: limits }
  const partial: SeriesText = JSON.parse((await computeSeries(both, { ...query, ...range, unit }, work)).text)
  const whole: SeriesText = JSON.parse(computed.text)
  const points = [
    ...whole.points.filter(({ t }) => t < range.fromMs),
    ...partial.points.map((point) => ({ ...point, partial: true })),
  ]
  return { ...computed, text: JSON.stringify({ ...whole, points }), isEmpty: [false] }
}

interface SeriesText {
  readonly points: readonly Point[]
}
