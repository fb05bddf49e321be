import { isImported, parseDeadKey, parseRawKey } from '../../../lake/layout.ts'
import { alignDown, MINUTE_MS } from '../../../std/durations.ts'
import type { Find, Finds } from './erase-tools.ts'
import type { Erasure } from './erasure-record.ts'

/** What a search finds, beside what an erasure has found before: an event that lies in several objects counts once. */
export function gatheredFinds(before: Erasure): Finds & { together(): Erasure } {
  const rows = new Map<string, number>()
  const unsearched = new Map<string, string>()
  const identities = new Set(before.identities)
  const arrivals = new Map(before.arrivals)
  const minutes = new Set(before.minutes)

  function count({ identity, receivedMs, eventMs }: Find, key: string): void {
    if (eventMs !== undefined) minutes.add(eventMs)
    if (receivedMs === undefined || !cameThroughGateway(key) || identities.has(identity)) return
    identities.add(identity)
    const minuteMs = alignDown(receivedMs, MINUTE_MS)
    arrivals.set(minuteMs, 1 + (arrivals.get(minuteMs) ?? 0))
  }

  return {
    add(key, find) {
      rows.set(key, find.rows + (rows.get(key) ?? 0))
      count(find, key)
    },
    unsearched: (key, why) => void unsearched.set(key, why),
    together: () => ({
      ...before,
      objects: [...before.objects, ...Array.from(rows, ([key, count]) => ({ key, rows: count }))],
      identities: [...identities],
      arrivals: [...arrivals],
      minutes: [...minutes].sort((a, b) => a - b),
      unsearched: Array.from(unsearched, ([key, why]) => ({ key, why })),
    }),
  }
}

/** What it is counted against: of what did not, no gateway has accepted anything. */
function cameThroughGateway(key: string): boolean {
  const place = parseRawKey(key) ?? parseDeadKey(key)
  return place !== undefined && !isImported(key) && !/^(?:direct|ingest)-/.test(place.source)
}
