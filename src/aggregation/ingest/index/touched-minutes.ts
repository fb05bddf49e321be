import type { ResumableWork } from '../../../std/async/yielding.ts'
import { alignDown, HOUR_MS, MINUTE_MS, type TimeSpan } from '../../../std/durations.ts'

/**
 * How many objects touch each minute of event time, and which places touch each hour. A place is an entry, or a folder of
 * entries, by its key: clients may send events of a whole day at any time, so that what each has of a minute is left to it.
 */
export interface TouchedMinutes {
  /** Grows with each object that holds rows of the minute, and never shrinks. Live. */
  readonly objects: ReadonlyMap<number, number>
  earliestMs(): number | undefined
  /** What lies in the place touches these minutes, which come in time order. */
  touch(place: string, startsMs: Float64Array): ResumableWork<void>
  /** Places that touch the hours of [fromMs, toMs), the first of which may have begun before it. */
  near(fromMs: number, toMs: number): ReadonlySet<string>
  /** By place, which other stands for it from now on. */
  join(instead: ReadonlyMap<string, string>): void
  forget(place: string): void
}

export function touchedMinutes(): TouchedMinutes {
  const objects = new Map<number, number>()
  /** By the start of the hour. */
  const hours = new Map<number, string[]>()
  /** By place, the span in which it touches anything. */
  const reaches = new Map<string, TimeSpan>()
  let earliest: number | undefined

  function touchHour(hourMs: number, place: string): void {
    const places = hours.get(hourMs) ?? []
    hours.set(hourMs, places)
    if (places.at(-1) !== place) places.push(place)
  }

  const widen = (place: string, by: TimeSpan) =>
    reaches.set(place, unionOf(reaches.get(place) ?? NOWHERE, by))

  function takeReach(place: string): TimeSpan {
    const reach = reaches.get(place) ?? NOWHERE
    reaches.delete(place)
    return reach
  }

  return {
    objects,
    earliestMs: () => earliest,
    *touch(place, startsMs) {
      widen(place, spanOf(startsMs))
      let lastHourMs = Number.NaN
      for (const minuteMs of startsMs) {
        objects.set(minuteMs, 1 + (objects.get(minuteMs) ?? 0))
        earliest = Math.min(earliest ?? minuteMs, minuteMs)
        const hourMs = alignDown(minuteMs, HOUR_MS)
        if (hourMs !== lastHourMs) touchHour(hourMs, place)
        lastHourMs = hourMs
        yield
      }
    },
    near: (fromMs, toMs) => new Set(touchedHours(hours, { fromMs, toMs }).flatMap(([, places]) => places)),
    join(instead) {
      let reach = NOWHERE
      for (const [place, other] of instead) {
        const before = takeReach(place)
        widen(other, before)
        reach = unionOf(reach, before)
      }
      for (const [hourMs, places] of touchedHours(hours, reach))
        if (places.some((place) => instead.has(place)))
          hours.set(hourMs, [...new Set(places.map((place) => instead.get(place) ?? place))])
    },
    // What a minute has seen never shrinks: whoever waits for it to grow must not miss what comes next.
    forget(place) {
      for (const [hourMs, places] of touchedHours(hours, takeReach(place)))
        hours.set(
          hourMs,
          places.filter((each) => each !== place),
        )
    },
  }
}

const NOWHERE: TimeSpan = { fromMs: Number.POSITIVE_INFINITY, toMs: Number.NEGATIVE_INFINITY }

const unionOf = (a: TimeSpan, b: TimeSpan): TimeSpan => ({
  fromMs: Math.min(a.fromMs, b.fromMs),
  toMs: Math.max(a.toMs, b.toMs),
})

/** The minutes come in time order. */
const spanOf = (startsMs: Float64Array): TimeSpan => ({
  fromMs: startsMs.at(0) ?? NOWHERE.fromMs,
  toMs: (startsMs.at(-1) ?? NOWHERE.toMs) + MINUTE_MS,
})

/** The touched hours of a span, the first of which may have begun before it, and what is known of each. */
export function touchedHours<Touched>(
  hours: ReadonlyMap<number, Touched>,
  { fromMs, toMs }: TimeSpan,
): readonly (readonly [hourMs: number, Touched])[] {
  const firstMs = alignDown(fromMs, HOUR_MS)
  const isShort = (toMs - firstMs) / HOUR_MS < hours.size
  const possible = isShort ? everyHour(firstMs, toMs) : [...hours.keys()]
  return possible.flatMap((hourMs) => {
    const touched = hours.get(hourMs)
    return touched !== undefined && hourMs >= firstMs && hourMs < toMs ? [[hourMs, touched]] : []
  })
}

function everyHour(firstMs: number, toMs: number): number[] {
  const found: number[] = []
  for (let ms = firstMs; ms < toMs; ms += HOUR_MS) found.push(ms)
  return found
}
