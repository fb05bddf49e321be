import type { RollupDefinition } from '../rollup/model/definition.ts'
import type { Thresholds } from '../rollup/model/thresholds.ts'
import type { ToldUnits } from '../rollup/model/units.ts'
import type { ContentsRequest, SeriesRequest, SeriesWindow } from '../rollup/stores/store.ts'
import type { KeptAnswer } from './answer/query-cache.ts'
import { durationText, type Selection, type SeriesStep } from './parameters.ts'

/** A range that is asked about, with its name where there are several. */
export interface AskedPeriod {
  readonly request: RangeOfSet
  readonly name?: string
}

export interface ReadPeriod extends AskedPeriod {
  readonly windows: readonly SeriesWindow[]
}

export interface FoundPeriod extends ReadPeriod {
  /** Places of the windows from before a set of the answer was kept. */
  readonly lacking: ReadonlySet<string>
  /** What is told of windows whose sets are not those that are kept now. */
  readonly otherSets: readonly string[]
}

export interface FoundAnswer {
  readonly found: readonly FoundPeriod[]
  readonly told: ToldUnits
  /** The unit that was asked for is not there. */
  readonly isNone: boolean
  readonly limits: Thresholds | undefined
  readonly dataGen: string
  readonly computed: KeptAnswer
  /** After those that are committed; none of them counts yet. */
  readonly open: readonly SeriesWindow[]
}

export interface AskedQuery {
  readonly definition: RollupDefinition
  /** All that the answer depends on, but for rows. */
  readonly query: Pick<Selection, 'metric' | 'unit'>
  /** What the answer begins with. */
  readonly head: object
  readonly periods: readonly AskedPeriod[]
  /** What is to be known of the question itself. */
  readonly notices?: readonly string[]
  /** What it is made of besides, in the same windows. */
  readonly besides?: readonly AskedPeriod[]
  readonly compute: Compute
  /** Adds what has come of open windows; left out, the answer is of those that are committed alone. */
  readonly withOpen?: (known: FoundAnswer) => Promise<KeptAnswer>
}

/** In the unit that was asked for, or found; with the thresholds that are in it. */
export type Compute = (unit: string, limits: Thresholds | undefined) => Promise<KeptAnswer>
export type RangeOfSet = Omit<SeriesRequest, 'unit'> & Pick<ContentsRequest, 'mostWindows'>

/** A question of one range. */
interface RangeQuestion extends Pick<RangeOfSet, 'mergedWithin' | 'mostWindows'> {
  readonly definition: RollupDefinition
  readonly query: Omit<RangeOfSet, 'mergedWithin' | 'mostWindows'> &
    Pick<Selection, 'unit'> & { readonly step?: SeriesStep | undefined }
  readonly compute: Compute
  readonly withOpen?: AskedQuery['withOpen']
}

/** As it is asked, and what the answer names of it. */
export function ofRange({ definition, query, compute, withOpen, ...reading }: RangeQuestion): AskedQuery {
  const { step, fromMs, toMs } = query
  const length = step !== undefined && { step: step === 'day' ? '1d' : durationText(step) }
  const head = { ...length, from: fromMs, to: toMs }
  const periods = [{ request: { ...query, ...reading } }]
  return { definition, query, head, periods, compute, ...(withOpen && { withOpen }) }
}
