import { MINUTE_MS } from '../../std/durations.ts'
import { eventLine, sharedEnd } from './ndjson.ts'

/**
 * An event by which a gateway tells how many events of an app it accepted in a minute. It goes the way of all events, so
 * what gets lost behind the journal can be seen from the lake alone. Rollups leave it out, and no client may send one.
 */
export const LEDGER_NAME = 'headgate.ledger'

export interface LedgerEvent {
  readonly app: string
  /** The gateway that counted. */
  readonly instance: string
  /** Its process: each counts anew. */
  readonly run: string
  /** 1, 2, 3 … for the app and run: where one is left out, a ledger event was lost. */
  readonly sequence: number
  /** Start of the minute of arrival (`received_time`). A batch that became durable late is told of in another one. */
  readonly fromMs: number
  readonly events: number
  /** Events of the app since the run began, these included: tells what a lost ledger event would have. */
  readonly total: number
}

/** The stored line. Its times are the minute's start: who reads the rows of a range by arrival finds their ledgers as well. */
export function ledgerLine({ app, fromMs, events, ...rest }: LedgerEvent): string {
  const { instance, run, sequence, total } = rest
  const attributes = {
    ...{ instance, run, sequence: `${sequence}` },
    ...{ from: `${fromMs}`, to: `${fromMs + MINUTE_MS}`, total: `${total}` },
  }
  return eventLine(
    { name: LEDGER_NAME, value: events, attributes },
    { event_id: `${instance}-${run}-${sequence}`, event_time: fromMs, unit: '{event}', weight: 1 },
    sharedEnd({ received_time: fromMs, app_id: app }),
  )
}
