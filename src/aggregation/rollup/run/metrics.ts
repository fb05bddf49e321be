import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Clock } from '../../../std/clock.ts'
import type { Manifest } from '../commit/manifest.ts'
import { rejectedIn } from '../engines/engine.ts'
import type { PlanMetrics } from '../plan/window-watch.ts'
import type { WindowResult } from './log/run-record.ts'

export interface RollupMetrics extends PlanMetrics {
  windowDone(result: WindowResult): void
  /** Rows are counted once, not again for each generation of their window. */
  committed(manifest: Manifest, previous: Manifest | undefined): void
  runDone(seconds: number): void
}

export function rollupMetrics(registry: Registry, clock: Clock): RollupMetrics {
  const registers = [registry]
  const windows = new Counter({
    name: 'headgate_rollup_windows_total',
    help: 'Windows that a run was through with, by result.',
    labelNames: ['result'],
    registers,
  })
  const late = new Counter({
    name: 'headgate_rollup_late_rows_total',
    help: 'Rows of committed windows that came after the grace.',
    registers,
  })
  const rejected = new Counter({
    name: 'headgate_rollup_rejected_rows_total',
    help: 'Rows of committed windows with a value that cannot be counted.',
    registers,
  })
  const seconds = new Histogram({
    name: 'headgate_rollup_run_seconds',
    help: 'Time from the start of a run to its end, or to its next try.',
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 1_800],
    registers,
  })
  const due = new Gauge({
    name: 'headgate_rollup_due_windows',
    help: 'Windows that are over and were not committed as complete, whatever their age.',
    labelNames: ['rollup'],
    registers,
  })
  const tooLate = new Gauge({
    name: 'headgate_rollup_too_late_rows',
    help: 'Rows that came after their window was sealed: a run with reprocess "all" counts them.',
    labelNames: ['rollup'],
    registers,
  })
  const newest = new Map<string, number>()
  new Gauge({
    name: 'headgate_rollup_lag_seconds',
    help: 'Time since the end of the newest committed window; 0 while it is open.',
    labelNames: ['rollup'],
    registers,
    collect() {
      for (const [rollup, toMs] of newest) this.set({ rollup }, Math.max(0, clock.nowMs() - toMs) / 1_000)
    },
  })

  return {
    windowDone: (result) => windows.inc({ result }),
    committed({ rollup, toMs, counts }, previous) {
      const before = previous?.counts
      late.inc(Math.max(0, counts.late - (before?.late ?? 0)))
      rejected.inc(Math.max(0, rejectedIn(counts) - (before ? rejectedIn(before) : 0)))
      this.committedUpTo(rollup, toMs)
    },
    committedUpTo: (rollup, toMs) => {
      newest.set(rollup, Math.max(toMs, newest.get(rollup) ?? 0))
    },
    runDone: (taken) => seconds.observe(taken),
    waiting(rollup, { dueWindows, tooLateRows }) {
      due.set({ rollup }, dueWindows)
      tooLate.set({ rollup }, tooLateRows)
    },
  }
}
