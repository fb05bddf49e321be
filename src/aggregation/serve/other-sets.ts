import { appliesTo, type KeptDefinition } from '../rollup/model/definition.ts'
import type { SeriesWindow } from '../rollup/stores/store.ts'
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
  const lacking = parts.flatMap(({ windows, request }) => windows.filter((each) => lacks(each, request)))
  const isOther: Which = (window, { set }) => {
    const digest = digestOf(window.definition, set)
    return digest !== undefined && digest !== digestOf(now, set)
  }
  return {
    ...period,
    lacking: new Set(lacking.map(({ fromMs }) => fromMs)),
    otherSets: [
      ...told(parts, lacks, (sets) => `before ${sets} kept of this metric, and missing in this answer`),
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

const digestOf = (definition: KeptDefinition | undefined, set: string): string | undefined =>
  definition?.sets.find(([name]) => name === set)?.[1]

/** Sets of which there are as many such windows, in one sentence. */
function told(parts: readonly ReadPeriod[], which: Which, when: (sets: string) => string): readonly string[] {
  const setsByCount = new Map<number, Set<string>>()
  for (const { windows, request } of parts) {
    const count = windows.filter((window) => which(window, request)).length
    if (count > 0) setsByCount.set(count, (setsByCount.get(count) ?? new Set()).add(request.set))
  }
  return [...setsByCount].map(([count, names]) => {
    const sets = names.size === 1 ? `the set ${[...names]} was` : `the sets ${[...names].join(', ')} were`
    const many = `${count} of ${parts[0]?.windows.length} windows of this range`
    return inPeriod(parts[0]?.name, `Computed ${when(sets)}: ${many}. ${ANEW}`)
  })
}

const ANEW = 'The schedule computes them anew, oldest first, as far as their events are still in raw/.'
