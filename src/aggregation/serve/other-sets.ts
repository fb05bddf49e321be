import { appliesTo, type KeptDefinition, OTHER } from '../rollup/model/definition.ts'
import type { CommittedWindow, SeriesWindow } from '../rollup/stores/store.ts'
import { countParts, placeOf } from './answer/completeness.ts'
import type { FoundPeriod, RangeOfSet, ReadPeriod } from './asked-periods.ts'
import { inPeriod } from './notices.ts'

/**
 * A period, with what of its windows is other than the sets of the answer are now: of its own set, and of those that it is
 * made of besides. A window from before a set was kept has none of its rows of the metric in it: without a word, a part
 * would pass for all there is.
 */
export function foundPeriod(
  period: ReadPeriod,
  besides: readonly ReadPeriod[],
  now: KeptDefinition,
): FoundPeriod {
  const parts = [period, ...besides.filter(({ name }) => name === period.name)]
  const isCutOff: Which = (window, request) => !lacks(window, request) && mayBeCutOff(window, request, now)
  const lacking = parts.flatMap(({ windows, request }) =>
    windows.filter((each) => lacks(each, request) || isCutOff(each, request)),
  )
  const isOther: Which = (window, { set }) => {
    const digest = digestOf(window.definition, set)
    return digest !== undefined && digest !== digestOf(now, set)
  }
  const isOtherMost: Which = (window, { set, metric }) =>
    isOtherNumber(mostOf(window.definition, set), mostOf(now, set)) ||
    (metric === OTHER && isOtherNumber(window.definition?.maxMetrics, now.maxMetrics))
  return {
    ...period,
    lacking: new Set(lacking.map(placeOf)),
    otherSets: [
      ...told(parts, lacks, (sets) => `before ${sets} kept of this metric, and missing in this answer`),
      ...told(
        parts,
        isCutOff,
        (sets) => `while ${sets} kept of fewer metrics (maxMetrics), and perhaps missing in this answer`,
      ),
      ...told(
        parts,
        isOtherMost,
        (sets) =>
          `while ${sets} kept within other bounds (maxValues, maxMetrics), and in this answer as they were then`,
      ),
      ...told(
        parts,
        isOther,
        (sets) =>
          `while ${sets} of other dimensions, or counted bots otherwise, and in this answer as they were then`,
      ),
    ],
  }
}

type Which = (window: SeriesWindow, request: RangeOfSet) => boolean

/** Has rows of the metric that are not in the set; or had no set of the metric, so that there may have been some. */
const lacks: Which = ({ hasSet, definition }, { metric }) =>
  !hasSet || (metric !== '' && definition !== undefined && !appliesTo(definition, metric))

/** Has no row of the metric, which may have been one of too many: those are counted together. */
const mayBeCutOff = (
  { units, definition }: SeriesWindow,
  { metric }: RangeOfSet,
  now: KeptDefinition,
): boolean =>
  metric !== '' &&
  metric !== OTHER &&
  units.length === 0 &&
  Number(definition?.maxMetrics) < Number(now.maxMetrics)

/** Where both are known. */
const isOtherNumber = (then: number | undefined, now: number | undefined): boolean =>
  then !== undefined && now !== undefined && then !== now

const mostOf = (definition: KeptDefinition | undefined, set: string): number | undefined =>
  definition?.sets.find(([name]) => name === set)?.[2]

/** Where metrics are listed of windows that kept more or fewer of them than is kept now. */
export function otherMetrics(windows: readonly CommittedWindow[], now: KeptDefinition): readonly string[] {
  const { length } = windows.filter(({ definition }) => isOtherNumber(definition?.maxMetrics, now.maxMetrics))
  if (length === 0) return []
  const many = `${length} of ${windows.length} windows of this range`
  return [`Computed while more or fewer metrics were kept (maxMetrics): ${many}. ${ANEW}`]
}

const digestOf = (definition: KeptDefinition | undefined, set: string): string | undefined =>
  definition?.sets.find(([name]) => name === set)?.[1]

/** Sets of which there are as many such windows, in one sentence. */
function told(parts: readonly ReadPeriod[], which: Which, when: (sets: string) => string): readonly string[] {
  const setsByCount = new Map<number, Set<string>>()
  for (const { windows, request } of parts) {
    const count = countParts(windows.filter((window) => which(window, request)))
    if (count > 0) setsByCount.set(count, (setsByCount.get(count) ?? new Set()).add(request.set))
  }
  return [...setsByCount].map(([count, names]) => {
    const sets = names.size === 1 ? `the set ${[...names]} was` : `the sets ${[...names].join(', ')} were`
    const all = parts.slice(0, 1).flatMap(({ windows }) => windows)
    const many = `${count} of ${countParts(all)} windows of this range`
    return inPeriod(parts[0]?.name, `Computed ${when(sets)}: ${many}. ${ANEW}`)
  })
}

const ANEW = 'The schedule computes them anew, oldest first, as far as their events are still in raw/.'
