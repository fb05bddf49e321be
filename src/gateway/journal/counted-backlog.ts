import type { Outcomes } from '../../event/ledger/ledger.ts'
import type { Backlog, Ended, FrameStore } from './backlog.ts'

/**
 * A backlog whose events were acknowledged when they were stored: where they ended is counted in the moment in which
 * they are no backlog any more, so that the conservation law holds whenever somebody looks.
 */
export function countedBacklog(store: FrameStore, ledger: Outcomes): Backlog {
  /** By sequence, in any order: told of, and not released yet. */
  const arrived = new Map<number, Ended>()

  return {
    read: (maxBytes, signal) => store.read(maxBytes, signal),
    arrived(sequence, ended) {
      arrived.set(sequence, ended)
    },
    release(sequence) {
      const released = store.release(sequence)
      for (const [told, ended] of arrived) {
        if (told > sequence) continue
        arrived.delete(told)
        countEnded(ledger, ended)
      }
      return released
    },
    state: () => store.state(),
  }
}

export function countEnded(ledger: Outcomes, { delivered, fallback, deadLettered }: Ended): void {
  ledger.delivered(delivered)
  ledger.fallback(fallback)
  ledger.deadLettered(deadLettered)
}
