import { nearest, oneOf } from '../../std/input/did-you-mean.ts'
import { invalid } from '../../std/input/invalid.ts'
import { appliesTo, type DimensionSet, type RollupDefinition } from '../rollup/model/definition.ts'
import { writtenAs } from './notices.ts'

/** A set that is asked for, behind the parameter that names it. */
export type AskedSet = readonly [parameter: string, set: string]

export interface AskedRollup {
  readonly rollup?: string | undefined
  readonly bots?: RollupDefinition['bots'] | undefined
  /** Undefined: any of those that the sets are kept of. */
  readonly metric?: string | undefined
}

/** Why there is no other rollup, where each does so. */
const NO_BOTS: Readonly<Record<RollupDefinition['bots'], string>> = {
  exclude:
    'must be exclude: no rollup that answers counts bots; one of `aggregation.rollups` with `bots: include` would',
  include:
    'must be include: each rollup that answers counts bots as anybody; one with `bots: exclude` would not',
}

/** The first rollup, or the named one, that keeps all of these sets, and has bots or not, where that is asked for. */
export function definitionFor(
  definitions: readonly RollupDefinition[],
  { rollup, bots, metric }: AskedRollup,
  sets: readonly AskedSet[],
): RollupDefinition {
  const called = definitions.filter(({ id }) => rollup === undefined || id === rollup)
  const named = called.filter((definition) => bots === undefined || definition.bots === bots)
  const [first] = called
  if (first !== undefined && named.length === 0) throw invalid('bots', NO_BOTS[first.bots])
  const found = named.find((definition) => sets.every(([, set]) => keeps(definition, set, metric)))
  if (found !== undefined) return found
  if (named.length === 0)
    throw unknownOf(
      'rollup',
      String(rollup),
      definitions.map(({ id }) => id),
    )
  for (const [parameter, set] of sets) {
    if (named.some((definition) => keeps(definition, set, metric))) continue
    const alone = named.flatMap((definition) => definition.sets.filter(({ name }) => name === set))
    if (alone.length > 0) throw invalid(parameter, keptOf(alone))
    const names = named.flatMap((definition) => definition.sets.map(({ name }) => name))
    throw unknownOf(parameter, set, names, setMeant(named, set))
  }
  throw invalid(String(sets.at(-1)?.[0]), 'must be a set of the same rollup as the other')
}

/** By which sets a change is divided, by default those with dimensions, and which counts all with the fewest rows. */
export function dividedBy(
  definition: RollupDefinition,
  { metric, sets: asked }: { readonly metric: string; readonly sets: readonly string[] | undefined },
) {
  const sets = definition.sets.filter((set) => appliesTo(set, metric))
  const whole = sets.filter(({ dimensions }) => dimensions.length === 0).map(({ name }) => name)
  const divided = sets.filter(({ dimensions }) => dimensions.length > 0).map(({ name }) => name)
  const names = [...new Set(asked ?? divided)]
  return { sets: names, total: String([...whole, ...names][0]) }
}

const keeps = ({ sets }: RollupDefinition, set: string, metric: string | undefined): boolean =>
  sets.some((each) => each.name === set && (metric === undefined || appliesTo(each, metric)))

/** Why there is nothing of the metric by the set. */
const keptOf = (sets: readonly DimensionSet[]): string =>
  `is kept of other metrics alone: ${[...new Set(sets.flatMap(({ metrics = [] }) => metrics))].join(', ')}`

const unknownOf = (parameter: string, sent: string, known: readonly string[], meant = '') =>
  invalid(parameter, oneOf([...new Set(known)], sent, meant))

/** Who names a dimension means the first set that it is in. */
function setMeant(definitions: readonly RollupDefinition[], name: string): string {
  const sets = definitions.flatMap((definition) => definition.sets)
  const meant = nearest(
    name,
    sets.flatMap(({ dimensions }) => dimensions),
  )
  const set = sets.find(({ dimensions }) => dimensions.some((dimension) => dimension === meant))
  return set === undefined ? '' : `; did you mean "${set.name}"?`
}

/** Values of a set, and the parameters that both are named by: `value` and `set`, unless there are several. */
export interface AskedValues {
  readonly set: string
  readonly values: readonly string[]
  readonly side?: string
}

/** Sorted and without repetition, so that the same question finds the same answer in the cache. */
export function valuesOf(
  { set, values, side }: AskedValues,
  { sets }: RollupDefinition,
  definitions: readonly RollupDefinition[],
): readonly string[] {
  const prefix = side === undefined ? '' : `${side}.`
  if (countsAll(set, sets)) {
    // The empty text is the value of everything; another was meant for some other set.
    if (values.some((value) => value !== ''))
      throw invalid(`${prefix}value`, mustBeOf('needs the set that it is of', definitions, prefix))
    return ['']
  }
  if (values.length === 0)
    throw invalid(
      `${prefix}value`,
      `is missing: it must be a value of the set ${set}, as /query/top lists them${writtenAs(set, sets)}`,
    )
  return [...new Set(values)].sort()
}

/** Whether a set is of the whole app: it has no values. */
export const countsAll = (set: string, sets: readonly DimensionSet[]): boolean =>
  sets.some(({ name, dimensions }) => name === set && dimensions.length === 0)

/** Where it is the values of a set that are asked for. */
export function refuseWithoutValues(
  set: string,
  { sets }: RollupDefinition,
  definitions: readonly RollupDefinition[],
): void {
  if (countsAll(set, sets)) throw invalid('set', mustBeOf('must be one that has values', definitions, ''))
}

/** What is lacking, and which sets have it. */
function mustBeOf(lacking: string, definitions: readonly RollupDefinition[], prefix: string): string {
  const sets = definitions.flatMap((definition) => definition.sets)
  const names = sets.flatMap(({ name, dimensions }) => (dimensions.length === 0 ? [] : [name]))
  const [first] = names
  if (first === undefined) return 'cannot be asked for: no set of the rollups has dimensions'
  return `${lacking}, such as ${prefix}set=${first}; sets with values are ${[...new Set(names)].join(', ')}`
}
