import { didYouMean } from '../../std/input/did-you-mean.ts'
import type { DimensionSet } from '../rollup/model/definition.ts'
import type { ToldUnits } from '../rollup/model/units.ts'

/** Between the values of the dimensions of a set, as the rollups write them. */
const JOIN = ' | '

/** What an empty answer was asked for, and what there is. */
export interface EmptyAnswer {
  readonly app: string
  /** Left out: nobody asked for one. */
  readonly metric?: string
  /** Those that are configured or in the range, as far as the asker may know; undefined when that is not known. */
  readonly apps: readonly string[] | undefined
  /** Those of the app in the range. */
  readonly metrics: readonly string[]
}

/**
 * Why there is nothing, in a sentence, where a name may be mistyped: an empty answer is right all the same, as the name may
 * be measured tomorrow. Never what was sent.
 */
export function noticesOf({ app, metric, apps, metrics }: EmptyAnswer): readonly string[] {
  if (metrics.length === 0 && apps !== undefined && !apps.includes(app))
    return [`The app is neither configured nor in this range${ending(app, apps)}`]
  if (metrics.length === 0) return ['Nothing of this app is in this range.']
  if (metric === undefined || metrics.includes(metric)) return []
  return [`The metric is not among those of the app in this range${ending(metric, metrics)}`]
}

/** Where one value is asked for that a set does not have. */
export const unknownValues = (
  set: string,
  sets: readonly DimensionSet[],
  { otherUnits }: ToldUnits,
): string =>
  `The set ${set} has no such value ${otherUnits === undefined ? '' : 'in this unit '}in this range; /query/top lists those that it has${writtenAs(set, sets)}.`

export const NO_SUCH_UNIT =
  'Nothing of the metric is in this unit in this range; otherUnits lists those that it is in.'

/** How the values of a set of several dimensions are written; nothing where that is plain. */
export function writtenAs(set: string, sets: readonly DimensionSet[]): string {
  const dimensions = sets.flatMap((each) => (each.name === set ? each.dimensions : []))
  return dimensions.length > 1 ? `, each written as "${dimensions.join(JOIN)}"` : ''
}

const ending = (name: string, known: readonly string[]): string => didYouMean(name, known) || '.'
