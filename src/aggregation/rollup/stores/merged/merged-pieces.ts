import { alignDown, DAY_MS, HOUR_MS, type TimeSpan } from '../../../../std/durations.ts'

/** Part of a range within one day of UTC. */
export interface RangePiece extends TimeSpan {
  /** How long the windows may be that it is read by: a day, an hour, or 0 where none of them are merged. */
  readonly lengthMs: number
}

/**
 * A range in pieces, in time order and without gaps: days and hours that lie in one of the spans, which come in time order
 * and lie apart, and what is between them. Of one day, what is read alike is one piece.
 */
export function piecesOf(range: TimeSpan, spans: readonly TimeSpan[]): readonly RangePiece[] {
  const pieces: RangePiece[] = []
  let at = 0
  for (let { fromMs } = range; fromMs < range.toMs; fromMs = Number(pieces.at(-1)?.toMs)) {
    while (Number(spans[at]?.toMs) <= fromMs) at += 1
    const next = pieceAt(fromMs, range, spans[at])
    const last = pieces.at(-1)
    const isMore =
      last?.lengthMs === next.lengthMs && alignDown(last.fromMs, DAY_MS) === alignDown(fromMs, DAY_MS)
    if (isMore) pieces.splice(-1, 1, { ...next, fromMs: last.fromMs })
    else pieces.push(next)
  }
  return pieces
}

/** The next piece of the range: as long as the span that holds its first moment lets it be. */
function pieceAt(fromMs: number, range: TimeSpan, span: TimeSpan | undefined): RangePiece {
  const dayEndMs = alignDown(fromMs, DAY_MS) + DAY_MS
  const mostMs = Math.min(dayEndMs, range.toMs)
  if (span === undefined || span.fromMs > fromMs)
    return { fromMs, toMs: Math.min(mostMs, span?.fromMs ?? mostMs), lengthMs: 0 }
  const untilMs = Math.min(mostMs, span.toMs)
  if (untilMs - fromMs === DAY_MS) return { fromMs, toMs: untilMs, lengthMs: DAY_MS }
  const hourMs = Math.ceil(fromMs / HOUR_MS) * HOUR_MS
  const hoursEndMs = alignDown(untilMs, HOUR_MS)
  if (hourMs >= hoursEndMs) return { fromMs, toMs: untilMs, lengthMs: 0 }
  return hourMs > fromMs
    ? { fromMs, toMs: hourMs, lengthMs: 0 }
    : { fromMs, toMs: hoursEndMs, lengthMs: HOUR_MS }
}
