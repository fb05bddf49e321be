import { joinedHourKey } from '../../../lake/layout.ts'
import { isLaterVersion } from '../../../std/files/later-version.ts'
import type { IngestFailure, IngestReport } from '../index/arrivals.ts'
import type { ArrivedIndex } from '../index/arrived-index.ts'
import { type Entries, isOfOneObject } from '../index/index-entries.ts'
import type { ForeignObject } from '../index/pending.ts'
import { indexForeign } from '../objects/ingest-foreign.ts'
import type { IngestTools } from '../objects/ingest-partition.ts'
import { NOTHING } from '../objects/ingest-report.ts'
import { entryKeyOf, openEach } from './hour-objects.ts'
import { isOfTheLake, type JoinedHours } from './joined-hours.ts'
import type { JoinedHour } from './joined-record.ts'

/**
 * A joined object of which no record tells. What the index names all of is ours: of a join that is under way, or was lost,
 * or whose record is gone. Anything else was copied from another lake, or from this one before its index was lost, and is
 * taken in like an object of others. Undefined for what is ours.
 */
export async function takeJoined(
  object: ForeignObject,
  tools: IngestTools,
): Promise<IngestReport | undefined> {
  const { lake, entries, session, workbench } = tools
  const keys = await openEach(lake, [object.key], ([path = '']) => workbench.readJoined(session, path))
  if (keys === undefined) return indexForeign(object, tools)
  const entryKeys = keys.map(entryKeyOf).filter((key) => key !== '')
  const found = await entries.load(entryKeys)
  const counted = new Set(found.flatMap(({ key, rows }) => (rows > 0 ? [key] : [])))
  if (keys.every((key) => counted.has(key))) return undefined
  return entryKeys.some(isUnsure(entries)) ? NOTHING : indexForeign(object, tools)
}

interface KnownBy {
  readonly hours: Pick<JoinedHours, 'read'>
  readonly index: Pick<ArrivedIndex, 'holds'>
  readonly entries: Pick<Entries, 'leftOut' | 'damaged'>
}

export interface UnknownJoins {
  readonly unknown: readonly ForeignObject[]
  /** Records that cannot be read now: what they name waits. */
  readonly unread: readonly IngestFailure[]
}

/** Those of which a record tells are known by it, as long as the index has all that was joined to them. */
export async function unknownAmong(objects: readonly ForeignObject[], known: KnownBy): Promise<UnknownJoins> {
  const unknown: ForeignObject[] = []
  const unread = new Map<number, IngestFailure>()
  for (const object of objects) {
    const { arrivalMs } = object
    if (unread.has(arrivalMs)) continue
    try {
      if (!isKnown(object, await known.hours.read(arrivalMs), known)) unknown.push(object)
    } catch (error) {
      if (!isLaterVersion(error) && !isOfTheLake(error)) throw error
      unread.set(arrivalMs, { key: joinedHourKey(arrivalMs), why: error.message })
      // A lake that does not answer, or whose policy is of a former version, is not asked for each hour.
      if (!isOfOneObject(error)) break
    }
  }
  return { unknown, unread: [...unread.values()] }
}

function isKnown(
  { key }: ForeignObject,
  record: JoinedHour | 'damaged' | undefined,
  { index, entries }: KnownBy,
): boolean {
  const named = record === 'damaged' ? undefined : record?.objects.find((object) => object.key === key)
  const lost = named?.of.filter((each) => !index.holds(each))
  // What an entry says that cannot be read now is not lost.
  return lost !== undefined && (lost.length === 0 || lost.map(entryKeyOf).some(isUnsure(entries)))
}

const isUnsure =
  ({ leftOut, damaged }: KnownBy['entries']) =>
  (entryKey: string): boolean =>
    leftOut().has(entryKey) || damaged().includes(entryKey)
