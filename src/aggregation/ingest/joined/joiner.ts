import { isAhead } from '../../../std/clock.ts'
import { HOUR_MS } from '../../../std/durations.ts'
import type { StoredParquet } from '../index/pending.ts'
import type { JoinTools } from './hour-objects.ts'
import { SMALL_BYTES } from './join-hour.ts'
import { visitHour } from './visit-hour.ts'

export interface Joiner {
  /** What a look at all of `raw/` has found. */
  look(found: Pick<StoredParquet, 'compacted' | 'joined'>): void
  /** Something of the hour is not as it was told to be: it is looked at next. */
  doubt(arrivalMs: number): void
  /** Does what is to be done of the hour that waits for longest, if any; false where nothing waits. */
  next(work: (visit: (tools: JoinTools) => Promise<void>) => Promise<void>): Promise<boolean>
}

export interface JoinTimes {
  /** So long after its end an hour of arrival is joined: what comes later stays as it is. */
  readonly afterMs: number
  readonly pauseMs: number
}

/** What is stored late, after outages or from phones, is there by then. Ours. */
const AFTER_MS = 2 * HOUR_MS
/** The least time in which whoever looked up where rows lie has read them there. Ours. */
const PAUSE_MS = HOUR_MS
/** A window is computed in two sessions at most. */
const SESSIONS = 3

/** `timeoutMs`: how long a session of an engine may take. */
export const joinTimes = (timeoutMs: number): JoinTimes => ({
  afterMs: AFTER_MS,
  pauseMs: Math.max(PAUSE_MS, SESSIONS * timeoutMs),
})

/** Where everything fails, as where a policy does not allow it, other hours are not tried at once either. Ours. */
const REST_MS = 300_000

interface Hour {
  readonly sources: Set<string>
  small: number
  joined: number
  /** The last of them: another one when anything came. */
  last: string
}

/** Which hour of arrival is next: by what the last look at all of `raw/` found, and what visits answered. */
export function createJoiner(nowMs: () => number, { afterMs, pauseMs }: JoinTimes = joinTimes(0)): Joiner {
  let hours = new Map<number, Hour>()
  /** What was found at the last visit, and when another is due though nothing has changed. */
  const visited = new Map<number, { readonly print: string; readonly againMs: number | undefined }>()
  let restsUntilMs = Number.NEGATIVE_INFINITY

  function isDue(arrivalMs: number, hour: Hour): boolean {
    if (nowMs() < arrivalMs + HOUR_MS + afterMs) return false
    if (hour.small < 2 && hour.joined === 0) return false
    const last = visited.get(arrivalMs)
    if (last === undefined) return true
    if (last.againMs === undefined) return last.print !== printOf(hour)
    return !isAhead(last.againMs, { nowMs: nowMs(), mostMs: pauseMs })
  }

  return {
    look({ compacted, joined }) {
      hours = new Map()
      for (const { arrivalMs, source, bytes, key } of compacted) {
        const hour = hourIn(hours, arrivalMs)
        hour.sources.add(source)
        if (bytes <= SMALL_BYTES) hour.small += 1
        hour.last = key
      }
      for (const { arrivalMs, source } of joined) {
        const hour = hourIn(hours, arrivalMs)
        hour.sources.add(source)
        hour.joined += 1
      }
    },
    doubt: (arrivalMs) => visited.delete(arrivalMs),
    async next(work) {
      const [due] = [...hours].sort(([a], [b]) => a - b).filter(([arrivalMs, hour]) => isDue(arrivalMs, hour))
      if (due === undefined || isAhead(restsUntilMs, { nowMs: nowMs(), mostMs: REST_MS })) return false
      const [arrivalMs, { sources }] = due
      const print = printOf(due[1])
      // Should it fail, the others have their turn first.
      visited.set(arrivalMs, { print, againMs: nowMs() + pauseMs })
      restsUntilMs = nowMs() + REST_MS
      await work(async (tools) => {
        visited.set(arrivalMs, { print, againMs: await visitHour({ arrivalMs, sources, pauseMs }, tools) })
      })
      restsUntilMs = Number.NEGATIVE_INFINITY
      return true
    },
  }
}

function hourIn(hours: Map<number, Hour>, arrivalMs: number): Hour {
  const hour = hours.get(arrivalMs) ?? { sources: new Set<string>(), small: 0, joined: 0, last: '' }
  hours.set(arrivalMs, hour)
  return hour
}

const printOf = ({ small, joined, last }: Hour): string => `${small} ${joined} ${last}`
