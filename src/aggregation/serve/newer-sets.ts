import type { FoundPeriod, ReadPeriod } from './asked-periods.ts'
import { inPeriod } from './notices.ts'

/**
 * A period, with what its windows lack of the sets of the answer: its own, and those that it is made of besides. A window from
 * before a set was kept holds none of its rows of the metric in it: without a word, a part would pass for all there is.
 */
export function foundPeriod(period: ReadPeriod, besides: readonly ReadPeriod[]): FoundPeriod {
  const { name, windows } = period
  const lacking = new Set<number>()
  const setsByCount = new Map<number, Set<string>>()
  for (const of of [period, ...besides.filter((each) => each.name === name)]) {
    const without = of.windows.filter(({ hasSet }) => !hasSet)
    for (const { fromMs } of without) lacking.add(fromMs)
    const sets = setsByCount.get(without.length) ?? new Set()
    setsByCount.set(without.length, sets.add(of.request.set))
  }
  setsByCount.delete(0)
  const newerSets = [...setsByCount].map(([count, sets]) =>
    inPeriod(name, setsAreNewer([...sets], `${count} of ${windows.length}`)),
  )
  return { ...period, lacking, newerSets }
}

const setsAreNewer = (sets: readonly string[], of: string): string => {
  const named = sets.length === 1 ? `the set ${sets} was` : `the sets ${sets.join(', ')} were`
  return `Computed before ${named} kept of this metric, and missing in this answer: ${of} windows of this range. The schedule computes them anew, oldest first, as far as their events are still in raw/.`
}
