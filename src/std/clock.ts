/** The only place that reads the time. Everything else is given a Clock, so tests can turn it by hand. */
export interface Clock {
  /** Wall time, epoch milliseconds. */
  nowMs(): number
  /** Milliseconds that only grow, for durations and deadlines; the origin has no meaning. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}
