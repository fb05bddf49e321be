import { crc32 } from '@node-rs/crc32'
import type { TimeSpan } from '../../../../std/durations.ts'
import { type OpenFile, readFully } from '../../../../std/files/files.ts'
import type { GroupRead } from '../local-file.ts'
import { damaged, type SeriesRequest } from '../store.ts'
import type { MergedPiece, MetricOfDay } from './merged-file.ts'
import type { RangePiece } from './merged-pieces.ts'

/** Rows of steps that follow each other are read at once, up to so many bytes. Ours. */
const READ_BYTES = 1_048_576
/** Window files read at a time: as when they are read from their beginning. */
const FILES_AT_ONCE = 3

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

/** Pieces that are read at once: those of sums lie one behind the other, those of windows in a file each. */
export function runsOf(
  pieces: readonly PlacedPiece[],
  lengthMs: number,
): readonly (readonly PlacedPiece[])[] {
  const [most, sizeOf] =
    lengthMs === 0 ? [FILES_AT_ONCE, () => 1] : [READ_BYTES, ({ piece }: PlacedPiece) => piece[5]]
  const runs: PlacedPiece[][] = []
  let run: PlacedPiece[] = []
  let size = 0
  for (const piece of pieces) {
    size += sizeOf(piece)
    if (run.length === 0 || size > most) {
      run = []
      runs.push(run)
      size = sizeOf(piece)
    }
    run.push(piece)
  }
  return runs
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
