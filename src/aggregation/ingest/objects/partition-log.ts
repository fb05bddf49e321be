import { indexKey, partitionOf, type RawObject } from '../../../lake/layout.ts'
import type { IndexEntry } from '../index/entry-text.ts'
import type { Entries } from '../index/index-entries.ts'
import { marksIn } from '../index/input-marks.ts'
import { type Partition, parseCompacted } from '../index/pending.ts'

type PartitionPlace = Pick<Partition, 'source' | 'arrivalMs'>

/** What the entries of a partition say, which are its log. */
export interface PartitionLog {
  /** Whether all of its entries could be read. */
  readonly isWhole: boolean
  readonly lastSlot: number
  /** Input marks of all that were taken in, as far as they are known: what they held is counted, or lies in `dead/`. */
  readonly inputMarks: ReadonlySet<string>
  /** Names of the objects; those that held no event, or were set aside, are not there. */
  readonly names: ReadonlyMap<string, 'counted' | 'gone'>
}

export async function readLog(partition: PartitionPlace, entries: Entries): Promise<PartitionLog> {
  const prefix = indexKey(partition.arrivalMs, `c-${partition.source}-`).replace(/\.json$/, '')
  const keys = (await entries.keys(prefix)).filter((key) => /^\d{6,}\.json$/.test(key.slice(prefix.length)))
  const committed = await entries.load(keys)
  return {
    isWhole: committed.length === keys.length,
    lastSlot: Math.max(0, ...keys.map((key) => Number.parseInt(key.slice(prefix.length), 10))),
    inputMarks: new Set(committed.flatMap(marksOf)),
    names: new Map(committed.map(({ key, rows }) => [nameIn(key), rows > 0 ? 'counted' : 'gone'])),
  }
}

const marksOf = ({ madeFrom = '' }: IndexEntry): readonly string[] => marksIn(madeFrom) ?? []

export const slotText = (slot: number): string => String(slot).padStart(6, '0')

/** The entry of a slot. */
export const slotKey = ({ source, arrivalMs }: PartitionPlace, slot: number): string =>
  indexKey(arrivalMs, `c-${source}-${slotText(slot)}`)

/** The entry that would name this object, if an ingest wrote it here; undefined for what is not called so. */
export function compactedEntryKey({ name, ...place }: RawObject): string | undefined {
  const compacted = parseCompacted(name)
  return compacted && slotKey(place, compacted.slot)
}

export const prefixOf = ({ source, arrivalMs }: PartitionPlace): string =>
  `raw/${source}/${partitionOf(arrivalMs)}/`

/** The last segment of a key up to its first dot. */
const nameIn = (key: string): string => key.replace(/^.*\//, '').replace(/\..*$/, '')
