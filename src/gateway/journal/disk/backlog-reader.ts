import { AppError } from '../../../std/errors.ts'
import { codeOf } from '../../../std/expected-errors.ts'
import { bestEffort, type FileOps, type OpenFile, readFully } from '../../../std/files/files.ts'
import type { Frame } from '../backlog.ts'
import { createWakeSignal } from '../notifier.ts'
import { type Extent, inspect } from './inspection.ts'
import { decodeFrame, frameBytes, MAX_FRAME_BYTES } from './segment.ts'
import type { IndexedSegment, SegmentIndex } from './segment-index.ts'

/** Least bytes of one read from a segment: smaller ones cost more calls than they save memory. */
const READ_BYTES = 256 * 1024

export interface ReaderOptions {
  readonly files: FileOps
  readonly index: SegmentIndex
  /** Most bytes of frames that are kept in memory for a reader that keeps up. */
  readonly hotTailBytes: number
  /** Damage that was not there when the journal was opened. */
  readonly onDamage: (path: string, bytes: Buffer, damage: readonly Extent[]) => Promise<void>
}

/** Frames of one segment that are in memory, next in line for the reader. */
interface HotGroup {
  readonly segment: IndexedSegment
  readonly frames: Frame[]
}

/** Where on disk the reader goes on, once it has emptied the hot tail. */
interface Cursor {
  readonly segment: IndexedSegment
  at: number
}

/**
 * Hands out committed frames: from memory while the reader keeps up, from the segments once it is behind by more than the hot
 * tail holds. The tail is then left to run empty; it fills again when the reader has caught up with the disk.
 */
