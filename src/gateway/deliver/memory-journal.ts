import { AppError } from '../../std/errors.ts'
import type { Batch, Journal } from '../collect/journal.ts'
import type { Backlog, Frame } from './backlog.ts'
import { createDoorbell } from './doorbell.ts'
import { checkRoom } from './watermarks.ts'

export interface MemoryJournal extends Journal, Backlog {
  /** Refuses from now on, and wakes those who wait. */
  close(): Promise<void>
}

/** Mode `memory`, for development: the journal's contract without its promise. What is not delivered dies with us. */
export function memoryJournal({ maxBytes }: { readonly maxBytes: number }): MemoryJournal {
  const doorbell = createDoorbell()
  /** Not released yet; the first `handedOut` of them are with the reader. */
  const frames: Frame[] = []
  let handedOut = 0
  let nextSequence = 1
  let bytes = 0
  let closed = false

  function take(maxLineBytes: number): readonly Frame[] {
    let room = maxLineBytes
    const waiting = frames.slice(handedOut)
    const beyond = waiting.findIndex(({ lines }, index) => {
      room -= lines.length
      return index > 0 && room < 0
    })
    const taken = waiting.slice(0, beyond < 0 ? waiting.length : beyond)
    handedOut += taken.length
    return taken
  }

  return {
    async append(batch: Batch) {
      if (closed) throw new AppError('shutting_down', 'The journal is closed')
      checkRoom(batch, bytes, maxBytes)
      const { count, receivedMs } = batch
      const lines = Buffer.from(batch.lines)
      frames.push({ sequence: nextSequence, lines, count, receivedMs })
      nextSequence += 1
      bytes += lines.length
      doorbell.ring()
      return 'memory'
    },
    async read(maxLineBytes, signal) {
      while (!signal.aborted && !closed) {
        const taken = take(maxLineBytes)
        if (taken.length > 0) return taken
        await doorbell.rung(signal)
      }
      return []
    },
    async release(sequence) {
      const kept = frames.findIndex((frame) => frame.sequence > sequence)
      const done = frames.splice(0, Math.min(handedOut, kept < 0 ? frames.length : kept))
      handedOut -= done.length
      for (const { lines } of done) bytes -= lines.length
    },
    state: () => ({
      frames: frames.length,
      events: frames.reduce((sum, { count }) => sum + count, 0),
      bytes,
      oldestMs: frames[0]?.receivedMs,
    }),
    async close() {
      closed = true
      doorbell.ring()
    },
  }
}
