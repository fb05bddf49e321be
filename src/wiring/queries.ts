import { Worker } from 'node:worker_threads'
import type { RollupDefinition } from '../aggregation/rollup/model/definition.ts'
import type { ThresholdsByMetric } from '../aggregation/rollup/model/thresholds.ts'
import type { Queries } from '../aggregation/serve/query-port.ts'
import { threadedQueries } from '../aggregation/serve/thread/threaded-queries.ts'
import type { Logger } from '../std/telemetry.ts'

/** All that the thread is told when it starts. */
export interface QueryThreadData {
  /** Where the local store lies. */
  readonly dir: string
  /** And what has come of windows that are not over. */
  readonly openDir: string
  readonly definitions: readonly RollupDefinition[]
  readonly thresholds: ThresholdsByMetric
  readonly cacheBytes: number
}

const MIB = 1_048_576
/**
 * What two of the heaviest queries hold, several times over; the answers that are kept come on top. A thread that needs more
 * ends alone, with its questions; without a bound of its own it would take the process with it. Ours.
 */
const HEAP_BYTES = 268_435_456
/**
 * For what is young on the thread's heap. Ours: with what V8 would take it is 100 MB more that the process takes, and no
 * query is answered sooner.
 */
const YOUNG_BYTES = 25_165_824

/** The program next to this file: TypeScript in tests, JavaScript in dist. */
const program = new URL(import.meta.url.replace(/queries(\.\w+)$/, 'query-thread$1'))

export function wireQueries(data: QueryThreadData, log: Logger): Queries {
  const resourceLimits = {
    maxOldGenerationSizeMb: Math.ceil((data.cacheBytes + HEAP_BYTES) / MIB),
    maxYoungGenerationSizeMb: YOUNG_BYTES / MIB,
  }
  const start = () => new Worker(program, { name: 'queries', workerData: data, resourceLimits })
  return threadedQueries({ start, log })
}
