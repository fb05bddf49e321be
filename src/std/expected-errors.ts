/** What a parser says of a text that it cannot read. */
export const isSyntaxError = (error: unknown): boolean => error instanceof SyntaxError

/** What the work answers; undefined where it throws what `isExpected` names. Any other error stays one. */
export function unlessThrown<T>(work: () => T, isExpected: (error: unknown) => boolean): T | undefined {
  try {
    return work()
  } catch (error) {
    if (isExpected(error)) return undefined
    throw error
  }
}

/** The same of work that is under way. */
export async function unlessRejected<T>(
  work: Promise<T>,
  isExpected: (error: unknown) => boolean,
): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (isExpected(error)) return undefined
    throw error
  }
}
