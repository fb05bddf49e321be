import type { FrameStore } from '../backlog.ts'
import type { Batch, Journal } from '../journal.ts'
import { checkRoom } from '../watermarks.ts'
import { createFrameQueue } from './frame-queue.ts'

export interface MemoryJournal extends Journal, FrameStore {
  /** Refuses from now on, and wakes those who wait. */
  close(): Promise<void>
}

/** Mode `memory`, for development: the journal's contract without its promise. */
export function memoryJournal({ maxBytes }: { readonly maxBytes: number }): MemoryJournal {
  const queue = createFrameQueue()
  return {
    ...queue,
    async append(batch: Batch) {
      checkRoom(batch, queue.state().bytes, maxBytes)
      queue.push(batch)
      return 'memory'
    },
    close: async () => queue.close(),
  }
}
