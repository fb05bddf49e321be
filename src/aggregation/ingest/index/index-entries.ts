import type { Lake } from '../../../lake/lake.ts'
import { partitionOf } from '../../../lake/layout.ts'
import { runYielding } from '../../../std/async/yielding.ts'
import { AppError } from '../../../std/errors.ts'
import { isAccessDenied, isNoneOfOurs, isPermanentReadError } from '../../../std/files/files.ts'
import { isLaterVersion, refuseLater } from '../../../std/files/later-version.ts'
import { jsonIn } from '../../../std/json.ts'
import { lruCache } from '../../../std/lru.ts'
import type { Logger } from '../../../std/telemetry.ts'
import {
  ENTRY_VERSION,
  entryIn,
  entryText,
  type IndexEntry,
  type StoredEntry,
  withoutInputs,
} from './entry-text.ts'
import { folderOf, type IndexFolder, indexFolders } from './index-folders.ts'

export interface Entries {
  /** Folders below `prefix`, in key order, as they are now. */
  folders(prefix: string, nowMs: number): Promise<readonly IndexFolder[]>
  /** Keys below `prefix` in key order, without reading them. */
  keys(prefix: string): Promise<readonly string[]>
  /** Without those that are damaged or left out, which are named in the log. */
  load(keys: readonly string[]): Promise<readonly IndexEntry[]>
  /** The same, a few at a time: each may touch minutes by the hundred thousand. */
  visit(keys: readonly string[], take: (key: string, entry: IndexEntry) => Promise<void>): Promise<void>
  /** Keys of what was met that is no entry, and was not mended since. */
  damaged(): readonly string[]
  /** What was met that stays as it is, and why: of a later version, or not to be read now. */
  leftOut(): ReadonlyMap<string, string>
  /** Puts an entry in the place of one that is damaged, or whose object is. */
  mend(key: string, entry: StoredEntry): Promise<void>
  /** Removes an entry, whose object may be indexed anew. */
  remove(key: string): Promise<void>
  /** The next load reads it again: another process may have mended or removed it. */
  refresh(key: string): void
  /** Makes durable the entries of an hour of arrival that can be read, whoever wrote them. */
  makeDurable(arrivalMs: number): Promise<void>
  /** Stores the entry unless its key is taken: the commit point of an ingest. */
  commit(key: string, entry: StoredEntry): Promise<'stored' | 'exists'>
}

/**
 * The largest entry that is read: four times one that touches as many minutes as an object may, and was made from as many
 * inputs. Ours.
 */
export const MAX_ENTRY_BYTES = 67_108_864
/** Entries of the last hours, which most windows are computed from, and a few that touch a year of minutes. Ours. */
const MAX_CACHED_BYTES = 67_108_864
/** What an entry takes in memory, without the marks of its inputs: a minute is two numbers. */
const [ENTRY_BYTES, MINUTE_BYTES] = [512, 16]
/** Entries read, and held for whoever asks for many, at the same time. Ours. */
const ENTRIES_AT_ONCE = 32
/** And in one go where a lake can, of small ones. Ours. */
const ENTRIES_IN_ONE_GO = 256

