import Type, { type Static } from 'typebox'
import { inUnits } from '../../../std/input/quantities.ts'
import { definitionHash, type RollupDefinition } from '../model/definition.ts'

/** What a process tells others of a rollup that it computes: enough to know another one, and to say what differs. */
export const RollupNote = Type.Object({
  id: Type.String(),
  grainMs: Type.Integer({ minimum: 1 }),
  hash: Type.String(),
})
export type RollupNote = Static<typeof RollupNote>

export const notesOf = (definitions: readonly RollupDefinition[]): RollupNote[] =>
  definitions.map((definition) => ({
    id: definition.id,
    grainMs: definition.grainMs,
    hash: definitionHash(definition),
  }))

/** What differs, in settings; undefined where both compute the same. */
export function differenceOf(here: readonly RollupNote[], there: readonly RollupNote[]): string | undefined {
  const differences = [
    ...unequal('aggregation.rollups', idsOf(here), idsOf(there)),
    ...unequal('aggregation.schedule.grain', grainsOf(here), grainsOf(there)),
    ...otherwise(here, there),
  ]
  return differences.length === 0 ? undefined : differences.join('; ')
}

const unequal = (setting: string, here: string, there: string): string[] =>
  here === there ? [] : [`${setting}: ${here} here, ${there} there`]

const idsOf = (notes: readonly RollupNote[]) => listed(notes.map(({ id }) => id))
const grainsOf = (notes: readonly RollupNote[]) =>
  listed(notes.map(({ grainMs }) => inUnits('duration', grainMs)))
const listed = (words: readonly string[]) => [...new Set(words)].sort().join(', ')

function otherwise(here: readonly RollupNote[], there: readonly RollupNote[]): string[] {
  const changed = here.filter(({ id, grainMs, hash }) =>
    there.some((each) => each.id === id && each.grainMs === grainMs && each.hash !== hash),
  )
  return changed.length === 0
    ? []
    : [`sets or limits of the rollup ${idsOf(changed)} in aggregation.rollups, or the version of Headgate`]
}
