import { createYielder } from '../../../std/async/yielding.ts'
import { type OpenFile, readFully } from '../../../std/files/files.ts'
import { type UnitCounts, unitCounts } from '../model/units.ts'
import { beginningOf, type GroupRead, groupsOf, type RowGroup, windowOf } from './local-file.ts'
import type { ContentsRequest, MetricUnits, SeriesWindow, StoredRow } from './store.ts'

/** Rows parsed at a time, at some 5 µs each. */
const ROWS_AT_ONCE = 128

type MetricContent = Pick<SeriesWindow, 'units' | 'hasSet'>

/**
 * By unit. Names the rows of a group: what else lies in the file, and where, is nothing to it. Each set counts every row of a
 * metric once: one that has fewer than another lacks some.
 */
export function contentIn(index: Buffer, { app, metric, set }: ContentsRequest): MetricContent {
  const groups = [...groupsOf(index, [app, metric])]
  const rowsOfSets = new Map<string, number>()
  for (const { set, rows } of groups) rowsOfSets.set(set, rows + (rowsOfSets.get(set) ?? 0))
  const own = groups.filter((group) => group.set === set)
  return {
    units: own.map(({ unit, rows, bytes, crc }) => ({ unit, rows, content: `${bytes} ${crc} ${rows}` })),
    hasSet: Math.max(0, ...rowsOfSets.values()) === (rowsOfSets.get(set) ?? 0),
  }
}

/** The bytes of a group's rows, and the line end before the first, so that every row's line begins after one. */
const readRows = (file: OpenFile, { offset, bytes }: RowGroup): Promise<Buffer> =>
  readFully(file, offset - 1, bytes + 1)

/** Groups that begin with these names, with the bytes of their rows. */
export const groupRead = (names: readonly string[]) => (index: Buffer, file: OpenFile, path: string) =>
  Promise.all(
    [...groupsOf(index, names)].map(async (group): Promise<GroupRead> => {
      const windowFromMs = windowOf(index).fromMs
      return { path, windowFromMs, group, bytes: await readRows(file, group) }
    }),
  )

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

/** Each set counts every row once: a metric's rows of a unit are those of its fullest set, not the sum over sets. */
export async function fullestGroups(
  index: Buffer,
  app: string,
  signal?: AbortSignal,
): Promise<Iterable<RowGroup>> {
  const breath = createYielder(signal)
  const fullest = new Map<string, RowGroup>()
  for (const group of groupsOf(index, [app])) {
    const key = JSON.stringify([group.metric, group.unit])
    if (group.rows > (fullest.get(key)?.rows ?? -1)) fullest.set(key, group)
    if (breath.shouldYield()) await breath.yieldNow()
  }
  return fullest.values()
}

/** The first line of each app: those of one app lie together. */
export async function firstLinesOfApps(index: Buffer, signal?: AbortSignal): Promise<Buffer> {
  const breath = createYielder(signal)
  const firsts: Buffer[] = []
  let own = Buffer.from('\n')
  let to = index.indexOf(0x0a) + 1
  for (let from = to; from < index.length; from = to) {
    to = index.indexOf(0x0a, from) + 1
    if (breath.shouldYield()) await breath.yieldNow()
    if (index.compare(own, 0, own.length, from, Math.min(index.length, from + own.length)) === 0) continue
    firsts.push(index.subarray(from, to))
    for (const { app } of groupsOf(index.subarray(from - 1, to), [])) own = Buffer.from(beginningOf([app]))
  }
  return Buffer.concat(firsts)
}

/** Metrics of the app in these indexes, each with its units. */
export async function unitsOfMetrics(
  indexes: AsyncIterable<Buffer>,
  app: string,
  signal?: AbortSignal,
): Promise<readonly MetricUnits[]> {
  const totals = new Map<string, UnitCounts>()
  const breath = createYielder(signal)
  for await (const index of indexes) {
    for (const group of groupsOf(index, [app])) {
      if (breath.shouldYield()) await breath.yieldNow()
      const units = totals.get(group.metric) ?? unitCounts()
      totals.set(group.metric, units)
      units.add(group)
    }
  }
  return [...totals].map(([metric, units]) => ({ metric, units: units.ranked() }))
}
