import { crc32 } from '@node-rs/crc32'
import type { TimeSpan } from '../../../../std/durations.ts'
import { type OpenFile, readFully } from '../../../../std/files/files.ts'
import { byHour, LARGEST_GRAIN_MS } from '../../model/window-spans.ts'
import type { GroupRead } from '../local-file.ts'
import { damaged, type SeriesRequest } from '../store.ts'
import type { MergedPiece, MetricOfDay } from './merged-file.ts'
import type { RangePiece } from './merged-pieces.ts'

/** Rows of steps that follow each other are read at once, up to so many bytes. Ours. */
const READ_BYTES = 1_048_576

/** A piece, with the time of its step. */
export interface PlacedPiece extends TimeSpan {
  readonly piece: MergedPiece
}

/** The pieces of a series in a part of a day, in time order; undefined where the day has none of this length. */
export function piecesIn(
  { head, pieces }: MetricOfDay,
  { lengthMs, ...part }: RangePiece,
  { unit, set }: SeriesRequest,
): readonly PlacedPiece[] | undefined {
  const level = head.levels.findIndex((each) => each.lengthMs === lengthMs)
  const steps = head.levels[level]?.steps
  if (steps === undefined) return undefined
  const placed: PlacedPiece[] = []
  for (const piece of pieces) {
    if (piece[0] !== level || piece[1] !== unit || piece[2] !== set) continue
    const step = steps[piece[3]]
    const [fromMs, toMs] = [Number(step?.[0]), Number(step?.[1])]
    if (fromMs >= part.fromMs && fromMs < part.toMs) placed.push({ fromMs, toMs, piece })
  }
  return placed
}

/** Pieces that are read at once. */
interface PieceRun {
  readonly pieces: readonly PlacedPiece[]
  /** All before it has been read then. */
  readonly untilMs: number
}

/**
 * Pieces of sums lie one behind the other. Those of windows lie in a file each: of an hour all or none are taken, as a
 * larger window may have taken the place of some.
 */
export function runsOf(pieces: readonly PlacedPiece[], lengthMs: number): readonly PieceRun[] {
  if (lengthMs === 0)
    return [...byHour(pieces)].map(([fromMs, some]) => ({
      pieces: some,
      untilMs: fromMs + LARGEST_GRAIN_MS,
    }))
  return inReads(pieces).map((some) => ({ pieces: some, untilMs: Number(some.at(-1)?.toMs) }))
}

function inReads(pieces: readonly PlacedPiece[]): readonly (readonly PlacedPiece[])[] {
  const reads: PlacedPiece[][] = []
  let size = 0
  for (const each of pieces) {
    const [, , , , , bytes] = each.piece
    size += bytes
    const last = reads.at(-1)
    if (last !== undefined && size <= READ_BYTES) last.push(each)
    else {
      reads.push([each])
      size = bytes
    }
  }
  return reads
}

interface WantedRows {
  /** One behind the other. */
  readonly pieces: readonly PlacedPiece[]
  readonly request: SeriesRequest
}

/** Rejects with damage where other bytes are there than were written. */
export async function readRows(
  file: OpenFile,
  path: string,
  { pieces, request }: WantedRows,
): Promise<readonly GroupRead[]> {
  const { app, metric, unit, set } = request
  const first = Number(pieces[0]?.piece[4])
  const total = pieces.reduce((sum, { piece }) => sum + piece[5], 0)
  // With the line end before the first, so that every row's line begins after one.
  const all = await readFully(file, first - 1, total + 1)
  return pieces.map(({ fromMs, piece: [, , , , offset, length, crc, rows] }) => {
    const bytes = all.subarray(offset - first, offset - first + length + 1)
    if (crc32(bytes.subarray(1)) !== crc) throw damaged(path, 'rows are not what was written')
    const group = { app, metric, unit, set, offset, bytes: length, crc, rows }
    return { path, windowFromMs: fromMs, group, bytes }
  })
}
