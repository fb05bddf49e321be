import type { DimensionSet } from '../../../event/schema/dimension-sets.ts'
import { digestOfJson } from '../../../std/json.ts'

export { appliesTo, DEFAULT_SETS, type DimensionSet } from '../../../event/schema/dimension-sets.ts'

/** The name of what has none in a rollup: metrics, units of one, and values of a set, beyond the most that are kept. */
export const OTHER = '~other'

export interface RollupDefinition {
  readonly id: string
  readonly grainMs: number
  readonly sets: readonly DimensionSet[]
  /** What becomes of rows of declared bots: by default they are counted apart, and in no number. */
  readonly bots: 'exclude' | 'include'
  /** Most metric names an app, and most values a set: the rest is counted under OTHER. */
  readonly maxMetrics: number
  readonly maxValues: number
}

/** Changes whenever rows of the definition would: a new hash is a new prefix, and old windows are computed anew. */
export function definitionHash(definition: RollupDefinition): string {
  // Named one by one: the order in which a configuration lists its fields says nothing.
  const { grainMs, bots, maxMetrics, maxValues } = definition
  const sets = definition.sets.map(({ name, dimensions, metrics }) => ({ name, dimensions, metrics }))
  return digestOfJson({ version: ROLLUP_VERSION, grainMs, sets, bots, maxMetrics, maxValues }).slice(0, 16)
}

/** What a window says of the definition that it was computed under: whether it can answer, when there is another. */
export interface KeptDefinition {
  /**
   * What the values of each set are of: a digest of its dimensions, and of what becomes of bots. Of a set that has values
   * also the most that are kept, but for what earlier versions committed.
   */
  readonly sets: readonly (readonly [name: string, digest: string, maxValues?: number])[]
  /** Left out of what earlier versions committed. */
  readonly maxMetrics?: number
  /** Those of all sets, where each is kept of some metrics alone: nothing is known of others. */
  readonly metrics?: readonly string[]
}

export function keptDefinition({
  sets,
  bots,
  maxMetrics,
  maxValues,
}: Omit<RollupDefinition, 'id' | 'grainMs'>): KeptDefinition {
  const metrics = sets.flatMap((set) => set.metrics ?? [])
  return {
    sets: sets.map(({ name, dimensions }) => {
      const digest = digestOfJson({ dimensions, bots }).slice(0, 8)
      return dimensions.length === 0 ? [name, digest] : [name, digest, maxValues]
    }),
    maxMetrics,
    ...(sets.every((set) => set.metrics !== undefined) && { metrics }),
  }
}

/** Version of the rollup rows and of the SQL that makes them: raised whenever the same events would give others. */
export const ROLLUP_VERSION = 6

/** The column `v` of a row: which columns it has. */
export const ROW_VERSION = 2
