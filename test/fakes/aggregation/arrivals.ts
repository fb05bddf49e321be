import type {
  ArrivedObject,
  Doubtful,
  IngestFailure,
  LakeArrivals,
  SetAside,
} from '../../../src/aggregation/ingest/index/arrivals.ts'
import type { AppError } from '../../../src/std/errors.ts'
import { minuteRows } from './minutes.ts'

/** As much of an event as the memory engine looks at. */
export interface FakeEvent {
  readonly timeMs: number
  readonly value: number
  readonly receivedMs?: number
}

export interface MemoryArrivals extends LakeArrivals {
  /** A raw object lands in the lake; the next ingest indexes it. */
  deliver(key: string, events: readonly FakeEvent[]): void
  /** The object is gone, as after a careless deletion. */
  lose(key: string): void
  eventsOf(key: string): readonly FakeEvent[] | undefined
  /** The next ingests reject with these. */
  readonly failures: Error[]
  /** What the next ingest says of objects that it set aside or could not take. */
  readonly troubles: {
    setAside: SetAside[]
    doubtful: Doubtful[]
    failed: IngestFailure[]
    unusable?: AppError
  }
  /** Keys of objects that lie where an ingest looks only when it is to look everywhere. */
  readonly elsewhere: Set<string>
  /** Keys that cannot be read any more: a look at them sets them aside. */
  readonly unreadable: Set<string>
  /** How often small objects were to be joined, with what the next times reject, and who is told of each. */
  readonly joins: { count: number; failures: Error[]; begun: () => void }
  /** What was made durable, in its order; the next times reject with the failures. */
  readonly durable: { keys: (readonly string[])[]; failures: Error[] }
}

/** What has arrived, in memory. */
export function memoryArrivals(): MemoryArrivals {
  const raw = new Map<string, readonly FakeEvent[]>()
  const indexed = new Map<string, readonly FakeEvent[]>()
  const failures: Error[] = []
  const troubles: MemoryArrivals['troubles'] = { setAside: [], doubtful: [], failed: [] }
  const unreadable = new Set<string>()
  const elsewhere = new Set<string>()
  const joins: MemoryArrivals['joins'] = { count: 0, failures: [], begun: () => {} }
  const durable: MemoryArrivals['durable'] = { keys: [], failures: [] }
  const all = () => [...indexed.values()].flat()

  return {
    failures,
    troubles,
    unreadable,
    elsewhere,
    joins,
    durable,
    deliver: (key, events) => raw.set(key, events),
    lose: (key) => indexed.delete(key),
    eventsOf: (key) => indexed.get(key),
    async ingest(_signal, { everywhere = false } = {}) {
      const failure = failures.shift()
      if (failure) throw failure
      const found = [...raw].filter(([key]) => everywhere || !elsewhere.has(key))
      const rows = found.flatMap(([, events]) => events).length
      for (const [key, events] of found) {
        indexed.set(key, events)
        raw.delete(key)
      }
      return { inputs: found.length, rows, malformed: 0, ...troubles }
    },
    notTakenIn: async () => raw.size,
    locate: async (keys) => keys,
    async join() {
      joins.count += 1
      joins.begun()
      const failure = joins.failures.shift()
      if (failure) throw failure
    },
    async reexamine(keys) {
      const found = keys.filter((key) => unreadable.has(key))
      for (const key of found) indexed.delete(key)
      return found.map((key) => ({ key, why: 'Its pages are damaged', keptIn: `dead/${key}` }))
    },
    async touching(fromMs, toMs) {
      const within = ({ timeMs }: FakeEvent) => timeMs >= fromMs && timeMs < toMs
      const found = [...indexed].filter(([, events]) => events.some(within))
      return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, events]) => arrived(key, events))
    },
    async touched() {
      const minutes = new Map<number, number>()
      for (const events of indexed.values())
        for (const minute of Object.keys(minutesOf(events)).map(Number))
          minutes.set(minute, 1 + (minutes.get(minute) ?? 0))
      return minutes
    },
    async makeDurable(keys) {
      const failure = durable.failures.shift()
      if (failure) throw failure
      durable.keys.push(keys)
    },
    received: async () => [],
    earliestMs: async () =>
      indexed.size === 0 ? undefined : Math.min(...all().map(({ timeMs }) => minuteOf(timeMs))),
  }
}

const minuteOf = (ms: number) => Math.floor(ms / 60_000) * 60_000

function minutesOf(events: readonly FakeEvent[]): Record<string, number> {
  const minutes: Record<string, number> = {}
  for (const { timeMs } of events) minutes[minuteOf(timeMs)] = (minutes[minuteOf(timeMs)] ?? 0) + 1
  return minutes
}

function arrived(key: string, events: readonly FakeEvent[]): ArrivedObject {
  const arrivedMs = Math.max(...events.map(({ timeMs, receivedMs = timeMs }) => receivedMs))
  return {
    key,
    rows: events.length,
    bytes: events.length * 100,
    arrivedMs,
    minutes: minuteRows(minutesOf(events)),
  }
}
