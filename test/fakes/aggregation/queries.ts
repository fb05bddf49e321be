import { thresholdsOf } from '../../../src/aggregation/rollup/model/thresholds.ts'
import { createQueries, type Queries, type QueryPorts } from '../../../src/aggregation/serve/query.ts'
import { memoryCache } from '../../../src/aggregation/serve/query-cache.ts'

/** The queries themselves, in this thread: over a store that no other thread can see, and by a clock that stands still. */
export const queriesHere = (
  ports: Omit<QueryPorts, 'cache' | 'thresholds'> & Partial<Pick<QueryPorts, 'thresholds'>>,
): Queries => createQueries({ thresholds: thresholdsOf([]), ...ports, cache: memoryCache(1_000_000) })
