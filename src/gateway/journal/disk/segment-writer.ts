import type { Clock } from '../../../std/clock.ts'
import { bestEffort, type FileOps, writeFully } from '../../../std/files/files.ts'
import type { Frame } from '../backlog.ts'
import type { JournalMetrics } from '../metrics.ts'
import type { CommitGroup } from './group-commit.ts'
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES } from './segment.ts'
import { createSegment, discardSegment, type SegmentFile } from './segment-file.ts'
import type { IndexedSegment, SegmentIndex } from './segment-index.ts'

/** A disk that has no room for a segment is not asked for one more often than this: asking writes until it is full. */
const CREATE_PAUSE_MS = 1_000

export interface SegmentWriterOptions {
  readonly files: FileOps
  readonly dir: string
  readonly segmentBytes: number
  readonly index: SegmentIndex
  readonly clock: Clock
  readonly metrics: JournalMetrics
  readonly onCommitted: (segment: IndexedSegment, start: number, frames: readonly Frame[]) => void
}

interface ActiveSegment extends SegmentFile {
  readonly held: IndexedSegment
  /** Where the next group goes: everything before is durable. */
  at: number
}

/**
 * Appends groups to the last segment, one at a time. After a failed write or sync it never touches that file's data
 * again: the kernel may have dropped the pages and would report the next sync as a success. The segment ends where it was
 * last good. What the failed group wrote was never acknowledged; where some of it survives a restart all the same, it is
 * delivered: its sender will have tried again, and the copies share their event ids.
 */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions
  #active: ActiveSegment | undefined
  #ahead: Promise<SegmentFile | undefined> | undefined
  #refused: { readonly untilMs: number; readonly error: unknown } | undefined

  constructor(options: SegmentWriterOptions) {
    this.#options = options
  }

  /** Resolves when the group is durable; rejects with the system's error. */
  async commit({ firstSequence, frames, bytes }: CommitGroup): Promise<void> {
    const { clock, metrics, onCommitted, segmentBytes } = this.#options
    const active = await this.#activeFor(firstSequence, bytes.length - SEGMENT_HEADER_BYTES)
    const isFirst = active.at === 0
    if (isFirst) encodeSegmentHeader(bytes, firstSequence)
    const from = isFirst ? 0 : SEGMENT_HEADER_BYTES
    const beganMs = clock.monotonicMs()
    try {
      await writeFully(active.file, bytes.subarray(from), active.at)
      await active.file.datasync()
    } catch (error) {
      metrics.failed('write', error)
      await this.#closeSegment(active)
      throw error
    }
    metrics.groupSynced(frames.length, (clock.monotonicMs() - beganMs) / 1_000)
    const start = active.at + SEGMENT_HEADER_BYTES - from
    active.at += bytes.length - from
    onCommitted(active.held, start, frames)
    if (active.at >= segmentBytes / 2) this.prepare(firstSequence + frames.length)
    // Also when nothing follows: a delivered segment gives its room back only once it is closed.
    if (active.at >= segmentBytes) await this.#closeSegment(active)
  }

  /** Fills the next segment with zeros in the background, so that no request waits for it. */
  prepare(sequence: number): void {
    this.#ahead ??= createSegment(this.#options, sequence).catch((error) => {
      this.#options.metrics.failed('prepare', error)
      return undefined
    })
  }

  async close(): Promise<void> {
    if (this.#active !== undefined) await this.#closeSegment(this.#active)
    const ahead = await this.#ahead
    if (ahead !== undefined) await discardSegment(this.#options.files, ahead)
  }

  async #activeFor(sequence: number, bytes: number): Promise<ActiveSegment> {
    if (this.#active !== undefined) {
      if (this.#active.at + bytes <= this.#options.segmentBytes) return this.#active
      await this.#closeSegment(this.#active)
    }
    const ahead = await this.#ahead
    this.#ahead = undefined
    const created = ahead ?? (await this.#create(sequence))
    this.#active = { ...created, held: this.#options.index.begin(created.path), at: 0 }
    return this.#active
  }

  async #create(sequence: number): Promise<SegmentFile> {
    const { clock, metrics } = this.#options
    if (this.#refused !== undefined && clock.monotonicMs() < this.#refused.untilMs) throw this.#refused.error
    try {
      return await createSegment(this.#options, sequence)
    } catch (error) {
      metrics.failed('create', error)
      this.#refused = { untilMs: clock.monotonicMs() + CREATE_PAUSE_MS, error }
      throw error
    }
  }

  /** Cuts the zeros off behind the last good frame; a failed group's bytes too, if the disk lets us. */
  async #closeSegment({ file, held, at }: ActiveSegment): Promise<void> {
    this.#active = undefined
    held.closed = true
    await bestEffort(file.truncate(at))
    await bestEffort(file.close())
  }
}
