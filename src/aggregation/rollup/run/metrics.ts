import type { Clock } from '../../../std/clock.ts'
import { counter, gauge, histogram } from '../../../std/metrics/instruments.ts'
import type { MetricRegistry } from '../../../std/metrics/metric-registry.ts'
import type { Manifest } from '../commit/manifest.ts'
import { rejectedIn } from '../engines/engine.ts'
import type { PlanMetrics } from '../plan/window-news.ts'
import type { WindowResult } from './log/run-record.ts'

export interface RollupMetrics extends PlanMetrics {
  windowDone(result: WindowResult): void
  /** Rows are counted once, not again for each generation of their window. */
  committed(manifest: Manifest, previous: Manifest | undefined): void
  runDone(seconds: number): void
}

export function rollupMetrics(metrics: MetricRegistry, clock: Clock): RollupMetrics {
  const windows = counter(metrics, 'headgate_rollup_windows_total')
  const late = counter(metrics, 'headgate_rollup_late_rows_total')
  const rejected = counter(metrics, 'headgate_rollup_rejected_rows_total')
  const seconds = histogram(metrics, 'headgate_rollup_run_seconds')
  const due = gauge(metrics, 'headgate_rollup_due_windows')
  const tooLate = gauge(metrics, 'headgate_rollup_too_late_rows')
  const ahead = gauge(metrics, 'headgate_rollup_ahead_rows')
  const toRepeat = gauge(metrics, 'headgate_rollup_windows_to_repeat')
  const newest = new Map<string, { readonly fromMs: number; readonly untilMs: number }>()
  const dueSince = new Map<string, number>()
  const secondsSince = (ms: number) => Math.max(0, clock.nowMs() - ms) / 1_000
  gauge(metrics, 'headgate_rollup_lag_seconds', (lag) => {
    for (const [rollup, { untilMs }] of newest) lag.set({ rollup }, secondsSince(untilMs))
  })
  gauge(metrics, 'headgate_rollup_behind_seconds', (behind) => {
    for (const [rollup, dueSinceMs] of dueSince) {
      const { untilMs = Number.POSITIVE_INFINITY } = newest.get(rollup) ?? {}
      behind.set({ rollup }, secondsSince(Math.min(untilMs, dueSinceMs)))
    }
  })

  return {
    windowDone: (result) => windows.inc({ result }),
    committed(manifest, previous) {
      const { counts } = manifest
      const before = previous?.counts
      late.inc(Math.max(0, counts.late - (before?.late ?? 0)))
      rejected.inc(Math.max(0, rejectedIn(counts) - (before ? rejectedIn(before) : 0)))
      this.committedUpTo(manifest)
    },
    committedUpTo: ({ rollup, fromMs, toMs, complete }) => {
      const [known, untilMs] = [newest.get(rollup), complete ? toMs : fromMs]
      // One that has not begun (a run took it while the clock was ahead) gives way to any other.
      const isNewer = known === undefined || untilMs > known.untilMs || known.fromMs > clock.nowMs()
      if (isNewer) newest.set(rollup, { fromMs, untilMs })
    },
    runDone: (taken) => seconds.observe(taken),
    waiting(rollup, { dueWindows, dueSinceMs, windowsToRepeat, tooLateRows, aheadRows }) {
      due.set({ rollup }, dueWindows)
      dueSince.set(rollup, dueSinceMs)
      toRepeat.set({ rollup }, windowsToRepeat)
      tooLate.set({ rollup }, tooLateRows)
      ahead.set({ rollup }, aheadRows)
    },
  }
}
