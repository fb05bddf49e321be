import type { Lake, LakeObject } from '../../../lake/lake.ts'
import { indexKey, parseRawKey } from '../../../lake/layout.ts'
import { openAll } from '../../../std/async/open-all.ts'
import type { Clock } from '../../../std/clock.ts'
import type { Logger } from '../../../std/telemetry.ts'
import { isInputFault, type SqlSession } from '../duckdb/sql-session.ts'
import type { IndexEntry } from '../index/entry-text.ts'
import type { Entries } from '../index/index-entries.ts'
import { pendingIn } from '../index/pending.ts'
import { compactedEntryKey, prefixOf } from '../objects/partition-log.ts'
import type { Workbench } from '../objects/workbench.ts'
import type { JoinAccount } from './join-account.ts'
import type { JoinedHours } from './joined-hours.ts'
import type { JoinedObject } from './joined-record.ts'

export interface JoinTools {
  readonly lake: Lake
  readonly entries: Pick<Entries, 'keys' | 'load'>
  readonly hours: JoinedHours
  readonly session: SqlSession
  readonly workbench: Pick<Workbench, 'join' | 'readJoined' | 'sumRows'>
  /** Where joined files are made: local. */
  readonly folder: string
  readonly clock: Clock
  readonly log: Logger
  readonly account: JoinAccount
  readonly signal: AbortSignal
}

/** What lies in an hour of arrival. */
export interface HourListing {
  readonly arrivalMs: number
  /** Compacted objects that are there, by key. */
  readonly small: ReadonlyMap<string, LakeObject>
  /** Joined objects that are there. */
  readonly joined: readonly LakeObject[]
}

/** And what its index says of it. */
export interface HourObjects extends HourListing {
  /** Entries of what ingests wrote, by its key. */
  readonly entries: ReadonlyMap<string, IndexEntry>
}

export async function hourListing(
  arrivalMs: number,
  sources: Iterable<string>,
  lake: Pick<Lake, 'list'>,
): Promise<HourListing> {
  const listed: LakeObject[] = []
  for (const source of sources) listed.push(...(await lake.list(prefixOf({ source, arrivalMs }))))
  const { compacted, joined } = pendingIn(listed)
  return { arrivalMs, small: new Map(compacted.map((object) => [object.key, object])), joined }
}

/** Undefined while an entry cannot be read: what is not known is left as it is. */
export async function withEntries(
  listing: HourListing,
  { entries }: Pick<JoinTools, 'entries'>,
): Promise<HourObjects | undefined> {
  const keys = await entries.keys(indexKey(listing.arrivalMs, 'c-').replace(/\.json$/, ''))
  const found = await entries.load(keys)
  if (found.length < keys.length) return undefined
  const named = new Set(keys)
  const own = found.filter(({ key, rows }) => rows > 0 && named.has(entryKeyOf(key)))
  return { ...listing, entries: new Map(own.map((entry) => [entry.key, entry])) }
}

/** The entry that stands for a compacted object. */
export function entryKeyOf(objectKey: string): string {
  const raw = parseRawKey(objectKey)
  return (raw && compactedEntryKey(raw)) ?? ''
}

/** Undefined when one of them is not there. */
export async function openEach<T>(
  lake: Pick<Lake, 'open'>,
  keys: readonly string[],
  work: (paths: readonly string[]) => Promise<T>,
): Promise<T | undefined> {
  const opened = await openAll(lake, keys)
  const files = opened.filter((file) => file !== undefined)
  try {
    return files.length < opened.length ? undefined : await work(files.map(({ path }) => path))
  } finally {
    await Promise.all(files.map((file) => file.release()))
  }
}

/** Joined objects of which no record tells. */
export function unnamedIn({ joined }: HourListing, objects: readonly JoinedObject[]): readonly LakeObject[] {
  const named = new Set(objects.map(({ key }) => key))
  return joined.filter(({ key }) => !named.has(key))
}

/** Undefined when what was to be read is damaged. */
export const unlessFaulty = <T>(reading: Promise<T>): Promise<T | undefined> =>
  reading.catch((error: unknown) => {
    if (isInputFault(error)) return undefined
    throw error
  })
