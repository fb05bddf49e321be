/** The only place that reads the time. Everything else is given a Clock, so tests can turn it by hand. */
export interface Clock {
  /** Wall time, epoch milliseconds. */
  nowMs(): number
  /** Milliseconds that only grow, for durations and deadlines; the origin has no meaning. */
  monotonicMs(): number
}

/**
 * Whether a time that was stored is still to come. One that lies further ahead than such a time can was stored while the
 * clock was ahead: it is not believed, or it would hold for as long as the clock was ahead, once that is right again.
 */
export const isAhead = (
  ms: number,
  { nowMs, mostMs }: { readonly nowMs: number; readonly mostMs: number },
): boolean => nowMs < ms && ms <= nowMs + mostMs

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}
