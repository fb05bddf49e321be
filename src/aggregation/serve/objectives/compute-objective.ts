import type { TimeSpan } from '../../../std/durations.ts'
import { WEIGHT_UNIT } from '../../rollup/model/measure.ts'
import type { RollupStore } from '../../rollup/stores/store.ts'
import { MAX_RANKED_ROWS, MAX_TALLIES, rowBudget, sumOf, tallyByValue } from '../tally/by-value.ts'
import { isLow, type SeriesAggregate, sharesOf } from '../tally/tally.ts'
import { BURN_RANGES_MS, type Objective, rangeBefore } from './objective.ts'

/** Most values of an objective that are told by themselves, those with most occurrences. Ours: of 200 objectives some MB. */
export const MAX_OBJECTIVE_VALUES = 100

interface ObjectiveAsked extends Omit<Objective, 'id'> {
  readonly rollup: string
  readonly unit: string
  /** When all of its ranges end. */
  readonly toMs: number
  /** Whether the set has values that are told by themselves. */
  readonly isByValue: boolean
}

interface ObjectiveWork {
  readonly signal: AbortSignal
  readonly maxValues?: number
  readonly maxRows?: number
  readonly maxTallies?: number
}

/** How much was measured in a range, and how much of it is good. */
interface Kept {
  readonly n: number
  /** Null where nothing was measured. */
  readonly share: number | null
  readonly isLow: boolean
}

const NOTHING: Kept = { n: 0, share: null, isLow: true }

/** What is left of an objective and how fast it goes, by the sums of the rows that are there now. */
export async function computeObjective(
  store: Pick<RollupStore, 'series'>,
  { toMs, windowMs, share: target, ...asked }: ObjectiveAsked,
  { maxValues = MAX_OBJECTIVE_VALUES, ...work }: ObjectiveWork,
) {
  const keptIn = (lengthMs: number) => keptOf(store, { ...asked, ...rangeBefore(toMs, lengthMs) }, work)
  const whole = await keptIn(windowMs)
  const burns: (readonly [name: string, range: KeptRange])[] = []
  for (const [name, lengthMs] of Object.entries(BURN_RANGES_MS)) burns.push([name, await keptIn(lengthMs)])
  const told = (of: (range: KeptRange) => Kept) => {
    const { n, share, isLow } = of(whole)
    const used = usedOf(share, target)
    return {
      ...{ n, share },
      budget: { total: (1 - target) * n, left: used === null ? null : 1 - used },
      burn: Object.fromEntries(burns.map(([name, range]) => [name, usedOf(of(range).share, target)])),
      ...(isLow && { lowCount: true }),
    }
  }
  const values = [...whole.byValue].sort(([a, one], [b, other]) => other.n - one.n || (a < b ? -1 : 1))
  const answer = {
    ...told(({ all }) => all),
    ...(asked.isByValue && {
      values: values
        .slice(0, maxValues)
        .map(([value]) => ({ value, ...told(({ byValue }) => byValue.get(value) ?? NOTHING) })),
      found: values.length,
    }),
  }
  const ranges = [whole, ...burns.map(([, range]) => range)]
  return {
    text: JSON.stringify(answer),
    isEmpty: [ranges.every(({ all }) => all.share === null)],
    notices: [...new Set(ranges.flatMap(({ notices }) => notices))],
  }
}

interface KeptRange {
  readonly all: Kept
  /** Empty where values are not told by themselves. */
  readonly byValue: ReadonlyMap<string, Kept>
  readonly notices: readonly string[]
}

/** Reads each range anew: histograms of many values are large, and the values of the next one may be others. */
async function keptOf(
  store: Pick<RollupStore, 'series'>,
  {
    rollup,
    app,
    metric,
    unit,
    set,
    value,
    at,
    isByValue,
    fromMs,
    toMs,
  }: Omit<ObjectiveAsked, 'windowMs' | 'share'> & TimeSpan,
  { signal, maxRows = MAX_RANKED_ROWS, maxTallies = MAX_TALLIES }: ObjectiveWork,
): Promise<KeptRange> {
  const request = { rollup, app, metric, unit, set, values: value === undefined ? undefined : [value] }
  const work = { signal, maxTallies, budget: rowBudget(maxRows) }
  const { tallies, notices } = await tallyByValue(store, { ...request, fromMs, toMs }, work)
  const byValue = isByValue ? [...tallies].map(([name, tally]) => [name, keptBy(tally, at)] as const) : []
  return { all: keptBy(sumOf(tallies.values()), at), byValue: new Map(byValue), notices }
}

/** How much of what may be bad is bad: 1 is all of it. */
const usedOf = (share: number | null, target: number): number | null =>
  share === null ? null : (1 - share) / (1 - target)

function keptBy(tally: SeriesAggregate, at: number): Kept {
  if (tally.rows === 0) return NOTHING
  const { good: share } = sharesOf(tally, { good: at, poor: at })
  return { n: Number(tally.n) / WEIGHT_UNIT, share, isLow: isLow(tally) }
}
