import { AppError } from '../../../std/errors.ts'
import type { Frame, FrameStore } from '../backlog.ts'
import { createWakeSignal } from '../notifier.ts'

/** Frames in memory, from whoever brings them to the one who drains them. What is not delivered dies with us. */
export interface FrameQueue extends FrameStore {
  /** Puts the frame behind the others, and answers its sequence. Throws `shutting_down` once it is closed. */
  push(frame: Pick<Frame, 'lines' | 'count' | 'receivedMs'>): number
  /** The lines of a frame are needed no more: their room is free before it is its turn to be released. */
  clear(sequence: number): void
  /** Refuses from now on, and wakes those who wait. */
  close(): void
}

export function createFrameQueue(): FrameQueue {
  const wake = createWakeSignal()
  /** Not released yet; the first `handedOut` of them are with the reader. */
  const frames: Frame[] = []
  let handedOut = 0
  let nextSequence = 1
  let events = 0
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

  /** Sequences have no gaps here. */
  const placeOf = (sequence: number) => sequence - (frames[0]?.sequence ?? nextSequence)

  function forget({ count, lines }: Frame): void {
    events -= count
    bytes -= lines.length
  }

  return {
    push({ lines, count, receivedMs }) {
      if (closed) throw new AppError('shutting_down', 'The journal is closed')
      const sequence = nextSequence
      frames.push({ sequence, lines, count, receivedMs })
      nextSequence += 1
      events += count
      bytes += lines.length
      wake.notify()
      return sequence
    },
    async read(maxLineBytes, signal) {
      while (!signal.aborted && !closed) {
        const taken = take(maxLineBytes)
        if (taken.length > 0) return taken
        await wake.wait(signal)
      }
      return []
    },
    async release(sequence) {
      const done = frames.splice(0, Math.min(handedOut, Math.max(0, placeOf(sequence) + 1)))
      handedOut -= done.length
      for (const frame of done) forget(frame)
    },
    clear(sequence) {
      const place = placeOf(sequence)
      const frame = frames[place]
      if (frame === undefined) return
      forget(frame)
      frames[place] = { ...frame, lines: NO_LINES, count: 0 }
    },
    state: () => ({ frames: frames.length, events, bytes, oldestMs: frames[0]?.receivedMs }),
    close() {
      closed = true
      wake.notify()
    },
  }
}

const NO_LINES = Buffer.alloc(0)
