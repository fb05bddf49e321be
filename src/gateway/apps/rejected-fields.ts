import { mostRejected, type RejectedField } from '../../http/reconciliation.ts'
import type { Clock } from '../../std/clock.ts'
import { lineBudget } from '../../std/line-budget.ts'
import { counter } from '../../std/metrics/instruments.ts'
import type { Telemetry } from '../../std/telemetry.ts'

/** For which field of ours an event was rejected: the first that is wrong. */
export type FieldRejection = Pick<RejectedField, 'code' | 'field'>

/** Rejected events by app, code and field: which field it is the sender is told, and whoever runs this is asked. */
export interface RejectedFields {
  note(app: string, faults: readonly FieldRejection[]): void
  /** Those with most events, the most first. */
  top(): readonly RejectedField[]
}

/** How often one of them is logged at most. */
const LOG_EVERY_MS = 60_000
/** The most log lines a minute for all: an app with many faults does not fill the log. */
export const MAX_FIELD_LINES_A_MINUTE = 5

interface Entry {
  rejected: RejectedField
  /** On the clock that nobody sets. */
  loggedMs: number
  /** Events since then. */
  untold: number
}

/** As many as there are apps, fields of ours and two codes: nothing of it is a client's own text. */
export function createRejectedFields(clock: Clock, { log, metrics }: Telemetry): RejectedFields {
  const entries = new Map<string, Entry>()
  const events = counter(metrics, 'headgate_app_fields_rejected_total')
  const mayLog = lineBudget(clock, MAX_FIELD_LINES_A_MINUTE)

  function entryOf(app: string, { code, field }: FieldRejection): Entry {
    const key = `${app} ${code} ${field}`
    const known = entries.get(key)
    if (known !== undefined) return known
    const rejected = { app, code, field, events: 0, lastMs: 0 }
    const entry = { rejected, loggedMs: Number.NEGATIVE_INFINITY, untold: 0 }
    entries.set(key, entry)
    return entry
  }

  function count(entry: Entry, more: number): void {
    const { rejected } = entry
    const { app, code: reason, field } = rejected
    entry.rejected = { ...rejected, events: rejected.events + more, lastMs: clock.nowMs() }
    entry.untold += more
    events.inc({ app, reason, field }, more)
  }

  function tell(entry: Entry): void {
    const nowMs = clock.monotonicMs()
    if (nowMs - entry.loggedMs < LOG_EVERY_MS || !mayLog()) return
    const { app, code, field } = entry.rejected
    log.info({ app, code, field, events: entry.untold }, 'events are rejected for a field')
    entry.loggedMs = nowMs
    entry.untold = 0
  }

  return {
    note(app, faults) {
      // Nearly every request has none, and costs nothing here.
      if (faults.length === 0) return
      const found = new Map<Entry, number>()
      for (const fault of faults) {
        const entry = entryOf(app, fault)
        found.set(entry, (found.get(entry) ?? 0) + 1)
      }
      for (const [entry, more] of found) {
        count(entry, more)
        tell(entry)
      }
    },
    top: () => mostRejected([...entries.values()].map(({ rejected }) => rejected)),
  }
}
