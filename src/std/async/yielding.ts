import { systemClock } from '../clock.ts'

/** Longest stretch of work on the event loop. Ours: a beacon waits for a few of them, which nobody notices. */
const MAX_BLOCKING_MS = 1
/** Rounds of the loop that others get between: a beacon needs some before it is answered. Ours; idle ones cost 5 µs. */
const YIELDED_LOOP_ROUNDS = 4

/** By the global timer, which a simulated world replaces. */
const nextLoopRound = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Long work on the event loop takes a breath now and then: who waits gets a turn, and work nobody wants ends there. */
export interface Yielder {
  /** Cheap: may be asked for each row. */
  shouldYield(): boolean
  /** Lets others go first. Rejects with the signal's reason when the work is to end. */
  yieldNow(): Promise<void>
}

export function createYielder(signal?: AbortSignal, nowMs: () => number = systemClock.monotonicMs): Yielder {
  let sinceMs = nowMs()
  return {
    shouldYield: () => nowMs() - sinceMs >= MAX_BLOCKING_MS,
    async yieldNow() {
      for (let round = 0; round < YIELDED_LOOP_ROUNDS; round++) await nextLoopRound()
      signal?.throwIfAborted()
      sinceMs = nowMs()
    },
  }
}

/** Work that yields wherever it may be interrupted. */
export type ResumableWork<T> = Generator<void, T, void>

/** Items that take some microseconds each, between two steps. Ours: a step costs a tenth of one. */
const STEP_ITEMS = 16

/** Each of the items, as `map` does it. */
export function* mapInSteps<T, U>(
  items: readonly T[],
  of: (item: T, index: number) => U,
): ResumableWork<U[]> {
  const mapped: U[] = []
  for (const item of items) {
    if (mapped.push(of(item, mapped.length)) % STEP_ITEMS === 0) yield
  }
  return mapped
}

/** For work that is known to be short. */
export function runToEnd<T>(work: ResumableWork<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

/** As far as it comes within so much time. Undefined if it did not end: it goes on from there. */
export function runBriefly<T>(work: ResumableWork<T>, mostMs: number, nowMs: () => number): T | undefined {
  const sinceMs = nowMs()
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    if (nowMs() - sinceMs >= mostMs) return undefined
  }
}

/** Takes a breath wherever one is due. */
export async function runYielding<T>(work: ResumableWork<T>, breath: Yielder = createYielder()): Promise<T> {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    if (breath.shouldYield()) await breath.yieldNow()
  }
}
