import { type RefusedClient, UNSTORED_CODES, whoIs } from '../../http/reconciliation.ts'
import type { Clock } from '../../std/clock.ts'
import { lineBudget } from '../../std/line-budget.ts'
import { counter } from '../../std/metrics/instruments.ts'
import type { MetricRegistry } from '../../std/metrics/metric-registry.ts'
import type { Telemetry } from '../../std/telemetry.ts'

/** Who was refused, as far as it says so itself, and why. */
export type RefusedSource = Omit<RefusedClient, 'requests' | 'firstMs' | 'lastMs'>

export interface Refusals {
  note(refused: RefusedSource): void
  /** The remembered clients that were refused most often. */
  top(): readonly RefusedClient[]
}

/**
 * What a client says of itself. Anybody can make up keys and origins: however many do, those of one kind take the room of
 * their own kind only, and whoever an operator looks for stays.
 */
type Kind = 'app' | 'key' | 'origin' | 'nothing'
const kindOf = ({ app, keyPrefix, origin }: RefusedSource): Kind =>
  app !== undefined ? 'app' : keyPrefix !== undefined ? 'key' : origin !== undefined ? 'origin' : 'nothing'

/** Clients of a kind that are remembered, some 300 bytes each. However many come, it is no more. */
export const MAX_CLIENTS = 125
/** The most clients of a kind in one answer: nobody reads more. */
export const MAX_TOLD = 15
/** Series of the metric that have the text of clients of a kind in them; whoever comes later is counted as `~other`. */
export const MAX_SERIES = 50
/** How often one client is logged at most. */
const LOG_EVERY_MS = 60_000
/** The most log lines a minute for all clients of a kind: a crowd does not fill the log. */
export const MAX_LINES_A_MINUTE = 5

interface Entry {
  client: RefusedClient
  /** On the clock that nobody sets. */
  loggedMs: number
  /** Requests since then. */
  untold: number
}

/** Refused requests by whom they came from: what an operator looks for when no events arrive. */
export function createRefusals(clock: Clock, { log, metrics }: Telemetry): Refusals {
  const rooms = byKind(() => createRoom(clock))
  const count = countIn(metrics)

  return {
    note(refused) {
      const { entryOf, mayLog } = rooms[kindOf(refused)]
      const entry = entryOf(refused)
      entry.client = { ...entry.client, requests: entry.client.requests + 1, lastMs: clock.nowMs() }
      entry.untold++
      count(refused)
      const nowMs = clock.monotonicMs()
      if (nowMs - entry.loggedMs < LOG_EVERY_MS || !mayLog()) return
      log.info({ ...refused, requests: entry.untold }, 'requests are refused')
      entry.loggedMs = nowMs
      entry.untold = 0
    },
    top: () =>
      Object.values(rooms)
        .flatMap((room) => room.top())
        .sort((a, b) => b.requests - a.requests),
  }
}

const byKind = <T>(make: () => T): Record<Kind, T> => ({
  app: make(),
  key: make(),
  origin: make(),
  nothing: make(),
})

/** Room for the clients of one kind. */
function createRoom(clock: Clock) {
  /** In the order in which they were refused last. */
  const entries = new Map<string, Entry>()

  function entryOf(refused: RefusedSource): Entry {
    const key = whoIs(refused)
    const known = entries.get(key)
    entries.delete(key)
    if (known === undefined && entries.size >= MAX_CLIENTS) entries.delete(leastMissed())
    const nowMs = clock.nowMs()
    const entry = known ?? {
      client: { ...refused, requests: 0, firstMs: nowMs, lastMs: nowMs },
      loggedMs: Number.NEGATIVE_INFINITY,
      untold: 0,
    }
    entries.set(key, entry)
    return entry
  }

  /** Whoever came once, and longest ago; else whoever came longest ago. */
  function leastMissed(): string {
    const [oldest = ''] = entries.keys()
    for (const [key, { client }] of entries) if (client.requests === 1) return key
    return oldest
  }

  return {
    entryOf,
    mayLog: lineBudget(clock, MAX_LINES_A_MINUTE),
    top: () => mostRefused([...entries.values()].map(({ client }) => client)),
  }
}

/** Whose good events could not be stored is told whatever else happened: it is no fault of theirs. */
const mostRefused = (clients: readonly RefusedClient[]): readonly RefusedClient[] =>
  [...clients]
    .sort((a, b) => Number(isUnstored(b)) - Number(isUnstored(a)) || b.requests - a.requests)
    .slice(0, MAX_TOLD)

const isUnstored = ({ code }: RefusedClient): boolean => UNSTORED_CODES.includes(code)

function countIn(metrics: MetricRegistry): (refused: RefusedSource) => void {
  const refusals = counter(metrics, 'headgate_refused_clients_total')
  const seriesOf = byKind(() => new Set<string>())
  return (refused) => {
    const { app = '~unknown', code, origin, keyPrefix } = refused
    const own = origin ?? (keyPrefix === undefined ? '~none' : `key ${keyPrefix}…`)
    const series = seriesOf[kindOf(refused)]
    if (series.size < MAX_SERIES) series.add(whoIs(refused))
    refusals.inc({ app, code, from: series.has(whoIs(refused)) ? own : '~other' })
  }
}
