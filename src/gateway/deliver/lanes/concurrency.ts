/** How many calls may be under way at a time, learnt from how they end: additive increase, multiplicative decrease. */
export interface Concurrency {
  limit(): number
  /** A call went through: about one more per round of calls. */
  clean(): void
  /** A call was throttled or failed: half as many. */
  congested(): void
}

export function createConcurrency(min: number, max: number): Concurrency {
  let size = min
  return {
    limit: () => Math.floor(size),
    clean() {
      size = Math.min(max, size + 1 / size)
    },
    congested() {
      size = Math.max(min, size / 2)
    },
  }
}
