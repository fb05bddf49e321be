import { isDamage } from '../../rollup/stores/store.ts'
import type { Queries } from '../query-port.ts'

/**
 * Queries that ask again when a damaged file of the store was met. It has been set aside: the next answer is of what is
 * left, and its completeness says that a window is missing. As each time is of one file less, it comes to an end.
 */
export const retryingQueries = (queries: Queries): Queries => ({
  series: (...asked) => steady(() => queries.series(...asked)),
  top: (...asked) => steady(() => queries.top(...asked)),
  histogram: (...asked) => steady(() => queries.histogram(...asked)),
  compare: (...asked) => steady(() => queries.compare(...asked)),
  changes: (...asked) => steady(() => queries.changes(...asked)),
  metrics: (...asked) => steady(() => queries.metrics(...asked)),
})

async function steady<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isDamage(error)) throw error
    }
  }
}
