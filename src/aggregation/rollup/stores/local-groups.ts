import { createYielder } from '../../../std/async/yielding.ts'
import { groupsOf, type RowGroup } from './local-file.ts'
import type { StoredRow } from './store.ts'

/** Rows parsed at a time, at some 5 µs each. */
const ROWS_AT_ONCE = 128

/** Names the rows of a group: what else lies in the file, and where, is nothing to it. */
export function groupDigest(index: Buffer, names: readonly [app: string, metric: string, set: string]) {
  const [group] = groupsOf(index, names)
  return group && `${group.bytes} ${group.crc} ${group.rows}${group.mixedUnits ? '+' : ''} ${group.unit}`
}

/** As many as are parsed without a pause. */
export function* inPieces(rows: Iterable<StoredRow>): Iterable<StoredRow[]> {
  let piece: StoredRow[] = []
  for (const row of rows) {
    piece.push(row)
    if (piece.length < ROWS_AT_ONCE) continue
    yield piece
    piece = []
  }
  yield piece
}

/** Each set counts every row once: a metric's rows are those of its fullest set, not the sum over sets. */
export async function fullestGroups(
  index: Buffer,
  app: string,
  signal?: AbortSignal,
): Promise<Iterable<RowGroup>> {
  const breath = createYielder(signal)
  const fullest = new Map<string, RowGroup>()
  for (const group of groupsOf(index, [app])) {
    if (group.rows > (fullest.get(group.metric)?.rows ?? -1)) fullest.set(group.metric, group)
    if (breath.shouldYield()) await breath.yieldNow()
  }
  return fullest.values()
}
