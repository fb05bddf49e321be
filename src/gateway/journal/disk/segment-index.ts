import type { BacklogState, Frame } from '../backlog.ts'
import { countIn, countOut, type Extent, extend, type FrameCounts, noFrames } from './inspection.ts'
import { frameBytes, SEGMENT_HEADER_BYTES } from './segment.ts'

/** One segment file, as far as it is committed: bytes outside its extents do not exist for any reader. */
export interface IndexedSegment {
  readonly path: string
  extents: Extent[]
  /** What it takes of the journal's room, without the zeros written ahead. */
  bytes: number
  /** Takes no more frames. */
  closed: boolean
  /** Not handed out by this process yet. */
  readonly unread: FrameCounts
  /** Not at its outcome yet. */
  readonly undelivered: FrameCounts
}

interface HandedOut {
  readonly sequence: number
  readonly events: number
  readonly bytes: number
  readonly receivedMs: number
  readonly segment: IndexedSegment
}

/** What recovery found, where the journal goes on from. */
export interface RecoveredSegments {
  readonly segments: readonly IndexedSegment[]
  readonly released: number
  readonly oldestMs: number | undefined
}

/** The segments of a journal, and how much of them still waits. Touches no file: it counts. */
export class SegmentIndex {
  #segments: IndexedSegment[]
  #heldBytes: number
  #released: number
  #handedOut: HandedOut[] = []
  /** Arrival of the last frame handed out, or of the first that waits: what still waits is hardly older. */
  #waitingSinceMs: number | undefined

  constructor({ segments, released, oldestMs }: RecoveredSegments) {
    this.#segments = [...segments]
    this.#heldBytes = segments.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#released = released
    this.#waitingSinceMs = oldestMs
  }

  /** What the journal takes of the disk, but for zeros written ahead: a delivered frame counts until its segment goes. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Every frame up to this sequence has reached its outcome. */
  get released(): number {
    return this.#released
  }

  first(): IndexedSegment | undefined {
    return this.#segments[0]
  }

  /** By name, since names sort as sequences do: a segment that never got a frame may be forgotten before it is passed. */
  after({ path }: IndexedSegment): IndexedSegment | undefined {
    return this.#segments.find((segment) => segment.path > path)
  }

  begin(path: string): IndexedSegment {
    const tallies = { unread: noFrames(), undelivered: noFrames() }
    const segment = { path, extents: [], bytes: SEGMENT_HEADER_BYTES, closed: false, ...tallies }
    this.#heldBytes += segment.bytes
    this.#segments.push(segment)
    return segment
  }

  /** The frames, which begin at byte `start` of the segment, are durable. */
  committed(segment: IndexedSegment, start: number, frames: readonly Frame[]): void {
    if (this.state().frames === 0) this.#waitingSinceMs = frames[0]?.receivedMs
    let end = start
    for (const { count, lines } of frames) {
      const bytes = frameBytes(lines)
      countIn(segment.unread, count, bytes)
      countIn(segment.undelivered, count, bytes)
      end += bytes
    }
    extend(segment.extents, start, end)
    segment.bytes += end - start
    this.#heldBytes += end - start
  }

  /** The next frames in order, all of one segment, go to the reader. */
  handedOut(segment: IndexedSegment, frames: readonly Frame[]): void {
    for (const { sequence, count: events, lines, receivedMs } of frames) {
      const bytes = frameBytes(lines)
      countOut(segment.unread, events, bytes)
      this.#handedOut.push({ sequence, events, bytes, receivedMs, segment })
      this.#waitingSinceMs = receivedMs
    }
  }

  release(sequence: number): void {
    const waiting = this.#handedOut.findIndex((frame) => frame.sequence > sequence)
    const done = this.#handedOut.splice(0, waiting < 0 ? this.#handedOut.length : waiting)
    for (const { segment, events, bytes } of done) countOut(segment.undelivered, events, bytes)
    this.#released = done.at(-1)?.sequence ?? this.#released
  }

  /** What of the segment was not handed out by now cannot be read any more. Answers how many events that were. */
  lose(segment: IndexedSegment): number {
    const { frames, events, bytes } = segment.unread
    Object.assign(segment.unread, noFrames())
    segment.undelivered.frames -= frames
    segment.undelivered.events -= events
    segment.undelivered.bytes -= bytes
    return events
  }

  /** Forgets the closed segments in which nothing waits any more, and answers them: their files may go. */
  takeFinished(): readonly IndexedSegment[] {
    const finished = this.#segments.filter(({ closed, undelivered }) => closed && undelivered.frames === 0)
    this.#segments = this.#segments.filter((segment) => !finished.includes(segment))
    for (const segment of finished) this.#heldBytes -= segment.bytes
    return finished
  }

  state(): BacklogState {
    const { frames, events, bytes } = this.#segments.reduce(
      (sum, { undelivered }) => ({
        frames: sum.frames + undelivered.frames,
        events: sum.events + undelivered.events,
        bytes: sum.bytes + undelivered.bytes,
      }),
      noFrames(),
    )
    const oldestMs = this.#handedOut[0]?.receivedMs ?? this.#waitingSinceMs
    return { frames, events, bytes, oldestMs: frames === 0 ? undefined : oldestMs }
  }
}
