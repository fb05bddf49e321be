import { exceedsItsLimits } from './sql-session.ts'

/** The first may share its process with what came before; each after it has a new one to itself. */
export const TRIES = 3

/**
 * Does what is to be done of one object. What takes more memory or work than a process may, each time, will do so tomorrow:
 * then `instead` answers what becomes of it. Any other lack of memory or time is the machine's, and passes: the object is
 * tried again with the next pass.
 */
export async function ifAffordable<T>(
  work: () => Promise<T>,
  instead: (error: unknown) => T,
  tries: number = 1,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!exceedsItsLimits(error)) throw error
    return tries === TRIES ? instead(error) : ifAffordable(work, instead, tries + 1)
  }
}
