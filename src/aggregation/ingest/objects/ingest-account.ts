import type { Clock } from '../../../std/clock.ts'
import type { AppError } from '../../../std/errors.ts'
import { lineBudget } from '../../../std/line-budget.ts'
import { counter, gauge } from '../../../std/metrics/instruments.ts'
import { isProgrammerError } from '../../../std/programming-errors.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import { isUnusableEngine } from '../duckdb/sql-session.ts'
import type { Doubtful, IngestFailure, IngestReport, SetAside } from '../index/arrivals.ts'
import { logMistake, whyOf } from './failure-reason.ts'
import { addPart, emptyReport } from './ingest-report.ts'

/** The most log lines a minute of what is set aside, and of what cannot be taken. Ours: others fill the lake. */
const MAX_LINES_A_MINUTE = 20

export interface Pass {
  /** Adds what a part of the pass did; one that fails is named and holds up no other. */
  take(key: string, part: () => Promise<IngestReport>): Promise<void>
  /** What the log was told of already. */
  leave(trouble: IngestFailure): void
  /** What a look at the lake found that is passed over; one at a part of it says nothing of the rest. */
  passOver(found: readonly IngestFailure[], isWhole: boolean): void
  /** The engine does not work: what of these was not taken before cannot be. It is told by whoever ends for it. */
  breakOff(keys: readonly string[], unusable: AppError): void
  /** Everything that was done, told to whoever watches. */
  end(): IngestReport
}

/** Keeps the account of ingests, pass by pass. */
export function ingestAccount({ metrics, log }: Telemetry, clock: Clock) {
  const inputs = counter(metrics, 'headgate_ingest_objects_total')
  const rows = counter(metrics, 'headgate_ingest_rows_total')
  const malformed = counter(metrics, 'headgate_ingest_malformed_total')
  const aside = counter(metrics, 'headgate_ingest_set_aside_total')
  const doubtful = counter(metrics, 'headgate_ingest_doubtful_total')
  const failing = gauge(metrics, 'headgate_ingest_failing')
  const passedOver = gauge(metrics, 'headgate_lake_passed_over')
  /** By key, why: what the looks since the last whole one found, and that one. */
  const overlooked = new Map<string, string>()
  /** What the log was told; it is not told the same each time. */
  let told = new Map<string, string>()

  /** Each is met once, but there may be many; the run and the objects beside them name all. */
  const mayTell = lineBudget(clock, MAX_LINES_A_MINUTE)
  const mayTellFailed = lineBudget(clock, MAX_LINES_A_MINUTE)

  function setAside({ key, why, keptIn, lines }: SetAside): void {
    const isWhole = lines === undefined
    if (isWhole) aside.inc()
    if (!mayTell()) return
    if (isWhole)
      log.error({ key, why, keptIn }, 'an object cannot be read as events and is set aside in dead/')
    else log.warn({ key, why, keptIn, malformed: lines }, 'lines are no events and are set aside in dead/')
  }

  function doubt({ key, why, rows }: Doubtful): void {
    doubtful.inc(rows)
    if (mayTell()) log.warn({ key, why, rows }, 'rows are counted as they say, which was hardly meant')
  }

  function begin(signal: AbortSignal): Pass {
    const report = emptyReport()
    const tried = new Set<string>()

    function add(part: IngestReport): void {
      addPart(report, part)
      inputs.inc(part.inputs)
      rows.inc(part.rows)
      malformed.inc(part.malformed)
      part.setAside.forEach(setAside)
      part.doubtful.forEach(doubt)
    }

    function leave(trouble: IngestFailure): void {
      told.set(trouble.key, trouble.why)
      report.failed.push(trouble)
    }

    return {
      async take(key, part) {
        try {
          add(await part())
        } catch (error) {
          if (signal.aborted || isUnusableEngine(error)) throw error
          if (isProgrammerError(error)) logMistake(log, { key, error })
          report.failed.push({ key, why: whyOf(error) })
        }
        tried.add(key)
      },
      leave,
      passOver(found, isWhole) {
        if (isWhole) overlooked.clear()
        for (const { key, why } of found) overlooked.set(key, why)
        passedOver.set(overlooked.size)
        for (const [key, why] of overlooked) leave({ key, why })
      },
      breakOff(keys, unusable) {
        for (const key of keys) if (!tried.has(key)) leave({ key, why: unusable.message })
        report.unusable = unusable
      },
      end() {
        const known = told
        told = new Map()
        for (const { key, why } of report.failed) {
          const isNews = known.get(key) !== why
          // The next pass tells more.
          if (isNews && !mayTellFailed()) continue
          if (isNews) log.error({ key, why }, 'objects cannot be ingested now; the rest goes on')
          told.set(key, why)
        }
        failing.set(report.failed.length)
        return report
      },
    }
  }

  return { begin, setAside }
}
