import type { Dimension } from '../../../event/schema/dimensions.ts'
import { digestOfJson } from '../../../std/json.ts'

/** Rollups are kept per declared set of dimensions, never for the cross product, which would not shrink the data. */
export interface DimensionSet {
  readonly name: string
  readonly dimensions: readonly Dimension[]
  /** The only metrics by which it is kept: names, and beginnings of names that end in `*`. Left out: all. */
  readonly metrics?: readonly string[] | undefined
}

/** Whether a set is kept of the metric. */
export const appliesTo = ({ metrics }: Pick<DimensionSet, 'metrics'>, metric: string): boolean =>
  metrics === undefined ||
  metrics.some((name) => (name.endsWith('*') ? metric.startsWith(name.slice(0, -1)) : metric === name))

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
  /** What the values of each set are of: a digest of its dimensions, and of what becomes of bots. */
  readonly sets: readonly (readonly [name: string, digest: string])[]
  /** Those of all sets, where each is kept of some metrics alone: nothing is known of others. */
  readonly metrics?: readonly string[]
}

export function keptDefinition({ sets, bots }: Pick<RollupDefinition, 'sets' | 'bots'>): KeptDefinition {
  const metrics = sets.flatMap((set) => set.metrics ?? [])
  return {
    sets: sets.map(({ name, dimensions }) => [name, digestOfJson({ dimensions, bots }).slice(0, 8)]),
    ...(sets.every((set) => set.metrics !== undefined) && { metrics }),
  }
}

/** Version of the rollup rows and of the SQL that makes them: raised whenever the same events would give others. */
export const ROLLUP_VERSION = 6

/** The column `v` of a row: which columns it has. */
export const ROW_VERSION = 2

export const DEFAULT_SETS: readonly DimensionSet[] = [
  { name: 'app', dimensions: [] },
  { name: 'route', dimensions: ['page_route'] },
  { name: 'country', dimensions: ['country'] },
  { name: 'device', dimensions: ['device_type'] },
  { name: 'browser', dimensions: ['user_agent_name'] },
  { name: 'os', dimensions: ['os_name'] },
  { name: 'release', dimensions: ['app_version'] },
  { name: 'navigation', dimensions: ['navigation_type'] },
  // The element that a web vital is of: others have none.
  { name: 'target', dimensions: ['attributes.target'], metrics: ['browser.web_vital.*'] },
  { name: 'route-device', dimensions: ['page_route', 'device_type'] },
]
