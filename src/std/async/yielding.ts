import { setImmediate as othersFirst } from 'node:timers/promises'
import { systemClock } from '../clock.ts'

/** Longest stretch of work on the event loop. Ours: a beacon waits for a few of them, which nobody notices. */
const STRETCH_MS = 1
/** Rounds of the loop that others get between: a beacon needs some before it is answered. Ours; idle ones cost 5 µs. */
const TURNS = 4

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
      for (let turn = 0; turn < TURNS; turn++) await othersFirst()
      signal?.throwIfAborted()
      sinceMs = nowMs()
    },
  }
}

/** Work that yields wherever it may be interrupted. */
export type Steps<T> = Generator<void, T, void>

/** For work that is known to be short. */
export function atOnce<T>(work: Steps<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

/** Takes a breath wherever one is due. */
export async function unhurried<T>(work: Steps<T>, breath: Breath = breather()): Promise<T> {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    if (breath.due()) await breath.take()
  }
}
