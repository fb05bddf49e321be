import { DEFAULT_SETS, type RollupDefinition } from '../../../src/aggregation/rollup/model/definition.ts'
import { thresholdsOf } from '../../../src/aggregation/rollup/model/thresholds.ts'
import { memoryCache } from '../../../src/aggregation/serve/answer/query-cache.ts'
import { createQueries, type QueryPorts } from '../../../src/aggregation/serve/query.ts'
import type { Queries, QueryContext } from '../../../src/aggregation/serve/query-port.ts'
import type { SeriesQuery } from '../../../src/aggregation/serve/series.ts'
import { memoryStore } from './store.ts'

/** When questions are asked, unless a test says otherwise. */
export const noon = Date.UTC(2026, 10, 22, 12)
export const QUARTER = 900_000
export const HOUR = 4 * QUARTER

/** What is configured of rollups when nothing is said. */
export const quarterly: RollupDefinition = {
  id: 'default',
  grainMs: QUARTER,
  sets: DEFAULT_SETS,
  bots: 'exclude',
  maxMetrics: 500,
  maxValues: 500,
}

/** What is asked for, unless a test says otherwise: of all pages, the hour before noon by its windows. */
export const lastHour = {
  app: 'shop',
  metric: 'browser.web_vital.lcp',
  set: 'app',
  values: [],
  fromMs: noon - HOUR,
  toMs: noon,
  step: undefined,
  timeZone: 'UTC',
} satisfies Omit<SeriesQuery, 'quantiles'>

/** Who may read all apps and waits for the answer. */
export const all: QueryContext = { signal: new AbortController().signal, ofAllApps: true }

/** The same, of whose lake it is known that nothing happened before any range: none of its windows is missing. */
export const allThere: QueryContext = { ...all, firstEventMs: Number.POSITIVE_INFINITY }

/** The queries themselves, in this thread: over a store that no other thread can see, and by a clock that stands still. */
export const queriesHere = (
  ports: Omit<QueryPorts, 'cache' | 'thresholds' | 'openStore'> &
    Partial<Pick<QueryPorts, 'thresholds' | 'openStore'>>,
): Queries =>
  createQueries({
    ...{ thresholds: thresholdsOf([]), openStore: memoryStore() },
    ...ports,
    cache: memoryCache(1_000_000),
  })
