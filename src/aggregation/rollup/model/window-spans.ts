import { alignDown, DAY_MS, HOUR_MS, type TimeSpan } from '../../../std/durations.ts'
import { MAX_INSTANT_MS } from '../../../std/input/instant.ts'

/** Windows of any grain that a rollup may have lie inside one hour; of two that overlap, one lies inside the other. */
export const LARGEST_GRAIN_MS = HOUR_MS

/** Windows are merged to those of an hour and of a day of UTC: as far as these are longer than the grain. */
export const mergedLengths = (grainMs: number): readonly number[] =>
  [DAY_MS, HOUR_MS].filter((lengthMs) => lengthMs > grainMs)

/** No window begins then or later: the last of 9999 would end in a year of five digits, which no key and no answer may name. */
export const endOfWindowsMs = (grainMs: number): number => MAX_INSTANT_MS - grainMs

export const isWithin = (inner: TimeSpan, outer: TimeSpan): boolean =>
  inner.fromMs >= outer.fromMs && inner.toMs <= outer.toMs && !isSame(inner, outer)

export const lengthOf = ({ fromMs, toMs }: TimeSpan): number => toMs - fromMs

export const overlap = (a: TimeSpan, b: TimeSpan): boolean => a.fromMs < b.toMs && b.fromMs < a.toMs

/** With what may hold the first moments of the range. */
export const sinceTheHour = <T extends TimeSpan>(range: T): T => ({
  ...range,
  fromMs: alignDown(range.fromMs, LARGEST_GRAIN_MS),
})

export const inOrder = (a: TimeSpan, b: TimeSpan): number => a.fromMs - b.fromMs || b.toMs - a.toMs

export const isSame = (a: TimeSpan, b: TimeSpan): boolean => a.fromMs === b.fromMs && a.toMs === b.toMs

/** By the start of the hour or day that each begins in, which is so long. */
export function byStart<T extends TimeSpan>(
  windows: readonly T[],
  lengthMs: number,
): ReadonlyMap<number, readonly T[]> {
  const starts = new Map<number, T[]>()
  for (const each of windows) {
    const startMs = alignDown(each.fromMs, lengthMs)
    const some = starts.get(startMs) ?? []
    starts.set(startMs, some)
    some.push(each)
  }
  return starts
}

/** No window reaches over an hour's end. */
export const byHour = <T extends TimeSpan>(windows: readonly T[]): ReadonlyMap<number, readonly T[]> =>
  byStart(windows, LARGEST_GRAIN_MS)

/** Whether windows, in time order, hold every moment of this one: a single larger one, or several that are smaller. */
export function covers(windows: readonly TimeSpan[], { fromMs, toMs }: TimeSpan): boolean {
  let untilMs = fromMs
  for (const each of windows) {
    if (each.fromMs <= untilMs) untilMs = Math.max(untilMs, each.toMs)
  }
  return untilMs >= toMs
}
