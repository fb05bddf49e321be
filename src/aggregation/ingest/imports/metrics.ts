import { counter } from '../../../std/metrics/instruments.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { ImportReport } from './import-file.ts'

/** Tells what an import brought. */
export function importMetrics({ metrics }: Pick<Telemetry, 'metrics'>) {
  const events = counter(metrics, 'headgate_import_events_total')
  const rejected = counter(metrics, 'headgate_import_rejected_total')
  return (app: string, { accepted, rejectedBy }: ImportReport): void => {
    events.inc({ app }, accepted)
    for (const [reason, count] of rejectedBy) rejected.inc({ app, reason }, count)
  }
}
