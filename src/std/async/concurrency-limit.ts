import { createFairQueue } from './fair-queue.ts'

/** Lets at most so many pieces of work run at a time; the others wait in the order in which they came. */
export function limitConcurrency(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  const inTurn = createFairQueue(max)
  return (work) => inTurn(ALL, work)
}

/** To whom all of the work belongs, so that nobody goes before another. */
const ALL = { group: '', member: '' }
