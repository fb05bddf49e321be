import type { Clock } from '../../src/std/clock.ts'

/** A clock that stands still until it is turned by hand: wall and monotonic time advance together. */
export function fakeClock(startMs = Date.UTC(2026, 10, 22, 12)): Clock & { advance(ms: number): void } {
  let nowMs = startMs
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    advance(ms) {
      nowMs += ms
    },
  }
}
