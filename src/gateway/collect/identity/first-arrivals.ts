import { MINUTE_MS } from '../../../std/durations.ts'

/**
 * The most names that are remembered for an app: so many never arrive in one millisecond. Above it the memory is given
 * up, never what is stored.
 */
const MOST_REMEMBERED = 16_384

/** What an event is told from others by when it comes again: its measurement, or its own id. */
export type Name = string | undefined

export interface ArrivalTimes {
  /** When each event of a request arrived; undefined: all of them at `nowMs`, which is the rule. */
  of(app: string, names: readonly Name[], nowMs: number): readonly number[] | undefined
}

interface Latest {
  names: Map<string, number>
  /** The latest time given to any of them. */
  untilMs: number
}

/**
 * The times of arrival, `received_time`. Rows of one name never get the same one: the last value of a measurement is
 * found by it where the values have one `event_time`, and two deliveries of one id are counted as two. Those of one
 * request lie a millisecond apart, the last of them now; one that follows within the millisecond gets the next.
 * All stay within the minute, in which what was accepted is counted (event/ledger/app-tally.ts).
 */
export function createArrivalTimes(): ArrivalTimes {
  const apps = new Map<string, Latest>()

  function latestOf(app: string, nowMs: number): Latest {
    const latest = apps.get(app) ?? { names: new Map<string, number>(), untilMs: 0 }
    apps.set(app, latest)
    const { names, untilMs } = latest
    // A clock that was set back is followed: what it said before says nothing now.
    const isRecent = untilMs >= nowMs && untilMs < nowMs + MINUTE_MS && names.size < MOST_REMEMBERED
    // Not cleared: V8 links each table of a Map to the next, and what an old one is linked to lives as long.
    if (!isRecent) latest.names = new Map()
    latest.untilMs = isRecent ? untilMs : nowMs
    return latest
  }

  return {
    of(app, names, nowMs) {
      const latest = latestOf(app, nowMs)
      const place = placeOfOneAgain(latest, names, nowMs)
      if (place === undefined) return undefined
      return names.length === 1
        ? [oneMore(latest, names[0] as string, nowMs)]
        : spread(latest, names, { place, nowMs })
    },
  }
}

/** Where the first name is that had this time already, or a later one. Those before it have it now. */
function placeOfOneAgain(
  { names: known }: Latest,
  names: readonly Name[],
  nowMs: number,
): number | undefined {
  // Mostly there are none yet: then only one of ours can come again, and it adds none.
  const isFirst = known.size === 0
  let size = 0
  for (let place = 0; place < names.length; place++) {
    const name = names[place]
    if (name === undefined) continue
    if (!isFirst && (known.get(name) ?? 0) >= nowMs) return place
    known.set(name, nowMs)
    if (isFirst && known.size === size) return place
    size++
  }
  return undefined
}

/** When the first of `count` rows of a name arrives, of which the last before them did at `lastMs`. */
function firstOf(count: number, lastMs: number, nowMs: number): number {
  const minuteMs = nowMs - (nowMs % MINUTE_MS)
  const firstMs = Math.max(nowMs - count + 1, minuteMs, lastMs + 1)
  return Math.min(firstMs, minuteMs + MINUTE_MS - count)
}

const oneMore = (latest: Latest, name: string, nowMs: number): number =>
  given(latest, name, firstOf(1, latest.names.get(name) ?? 0, nowMs))

function given(latest: Latest, name: string, timeMs: number): number {
  latest.names.set(name, timeMs)
  latest.untilMs = Math.max(latest.untilMs, timeMs)
  return timeMs
}

/** The names before `place` are remembered already, for this request. */
function spread(
  latest: Latest,
  names: readonly Name[],
  { place, nowMs }: { readonly place: number; readonly nowMs: number },
): readonly number[] {
  // Mostly each is there once, and nothing has to be counted, which takes longer than all else here.
  if (new Set(names).size === names.length)
    return names.map((name, at) => (name === undefined || at < place ? nowMs : oneMore(latest, name, nowMs)))
  const ours = new Set(names.slice(0, place))
  const counts = new Map<Name, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  const next = new Map<Name, number>()
  const lastOf = (name: string): number => (ours.has(name) ? 0 : (latest.names.get(name) ?? 0))

  return names.map((name) => {
    if (name === undefined) return nowMs
    const timeMs = next.get(name) ?? firstOf(Number(counts.get(name)), lastOf(name), nowMs)
    next.set(name, timeMs + 1)
    return given(latest, name, timeMs)
  })
}