export class BacklogReader {
  readonly #options: ReaderOptions
  readonly #wake = createWakeSignal()
  #hot: HotGroup[] = []
  #hotBytes = 0
  #cold: Cursor | undefined
  #file: { readonly path: string; readonly handle: OpenFile } | undefined
  #reading: Promise<readonly Frame[]> | undefined
  #closed = false

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#goTo(options.index.first())
  }

  /** The frames, which begin at byte `start` of the segment, are durable. */
  committed(segment: IndexedSegment, start: number, frames: readonly Frame[]): void {
    const bytes = sizeOf(frames)
    if (this.#cold === undefined && this.#hotBytes + bytes <= this.#options.hotTailBytes) {
      this.#hot.push({ segment, frames: [...frames] })
      this.#hotBytes += bytes
    } else {
      this.#cold ??= { segment, at: start }
    }
    this.#wake.notify()
  }

  /** See Backlog. Rejects with `journal_unavailable` when the disk cannot be read: nothing is lost, ask again. */
  async read(maxBytes: number, signal: AbortSignal): Promise<readonly Frame[]> {
    while (!signal.aborted && !this.#closed) {
      const hot = this.#takeHot(maxBytes)
      if (hot.length > 0) return hot
      if (this.#cold === undefined || this.#reading !== undefined) {
        await this.#wake.wait(signal)
        continue
      }
      const cold = await this.#alone(this.#readCold(this.#cold, maxBytes))
      if (cold.length > 0) return cold
    }
    return []
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake.notify()
    await bestEffort(Promise.resolve(this.#reading))
    await this.#letGo()
  }

  #takeHot(maxBytes: number): readonly Frame[] {
    const taken: Frame[] = []
    let room = maxBytes
    let emptied = 0
    for (const { segment, frames } of this.#hot) {
      const part = frames.splice(0, fitting(frames, room, taken.length === 0))
      this.#options.index.handedOut(segment, part)
      this.#hotBytes -= sizeOf(part)
      room -= linesOf(part)
      taken.push(...part)
      if (frames.length > 0) break
      emptied += 1
    }
    this.#hot.splice(0, emptied)
    return taken
  }

  /** One call reads the disk at a time; others that wait for frames look again when it is done. */
  async #alone(work: Promise<readonly Frame[]>): Promise<readonly Frame[]> {
    this.#reading = work.catch((cause: unknown) => {
      throw new AppError('journal_unavailable', `Journal read failed: ${codeOf(cause)}`, { cause })
    })
    try {
      return await this.#reading
    } finally {
      this.#reading = undefined
      this.#wake.notify()
    }
  }

  async #readCold(cursor: Cursor, maxBytes: number): Promise<readonly Frame[]> {
    const { segment } = cursor
    const extent = unreadExtent(cursor)
    if (extent === undefined) {
      await this.#leave(segment)
      return []
    }
    const frames = await this.#readFrames(segment, extent, maxBytes)
    if (frames.length === 0) await this.#inspect(segment, extent)
    cursor.at = extent.start + sizeOf(frames)
    this.#options.index.handedOut(segment, frames)
    // At once, so that a segment delivered to its end is not held open.
    if (unreadExtent(cursor) === undefined) await this.#leave(segment)
    return frames
  }

  async #readFrames(
    segment: IndexedSegment,
    { start, end }: Extent,
    maxBytes: number,
  ): Promise<readonly Frame[]> {
    const file = await this.#open(segment.path)
    // The second try is for a frame larger than the first read.
    for (const most of [Math.max(maxBytes, READ_BYTES), MAX_FRAME_BYTES]) {
      const frames = decodeFrames(await readFully(file, start, Math.min(end - start, most)), maxBytes)
      if (frames.length > 0) return frames
    }
    return []
  }

  /** There should have been a frame: sets the damage aside, and goes on with what is whole behind it. */
  async #inspect(segment: IndexedSegment, { start, end }: Extent): Promise<void> {
    const bytes = await readFully(await this.#open(segment.path), start, end - start)
    const { extents, damage } = inspect(bytes, { start: 0, after: 0, delivered: 0 })
    await this.#options.onDamage(segment.path, bytes, damage)
    const whole = extents.map((extent) => ({ start: start + extent.start, end: start + extent.end }))
    // Frames may have been committed meanwhile: they begin where the inspected part ended.
    const later = segment.extents.map((extent) => ({ start: Math.max(extent.start, end), end: extent.end }))
    segment.extents = [...whole, ...later.filter((extent) => extent.start < extent.end)]
  }

  /** Nothing of the segment is left to read. At the end of the last one the reader has caught up. */
  async #leave(segment: IndexedSegment): Promise<void> {
    this.#options.index.lose(segment)
    this.#goTo(this.#options.index.after(segment))
    await this.#letGo()
  }

  #goTo(segment: IndexedSegment | undefined): void {
    this.#cold = segment && { segment, at: 0 }
  }

  async #open(path: string): Promise<OpenFile> {
    if (this.#file?.path !== path) {
      await this.#letGo()
      this.#file = { path, handle: await this.#options.files.open(path, 'r') }
    }
    return this.#file.handle
  }

  async #letGo(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    if (file !== undefined) await bestEffort(file.handle.close())
  }
}

/** The part of the segment's next extent that is still to be read. */
function unreadExtent({ segment, at }: Cursor): Extent | undefined {
  const extent = segment.extents.find(({ end }) => end > at)
  return extent && { start: Math.max(extent.start, at), end: extent.end }
}

function decodeFrames(bytes: Buffer, maxBytes: number): readonly Frame[] {
  const frames: Frame[] = []
  let at = 0
  let room = maxBytes
  for (let frame = decodeFrame(bytes, at); frame !== undefined; frame = decodeFrame(bytes, at)) {
    room -= frame.lines.length
    if (room < 0 && frames.length > 0) break
    frames.push(frame)
    at += frameBytes(frame.lines)
  }
  return frames
}

/** How many of the frames fit into `room` bytes of lines; at least one when `first`. */
function fitting(frames: readonly Frame[], room: number, first: boolean): number {
  let left = room
  const beyond = frames.findIndex(({ lines }) => {
    left -= lines.length
    return left < 0
  })
  if (beyond < 0) return frames.length
  return first ? Math.max(1, beyond) : beyond
}

const linesOf = (frames: readonly Frame[]) => frames.reduce((sum, { lines }) => sum + lines.length, 0)
const sizeOf = (frames: readonly Frame[]) => frames.reduce((sum, { lines }) => sum + frameBytes(lines), 0)
