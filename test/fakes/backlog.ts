import type { BacklogState, Frame, FrameStore } from '../../src/gateway/journal/backlog.ts'

export interface MemoryBacklog extends FrameStore {
  append(lines: readonly string[], receivedMs?: number): Frame
  /** The next calls of `read` reject with these. */
  readonly failures: { readonly read: Error[] }
  /** Room is free after this. */
  gate: Promise<void>
  /** Every sequence that was released, in the order of the calls. */
  readonly released: readonly number[]
}

export const frameOf = (sequence: number, lines: readonly string[], receivedMs = 0): Frame => ({
  sequence,
  lines: Buffer.from(lines.map((line) => `${line}\n`).join('')),
  count: lines.length,
  receivedMs,
})

/** A journal's reading end in memory, to the letter of the port. */
export function memoryBacklog(): MemoryBacklog {
  const kept: Frame[] = []
  const released: number[] = []
  const failures: MemoryBacklog['failures'] = { read: [] }
  let sequence = 0
  let handedOut = 0
  let wake = () => {}

  const unread = () => kept.filter((frame) => frame.sequence > handedOut)
  const sum = (of: (frame: Frame) => number) => kept.reduce((total, frame) => total + of(frame), 0)

  const backlog: MemoryBacklog = {
    failures,
    released,
    gate: Promise.resolve(),
    append(lines, receivedMs = 0) {
      sequence += 1
      const frame = frameOf(sequence, lines, receivedMs)
      kept.push(frame)
      wake()
      return frame
    },
    async read(maxBytes, signal) {
      const failure = failures.read.shift()
      if (failure) throw failure
      while (unread().length === 0 && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
      }
      const frames: Frame[] = []
      let bytes = 0
      for (const frame of signal.aborted ? [] : unread()) {
        bytes += frame.lines.length
        if (frames.length > 0 && bytes > maxBytes) break
        frames.push(frame)
        handedOut = frame.sequence
      }
      return frames
    },
    async release(upTo) {
      released.push(upTo)
      kept.splice(0, kept.filter((frame) => frame.sequence <= upTo).length)
      await backlog.gate
    },
    state(): BacklogState {
      return {
        frames: kept.length,
        events: sum((frame) => frame.count),
        bytes: sum((frame) => frame.lines.length),
        oldestMs: kept[0]?.receivedMs,
      }
    },
  }
  return backlog
}
