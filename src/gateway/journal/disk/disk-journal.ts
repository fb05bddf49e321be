import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { codeOf } from '../../../std/expected-errors.ts'
import { durableFolders } from '../../../std/files/durable-folders.ts'
import { type FileOps, nodeFiles } from '../../../std/files/files.ts'
import { codeInWords } from '../../../std/system-faults.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { BacklogState, Frame, FrameStore } from '../backlog.ts'
import type { Batch, Durability, Journal } from '../journal.ts'
import { type FolderLock, type LockOptions, lockFolder } from '../lock/folder-lock.ts'
import { createJournalMetrics, type JournalMetrics } from '../metrics.ts'
import { quarantineBytes } from '../quarantine-files.ts'
import { hasRoom, noRoom } from '../watermarks.ts'
import { BacklogReader } from './backlog-reader.ts'
import { writeCheckpoint } from './checkpoint.ts'
import { type CommitGroup, GroupCommit } from './group-commit.ts'
import { type Recovered, type Recovery, recover } from './recovery.ts'
import { freeReservedSpace, reserveDiskSpace } from './reserved-space.ts'
import { frameBytes, MAX_FRAME_BYTES } from './segment.ts'
import { SegmentIndex } from './segment-index.ts'
import { SegmentWriter } from './segment-writer.ts'

export const SEGMENT_BYTES = 64 * 1024 * 1024
/** A journal has at least so many segments: room comes back a whole segment at a time. */
const LEAST_SEGMENTS = 32
const HOT_TAIL_BYTES = 16 * 1024 * 1024
/** So much of what was delivered is delivered again after a crash. */
const CHECKPOINT_MS = 1_000

export interface DiskJournalOptions {
  /** One process at a time owns it; created when it is missing. */
  readonly dir: string
  /** Bounds what the segments take: beside them the disk must hold one that is prepared ahead. */
  readonly maxBytes: number
  readonly segmentBytes?: number
  /** A frame takes another batch of its group while it stays below; 0 gives each batch a frame of its own. */
  readonly frameBytes?: number
  /** Most bytes of frames kept in memory for a reader that keeps up. */
  readonly hotTailBytes?: number
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly files?: FileOps
  /** Whom a lock tells of its holder. */
  readonly lock?: Pick<LockOptions, 'processes' | 'sockets'>
}

export interface DiskJournal extends Journal, FrameStore {
  readonly recovered: Recovered
  /** Answers what was appended, then refuses; what is not delivered stays for the next start. */
  close(): Promise<void>
}

/**
 * The write-ahead log behind `durability: journal`. Starts whatever state a crash left the folder in; throws
 * `journal_unavailable` only when another live process owns the folder, or the disk takes no lock, lists no names, or
 * neither gives a file nor lets it go, or withholds one without saying that it is lost: then the start is tried again.
 */
export async function openDiskJournal(options: DiskJournalOptions): Promise<DiskJournal> {
  const { dir, files = nodeFiles, lock: neighbours, telemetry } = options
  const metrics = createJournalMetrics(telemetry)
  const lock = await orUnavailable(dir, () =>
    durableFolders(files)(dir).then(() => lockOnFullDisk(dir, { ...neighbours, files, metrics })),
  )
  const { predecessor } = lock
  if (predecessor)
    telemetry.log.warn({ folder: dir, predecessor }, 'the journal was taken over: its process shows no life')
  try {
    const recovery = await orUnavailable(dir, () => recover({ files, dir, metrics }))
    telemetry.log.info({ folder: dir, ...recovery.recovered }, 'the journal was recovered')
    metrics.quarantined(recovery.recovered.quarantinedBytes)
    // Recovery may just have made the room for it.
    await reserveDiskSpace(files, dir)
    return new OpenDiskJournal({ options, files, metrics, lock, recovery })
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Locks the folder, at the price of the reserved space if the disk has no room for a lock. */
async function lockOnFullDisk(dir: string, options: LockOptions): Promise<FolderLock> {
  try {
    return await lockFolder(dir, options)
  } catch (error) {
    if (codeOf(error) !== 'ENOSPC') throw error
    await freeReservedSpace(options.files, dir)
    return lockFolder(dir, options)
  }
}

async function orUnavailable<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw new AppError('journal_unavailable', `Journal folder ${dir} failed: ${codeInWords(cause)}`, {
      cause,
    })
  }
}

