import type { Frame } from '../../journal/backlog.ts'
import { type BufferPool, createBufferPool } from '../sinks/buffer-pool.ts'
import type { SinkRecord } from '../sinks/stream.ts'

/** Two PUT payload units of 25 KB, as Kinesis bills them: https://aws.amazon.com/kinesis/data-streams/pricing/ */
export const RECORD_TARGET_BYTES = 50_000
/** Ours: what a consumer parses in one go. */
export const RECORD_MAX_LINES = 500
/**
 * 1,000 KiB. A record is at most 1 MiB with its partition key unless the stream was raised; the rest is headroom:
 * https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
 */
export const RECORD_MAX_BYTES = 1_024_000

/** How much of a frame travels in one record. */
export interface FrameSlice {
  readonly sequence: number
  readonly bytes: number
  readonly lines: number
}

/** A closed record, and the frames that it carries, whole or in part. */
export interface PackedRecord {
  readonly record: SinkRecord
  readonly slices: readonly FrameSlice[]
  /** Gives the record's memory back: nobody reads it any more. A half of one cannot. */
  readonly free?: () => void
}

export interface Packer {
  /** Packs the frame behind the ones before it; answers with the records that this closed. */
  add(frame: Frame): readonly PackedRecord[]
  /** Closes the open record, if there is one. */
  close(): readonly PackedRecord[]
}

/** Memory of records that waits to be filled again: 13 MB. */
const FREE_RECORD_BUFFERS = 256

interface FrameSliceBytes extends FrameSlice {
  readonly data: Buffer
  readonly receivedMs: number
}

interface Room {
  readonly bytes: number
  readonly lines: number
}

/** Fills records to the brim: a frame that does not fit whole is split between two lines. */
export function createPacker(partitionKey: () => string): Packer {
  const pool = createBufferPool({ bufferBytes: RECORD_TARGET_BYTES, mostFree: FREE_RECORD_BUFFERS })
  let pieces: FrameSliceBytes[] = []
  let room: Room = { bytes: RECORD_TARGET_BYTES, lines: RECORD_MAX_LINES }

  function close(): PackedRecord[] {
    if (pieces.length === 0) return []
    const closed = recordOf(pieces, partitionKey(), pool)
    pieces = []
    room = { bytes: RECORD_TARGET_BYTES, lines: RECORD_MAX_LINES }
    return [closed]
  }

  function take(piece: FrameSliceBytes): PackedRecord[] {
    pieces.push(piece)
    room = { bytes: room.bytes - piece.bytes, lines: room.lines - piece.lines }
    return room.bytes <= 0 || room.lines <= 0 ? close() : []
  }

  function split(frame: Frame): PackedRecord[] {
    const closed: PackedRecord[] = []
    for (let start = 0; start < frame.lines.length; ) {
      const { end, lines } = runOfLines(frame.lines, start, room, pieces.length === 0)
      closed.push(...(lines === 0 ? close() : take(pieceOf(frame, start, end, lines))))
      start = end
    }
    return closed
  }

  return {
    add(frame) {
      const fits = frame.lines.length <= room.bytes && frame.count <= room.lines
      return fits ? take(pieceOf(frame, 0, frame.lines.length, frame.count)) : split(frame)
    },
    close,
  }
}

/** The record as two, cut between its middle lines, in order; undefined when it is a single line. */
export function halves({ record, slices }: PackedRecord): readonly [PackedRecord, PackedRecord] | undefined {
  const lines = record.lines >> 1
  if (lines === 0) return undefined
  const { end } = runOfLines(record.data, 0, { bytes: Number.POSITIVE_INFINITY, lines }, true)
  const [first, second] = cutSlices(slices, { bytes: end, lines })
  return [
    { record: { ...record, data: record.data.subarray(0, end), lines }, slices: first },
    { record: { ...record, data: record.data.subarray(end), lines: record.lines - lines }, slices: second },
  ]
}

/** No stream takes it as one record. */
export const isTooLarge = (record: SinkRecord): boolean => record.data.length > RECORD_MAX_BYTES

/** Removes from the head of `queue` what one call may carry. The first record goes in any case. */
export function takeForCall<T extends { readonly record: SinkRecord }>(
  queue: T[],
  limits: { readonly maxRecords: number; readonly maxBytes: number },
): T[] {
  let records = 0
  let bytes = 0
  for (const { record } of queue) {
    bytes += record.data.length + Buffer.byteLength(record.partitionKey)
    if (records > 0 && (records >= limits.maxRecords || bytes > limits.maxBytes)) break
    records++
  }
  return queue.splice(0, records)
}

const NEWLINE = 0x0a

/** The longest run of whole lines from `start` that there is room for; with nothing else aboard at least one. */
function runOfLines(
  buffer: Buffer,
  start: number,
  room: Room,
  alone: boolean,
): { end: number; lines: number } {
  let end = start
  let lines = 0
  while (end < buffer.length && lines < room.lines) {
    // A last line without its newline ends with the buffer.
    const next = buffer.indexOf(NEWLINE, end) + 1 || buffer.length
    const mustTake = alone && lines === 0
    if (next - start > room.bytes && !mustTake) break
    end = next
    lines++
  }
  return { end, lines }
}

/** The shares of what comes before `cut`, and of the rest; of a frame on both sides each gets its part. */
function cutSlices(shares: readonly FrameSlice[], cut: Room): readonly [FrameSlice[], FrameSlice[]] {
  const first: FrameSlice[] = []
  const second: FrameSlice[] = []
  let { bytes, lines } = cut
  for (const share of shares) {
    const before = Math.min(share.lines, lines)
    const { sequence } = share
    const part = { sequence, bytes: before === share.lines ? share.bytes : bytes, lines: before }
    if (part.lines > 0) first.push(part)
    if (part.lines < share.lines) {
      second.push({ sequence, bytes: share.bytes - part.bytes, lines: share.lines - part.lines })
    }
    bytes -= part.bytes
    lines -= part.lines
  }
  return [first, second]
}

function pieceOf(frame: Frame, start: number, end: number, lines: number): FrameSliceBytes {
  const data = frame.lines.subarray(start, end)
  return { sequence: frame.sequence, bytes: data.length, lines, data, receivedMs: frame.receivedMs }
}

function recordOf(pieces: readonly FrameSliceBytes[], partitionKey: string, pool: BufferPool): PackedRecord {
  // Always a copy: a slice would keep its whole frame in memory.
  const data = pool.take(pieces.reduce((sum, { bytes }) => sum + bytes, 0))
  let at = 0
  for (const piece of pieces) {
    data.set(piece.data, at)
    at += piece.bytes
  }
  return {
    free: () => pool.give(data),
    record: {
      data,
      lines: pieces.reduce((sum, { lines }) => sum + lines, 0),
      partitionKey,
      receivedMs: Math.min(...pieces.map(({ receivedMs }) => receivedMs)),
    },
    slices: pieces.map(({ sequence, bytes, lines }) => ({ sequence, bytes, lines })),
  }
}
