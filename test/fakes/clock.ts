import type { Clock } from '../../src/std/clock.ts'

export interface FakeClock extends Clock {
  /** Wall and monotonic time together. */
  advance(ms: number): void
  /** The wall time alone, by so much, as when somebody sets the clock. */
  shift(ms: number): void
}

/** A clock that stands still until it is turned by hand. */
export function fakeClock(startMs = Date.UTC(2026, 10, 22, 12)): FakeClock {
  let monotonicMs = 0
  let shiftedMs = 0
  return {
    nowMs: () => startMs + shiftedMs + monotonicMs,
    monotonicMs: () => monotonicMs,
    advance(ms) {
      monotonicMs += ms
    },
    shift(ms) {
      shiftedMs += ms
    },
  }
}
