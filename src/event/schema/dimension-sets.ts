import type { Dimension } from './dimensions.ts'

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

/** What a rollup has where none is configured. */
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

/** Which measurements something is of: of the set `app`, and of the unit of most rows, where none is named. */
interface OfSome {
  readonly app: string
  readonly metric: string
  readonly unit?: string
  readonly set?: string
  readonly value?: string
}

/** Those that are of the same measurements. */
export const ofTheSame = <T extends OfSome>(
  all: readonly T[],
  { set = 'app', ...it }: OfSome,
): readonly T[] =>
  all.filter(
    ({ app, metric, unit, set: other = 'app', value }) =>
      app === it.app && metric === it.metric && unit === it.unit && other === set && value === it.value,
  )
