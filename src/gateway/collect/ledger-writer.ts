import { type MinuteCount, minuteOf } from '../../event/ledger/app-tally.ts'
import type { Ledger } from '../../event/ledger/ledger.ts'
import { type LedgerEvent, ledgerLine } from '../../event/schema/ledger-event.ts'
import { linesToBytes } from '../../event/schema/ndjson.ts'
import { sleep } from '../../std/async/abort.ts'
import type { Clock } from '../../std/clock.ts'
import { MINUTE_MS } from '../../std/durations.ts'
import type { Entropy } from '../../std/id.ts'
import type { Telemetry } from '../../std/telemetry.ts'
import type { Journal } from '../journal/journal.ts'

export interface LedgerWriterOptions {
  /** The name of this gateway; workers may share it. */
  readonly instance: string
  readonly ledger: Ledger
  readonly journal: Journal
  readonly clock: Clock
  readonly entropy: Entropy
  readonly telemetry: Telemetry
  readonly everyMs?: number
}

export interface LedgerWriter {
  /** Tells of all that was accepted, the minute under way included. For when nothing more will be. */
  close(): Promise<void>
}

/** Ledger events of one batch: 300 bytes each, of what a frame may have (8 MiB). */
const MOST_IN_BATCH = 1_000
const RUN_CHARS = 8

/**
 * Once a minute, for each app of which something was accepted, a ledger event through the journal. What the journal
 * cannot take now is written later with the same id, should the journal have kept it after all.
 */
export function startLedgerWriter(options: LedgerWriterOptions): LedgerWriter {
  const { instance, ledger, clock, telemetry, everyMs = MINUTE_MS } = options
  const run = options.entropy.id().slice(0, RUN_CHARS)
  const accounts = new Map<string, { readonly sequence: number; readonly total: number }>()
  const waiting: LedgerEvent[] = []
  const ending = new AbortController()
  const working = work()

  async function work(): Promise<void> {
    while (!ending.signal.aborted) {
      await sleep(everyMs, ending.signal)
      await tell(minuteOf(clock.nowMs()))
    }
  }

  async function tell(beforeMs: number): Promise<void> {
    waiting.push(...ledger.tally.take(beforeMs).map(entered))
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MOST_IN_BATCH)
      try {
        await written(batch, options)
      } catch (error) {
        telemetry.log.warn({ err: error, events: batch.length }, 'ledger events wait for the journal')
        return
      }
      ledger.wroteLedger(batch.length)
      waiting.splice(0, batch.length)
    }
  }

  function entered({ app, fromMs, events }: MinuteCount): LedgerEvent {
    const last = accounts.get(app) ?? { sequence: 0, total: 0 }
    const account = { sequence: last.sequence + 1, total: last.total + events }
    accounts.set(app, account)
    return { app, instance, run, fromMs, events, ...account }
  }

  return {
    async close() {
      ending.abort()
      await working
      await tell(Number.POSITIVE_INFINITY)
    },
  }
}

async function written(
  events: readonly LedgerEvent[],
  { journal, clock }: LedgerWriterOptions,
): Promise<void> {
  const batch = { lines: linesToBytes(events.map(ledgerLine)), count: events.length }
  // Like a beacon's: there is nobody who would send it again.
  await journal.append({ ...batch, receivedMs: clock.nowMs(), canRetry: false })
}
