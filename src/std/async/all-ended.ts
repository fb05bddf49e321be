/**
 * What all of the work answers, or the first failure, but not before all of it has ended: what goes on beside a failure
 * would be nobody's, and go on reading, writing and failing behind the back of whoever was told.
 */
export async function allEnded<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work)
  return Promise.all(work)
}
