import { MINUTE_MS } from '../../std/durations.ts'

export const minuteOf = (ms: number): number => ms - (ms % MINUTE_MS)

/** So many events of an app, of those that arrived in one minute. */
export interface MinuteCount {
  readonly app: string
  /** Start of the minute. */
  readonly fromMs: number
  readonly events: number
}

/** Accepted events by app and minute of arrival, until a ledger event tells of them (ledger-event.ts). */
export interface AcceptedCounts {
  /** Counts a batch that arrived at `receivedMs`; called once it is durable, which may be in a later minute. */
  add(app: string, receivedMs: number, events: number): void
  /** What was counted of the minutes before, each event told once. */
  take(beforeMs: number): readonly MinuteCount[]
}

export function createAcceptedCounts(): AcceptedCounts {
  const minutes = new Map<number, Map<string, number>>()
  return {
    add(app, receivedMs, events) {
      const fromMs = minuteOf(receivedMs)
      const counts = minutes.get(fromMs) ?? new Map<string, number>()
      if (counts.size === 0) minutes.set(fromMs, counts)
      counts.set(app, (counts.get(app) ?? 0) + events)
    },
    take(beforeMs) {
      const past = [...minutes].filter(([fromMs]) => fromMs < beforeMs)
      for (const [fromMs] of past) minutes.delete(fromMs)
      return past.flatMap(([fromMs, counts]) => [...counts].map(([app, events]) => ({ app, fromMs, events })))
    },
  }
}
