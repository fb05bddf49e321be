import type { Backlog } from '../journal/backlog.ts'
import type { InFlight } from './pack/in-flight.ts'

/**
 * Releases the frames that are done, one call at a time so that sequences only grow; what finishes meanwhile is
 * released by the call under way.
 */
export function createRelease(inFlight: InFlight, backlog: Backlog): () => Promise<void> {
  let releasing = false

  return async () => {
    if (releasing) return
    releasing = true
    try {
      for (let last = inFlight.takeFinished(); last !== undefined; last = inFlight.takeFinished())
        await backlog.release(last)
    } finally {
      releasing = false
    }
  }
}
