import type { Clock } from './clock.ts'
import { MINUTE_MS } from './durations.ts'

/** True as often as lines may be written in this minute: whatever comes in crowds does not fill the log. */
export function lineBudget(clock: Clock, linesPerMinute: number): () => boolean {
  let fromMs = Number.NEGATIVE_INFINITY
  let lines = 0
  return () => {
    const nowMs = clock.monotonicMs()
    if (nowMs - fromMs >= MINUTE_MS) {
      fromMs = nowMs
      lines = 0
    }
    return lines++ < linesPerMinute
  }
}
