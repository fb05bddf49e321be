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
  if (those.length === 0) return computed
  const isOpenIn = (step: TimeSpan) => those.some((window) => overlap(window, step))
  const range = covering(steps.filter(isOpenIn))
  const holding = steps.filter((step) => overlap(step, range))
  const isOpenAt = (t: number) => holding.some((step) => step.fromMs === t && isOpenIn(step))
  const both: Pick<RollupStore, 'series'> = {
    async *series(request: SeriesRequest) {
      let { fromMs } = request
      for (const window of those) {
        if (fromMs < window.fromMs) yield* store.series({ ...request, fromMs, toMs: window.fromMs }, signal)
        const { fromMs: openMs, toMs } = window
        yield* openStore.series({ ...request, mergedWithin: undefined, fromMs: openMs, toMs }, signal)
        fromMs = toMs
      }
      if (fromMs < request.toMs) yield* store.series({ ...request, fromMs }, signal)
    },
  }
  const work = { steps: holding, signal, thresholds: limits }
  const partial: SeriesText = JSON.parse((await computeSeries(both, { ...query, ...range, unit }, work)).text)
  const whole: SeriesText = JSON.parse(computed.text)
  const points = [
    ...whole.points.filter(({ t }) => t < range.fromMs),
    ...partial.points.map((point) => (isOpenAt(point.t) ? { ...point, partial: true } : point)),
    ...whole.points.filter(({ t }) => t >= range.toMs),
  ]
  return { ...computed, text: JSON.stringify({ ...whole, points }), isEmpty: [false] }
}

interface SeriesText {
  readonly points: readonly Point[]
}