interface Parts {
  readonly options: DiskJournalOptions
  readonly files: FileOps
  readonly metrics: JournalMetrics
  readonly lock: FolderLock
  readonly recovery: Recovery
}

class OpenDiskJournal implements DiskJournal {
  readonly recovered: Recovered
  readonly #parts: Parts
  readonly #index: SegmentIndex
  readonly #reader: BacklogReader
  readonly #writer: SegmentWriter
  readonly #commits: GroupCommit
  #tidying: Promise<void> = Promise.resolve()
  #checkpointedMs: number
  #closed = false

  constructor(parts: Parts) {
    const { options, files, metrics, recovery } = parts
    const { dir, clock, maxBytes } = options
    const segmentBytes = Math.min(options.segmentBytes ?? SEGMENT_BYTES, Math.ceil(maxBytes / LEAST_SEGMENTS))
    this.#parts = parts
    this.recovered = recovery.recovered
    const index = new SegmentIndex(recovery)
    const reader = new BacklogReader({
      files,
      index,
      hotTailBytes: options.hotTailBytes ?? HOT_TAIL_BYTES,
      onDamage: async (path, bytes, damage) =>
        metrics.quarantined(await quarantineBytes({ files, dir }, path, bytes, damage)),
    })
    this.#index = index
    this.#reader = reader
    this.#writer = new SegmentWriter({
      ...{ files, dir, segmentBytes, index, clock, metrics },
      onCommitted: (segment, start, frames) => {
        index.committed(segment, start, frames)
        reader.committed(segment, start, frames)
        metrics.holds(index.heldBytes)
      },
    })
    const { nextSequence } = recovery
    const commit = (group: CommitGroup) => this.#writer.commit(group)
    this.#commits = new GroupCommit({ clock, nextSequence, frameBytes: options.frameBytes, commit })
    this.#writer.prepare(nextSequence)
    this.#checkpointedMs = clock.monotonicMs()
    metrics.holds(index.heldBytes)
  }

  /** Not async: the promise of a promise takes each request three rounds of the queue more. */
  append(batch: Batch): Promise<Durability> {
    const refusal = this.#refusalOf(batch)
    return refusal === undefined ? this.#commits.append(batch) : Promise.reject(refusal)
  }

  #refusalOf(batch: Batch): AppError | undefined {
    if (this.#closed) return new AppError('shutting_down', 'The journal is closed')
    const bytes = frameBytes(batch.lines)
    if (bytes > MAX_FRAME_BYTES) {
      const detail = `A batch of ${bytes} bytes; the journal takes ${MAX_FRAME_BYTES}`
      return new AppError('body_too_large', detail)
    }
    const heldBytes = this.#index.heldBytes + this.#commits.waitingBytes
    const { maxBytes } = this.#parts.options
    return hasRoom(batch, heldBytes, maxBytes) ? undefined : noRoom(batch, heldBytes, maxBytes)
  }

  read(maxBytes: number, signal: AbortSignal): Promise<readonly Frame[]> {
    return this.#reader.read(maxBytes, signal)
  }

  release(sequence: number): Promise<void> {
    this.#index.release(sequence)
    this.#tidying = this.#tidying.then(() => this.#tidy(CHECKPOINT_MS))
    return this.#tidying
  }

  state(): BacklogState {
    return this.#index.state()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#commits.drained()
    await this.#reader.close()
    await this.#writer.close()
    await this.#tidying
    await this.#tidy(0)
    await this.#parts.lock.release()
  }

  /**
   * The checkpoint goes first, so that it never names a segment that is gone. When a full disk refuses it the segments go
   * all the same: that is what makes room again, and recovery is right without a checkpoint.
   */
  async #tidy(checkpointEveryMs: number): Promise<void> {
    const { options, files, metrics } = this.#parts
    const { clock, dir } = options
    const finished = this.#index.takeFinished()
    const nowMs = clock.monotonicMs()
    if (finished.length === 0 && nowMs - this.#checkpointedMs < checkpointEveryMs) return
    this.#checkpointedMs = nowMs
    await writeCheckpoint(files, dir, this.#index.released).catch((error: unknown) =>
      metrics.failed('checkpoint', error),
    )
    for (const { path } of finished)
      await files.unlink(path).catch((error: unknown) => metrics.failed('remove', error))
    metrics.holds(this.#index.heldBytes)
  }
}
