import { crc32c } from '@node-rs/crc32'
import type { Frame } from '../backlog.ts'

/**
 * The journal's format on disk, version 1. Integers are little-endian, times IEEE 754 doubles.
 *
 *   segment = header | frame* | zeros            named by a sequence that none of its frames goes below
 *   header  = "HGJ1" | u16 version | u16 0 | u64 sequence of the first frame | u32 CRC32C of the 16 bytes before
 *   frame   = u32 length of what follows the CRC | u32 CRC32C of what follows | u64 sequence
 *             | u32 events | f64 arrival, epoch ms | NDJSON lines
 *
 * Segments are filled with zeros ahead of time, so that a sync need not record a new file size: a length of zero is the
 * end. Sequences only grow, with gaps where an append failed. A length never needs its top byte, so every header holds a
 * NUL, which JSON text cannot: no client can plant a frame inside its lines for the search after a damaged spot to find.
 */
const SEGMENT_VERSION = 1
export const SEGMENT_HEADER_BYTES = 20
export const FRAME_HEADER_BYTES = 28
/** Twice the largest body that a request may inflate to, for the columns that the gateway adds. */
export const MAX_FRAME_BYTES = 8 * 1024 * 1024

const MAGIC = 0x314a4748
/** Length and CRC, which the length does not count. */
const PREFIX_BYTES = 8
const TWO_TO_32 = 0x1_0000_0000
/** Sequences are JavaScript integers: the upper half never reaches 2^21. */
const MAX_HIGH = 0x20_0000

export type FrameHead = Omit<Frame, 'lines'>

export const frameBytes = (lines: Buffer): number => FRAME_HEADER_BYTES + lines.length

export function encodeSegmentHeader(into: Buffer, firstSequence: number): void {
  into.writeUInt32LE(MAGIC, 0)
  into.writeUInt32LE(SEGMENT_VERSION, 4)
  writeSequence(into, firstSequence, 8)
  into.writeUInt32LE(crc32c(into.subarray(0, 16)), 16)
}

export type SegmentHeader =
  | { readonly kind: 'valid'; readonly firstSequence: number }
  /** Written by another version: its frames may mean anything. */
  | { readonly kind: 'other_version' }
  | { readonly kind: 'damaged' }

export function decodeSegmentHeader(bytes: Buffer): SegmentHeader {
  if (bytes.length < SEGMENT_HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC) return { kind: 'damaged' }
  if (bytes.readUInt16LE(4) !== SEGMENT_VERSION) return { kind: 'other_version' }
  if (bytes.readUInt32LE(16) !== crc32c(bytes.subarray(0, 16))) return { kind: 'damaged' }
  return { kind: 'valid', firstSequence: readSequence(bytes, 8) }
}

/** Writes the frame at `at`, its lines one behind the other, and answers them where they lie now. */
export function encodeFrame(into: Buffer, at: number, head: FrameHead, lines: readonly Buffer[]): Buffer {
  const start = at + FRAME_HEADER_BYTES
  let end = start
  for (const some of lines) {
    into.set(some, end)
    end += some.length
  }
  into.writeUInt32LE(end - at - PREFIX_BYTES, at)
  writeSequence(into, head.sequence, at + 8)
  into.writeUInt32LE(head.count, at + 16)
  into.writeDoubleLE(head.receivedMs, at + 20)
  into.writeUInt32LE(crc32c(into.subarray(at + PREFIX_BYTES, end)), at + 4)
  return into.subarray(start, end)
}

/** The frame that begins at `at`, its lines a view of `bytes`; undefined when none does, or not all of it is there. */
export function decodeFrame(bytes: Buffer, at: number): Frame | undefined {
  if (bytes.length - at < FRAME_HEADER_BYTES) return undefined
  const length = bytes.readUInt32LE(at)
  const end = at + PREFIX_BYTES + length
  if (length < FRAME_HEADER_BYTES - PREFIX_BYTES || length > MAX_FRAME_BYTES || end > bytes.length)
    return undefined
  if (bytes.readUInt32LE(at + 12) >= MAX_HIGH) return undefined
  if (bytes.readUInt32LE(at + 4) !== crc32c(bytes.subarray(at + PREFIX_BYTES, end))) return undefined
  return {
    sequence: readSequence(bytes, at + 8),
    lines: bytes.subarray(at + FRAME_HEADER_BYTES, end),
    count: bytes.readUInt32LE(at + 16),
    receivedMs: bytes.readDoubleLE(at + 20),
  }
}

function writeSequence(into: Buffer, sequence: number, at: number): void {
  into.writeUInt32LE(sequence % TWO_TO_32, at)
  into.writeUInt32LE(Math.floor(sequence / TWO_TO_32), at + 4)
}

function readSequence(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * TWO_TO_32
}
