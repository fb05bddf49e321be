import { appliesTo, type DimensionSet } from '../../event/schema/dimension-sets.ts'
import { ATTRIBUTE, DIMENSION_PATTERN, DIMENSIONS, type Dimension } from '../../event/schema/dimensions.ts'
import { AppError } from '../../std/errors.ts'
import { oneOf, plain } from '../../std/input/did-you-mean.ts'
import { invalid } from '../../std/input/invalid.ts'
import type { DimensionFilter } from './explore-query.ts'

/** Between a dimension and a value of it. */
const IS = ':'
/** Fewer letters are in too many names. */
const SHORTEST_PART = 3
const OF_ANY_NAME = `${ATTRIBUTE}<name>`

/** Whether the text has a dimension, whatever that is, and a value. */
export const isFilter = (text: string): boolean => text.indexOf(IS) > 0

/** `country:DE`, as often as is asked for. Of values of one dimension any counts; of several dimensions each has to. */
export function filtersIn(texts: readonly string[]): readonly DimensionFilter[] {
  const filters = new Map<Dimension, string[]>()
  for (const text of texts) {
    const at = text.indexOf(IS)
    const dimension = dimensionIn('where', text.slice(0, at))
    filters.set(dimension, [...(filters.get(dimension) ?? []), text.slice(at + IS.length)])
  }
  return [...filters].map(([dimension, values]) => ({ dimension, values }))
}

/** The dimension that a parameter names. */
export function dimensionIn(parameter: string, name: string): Dimension {
  if (isDimension(name)) return name
  const { message, details } = invalid(parameter, oneOf([...DIMENSIONS, OF_ANY_NAME], name, partMeant(name)))
  throw new AppError('unknown_dimension', message, { details })
}

/**
 * Refuses, to who may not see single events, dimensions that may be of a single visitor or request: attributes of which no
 * rollup of the metric is kept. By those of which one is, all who read numbers are told them anyway.
 */
export function refuseSingle(
  dimensions: readonly Dimension[],
  { metric, sets }: { readonly metric: string; readonly sets: readonly DimensionSet[] },
): void {
  const kept = sets.filter((set) => appliesTo(set, metric)).flatMap((set) => set.dimensions)
  if (dimensions.every((dimension) => !dimension.startsWith(ATTRIBUTE) || kept.includes(dimension))) return
  throw new AppError(
    'scope_missing',
    'Attributes may be of single events: those of which no set of the metric is kept need a token with the scope "events".',
  )
}

const pattern = new RegExp(DIMENSION_PATTERN)
const isDimension = (name: string): name is Dimension => pattern.test(name)

/** Who says a part of a name means it: `route` is `page_route`. */
function partMeant(name: string): string {
  const meant =
    name.length < SHORTEST_PART ? undefined : DIMENSIONS.find((each) => plain(each).includes(plain(name)))
  return meant === undefined ? '' : `; did you mean "${meant}"?`
}
