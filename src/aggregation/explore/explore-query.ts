import type { Dimension } from '../../event/schema/dimensions.ts'
import type { TimeSpan } from '../../std/durations.ts'
import type { RollupDefinition } from '../rollup/model/definition.ts'

/** Events that have one of these values. */
export interface DimensionFilter {
  readonly dimension: Dimension
  readonly values: readonly string[]
}

/** Which events of one metric are asked about, and what is asked of them. */
export interface ExploreQuery extends TimeSpan {
  readonly app: string
  readonly metric: string
  /** Left out: that of most rows. */
  readonly unit?: string | undefined
  /** All of them hold. */
  readonly where: readonly DimensionFilter[]
  /** Grouped by its values. */
  readonly by?: Dimension | undefined
  readonly quantiles: readonly number[]
  /** So many of the slowest events are told one by one. */
  readonly examples: number
  /** Left out: as `CountedAs` says. */
  readonly bots?: RollupDefinition['bots'] | undefined
}

/** One event, with what is stored of it. */
export interface ExampleEvent {
  readonly id: string
  readonly t: number
  readonly value: number
  readonly url?: string
  readonly requestUrl?: string
  readonly sessionId?: string
  readonly pageViewId?: string
  readonly traceId?: string
}

/** As the rollups count: windows of one length, with bots or without. */
export type CountedAs = Pick<RollupDefinition, 'grainMs' | 'bots'>

/** As these count, of which there is at least one: without bots, unless each counts them. */
export const countedAs = (definitions: readonly CountedAs[]): CountedAs => ({
  grainMs: Math.max(...definitions.map(({ grainMs }) => grainMs)),
  bots: definitions.every(({ bots }) => bots === 'include') ? 'include' : 'exclude',
})
