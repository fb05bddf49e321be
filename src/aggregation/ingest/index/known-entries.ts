import { type ResumableWork, runYielding } from '../../../std/async/yielding.ts'
import type { IndexEntry } from './entry-text.ts'
import { arrivalDayOf, folderOf, type IndexFolder, indexFolderOf } from './index-folders.ts'
import type { Synopsis, SynopsisPart } from './synopsis-text.ts'
import { type TouchedMinutes, touchedMinutes } from './touched-minutes.ts'

/** What is known of the index: of the folders of the last days entry by entry, of others only what touches which hour. */
export interface KnownEntries {
  readonly touched: Omit<TouchedMinutes, 'touch' | 'join' | 'forget'>
  /** Whether an entry says that rows are in this object. */
  holds(objectKey: string): boolean
  /** How often entries of the object's hour were forgotten: what `holds` said of it may be so no more. */
  losses(objectKey: string): number
  has(key: string): boolean
  add(key: string, entry: IndexEntry): Promise<void>
  forget(key: string, objectKey: string): void
  readonly folders: KnownFolders
}

export interface KnownFolders {
  /** Whether something in it may not be known. */
  isNews(folder: IndexFolder): boolean
  /** Everything in it is known, as it was with this stamp; nothing is, without one. */
  setSeen(prefix: string, stamp: string | undefined): void
  /** Those of a day that are seen, with their stamps. */
  seenOf(day: string): ReadonlyMap<string, string>
  /** Whether anything is known of it. */
  isMet(prefix: string): boolean
  /** The entries of a folder that are known one by one. */
  entriesOf(prefix: string): readonly string[]
  isClosed(prefix: string): boolean
  /** Takes a folder of which nothing is known for what its synopsis says. */
  takeClosed(prefix: string, part: SynopsisPart): Promise<void>
  /** Forgets entries of which the synopsis tells, and answers which; what came to a folder since keeps it open. */
  close(synopsis: Synopsis): Iterable<string>
  /** The entries of the folder are looked at one by one again. */
  reopen(prefix: string): void
  /** Those of which something is known, and which are not among these. */
  notAmong(there: ReadonlySet<string>): readonly string[]
  /** Forgets what was seen in the folder and is there no more, and answers which; what came since stays. */
  keepOnly(prefix: string, keys: readonly string[]): readonly string[]
}

export function knownEntries(): KnownEntries {
  /** Key of an entry → of its object, by folder. */
  const open = new Map<string, Map<string, string>>()
  /** Keys of the objects in folders that are closed, each between two line ends: as a set they take three times as much. */
  const closed = new Map<string, string>()
  /** Day of arrival → folder → its stamp: who asks for one day of years must not look through all. */
  const seen = new Map<string, Map<string, string>>()
  /** Those of the folder that was asked for last, since who asks does so in key order. */
  let asked = { text: '', keys: new Set<string>() }
  /** Keys of the objects of entries that are known one by one. */
  const objects = new Set<string>()
  const touched = touchedMinutes()
  const losses = new Map<string, number>()

  const lose = (prefix: string) => losses.set(prefix, 1 + (losses.get(prefix) ?? 0))

  const has = (key: string): boolean => open.get(folderOf(key))?.has(key) === true

  const unsee = (prefix: string) => seen.get(arrivalDayOf(prefix))?.delete(prefix)

  function see(prefix: string, stamp: string): void {
    const day = seen.get(arrivalDayOf(prefix)) ?? new Map<string, string>()
    seen.set(arrivalDayOf(prefix), day)
    day.set(prefix, stamp)
  }

  const stampOf = (prefix: string) => seen.get(arrivalDayOf(prefix))?.get(prefix)

  async function add(key: string, entry: IndexEntry): Promise<void> {
    if (has(key)) return
    const folder = open.get(folderOf(key)) ?? new Map<string, string>()
    open.set(folderOf(key), folder)
    folder.set(key, entry.key)
    if (entry.rows > 0) objects.add(entry.key)
    // It came after whatever stamp the folder was seen with.
    unsee(folderOf(key))
    await runYielding(touched.touch(key, entry.minutes.startsMs))
  }

  /** The folder is read again when it is looked at; until then its entries say what is in it. */
  function forget(key: string, objectKey: string): void {
    const prefix = folderOf(key)
    const keys = closed.get(prefix)
    if (!has(key) && keys === undefined) return
    lose(prefix)
    objects.delete(objectKey)
    if (keys !== undefined) closed.set(prefix, keys.replace(`\n${objectKey}\n`, '\n'))
    unsee(prefix)
    open.get(prefix)?.delete(key)
    touched.forget(key)
  }

  async function takeClosed(prefix: string, part: SynopsisPart): Promise<void> {
    closed.set(prefix, keysOf(part))
    see(prefix, part.stamp)
    await runYielding(touching(prefix, part))
  }

  function* touching(prefix: string, { objects }: SynopsisPart): ResumableWork<void> {
    for (const { minutes } of objects) yield* touched.touch(prefix, minutes.startsMs)
  }

  function close(synopsis: Synopsis): Iterable<string> {
    const instead = new Map<string, string>()
    for (const [prefix, part] of synopsis) {
      const entries = open.get(prefix)
      if (entries === undefined || stampOf(prefix) !== part.stamp) continue
      for (const [key, objectKey] of entries) {
        instead.set(key, prefix)
        objects.delete(objectKey)
      }
      open.delete(prefix)
      closed.set(prefix, keysOf(part))
    }
    touched.join(instead)
    return instead.keys()
  }

  function isInClosed(objectKey: string): boolean {
    const text = closed.get(indexFolderOf(objectKey)) ?? ''
    if (text !== asked.text) asked = { text, keys: new Set(text.split('\n')) }
    return asked.keys.has(objectKey)
  }

  return {
    touched,
    holds: (objectKey) => objects.has(objectKey) || isInClosed(objectKey),
    losses: (objectKey) => losses.get(indexFolderOf(objectKey)) ?? 0,
    has,
    add,
    forget,
    folders: {
      isNews: ({ prefix, stamp }) => stamp === undefined || stampOf(prefix) !== stamp,
      setSeen(prefix, stamp) {
        if (stamp === undefined) unsee(prefix)
        else see(prefix, stamp)
      },
      seenOf: (day) => new Map(seen.get(day)),
      isMet: (prefix) => open.has(prefix) || closed.has(prefix),
      entriesOf: (prefix) => [...(open.get(prefix)?.keys() ?? [])],
      isClosed: (prefix) => closed.has(prefix),
      takeClosed,
      close,
      reopen(prefix) {
        if (closed.delete(prefix)) {
          lose(prefix)
          touched.forget(prefix)
        }
      },
      notAmong(there) {
        const met = new Set([...closed.keys(), ...[...seen.values()].flatMap((day) => [...day.keys()])])
        return [...met].filter((prefix) => !there.has(prefix))
      },
      keepOnly(prefix, keys) {
        if (stampOf(prefix) === undefined) return []
        const there = new Set(keys)
        const gone = [...(open.get(prefix) ?? [])].filter(([key]) => !there.has(key))
        for (const [key, objectKey] of gone) forget(key, objectKey)
        return gone.map(([key]) => key)
      },
    },
  }
}

const keysOf = ({ objects }: SynopsisPart): string => `\n${objects.map(({ key }) => `${key}\n`).join('')}`
