import { exceedsItsLimits } from '../duckdb/sql-session.ts'
import { whyOf } from './failure-reason.ts'

/** The first may share its process with what came before; each after it has a new one to itself. */
const TRIES = 3

const TOO_DEAR = `It cannot be read within aggregation.engine.memoryLimit and aggregation.engine.timeout, ${TRIES} times`

/**
 * Does what is to be done of one object. What takes more memory or time than a process may, each time, will do so
 * tomorrow: then `instead` answers what becomes of it. Any other lack of memory is the machine's, and passes: the object is
 * tried again with the next pass.
 */
export async function ifAffordable<T>(
  work: () => Promise<T>,
  instead: (why: string) => T,
  tries: number = 1,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!exceedsItsLimits(error)) throw error
    if (tries === TRIES) return instead(`${TOO_DEAR}: ${whyOf(error)}`)
    return ifAffordable(work, instead, tries + 1)
  }
}
