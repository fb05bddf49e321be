import { createYielder, mapInSteps, runYielding } from '../../../std/async/yielding.ts'
import type { TimeSpan } from '../../../std/durations.ts'
import { edgesOf, quantile, quantileSlot } from '../../rollup/model/measure.ts'
import type { RollupStore } from '../../rollup/stores/store.ts'
import { ALPHA, ofOneLook } from '../../statistics/confidence.ts'
import { differenceOfShares } from '../../statistics/proportions.ts'
import { MAX_RANKED_ROWS, rowBudget, sumOf, tallyByValue } from '../tally/by-value.ts'
import { boundsOf, countedIn, nEff, type SeriesAggregate } from '../tally/tally.ts'
import { type NamedChange, sentenceOf } from './change-sentence.ts'
import { type Both, type CountedUpTo, mostFrequent, splitChange } from './split-change.ts'

/**
 * Values of a set that are told apart, those with most occurrences; of each period twice as many are held while it is read.
 * Ours: a hundred KB of an answer for each set.
 */
export const MAX_CHANGED_VALUES = 1_000

export interface ChangesQuery {
  readonly app: string
  readonly metric: string
  /** Undefined: that of most rows of both ranges. */
  readonly unit?: string | undefined
  /** Answers to it; undefined: the first rollup that keeps the sets. */
  readonly rollup?: string | undefined
  readonly bots?: 'exclude' | 'include' | undefined
  /** The quantile of the base at which shares are compared. */
  readonly q: number
  readonly base: TimeSpan
  readonly now: TimeSpan
  /** Undefined: all that have dimensions. */
  readonly sets: readonly string[] | undefined
}

interface ChangesAsked extends ChangesQuery {
  readonly rollup: string
  readonly unit: string
  readonly sets: readonly string[]
  /** A set by which all is counted: each counts every event once, and one without dimensions is the shortest. */
  readonly total: string
}

interface ChangesWork {
  readonly signal: AbortSignal
  readonly maxRows?: number
  readonly maxValues?: number
}

/** How the share at or below a quantile of the base has changed, split over the values of each set. */
export async function computeChanges(
  store: Pick<RollupStore, 'series'>,
  { rollup, app, metric, unit, total, ...asked }: ChangesAsked,
  { signal, maxRows = MAX_RANKED_ROWS, maxValues = MAX_CHANGED_VALUES }: ChangesWork,
) {
  const work = { signal, maxTallies: 2 * maxValues, budget: rowBudget(maxRows) }
  const notices = new Set<string>()
  async function tallied(set: string): Promise<Both<Tallies>> {
    const of = async ({ fromMs, toMs }: TimeSpan) => {
      const read = await tallyByValue(store, { rollup, app, metric, unit, set, fromMs, toMs }, work)
      for (const notice of read.notices) notices.add(notice)
      return read.tallies
    }
    return [await of(asked.base), await of(asked.now)]
  }
  const ofTotal = await tallied(total)
  const both = [sumOf(ofTotal[0].values()), sumOf(ofTotal[1].values())] as const
  const isEmpty = both.map(({ rows }) => rows === 0)
  if (isEmpty.includes(true)) return { text: JSON.stringify(nothing(asked, both)), isEmpty }
  const slot = quantileSlot(both[0].histogram, asked.q)
  const counted = [countedUpTo(both[0], slot), countedUpTo(both[1], slot)] as const
  const sets: NamedChange[] = []
  for (const set of asked.sets) {
    const tallies = set === total ? ofTotal : await tallied(set)
    const values = mostFrequent(await valuesUpTo(tallies, slot, signal), maxValues)
    sets.push({ set, ...splitChange(values, counted) })
  }
  const at = edgesOf(slot)[1]
  const share = [counted[0].upTo / counted[0].n, counted[1].upTo / counted[1].n] as const
  const text = JSON.stringify({
    at,
    base: { ...sideOf(asked.base, both[0], asked.q), share: share[0] },
    now: { ...sideOf(asked.now, both[1], asked.q), share: share[1] },
    delta: share[1] - share[0],
    sets: sets.map(answered),
    sentence: sentenceOf({ at, unit, share, isSure: isSure(share, both), sets }),
  })
  return { text, isEmpty, notices: [...notices] }
}

/** What is answered of a set: the parts, without how surely they stand out. */
const answered = ({ set, mix, behaviour, values }: NamedChange) => ({
  ...{ set, mix, behaviour },
  values: values.map(({ distance, ...value }) => value),
})

type Tallies = ReadonlyMap<string, SeriesAggregate>

/** What can be told where one of the ranges is empty. */
function nothing({ base, now, q }: Pick<ChangesAsked, 'base' | 'now' | 'q'>, both: Both<SeriesAggregate>) {
  const where = both[0].rows === 0 ? 'the base' : 'the range that is asked about'
  return {
    at: null,
    base: { ...sideOf(base, both[0], q), share: null },
    now: { ...sideOf(now, both[1], q), share: null },
    delta: null,
    sets: [],
    sentence: `Nothing was measured in ${where}.`,
  }
}

const sideOf = (range: TimeSpan, tally: SeriesAggregate, q: number) => ({
  ...countedIn(range, tally),
  q: tally.rows === 0 ? null : quantile(tally.histogram, q, boundsOf(tally)),
})

async function valuesUpTo([base, now]: Both<Tallies>, slot: number, signal: AbortSignal) {
  const counted = (value: string): readonly [string, Both<CountedUpTo>] => [
    value,
    [countedUpTo(base.get(value), slot), countedUpTo(now.get(value), slot)],
  ]
  const values = [...new Set([...base.keys(), ...now.keys()])]
  return new Map(await runYielding(mapInSteps(values, counted), createYielder(signal)))
}

/** What lies in the slot counts: up to its upper edge nothing is estimated. */
const countedUpTo = (tally: SeriesAggregate | undefined, slot: number): CountedUpTo => ({
  n: Number(tally?.n ?? 0),
  upTo: tally?.histogram.subarray(0, slot + 1).reduce((sum, weight) => sum + weight, 0) ?? 0,
  squares: Number(tally?.squares ?? 0),
})

/** Whether the change is more than equals would show by chance. */
function isSure([base, now]: Both<number>, both: Both<SeriesAggregate>): boolean {
  const once = ofOneLook(ALPHA)
  const ofNow = { share: now, n: nEff(both[1]) }
  return differenceOfShares(ofNow, { share: base, n: nEff(both[0]) }, once).p < once.alpha
}
