import { counter } from '../../../std/metrics/instruments.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import type { Erasure } from './erasure-record.ts'

/** Tells what went. */
export function erasureMetrics({ metrics }: Pick<Telemetry, 'metrics'>) {
  const erasures = counter(metrics, 'headgate_erasures_total')
  const rows = counter(metrics, 'headgate_erased_rows_total')
  return ({ app, state, dryRun, objects }: Erasure): void => {
    if (dryRun) return
    erasures.inc({ state })
    rows.inc(
      { app },
      objects.reduce((sum, each) => sum + each.rows, 0),
    )
  }
}
