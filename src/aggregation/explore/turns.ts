import { MAX_QUERIES_OF_TOKEN, type PoolLimits } from '../../http/query-pool.ts'

/** Ours: each is a process with memory of its own. */
export const EXPLORATIONS_AT_ONCE = 2
/** Ours: what two of them are done with within the deadline, as most take seconds. */
export const MAX_WAITING_EXPLORATIONS = 8
/** Waiting, and then again running. Ours: what the largest range takes on two cores with much else to do. */
export const EXPLORE_DEADLINE_MS = 120_000
/** Memory of each, beside all else. Ours: what is more is spilled to the disk. */
export const EXPLORATION_BYTES = 536_870_912

/** The turns of explorations, which take longer than other queries. */
export const EXPLORATIONS: PoolLimits = {
  atOnce: EXPLORATIONS_AT_ONCE,
  waiting: MAX_WAITING_EXPLORATIONS,
  ofToken: MAX_QUERIES_OF_TOKEN,
  deadlineMs: EXPLORE_DEADLINE_MS,
}
