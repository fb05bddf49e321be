import type { Outcomes } from '../../event/ledger/ledger.ts'
import type { Backlog } from '../journal/backlog.ts'
import type { InFlight } from './pack/in-flight.ts'

export interface ReleaseOptions {
  readonly inFlight: InFlight
  readonly backlog: Backlog
  readonly ledger: Outcomes
  /** Does the work until it succeeds; false when it was given up. */
  readonly retry: (what: string, work: () => Promise<void>) => Promise<boolean>
}

/**
 * Releases the frames that are done, one call at a time so that sequences only grow; what finishes meanwhile is
 * released by the call under way. Events are counted once their room is free: until then a crash sends them again.
 */
export function createRelease({ inFlight, backlog, ledger, retry }: ReleaseOptions): () => Promise<void> {
  let releasing = false

  return async () => {
    if (releasing) return
    releasing = true
    for (let done = inFlight.takeFinished(); done; done = inFlight.takeFinished()) {
      const { sequence, delivered, fallback, deadLettered } = done
      const released = await retry('release the journal', () => backlog.release(sequence))
      if (!released) break
      ledger.delivered(delivered)
      ledger.fallback(fallback)
      ledger.deadLettered(deadLettered)
    }
    releasing = false
  }
}
