import type { LakeObject } from '../../../lake/lake.ts'
import type { ArrivedIndex } from '../index/arrived-index.ts'
import type { Entries } from '../index/index-entries.ts'
import { type ForeignObject, pendingIn } from '../index/pending.ts'
import { foreignEntryKey } from './ingest-foreign.ts'
import { compactedEntryKey } from './partition-log.ts'

interface Known {
  readonly index: Pick<ArrivedIndex, 'minutes' | 'holds'>
  readonly entries: Pick<Entries, 'load' | 'leftOut'>
  /** Those of joined objects that are not known by what was joined to them. */
  readonly joins: {
    unknownAmong(joined: readonly ForeignObject[]): Promise<{ readonly unknown: readonly ForeignObject[] }>
  }
}

/**
 * How many of the objects of `raw/` no ingest has taken in. Lines are gone once they are; Parquet stays, and an entry
 * names it, also what is called as an ingest calls its own and was copied from another lake.
 */
export async function countNotTakenIn(
  objects: readonly LakeObject[],
  { index, entries, joins }: Known,
): Promise<number> {
  const { partitions, foreign, compacted, joined } = pendingIn(objects)
  await index.minutes()
  const lines = partitions.reduce((sum, { inputs }) => sum + inputs.length, 0)
  // One without rows has an entry, and the index does not hold it.
  const stored = [...foreign, ...compacted, ...(await joins.unknownAmong(joined)).unknown]
  const unheld = stored.filter(({ key }) => !index.holds(key)).map(entriesOf)
  const loaded = await entries.load(unheld.flatMap(({ entryKeys }) => entryKeys))
  const named = new Set(loaded.map(({ key }) => key))
  // What is left out of the index is told by itself, and no ingest takes its object.
  const leftOut = entries.leftOut()
  const waiting = unheld.filter(
    ({ key, entryKeys }) => !named.has(key) && !entryKeys.some((each) => leftOut.has(each)),
  )
  return lines + waiting.length
}

/** The entries that may name an object of Parquet. */
const entriesOf = (object: ForeignObject) => ({
  key: object.key,
  entryKeys: [foreignEntryKey(object), compactedEntryKey(object) ?? []].flat(),
})
