import type { Clock } from '../../../std/clock.ts'
import { DAY_MS, dayOf, HOUR_MS } from '../../../std/durations.ts'
import type { ArrivedObject } from './arrivals.ts'
import { arrivedObjects } from './arrived-objects.ts'
import type { IndexEntry } from './entry-text.ts'
import type { Entries } from './index-entries.ts'
import { arrivalDayOf, type IndexFolder } from './index-folders.ts'
import { knownEntries } from './known-entries.ts'
import type { Synopses } from './synopses.ts'
import { isOfTheSame, type Synopsis, type SynopsisPart } from './synopsis-text.ts'

export interface ArrivedIndex {
  /** Every minute of event time that anything ever touched, with how many objects did. Live: it grows with the next look. */
  minutes(): Promise<ReadonlyMap<number, number>>
  /** What touches the hours of [fromMs, toMs): which minutes of them, the entries and the objects say. */
  near(fromMs: number, toMs: number): Promise<NearArrivals>
  /** The objects that the entries in each of these folders name; an entry that cannot be read now is looked for again. */
  objectsIn(folders: readonly string[]): Promise<readonly (readonly ArrivedObject[])[]>
  earliestMs(): Promise<number | undefined>
  /** Whether an entry that was read says that rows are in this object. */
  holds(objectKey: string): boolean
  /** Another number when that may be so no more of objects in the hour of arrival of this one. */
  losses(objectKey: string): number
  /** Looks at the whole index now, however lately that was done: for who must not miss what others have put there. */
  lookEverywhere(): Promise<void>
  /** An entry that this process has made need not be looked for. One object may touch minutes by the hundred thousand. */
  add(key: string, entry: IndexEntry): Promise<void>
  /** There is no such entry of the object any more; if it comes again, it is a new one. */
  forget(key: string, objectKey: string): void
}

export interface NearArrivals {
  /** Keys of entries. */
  readonly keys: readonly string[]
  /** Folders whose entries are not known one by one. */
  readonly folders: readonly string[]
}

/** A listing of the whole index that is faster than this is never saved. Ours. */
const CHEAP_MS = 250
/** Otherwise no more than about this share of the time goes into such listings: 1 in 100. Ours. */
const WHOLE_SHARE = 100
/** And into looking for what is new at all: 1 in 20. Ours. */
const LOOK_SHARE = 20
/** As long after one that could not be written no synopsis is made: it costs a day of entries. Ours. */
const CLOSE_AGAIN_MS = HOUR_MS
/** Objects that touch more minutes have no place in a synopsis, where each is read at once. Ours. */
const MAX_SYNOPSIS_MINUTES = 2_048

interface IndexSources {
  readonly entries: Entries
  readonly synopses: Synopses
  readonly clock: Clock
}

/**
 * The index of the lake in memory: what lies in each minute of event time, and which entries touch an hour. Entries never
 * change, as a rule, so each is read once, and those of days that are over are read together from then on (docs/adr/0049).
 * What is new lies in the folders of the last two days, as a rule, which are looked at each time; what others have put
 * elsewhere, such as the backlog of a gateway that was away, is found by a look at everything, which a large lake whose
 * folders do not say when they changed affords less often.
 */
