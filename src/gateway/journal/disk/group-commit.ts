import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { codeOf } from '../../../std/expected-errors.ts'
import { isDiskFull } from '../../../std/files/files.ts'
import type { Frame } from '../backlog.ts'
import type { Batch } from '../journal.ts'
import { encodeFrame, FRAME_HEADER_BYTES, frameBytes, SEGMENT_HEADER_BYTES } from './segment.ts'

/** A group closes at this size, whatever waits behind it. Ours. A larger batch travels alone. */
export const GROUP_BYTES = 256 * 1024
export const GROUP_BATCHES = 512
/**
 * Batches that share a sync share frames until one has so many bytes. A frame costs its checksum and its books from here
 * to its release, as much as the batch of one event itself; damage to the disk costs a frame.
 */
const FRAME_BYTES = 16 * 1024
/**
 * A sync costs about 0.2 ms of processor time however much it covers. So one begins at once when none began lately, but
 * under load no sooner than this after the one before, unless a group is full: of eight batches and more a fifteenth of a
 * core goes to syncs; of fewer a sixth at most, where there is little else to do.
 */
export const GROUP_MS = 3
/** To wait is worth it for company: where batches come one by one, it is hardly more than their own wait. Ours. */
const LEAST_GROUP_MS = 1
const GROUP_MS_PER_BATCH = 0.25

/** Frames as they will lie in the segment, behind room for the segment's header. */
export interface CommitGroup {
  readonly firstSequence: number
  readonly frames: readonly Frame[]
  readonly bytes: Buffer
}

export interface GroupCommitOptions {
  readonly clock: Clock
  readonly nextSequence: number
  readonly frameBytes?: number | undefined
  /** Makes the group durable, and known to readers, before it resolves. */
  readonly commit: (group: CommitGroup) => Promise<void>
}

/** How long after the one before a group begins, by how many batches that one had. */
export const pauseAfter = (batches: number): number =>
  Math.min(GROUP_MS, LEAST_GROUP_MS + batches * GROUP_MS_PER_BATCH)

interface Waiting {
  readonly batch: Batch
  readonly resolve: (durability: 'journal') => void
  readonly reject: (error: AppError) => void
}

/** Lets requests that arrive together share one sync. One group is under way at a time. */
export class GroupCommit {
  readonly #options: GroupCommitOptions
  #nextSequence: number
  #waiting: Waiting[] = []
  #waitingBytes = 0
  /** When the next group may begin that is not full. */
  #dueMs = Number.NEGATIVE_INFINITY
  #running: Promise<void> = Promise.resolve()
  #idle = true
  #hurry: (() => void) | undefined

  constructor(options: GroupCommitOptions) {
    this.#options = options
    this.#nextSequence = options.nextSequence
  }

  /** Bytes of batches that are not in any segment yet, at most. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  append(batch: Batch): Promise<'journal'> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject })
      this.#waitingBytes += frameBytes(batch.lines)
      if (this.#idle) this.#running = this.#run()
      else if (this.#isFull()) this.#hurry?.()
    })
  }

  /** Resolves when everything appended so far has been answered. */
  drained(): Promise<void> {
    return this.#running
  }

  async #run(): Promise<void> {
    this.#idle = false
    while (this.#waiting.length > 0) {
      await this.#gather()
      const group = this.#takeGroup()
      this.#dueMs = this.#options.clock.monotonicMs() + pauseAfter(group.length)
      await this.#commit(group)
    }
    this.#idle = true
  }

  #isFull(): boolean {
    return this.#waiting.length >= GROUP_BATCHES || this.#waitingBytes >= GROUP_BYTES
  }

  /** Waits for the requests of this round of the event loop, and under load for those of the next milliseconds. */
  #gather(): Promise<void> {
    const waitMs = this.#dueMs - this.#options.clock.monotonicMs()
    return new Promise((resolve) => {
      if (waitMs <= 0 || this.#isFull()) {
        setImmediate(resolve)
        return
      }
      const timer = setTimeout(resolve, waitMs)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #takeGroup(): readonly Waiting[] {
    let bytes = 0
    const beyond = this.#waiting.findIndex(({ batch }, index) => {
      bytes += frameBytes(batch.lines)
      return index === GROUP_BATCHES || (index > 0 && bytes > GROUP_BYTES)
    })
    return this.#waiting.splice(0, beyond < 0 ? this.#waiting.length : beyond)
  }

  async #commit(waiting: readonly Waiting[]): Promise<void> {
    try {
      await this.#options.commit(this.#encode(waiting))
      for (const { resolve } of waiting) resolve('journal')
    } catch (cause) {
      const code = isDiskFull(cause) ? 'journal_full' : 'journal_unavailable'
      const error = new AppError(code, `Journal write failed: ${codeOf(cause)}`, { cause })
      for (const { reject } of waiting) reject(error)
    } finally {
      for (const { batch } of waiting) this.#waitingBytes -= frameBytes(batch.lines)
    }
  }

  /**
   * Sequences are used once: what was written but not synced may come to light at the next start, between others. The
   * frames lie in memory of their own, where they are packed from: one copy serves the disk and the reader.
   */
  #encode(waiting: readonly Waiting[]): CommitGroup {
    const firstSequence = this.#nextSequence
    const joined = join(waiting, this.#options.frameBytes ?? FRAME_BYTES)
    const size = joined.reduce((sum, { bytes }) => sum + FRAME_HEADER_BYTES + bytes, SEGMENT_HEADER_BYTES)
    const into = Buffer.allocUnsafeSlow(size)
    let at = SEGMENT_HEADER_BYTES
    const frames = joined.map(({ lines, bytes, count, receivedMs }): Frame => {
      const head = { sequence: this.#nextSequence, count, receivedMs }
      const frame = { ...head, lines: encodeFrame(into, at, head, lines) }
      this.#nextSequence += 1
      at += FRAME_HEADER_BYTES + bytes
      return frame
    })
    return { firstSequence, frames, bytes: into }
  }
}

interface Joined {
  readonly lines: Buffer[]
  bytes: number
  count: number
  receivedMs: number
}

/** The batches in order, as few frames. The first to arrive gives a frame its time, since the lake goes by the oldest. */
function join(waiting: readonly Waiting[], frameBytes: number): Joined[] {
  const joined: Joined[] = []
  let open: Joined | undefined
  for (const { batch } of waiting) {
    const { lines, count, receivedMs } = batch
    if (open === undefined || open.bytes + lines.length > frameBytes) {
      open = { lines: [lines], bytes: lines.length, count, receivedMs }
      joined.push(open)
    } else {
      open.lines.push(lines)
      open.bytes += lines.length
      open.count += count
      open.receivedMs = Math.min(open.receivedMs, receivedMs)
    }
  }
  return joined
}
