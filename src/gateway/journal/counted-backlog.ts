import type { Outcomes } from '../../event/ledger/ledger.ts'
import type { Backlog, Ended, FrameStore } from './backlog.ts'

/**
 * A backlog whose events were acknowledged when they were stored: where they ended is counted in the moment in which
 * they are no backlog any more, so that the conservation law holds whenever somebody looks.
 */
export function countedBacklog(store: FrameStore, ledger: Outcomes): Backlog {
  /** Where the events of each frame ended, once that is told; in the order of the frames, as they are handed out in it. */
  const handedOut = new Map<number, Ended>()

  return {
    async read(maxBytes, signal) {
      const frames = await store.read(maxBytes, signal)
      for (const { sequence } of frames) handedOut.set(sequence, NOWHERE)
      return frames
    },
    arrived(sequence, ended) {
      handedOut.set(sequence, ended)
    },
    release(sequence) {
      const released = store.release(sequence)
      for (const [next, ended] of handedOut) {
        if (next > sequence) break
        handedOut.delete(next)
        countEnded(ledger, ended)
      }
      return released
    },
    state: () => store.state(),
  }
}

const NOWHERE: Ended = { delivered: 0, fallback: 0, deadLettered: 0 }

export function countEnded(ledger: Outcomes, { delivered, fallback, deadLettered }: Ended): void {
  ledger.delivered(delivered)
  ledger.fallback(fallback)
  ledger.deadLettered(deadLettered)
}
