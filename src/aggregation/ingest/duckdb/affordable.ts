import { exceedsItsLimits } from './sql-session.ts'

/** The first may share its process with what came before; each after it has a new one to itself. */
export const TRIES = 3

/**
 * Does what is to be done of one object. What takes more memory or work than a process may, or ends it, each time, will do so
 * tomorrow: then `instead` answers what becomes of it. Any other lack of memory or time is the machine's, and passes: the
 * object is tried again with the next pass. An engine that ends whatever it does blames nothing: between two tries, and
 * after the last, the session has it prove itself (`reopeningSession`).
 */
export async function ifAffordable<T>(
  work: () => Promise<T>,
  instead: (error: unknown) => T,
  isOfItself: (error: unknown) => boolean = exceedsItsLimits,
): Promise<T> {
  const attempt = async (tries: number): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (!isOfItself(error)) throw error
      return tries === TRIES ? instead(error) : attempt(tries + 1)
    }
  }
  return attempt(1)
}
