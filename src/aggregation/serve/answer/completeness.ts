import { createHash } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { createYielder } from '../../../std/async/yielding.ts'
import { alignDown, type TimeSpan } from '../../../std/durations.ts'
import { type RowsOfUnit, unitCounts } from '../../rollup/model/units.ts'
import type { CommittedWindow, MergedFrom, SeriesWindow } from '../../rollup/stores/store.ts'

export const Completeness = Type.Object({
  windows: Type.Integer({ description: 'Committed windows in the range that have the sets of the answer.' }),
  missing: Type.Integer({
    description:
      'Windows that ended at least one grain ago and are not committed, or only from before a set of the answer was kept of the metric, or of as many metrics. Before the first event, of whatever app, none is missing.',
  }),
  partial: Type.Integer({ description: 'Windows committed before all of their events could have come.' }),
  dirty: Type.Optional(
    Type.Integer({
      description:
        'Windows of these for which events of any app came since, which no number has: they are computed again, or wait for who asks for that where they came too late. Not told to a token that is for some apps.',
    }),
  ),
  lateRows: Type.Optional(
    Type.Integer({
      description:
        'Counted rows that came after their window was due, in all apps; not told to a token that is for some.',
    }),
  ),
  rejected: Type.Optional(
    Type.Integer({
      description: 'Rows that no engine counts, in all apps; not told to a token that is for some.',
    }),
  ),
})
export type Completeness = Static<typeof Completeness>

/**
 * Hashes the rows that the answer is made of, and nothing else: a wider hash would tell a reader of one app that
 * another app has changed.
 */
export async function generationOf(
  windows: readonly SeriesWindow[],
  unit: string,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256')
  const breath = createYielder(signal)
  for (const { fromMs, toMs, units } of windows) {
    const content = units.find((each) => each.unit === unit)?.content
    if (content !== undefined) hash.update(`${fromMs} ${toMs} ${content}\n`)
    if (breath.shouldYield()) await breath.yieldNow()
  }
  return hash.digest('hex').slice(0, 16)
}

/** Rows by unit, most rows first. */
export function unitsOf(windows: readonly SeriesWindow[]): readonly RowsOfUnit[] {
  const counts = unitCounts()
  for (const { units } of windows) units.forEach(counts.add)
  return counts.ranked()
}

export interface AskedAt {
  readonly grainMs: number
  readonly nowMs: number
  /** Windows before it nobody waits for; undefined where that is not known. */
  readonly firstEventMs: number | undefined
  /** In time order, starts of windows of that grain for which rows came since they were finished. */
  readonly lackingRows?: Float64Array | undefined
}

/** A window of the grain, or the sum of some. */
export type FoundWindow = CommittedWindow & Pick<SeriesWindow, 'merged'>

/** What a window is the sum of: itself, where it is none. */
const partsOf = (window: FoundWindow): Omit<MergedFrom, 'isEmpty'> =>
  window.merged ?? { windows: [window], heldMs: window.toMs - window.fromMs }

/** Names it among those of a range, whatever set it was asked for. */
export const placeOf = ({ fromMs, toMs, merged }: FoundWindow): string =>
  `${fromMs}-${toMs}${merged?.isEmpty === true ? ' empty' : ''}`

/** Windows of the grain. */
export const countParts = (windows: readonly FoundWindow[]): number =>
  windows.reduce((sum, window) => sum + partsOf(window).windows.length, 0)

/** The windows of a range. */
export interface WindowsFound {
  readonly windows: readonly FoundWindow[]
  /** Places of those that lack what the answer is of. */
  readonly lacking?: ReadonlySet<string>
}

/** What is there of a range, and what is not yet. */
export function completenessOf(
  { windows: committed, lacking }: WindowsFound,
  range: TimeSpan,
  at: AskedAt,
): Required<Completeness> {
  const { grainMs } = at
  // What is committed was waited for, whatever became of the events since.
  const [first] = committed
  const firstMs = first && partsOf(first).windows[0]?.fromMs
  const sinceMs = Math.min(at.firstEventMs ?? range.fromMs, firstMs ?? range.toMs)
  const windows = committed.filter((window) => lacking?.has(placeOf(window)) !== true)
  const due = settled({ ...range, fromMs: Math.max(range.fromMs, alignDown(sinceMs, grainMs)) }, at)
  // Windows of another grain, from before a change of it, hold their time as well.
  const heldMs = windows.reduce((sum, window) => {
    const dueMs = Math.min(window.toMs, due.toMs) - window.fromMs
    return sum + Math.max(0, Math.min(partsOf(window).heldMs, dueMs))
  }, 0)
  return {
    windows: countParts(windows),
    missing: Math.ceil((due.toMs - due.fromMs - heldMs) / grainMs),
    partial: windows.filter(({ complete }) => !complete).length,
    dirty: windows.filter(holdsAny(at)).flatMap((window) => partsOf(window).windows.filter(holdsAny(at)))
      .length,
    lateRows: windows.reduce((sum, { late }) => sum + late, 0),
    rejected: windows.reduce((sum, { rejected }) => sum + rejected, 0),
  }
}

/** Windows of before a change of the grain are larger or smaller than those for which something came. */
const holdsAny =
  ({ lackingRows = NO_STARTS, grainMs }: AskedAt) =>
  ({ fromMs, toMs }: TimeSpan): boolean => {
    const startMs = lackingRows[firstFrom(lackingRows, alignDown(fromMs, grainMs))]
    return startMs !== undefined && startMs < toMs
  }

const NO_STARTS = new Float64Array()

/** Where the first of these times lies that is not before one. */
function firstFrom(times: Float64Array, fromMs: number): number {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (Number(times[middle]) < fromMs) low = middle + 1
    else high = middle
  }
  return low
}

/** The completeness of several ranges together. */
export const together = (ranges: readonly Required<Completeness>[]): Required<Completeness> => {
  const sum = (of: keyof Completeness) => ranges.reduce((all, range) => all + range[of], 0)
  return {
    windows: sum('windows'),
    missing: sum('missing'),
    partial: sum('partial'),
    dirty: sum('dirty'),
    lateRows: sum('lateRows'),
    rejected: sum('rejected'),
  }
}

/** The part of a range whose windows should be committed: until one grain after its end, a window's run may be under way. */
function settled({ fromMs, toMs }: TimeSpan, at: AskedAt): TimeSpan {
  return { fromMs, toMs: Math.max(fromMs, Math.min(toMs, startOfNewest(at))) }
}

/** When the window before the open one began: both may still be computed. */
export const startOfNewest = ({ grainMs, nowMs }: AskedAt): number => alignDown(nowMs, grainMs) - grainMs
