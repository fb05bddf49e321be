import type { LakeObject } from '../../../lake/lake.ts'
import type { ArrivedIndex } from '../index/arrived-index.ts'
import type { Entries } from '../index/index-entries.ts'
import { pendingIn } from '../index/pending.ts'
import { foreignEntryKey } from './ingest-foreign.ts'

interface Known {
  readonly index: Pick<ArrivedIndex, 'minutes' | 'holds'>
  readonly entries: Pick<Entries, 'load'>
}

/** How many of the objects of `raw/` no ingest has taken in. Lines are gone once they are, Parquet of others stays. */
export async function countNotTakenIn(
  objects: readonly LakeObject[],
  { index, entries }: Known,
): Promise<number> {
  const { partitions, foreign } = pendingIn(objects)
  await index.minutes()
  let count = partitions.reduce((sum, { inputs }) => sum + inputs.length, 0)
  for (const object of foreign) {
    // One without rows has an entry, and the index does not hold it.
    if (!index.holds(object.key) && (await entries.load([foreignEntryKey(object)])).length === 0) count++
  }
  return count
}
