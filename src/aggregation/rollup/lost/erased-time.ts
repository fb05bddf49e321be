import type { Lake } from '../../../lake/lake.ts'
import { alignDown, HOUR_MS, type TimeSpan } from '../../../std/durations.ts'
import { erasureBooks, type KnownErasures } from '../../ingest/erase/erasure-books.ts'
import { type Erasure, isEnded } from '../../ingest/erase/erasure-record.ts'
import type { Manifest } from '../commit/manifest.ts'

/** What erasures took since windows were computed. */
export interface ErasedTime {
  /** One is at work, or its record cannot be read: nobody knows yet what is to be in no number any more. */
  readonly isOpen: boolean
  /** Events of that time were erased, whenever that was. */
  touches(window: TimeSpan): boolean
  /** They were when these rows had been made, so that they may be in them. */
  mayHold(manifest: Pick<Manifest, 'fromMs' | 'toMs' | 'createdMs' | 'runId'>): boolean
}

/** Reads records again only while one has not ended, or when there are others. */
export function erasedTimes(lake: Pick<Lake, 'put' | 'get' | 'keys'>): () => Promise<ErasedTime> {
  const books = erasureBooks(lake)
  let last: { readonly keys: string; readonly time: ErasedTime } | undefined
  return async () => {
    const keys = (await lake.keys('erasures/')).join()
    if (last?.keys === keys && !last.time.isOpen) return last.time
    const time = erasedTime(await books.list())
    last = { keys, time }
    return time
  }
}

function erasedTime({ erasures, unreadable }: KnownErasures): ErasedTime {
  const real = erasures.filter(({ dryRun }) => !dryRun)
  const hours = byHourOfEvents(real)
  // No window reaches over an hour's end.
  const over = ({ fromMs, toMs }: TimeSpan) =>
    (hours.get(alignDown(fromMs, HOUR_MS)) ?? []).filter(({ minutes }) =>
      minutes.some((minuteMs) => minuteMs >= fromMs && minuteMs < toMs),
    )
  return {
    isOpen: unreadable.length > 0 || real.some((erasure) => !isEnded(erasure)),
    touches: (window) => over(window).length > 0,
    mayHold: (manifest) =>
      over(manifest).some(
        ({ endedMs = Number.POSITIVE_INFINITY, runs }) =>
          manifest.createdMs <= endedMs && !runs.includes(manifest.runId),
      ),
  }
}

function byHourOfEvents(erasures: readonly Erasure[]): ReadonlyMap<number, readonly Erasure[]> {
  const hours = new Map<number, Erasure[]>()
  for (const erasure of erasures) {
    for (const hourMs of new Set(erasure.minutes.map((minuteMs) => alignDown(minuteMs, HOUR_MS)))) {
      const some = hours.get(hourMs)
      if (some) some.push(erasure)
      else hours.set(hourMs, [erasure])
    }
  }
  return hours
}
