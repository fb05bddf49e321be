/** By what a failure is told apart: `ENOSPC` of a system call, `ERR_OSSL_…` of a library; `unknown` where it has none. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown'

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
