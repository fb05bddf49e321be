import { type ResumableWork, runYielding } from '../../../std/async/yielding.ts'
import type { Clock } from '../../../std/clock.ts'
import { alignDown, DAY_MS, dayOf, HOUR_MS } from '../../../std/durations.ts'
import type { IndexEntry } from './entry-text.ts'
import type { Entries } from './index-entries.ts'

/** What touches one minute of event time. */
export interface TouchedMinute {
  /** Grows with each object that holds rows of the minute, and never shrinks. */
  readonly objects: number
  readonly rows: number
}

export interface ArrivedIndex {
  /** Every minute of event time that anything ever touched. Live: it grows with the next look. */
  minutes(): Promise<ReadonlyMap<number, TouchedMinute>>
  /** Keys of the entries whose objects touch the hours of [fromMs, toMs): which minutes of them, the entries say. */
  near(fromMs: number, toMs: number): Promise<ReadonlySet<string>>
  earliestMs(): Promise<number | undefined>
  /** Whether an entry that was read says that rows are in this object. */
  holds(objectKey: string): boolean
  /** Looks at the whole index now, however lately that was done: for who must not miss what others have put there. */
  lookEverywhere(): Promise<void>
  /** An entry that this process has made need not be looked for. One object may touch minutes by the hundred thousand. */
  add(key: string, entry: IndexEntry): Promise<void>
  /** There is no such entry any more; if it comes again, it is a new one. */
  forget(key: string): void
}

/** A listing of the whole index that is faster than this is never saved. Ours. */
const CHEAP_MS = 250
/** Otherwise no more than about this share of the time goes into such listings: 1 in 100. Ours. */
const WHOLE_SHARE = 100
/** And into looking for what is new at all: 1 in 20. Ours. */
const LOOK_SHARE = 20
/** Entries read at the same time. */
const PARALLEL = 32

interface Minute extends TouchedMinute {
  objects: number
  rows: number
}

/**
 * The index of the lake in memory: what lies in each minute of event time, and which entries touch an hour. Clients may
 * send events of a whole day at any time, so that what each entry has of each minute is left to the entries. Those never
 * change, so each is read once. What is new lies in the partitions of the last two days, as a rule, which are listed each
 * time; what others have put elsewhere, such as the backlog of a gateway that was away, is found by a listing of
 * everything, which a large lake affords less often.
 */
export function arrivedIndex({
  entries,
  clock,
}: {
  readonly entries: Entries
  readonly clock: Clock
}): ArrivedIndex {
  /** Key of an entry → of its object. */
  const known = new Map<string, string>()
  const objects = new Set<string>()
  const minutes = new Map<number, Minute>()
  /** Keys of entries, by the start of the hour. */
  const hours = new Map<number, string[]>()
  let earliest: number | undefined
  let wholeAgainMs = Number.NEGATIVE_INFINITY
  let lookAgainMs = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | undefined

  async function add(key: string, entry: IndexEntry): Promise<void> {
    if (known.has(key)) return
    known.set(key, entry.key)
    if (entry.rows > 0) objects.add(entry.key)
    await runYielding(adding(key, entry))
  }

  function* adding(key: string, { minutes: { startsMs, rows } }: IndexEntry): ResumableWork<void> {
    let lastHourMs = Number.NaN
    for (const [at, minuteMs] of startsMs.entries()) {
      const minute = minutes.get(minuteMs) ?? { objects: 0, rows: 0 }
      minutes.set(minuteMs, minute)
      minute.objects += 1
      minute.rows += rows[at] as number
      earliest = Math.min(earliest ?? minuteMs, minuteMs)
      const hourMs = alignDown(minuteMs, HOUR_MS)
      if (hourMs !== lastHourMs) touch(hourMs, key)
      lastHourMs = hourMs
      yield
    }
  }

  function touch(hourMs: number, key: string): void {
    const keys = hours.get(hourMs) ?? []
    hours.set(hourMs, keys)
    keys.push(key)
  }

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
    const keys = await listed(startMs, everywhere || startMs >= wholeAgainMs)
    const fresh = keys.filter((key) => !known.has(key))
    for (let at = 0; at < fresh.length; at += PARALLEL) {
      await Promise.all(fresh.slice(at, at + PARALLEL).map(read))
    }
    const endMs = clock.monotonicMs()
    lookAgainMs = endMs + LOOK_SHARE * (endMs - startMs)
  }

  /** One that cannot be read is looked for again the next time. */
  async function read(key: string): Promise<void> {
    for (const entry of await entries.load([key])) await add(key, entry)
  }

  async function listed(startMs: number, everywhere: boolean): Promise<readonly string[]> {
    if (!everywhere) {
      const nowMs = clock.nowMs()
      const days = [dayOf(nowMs - DAY_MS), dayOf(nowMs)]
      return (await Promise.all(days.map((day) => entries.keys(`index/dt=${day}/`)))).flat()
    }
    const keys = await entries.keys('index/')
    const endMs = clock.monotonicMs()
    if (endMs - startMs > CHEAP_MS) wholeAgainMs = endMs + WHOLE_SHARE * (endMs - startMs)
    return keys
  }

  /** What a minute has seen never shrinks: whoever waits for it to grow must not miss what comes next. */
  function forget(key: string): void {
    const object = known.get(key)
    if (object === undefined) return
    known.delete(key)
    objects.delete(object)
    for (const [hourMs, keys] of hours)
      if (keys.includes(key))
        hours.set(
          hourMs,
          keys.filter((each) => each !== key),
        )
  }

  return {
    add,
    forget,
    holds: (objectKey) => objects.has(objectKey),
    lookEverywhere: () => lookNext(true),
    async minutes() {
      await look()
      return minutes
    },
    async near(fromMs, toMs) {
      await look()
      return new Set(touchedHours(hours, fromMs, toMs).flat())
    },
    async earliestMs() {
      await look()
      return earliest
    },
  }
}

/** What is known of the touched hours of [fromMs, toMs), the first of which may have begun before it. */
export function touchedHours<Touched>(
  hours: ReadonlyMap<number, Touched>,
  fromMs: number,
  toMs: number,
): readonly Touched[] {
  const firstMs = alignDown(fromMs, HOUR_MS)
  const isShort = (toMs - firstMs) / HOUR_MS < hours.size
  const possible = isShort ? everyHour(firstMs, toMs) : [...hours.keys()]
  return possible.flatMap((hourMs) => {
    const touched = hours.get(hourMs)
    return touched !== undefined && hourMs >= firstMs && hourMs < toMs ? [touched] : []
  })
}

function everyHour(firstMs: number, toMs: number): number[] {
  const found: number[] = []
  for (let ms = firstMs; ms < toMs; ms += HOUR_MS) found.push(ms)
  return found
}
