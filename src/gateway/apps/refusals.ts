import { Counter, type Registry as Metrics } from 'prom-client'
import { type RefusedClient, whoIs } from '../../http/reconciliation.ts'
import type { Clock } from '../../std/clock.ts'
import type { Telemetry } from '../../std/telemetry.ts'

/** Who was refused, as far as it says so itself, and why. */
export type Refused = Omit<RefusedClient, 'requests' | 'firstMs' | 'lastMs'>

export interface Refusals {
  note(refused: Refused): void
  /** Of those remembered, who was refused most often. */
  top(): readonly RefusedClient[]
}

/** Clients remembered, some 300 bytes each: those refused last. However many come, it is no more. */
export const MAX_CLIENTS = 500
/** Told in one answer: nobody reads more. */
export const MAX_TOLD = 50
/** Series of the metric that have a client's own text in them; whoever comes later is counted as `~other`. */
export const MAX_SERIES = 200
/** Of one client. */
const LOG_EVERY_MS = 60_000
/** Of all together: a crowd does not fill the log. */
export const MAX_LINES_A_MINUTE = 20

interface Entry {
  client: RefusedClient
  loggedMs: number
  /** Requests since then. */
  untold: number
}

/** Refused requests by whom they came from: what an operator looks for when no events arrive. */
export function createRefusals(clock: Clock, { log, metrics }: Telemetry): Refusals {
  /** In the order in which they were refused last. */
  const entries = new Map<string, Entry>()
  const count = countIn(metrics)
  const mayLog = lineBudget(clock)

  function entryOf(key: string, refused: Refused): Entry {
    const nowMs = clock.nowMs()
    const known = entries.get(key)
    entries.delete(key)
    const entry = known ?? {
      client: { ...refused, requests: 0, firstMs: nowMs, lastMs: nowMs },
      loggedMs: Number.NEGATIVE_INFINITY,
      untold: 0,
    }
    entries.set(key, entry)
    if (entries.size > MAX_CLIENTS) entries.delete(String(entries.keys().next().value))
    return entry
  }

  return {
    note(refused) {
      const nowMs = clock.nowMs()
      const entry = entryOf(whoIs(refused), refused)
      entry.client = { ...entry.client, requests: entry.client.requests + 1, lastMs: nowMs }
      entry.untold++
      count(refused)
      if (nowMs - entry.loggedMs < LOG_EVERY_MS || !mayLog()) return
      log.info({ ...refused, requests: entry.untold }, 'requests are refused')
      entry.loggedMs = nowMs
      entry.untold = 0
    },
    top: () => mostRefused([...entries.values()].map(({ client }) => client)),
  }
}

const mostRefused = (clients: readonly RefusedClient[]): readonly RefusedClient[] =>
  [...clients].sort((a, b) => b.requests - a.requests).slice(0, MAX_TOLD)

/** True as often as lines may be written in this minute. */
function lineBudget(clock: Clock): () => boolean {
  let fromMs = Number.NEGATIVE_INFINITY
  let lines = 0
  return () => {
    const nowMs = clock.monotonicMs()
    if (nowMs - fromMs >= LOG_EVERY_MS) {
      fromMs = nowMs
      lines = 0
    }
    return lines++ < MAX_LINES_A_MINUTE
  }
}

function countIn(metrics: Metrics): (refused: Refused) => void {
  const refusals = new Counter({
    name: 'headgate_refused_clients_total',
    help: 'Requests that ended in a problem, by app, code and the origin or the beginning of the key; from the 201st on by ~other.',
    labelNames: ['app', 'code', 'from'],
    registers: [metrics],
  })
  const series = new Set<string>()
  return (refused) => {
    const { app = '~unknown', code, origin, keyPrefix } = refused
    const own = origin ?? (keyPrefix === undefined ? '~none' : `key ${keyPrefix}…`)
    if (series.size < MAX_SERIES) series.add(whoIs(refused))
    refusals.inc({ app, code, from: series.has(whoIs(refused)) ? own : '~other' })
  }
}
