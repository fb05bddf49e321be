import { AppError } from '../../../std/errors.ts'
import { OTHER } from '../../rollup/model/definition.ts'
import type { RollupStore, SeriesRequest, StoredRow } from '../../rollup/stores/store.ts'
import { eachRow } from './rows.ts'
import { addAggregate, addRow, emptyAggregate, type SeriesAggregate } from './tally.ts'

/** A ranking reads every value of a set: of 500 a window a month of quarter hours. Small windows may be more. */
export const MAX_RANKED_ROWS = 1_500_000
/**
 * Values whose histograms are held at a time, at 13 KB each: a window has 500, and the next ones may have others. When
 * they are more, the half with fewest measurements goes on as one, under the name that it has within a window.
 */
export const MAX_TALLIES = 4_000

/** Counts rows, and ends the question that reads too many. */
export function rowBudget(maxRows: number): () => void {
  let rows = 0
  return () => {
    if (++rows > maxRows)
      throw new AppError(
        'query_too_large',
        `The range holds more than ${maxRows} values × windows; ask for a shorter one.`,
      )
  }
}

interface TallyWork {
  readonly signal: AbortSignal
  readonly maxTallies: number
  /** Is told of each row. */
  readonly budget: () => void
}

interface TalliedValues {
  readonly tallies: ReadonlyMap<string, SeriesAggregate>
  /** That there were more than are told apart, if so. */
  readonly notices: readonly string[]
}

/** Every value of a set with its measurements. */
export async function tallyByValue(
  store: Pick<RollupStore, 'series'>,
  request: SeriesRequest,
  { signal, maxTallies, budget }: TallyWork,
): Promise<TalliedValues> {
  let tallies = new Map<string, SeriesAggregate>()
  let notices: readonly string[] = []
  const take = (row: StoredRow) => {
    budget()
    const tally = tallies.get(row.value) ?? emptyAggregate()
    tallies.set(row.value, tally)
    addRow(tally, row)
    if (tallies.size <= maxTallies) return
    tallies = largest(tallies, maxTallies / 2)
    notices = [moreThanApart(request.set, maxTallies)]
  }
  await eachRow(store, { ...request, mergedWithin: [request] }, { signal, take })
  return { tallies, notices }
}

const moreThanApart = (set: string, most: number): string =>
  `The set ${set} has more than ${most} values in this range. Those with fewest measurements went on as ${OTHER} while it was read: a value may lack what was measured of it before, or be missing; a shorter range has fewer.`

/** All of them together. */
export function sumOf(tallies: Iterable<SeriesAggregate>): SeriesAggregate {
  const all = emptyAggregate()
  for (const tally of tallies) addAggregate(all, tally)
  return all
}

/** The tallies with most measurements; the others as one. Adding a histogram takes a microsecond or two. */
function largest(tallies: ReadonlyMap<string, SeriesAggregate>, kept: number): Map<string, SeriesAggregate> {
  const other = tallies.get(OTHER) ?? emptyAggregate()
  const named = [...tallies].filter(([value]) => value !== OTHER)
  named.sort(([a, one], [b, two]) => Number(two.n - one.n) || (a < b ? -1 : 1))
  for (const [, tally] of named.slice(kept)) addAggregate(other, tally)
  return new Map([...named.slice(0, kept), [OTHER, other]])
}
