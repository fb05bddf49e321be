import { dayOf } from '../../../lake/layout.ts'
import { type ResumableWork, runYielding } from '../../../std/async/yielding.ts'
import type { Clock } from '../../../std/clock.ts'
import { DAY_MS, MINUTE_MS } from '../../../std/durations.ts'
import type { Entries, IndexEntry } from './index-entries.ts'

/** What touches one minute of event time. */
export interface TouchedMinute {
  /** Grows with each object that holds rows of the minute, and never shrinks. */
  readonly objects: number
  readonly rows: number
}

/** Start of each minute (epoch ms, as text) → rows in it. */
export type MinuteRows = Readonly<Record<string, number>>

export interface ArrivedIndex {
  /** Every minute of event time that anything ever touched. Live: it grows with the next look. */
  minutes(): Promise<ReadonlyMap<number, TouchedMinute>>
  /** Keys of the entries whose objects touch [fromMs, toMs), with the rows in each minute of it. */
  entriesTouching(fromMs: number, toMs: number): Promise<ReadonlyMap<string, MinuteRows>>
  earliestMs(): Promise<number | undefined>
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
  /** Rows by key of the entry. */
  readonly entries: Map<string, number>
}

/**
 * The index of the lake by minute of event time, in memory. Entries never change, so each is read once. What is new lies
 * in the partitions of the last two days, as a rule, which are listed each time; what others have put elsewhere, such as
 * the backlog of a gateway that was away, is found by a listing of everything, which a large lake affords less often.
 */
export function arrivedIndex({
  entries,
  clock,
}: {
  readonly entries: Entries
  readonly clock: Clock
}): ArrivedIndex {
  const known = new Set<string>()
  const minutes = new Map<number, Minute>()
  let earliest: number | undefined
  let wholeAgainMs = Number.NEGATIVE_INFINITY
  let lookAgainMs = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | undefined

  async function add(key: string, entry: IndexEntry): Promise<void> {
    if (known.has(key)) return
    known.add(key)
    await runYielding(adding(key, entry))
  }

  function* adding(key: string, entry: IndexEntry): ResumableWork<void> {
    for (const text in entry.minutes) {
      const minuteMs = Number(text)
      const rows = entry.minutes[text] as number
      const minute = minutes.get(minuteMs) ?? { objects: 0, rows: 0, entries: new Map() }
      minutes.set(minuteMs, minute)
      minute.objects += 1
      minute.rows += rows
      minute.entries.set(key, rows)
      earliest = Math.min(earliest ?? minuteMs, minuteMs)
      yield
    }
  }

  const look = () => looking ?? lookNext(false)

  /** After the one that is under way, however that ends: two at once would read the same entries. */
  function lookNext(everywhere: boolean): Promise<void> {
    const begin = () => lookNow(everywhere)
    const next = (looking?.then(begin, begin) ?? begin()).finally(() => {
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
    if (!known.delete(key)) return
    for (const { entries } of minutes.values()) entries.delete(key)
  }

  return {
    add,
    forget,
    lookEverywhere: () => lookNext(true),
    async minutes() {
      await look()
      return minutes
    },
    async entriesTouching(fromMs, toMs) {
      await look()
      const found = new Map<string, Record<string, number>>()
      for (const [minuteMs, { entries }] of touchedIn(minutes, fromMs, toMs)) {
        for (const [key, rows] of entries) {
          const touched = found.get(key) ?? {}
          found.set(key, touched)
          touched[minuteMs] = rows
        }
      }
      return found
    },
    async earliestMs() {
      await look()
      return earliest
    },
  }
}

/** What is known of the touched minutes of [fromMs, toMs), the first of which may have begun before it. */
export function touchedIn<Touched>(
  minutes: ReadonlyMap<number, Touched>,
  fromMs: number,
  toMs: number,
): readonly (readonly [number, Touched])[] {
  const firstMs = Math.floor(fromMs / MINUTE_MS) * MINUTE_MS
  const isShort = (toMs - firstMs) / MINUTE_MS < minutes.size
  const possible = isShort ? everyMinute(firstMs, toMs) : [...minutes.keys()]
  return possible.flatMap((minuteMs) => {
    const touched = minutes.get(minuteMs)
    return touched !== undefined && minuteMs >= firstMs && minuteMs < toMs ? [[minuteMs, touched]] : []
  })
}

function everyMinute(firstMs: number, toMs: number): number[] {
  const found: number[] = []
  for (let ms = firstMs; ms < toMs; ms += MINUTE_MS) found.push(ms)
  return found
}