export function arrivedIndex({ entries, synopses, clock }: IndexSources): ArrivedIndex {
  const known = knownEntries()
  const { folders, touched } = known
  /** Days with folders that are known entry by entry. */
  const openDays = new Set<string>()
  /** Folders of which this look has read all. */
  const readNow = new Set<string>()
  let wholeAgainMs = Number.NEGATIVE_INFINITY
  let lookAgainMs = Number.NEGATIVE_INFINITY
  let closeAgainMs = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | undefined

  const look = () => looking ?? lookNext(false)

  /** After the one that is under way, however that ends: two at once would read the same entries. */
  function lookNext(everywhere: boolean): Promise<void> {
    const begin = () => lookNow(everywhere)
    const next = (looking === undefined ? begin() : Promise.allSettled([looking]).then(begin)).finally(() => {
      if (looking === next) looking = undefined
    })
    looking = next
    return next
  }

  async function lookNow(everywhere: boolean): Promise<void> {
    const startMs = clock.monotonicMs()
    if (startMs < lookAgainMs && !everywhere) return
    readNow.clear()
    const changed = (await listed(startMs, everywhere || startMs >= wholeAgainMs)).filter(folders.isNews)
    for (const [day, some] of byDay(changed, ({ prefix }) => prefix)) {
      await take(day, some)
      await closeOldDays()
    }
    await closeOldDays()
    const endMs = clock.monotonicMs()
    lookAgainMs = endMs + LOOK_SHARE * (endMs - startMs)
  }

  async function listed(startMs: number, everywhere: boolean): Promise<readonly IndexFolder[]> {
    const nowMs = clock.nowMs()
    if (!everywhere) {
      const days = [dayOf(nowMs - DAY_MS), dayOf(nowMs)]
      return (await Promise.all(days.map((day) => entries.folders(`index/dt=${day}/`, nowMs)))).flat()
    }
    const found = await entries.folders('index/', nowMs)
    const endMs = clock.monotonicMs()
    if (endMs - startMs > CHEAP_MS) wholeAgainMs = endMs + WHOLE_SHARE * (endMs - startMs)
    const there = new Set(found.map(({ prefix }) => prefix))
    // Whose last entry others have removed is news as well.
    const gone = folders.notAmong(there).map((prefix) => ({ prefix, stamp: undefined, keys: [] }))
    return [...found, ...gone]
  }

  /** From the synopsis what it tells of, as long as nothing came there since; the rest is read. */
  async function take(day: string, some: readonly IndexFolder[]): Promise<void> {
    const synopsis = isOld(day) ? await synopses.read(day) : new Map<string, SynopsisPart>()
    const unread: IndexFolder[] = []
    for (const folder of some) {
      const { prefix, stamp } = folder
      const part = synopsis.get(prefix)
      if (part === undefined || part.stamp !== stamp || folders.isMet(prefix)) unread.push(folder)
      else await folders.takeClosed(prefix, part)
    }
    if (unread.length === 0) return
    openDays.add(day)
    await readEach(unread)
  }

  async function readEach(some: readonly IndexFolder[]): Promise<void> {
    const keysOf = new Map<IndexFolder, readonly string[]>()
    for (const folder of some) keysOf.set(folder, await keysIn(folder))
    const fresh = [...keysOf.values()].flat().filter((key) => !known.has(key))
    // One that cannot be read is looked for again the next time.
    await entries.visit(fresh, known.add)
    for (const [{ prefix, stamp }, keys] of keysOf)
      folders.setSeen(prefix, keys.every(known.has) ? stamp : undefined)
  }

  async function keysIn({ prefix, keys: listed }: IndexFolder): Promise<readonly string[]> {
    const keys = listed ?? (await entries.keys(prefix))
    for (const gone of folders.keepOnly(prefix, keys)) entries.refresh(gone)
    if (!keys.some(known.has)) readNow.add(prefix)
    if (folders.isClosed(prefix)) {
      // Others may have mended what this process has read.
      for (const key of keys) entries.refresh(key)
      folders.reopen(prefix)
    }
    return keys
  }

  /** Those that are not looked at each time. */
  const isOld = (day: string): boolean => day !== '' && day < dayOf(clock.nowMs() - DAY_MS)

  async function closeOldDays(): Promise<void> {
    for (const day of [...openDays].filter(isOld)) {
      if (clock.monotonicMs() < closeAgainMs) return
      if (await close(day)) openDays.delete(day)
      else closeAgainMs = clock.monotonicMs() + CLOSE_AGAIN_MS
    }
  }

  /** What all of its folders say is written down, and no longer known entry by entry; whether nothing more can be done. */
  async function close(day: string): Promise<boolean> {
    const isKnown = [...folders.seenOf(day).keys()].some(folders.isClosed)
    const before: Synopsis = isKnown ? await synopses.read(day) : new Map()
    const synopsis = await synopsisOf(day, before)
    const outcome = isOfTheSame(synopsis, before) ? 'stored' : await synopses.write(day, synopsis)
    // Nor are they kept as they were read: the room is for those of days that are not over.
    if (outcome === 'stored') for (const key of folders.close(synopsis)) entries.refresh(key)
    return outcome !== 'failed'
  }

  async function synopsisOf(day: string, before: Synopsis): Promise<Synopsis> {
    const synopsis = new Map<string, SynopsisPart>()
    for (const [prefix, stamp] of folders.seenOf(day)) {
      const part = folders.isClosed(prefix) ? before.get(prefix) : undefined
      const objects = part?.stamp === stamp ? part.objects : await objectsToWrite(prefix)
      if (objects !== undefined) synopsis.set(prefix, { stamp, objects })
    }
    return synopsis
  }

  /** Undefined where the synopsis must not tell of the folder: what it has not is taken for what is not there. */
  async function objectsToWrite(prefix: string): Promise<readonly ArrivedObject[] | undefined> {
    const keys = folders.isClosed(prefix) ? await entries.keys(prefix) : folders.entriesOf(prefix)
    // Others may have mended what was read before the folder had this stamp.
    if (!readNow.has(prefix)) for (const key of keys) entries.refresh(key)
    const found = await loadOf(prefix, keys)
    const isLong = found.some(({ minutes }) => minutes.rows.length > MAX_SYNOPSIS_MINUTES)
    return isLong || found.length < keys.length ? undefined : arrivedObjects(found)
  }

  /** A closed folder of which an entry cannot be read is looked at, entry by entry, until each can. */
  async function loadOf(prefix: string, keys: readonly string[]): Promise<readonly IndexEntry[]> {
    const found = await entries.load(keys)
    if (found.length < keys.length && folders.isClosed(prefix)) folders.setSeen(prefix, undefined)
    return found
  }

  async function objectsIn(prefixes: readonly string[]): Promise<readonly (readonly ArrivedObject[])[]> {
    const found: (readonly ArrivedObject[])[] = []
    for (const [day, some] of byDay(prefixes, (prefix) => prefix)) {
      const stamps = folders.seenOf(day)
      const synopsis = await synopses.read(day)
      for (const prefix of some) {
        const part = synopsis.get(prefix)
        const isSo = part !== undefined && part.stamp === stamps.get(prefix)
        found.push(isSo ? part.objects : arrivedObjects(await loadOf(prefix, await entries.keys(prefix))))
      }
    }
    return found
  }

  return {
    ...{ add: known.add, forget: known.forget, holds: known.holds, losses: known.losses },
    objectsIn,
    lookEverywhere: () => lookNext(true),
    async minutes() {
      await look()
      return touched.objects
    },
    async near(fromMs, toMs) {
      await look()
      const places = [...touched.near(fromMs, toMs)]
      const isFolder = (place: string) => place.endsWith('/')
      return { keys: places.filter((place) => !isFolder(place)), folders: places.filter(isFolder) }
    },
    async earliestMs() {
      await look()
      return touched.earliestMs()
    },
  }
}

function byDay<Each>(
  all: readonly Each[],
  prefixOf: (each: Each) => string,
): ReadonlyMap<string, readonly Each[]> {
  const days = new Map<string, Each[]>()
  for (const each of all) {
    const day = arrivalDayOf(prefixOf(each))
    const some = days.get(day) ?? []
    days.set(day, some)
    some.push(each)
  }
  return days
}
