import type { Clock } from '../../src/std/clock.ts'

export interface FakeClock extends Clock {
  /** Wall and monotonic time together. */
  advance(ms: number): void
  /** The wall time alone, as when somebody sets the clock. */
  set(ms: number): void
}

/** A clock that stands still until it is turned by hand. */
export function fakeClock(startMs = Date.UTC(2026, 10, 22, 12)): FakeClock {
  let monotonicMs = 0
  let setMs = 0
  return {
    nowMs: () => startMs + setMs + monotonicMs,
    monotonicMs: () => monotonicMs,
    advance(ms) {
      monotonicMs += ms
    },
    set(ms) {
      setMs += ms
    },
  }
}
