import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { localStore } from '../aggregation/rollup/stores/local-store.ts'
import { memoryCache } from '../aggregation/serve/answer/query-cache.ts'
import { createQueries } from '../aggregation/serve/query.ts'
import { retryingQueries } from '../aggregation/serve/query-port.ts'
import { answerQuestions } from '../aggregation/serve/thread/answer-questions.ts'
import type { FromQueryThread } from '../aggregation/serve/thread/thread-messages.ts'
import { BESIDE_BEACONS, giveWay } from '../std/async/thread-priority.ts'
import { systemClock } from '../std/clock.ts'
import { blockingFiles } from '../std/files/blocking-files.ts'
import { createTelemetry } from '../std/telemetry.ts'
import type { QueryThreadData } from './queries.ts'

const [port, given] = [parentPort, workerData] as [MessagePort, QueryThreadData]
const { cacheBytes, dir, openDir, definitions, thresholds } = given

giveWay(BESIDE_BEACONS)
const write = (line: string) => port.postMessage({ kind: 'logged', line } satisfies FromQueryThread)
const { log } = createTelemetry('warn', { write })
const store = localStore({ dir, files: blockingFiles, log })
const openStore = localStore({ dir: openDir, files: blockingFiles, log })
const cache = memoryCache(cacheBytes)
answerQuestions(
  port,
  retryingQueries(createQueries({ store, openStore, definitions, thresholds, cache, clock: systemClock })),
)
