import { setImmediate as othersFirst } from 'node:timers/promises'
import { systemClock } from './clock.ts'

/** Longest stretch of work on the event loop. Ours: a beacon waits for a few of them, which nobody notices. */
const STRETCH_MS = 1

/** Long work on the event loop takes a breath now and then: who waits gets a turn, and work nobody wants ends there. */
export interface Breath {
  /** Cheap: may be asked for each row. */
  due(): boolean
  /** Lets others go first. Rejects with the signal's reason when the work is to end. */
  take(): Promise<void>
}

export function breather(signal?: AbortSignal, nowMs: () => number = systemClock.monotonicMs): Breath {
  let sinceMs = nowMs()
  return {
    due: () => nowMs() - sinceMs >= STRETCH_MS,
    async take() {
      await othersFirst()
      signal?.throwIfAborted()
      sinceMs = nowMs()
    },
  }
}
