import type { RefusedField } from '../../http/reconciliation.ts'
import type { Clock } from '../../std/clock.ts'
import { lineBudget } from '../../std/line-budget.ts'
import { counter } from '../../std/metrics/instruments.ts'
import type { Telemetry } from '../../std/telemetry.ts'

/** For which field of ours an event was refused: the first that is wrong. */
export type BlamedField = Pick<RefusedField, 'code' | 'field'>

/** Refused events by app, code and field: which field it is the sender is told, and whoever runs this is asked. */
export interface RefusedFields {
  note(app: string, faults: readonly BlamedField[]): void
  /** Those with most events, the most first. */
  top(): readonly RefusedField[]
}

/** The most of them in one answer: nobody reads more. Ours. */
export const MAX_FIELDS_TOLD = 30
/** How often one of them is logged at most. */
const LOG_EVERY_MS = 60_000
/** The most log lines a minute for all: an app with many faults does not fill the log. */
export const MAX_FIELD_LINES_A_MINUTE = 5

interface Entry {
  refused: RefusedField
  /** On the clock that nobody sets. */
  loggedMs: number
  /** Events since then. */
  untold: number
}

/** As many as there are apps, fields of ours and two codes: nothing of it is a client's own text. */
export function createRefusedFields(clock: Clock, { log, metrics }: Telemetry): RefusedFields {
  const entries = new Map<string, Entry>()
  const events = counter(metrics, 'headgate_app_fields_rejected_total')
  const mayLog = lineBudget(clock, MAX_FIELD_LINES_A_MINUTE)

  function entryOf(app: string, { code, field }: BlamedField): Entry {
    const key = `${app} ${code} ${field}`
    const known = entries.get(key)
    if (known !== undefined) return known
    const refused = { app, code, field, events: 0, lastMs: clock.nowMs() }
    const entry = { refused, loggedMs: Number.NEGATIVE_INFINITY, untold: 0 }
    entries.set(key, entry)
    return entry
  }

  function tell(entry: Entry): void {
    const nowMs = clock.monotonicMs()
    if (nowMs - entry.loggedMs < LOG_EVERY_MS || !mayLog()) return
    const { app, code, field } = entry.refused
    log.info({ app, code, field, events: entry.untold }, 'events are refused for a field')
    entry.loggedMs = nowMs
    entry.untold = 0
  }

  return {
    note(app, faults) {
      const met = new Set<Entry>()
      for (const fault of faults) {
        const entry = entryOf(app, fault)
        entry.refused = { ...entry.refused, events: entry.refused.events + 1, lastMs: clock.nowMs() }
        entry.untold++
        events.inc({ app, reason: fault.code, field: fault.field })
        met.add(entry)
      }
      met.forEach(tell)
    },
    top: () =>
      [...entries.values()]
        .map(({ refused }) => refused)
        .sort((a, b) => b.events - a.events)
        .slice(0, MAX_FIELDS_TOLD),
  }
}
