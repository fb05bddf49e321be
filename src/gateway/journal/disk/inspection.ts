import type { Frame } from '../backlog.ts'
import { decodeFrame, frameBytes } from './segment.ts'

/** Bytes [start, end) of a segment. */
export interface Extent {
  readonly start: number
  readonly end: number
}

/** How much there is of something. `bytes` counts whole frames, as they lie in the journal. */
export interface FrameCounts {
  frames: number
  events: number
  bytes: number
}

export const noFrames = (): FrameCounts => ({ frames: 0, events: 0, bytes: 0 })

export function countIn(tally: FrameCounts, events: number, bytes: number): void {
  tally.frames += 1
  tally.events += events
  tally.bytes += bytes
}

export function countOut(tally: FrameCounts, events: number, bytes: number): void {
  tally.frames -= 1
  tally.events -= events
  tally.bytes -= bytes
}

/** What a segment, or a part of one, was found to hold. */
export interface Inspection {
  /** Runs of frames above `delivered`. */
  readonly extents: readonly Extent[]
  readonly tally: FrameCounts
  /** Spots that are neither frames nor the zeros at the end. */
  readonly damage: readonly Extent[]
  readonly lastSequence: number
  /** Arrival of the first frame in `extents`. */
  readonly oldestMs: number | undefined
  /** Where the last frame ends, delivered or not; `start` when there is none. */
  readonly lastFrameEnd: number
}

export interface InspectionBounds {
  readonly start: number
  /** A frame counts only above the sequence of the one before it, and the first only above this. */
  readonly after: number
  /** And only below this. */
  readonly before?: number
  /** Frames up to this one have had their outcome. */
  readonly delivered: number
}

/** Finds every frame, and after a damaged spot the next one whose length, checksum and sequence fit. */
export function inspect(bytes: Buffer, { start, after, before, delivered }: InspectionBounds): Inspection {
  const contentEnd = endOfFrames(bytes)
  const extents: Extent[] = []
  const damage: Extent[] = []
  const tally = noFrames()
  let lastSequence = after
  let lastFrameEnd = start
  let oldestMs: number | undefined
  let at = start
  const frameAt = (at: number): Frame | undefined => {
    const frame = decodeFrame(bytes, at)
    const isNext =
      frame && frame.sequence > lastSequence && frame.sequence < (before ?? Number.POSITIVE_INFINITY)
    return isNext ? frame : undefined
  }
  while (at < contentEnd) {
    const frame = frameAt(at)
    if (frame === undefined) {
      let next = at + 1
      while (next < contentEnd && frameAt(next) === undefined) next += 1
      damage.push({ start: at, end: next })
      at = next
      continue
    }
    const end = at + frameBytes(frame.lines)
    if (frame.sequence > delivered) {
      extend(extents, at, end)
      countIn(tally, frame.count, end - at)
      oldestMs ??= frame.receivedMs
    }
    lastSequence = frame.sequence
    lastFrameEnd = end
    at = end
  }
  return { extents, tally, damage, lastSequence, oldestMs, lastFrameEnd }
}

/** Where the zeros begin that last to the end: a segment is filled with them ahead of time. */
export function endOfFrames(bytes: Buffer): number {
  const block = Buffer.alloc(64 * 1024)
  let end = bytes.length
  while (end >= block.length && bytes.subarray(end - block.length, end).equals(block)) end -= block.length
  while (end > 0 && bytes[end - 1] === 0) end -= 1
  return end
}

/** Adds a run of frames, to the run before it where they touch. */
export function extend(extents: Extent[], start: number, end: number): void {
  const last = extents.at(-1)
  if (last?.end === start) extents[extents.length - 1] = { start: last.start, end }
  else extents.push({ start, end })
}