/** As a rule entries never change, so each is read once per process; the oldest read are forgotten first. */
export function indexEntries(lake: Lake, log: Logger, maxCachedBytes = MAX_CACHED_BYTES): Entries {
  const cache = lruCache<IndexEntry>(maxCachedBytes, heldBytes)
  const damaged = new Set<string>()
  const leftOut = new Map<string, string>()
  /** Entries that are left out because a later version wrote them: no later look will find anything else. */
  const later = new Set<string>()

  async function read(key: string, body?: Buffer): Promise<IndexEntry | undefined> {
    const cached = cache.get(key)
    if (cached || later.has(key)) return cached
    try {
      const entry = await readNow(key, body)
      leftOut.delete(key)
      return entry
    } catch (error) {
      if (!isOfOneObject(error)) throw error
      if (isNoneOfOurs(error.cause)) nameDamaged(key, error.message)
      else leaveOut(key, error)
      return undefined
    }
  }

  function leaveOut(key: string, error: AppError): void {
    if (isLaterVersion(error)) later.add(key)
    if (!leftOut.has(key))
      log.error({ key, err: error }, 'an index entry is left out, and its events with it')
    leftOut.set(key, error.message)
  }

  async function readNow(key: string, found?: Buffer): Promise<IndexEntry | undefined> {
    const body = found ?? (await lake.get(key, MAX_ENTRY_BYTES))
    if (!body) return undefined
    const entry = await parse(key, body)
    if (entry) {
      damaged.delete(key)
      cache.set(key, entry)
    } else nameDamaged(key, 'it holds no entry')
    return entry
  }

  async function visit(keys: readonly string[], take: Parameters<Entries['visit']>[1]): Promise<void> {
    for (let from = 0; from < keys.length; from += ENTRIES_IN_ONE_GO) {
      const some = keys.slice(from, from + ENTRIES_IN_ONE_GO)
      const bodies = await readSmall(some.filter((key) => cache.get(key) === undefined && !later.has(key)))
      for (let at = 0; at < some.length; at += ENTRIES_AT_ONCE) {
        const next = some.slice(at, at + ENTRIES_AT_ONCE)
        const found = await Promise.all(
          next.map(async (key) => [key, await read(key, bodies.get(key))] as const),
        )
        for (const [key, entry] of found) if (entry) await take(key, entry)
      }
    }
  }

  /** A few are read as fast one by one. */
  const readSmall = async (keys: readonly string[]): Promise<ReadonlyMap<string, Buffer>> =>
    (keys.length > ENTRIES_AT_ONCE && (await lake.getSmall?.(keys))) || new Map()

  function nameDamaged(key: string, why: string): void {
    if (!damaged.has(key))
      log.error({ key, why }, 'an index entry is damaged; its object is left out until it is indexed again')
    damaged.add(key)
  }

  function forget(key: string): void {
    cache.delete(key)
    leftOut.delete(key)
    later.delete(key)
  }

  /** Another process may have removed what was left out: nothing of it is missing then. */
  function forgetGone(prefix: string, isThere: (key: string) => boolean): void {
    for (const key of [...leftOut.keys()]) if (key.startsWith(prefix) && !isThere(key)) forget(key)
  }

  return {
    async folders(prefix, nowMs) {
      const folders = await indexFolders(lake, prefix, nowMs)
      const there = new Set(leftOut.size > 0 ? folders.flatMap((folder) => folder.keys ?? folder.prefix) : [])
      forgetGone(prefix, (key) => there.has(key) || there.has(folderOf(key)))
      return folders
    },
    async keys(prefix) {
      const keys = await lake.keys(prefix)
      const there = new Set(leftOut.size > 0 ? keys : [])
      forgetGone(prefix, (key) => there.has(key))
      return keys
    },
    async load(keys) {
      const found: IndexEntry[] = []
      await visit(keys, async (_, entry) => void found.push(entry))
      return found
    },
    visit,
    damaged: () => [...damaged],
    leftOut: () => leftOut,
    async mend(key, entry) {
      await lake.put(key, await bytesOf(entry))
      damaged.delete(key)
      cache.set(key, withoutInputs(entry))
    },
    async remove(key) {
      await lake.remove([key])
      damaged.delete(key)
      forget(key)
    },
    refresh(key) {
      cache.delete(key)
      later.delete(key)
    },
    makeDurable: async (arrivalMs) => lake.makeDurable?.(`index/${partitionOf(arrivalMs)}/`),
    async commit(key, entry) {
      const outcome = await lake.put(key, await bytesOf(entry), { ifAbsent: true })
      // What was no file there has made way.
      if (outcome === 'stored') damaged.delete(key)
      return outcome
    },
  }
}

const bytesOf = async (entry: StoredEntry) => Buffer.from(await runYielding(entryText(entry)))

const heldBytes = ({ minutes, madeFrom = '' }: IndexEntry): number =>
  ENTRY_BYTES + MINUTE_BYTES * minutes.startsMs.length + madeFrom.length

/** Undefined for what is no entry. */
async function parse(key: string, body: Buffer): Promise<IndexEntry | undefined> {
  const text = body.toString()
  const entry = await runYielding(entryIn(text))
  if (entry === undefined) refuseLater(key, jsonIn(text), ENTRY_VERSION)
  return entry
}

/** Others can be read; anything else, such as a lake that does not answer, is of all of them. */
export const isOfOneObject = (error: unknown): error is AppError =>
  isLaterVersion(error) ||
  (error instanceof AppError && (isAccessDenied(error.cause) || isPermanentReadError(error.cause)))
