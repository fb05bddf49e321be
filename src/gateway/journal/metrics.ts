import { codeOf } from '../../std/expected-errors.ts'
import { counter, gauge, histogram } from '../../std/metrics/instruments.ts'
import { inWords } from '../../std/system-faults.ts'
import type { Telemetry } from '../../std/telemetry.ts'

export interface JournalMetrics {
  groupSynced(frames: number, seconds: number): void
  quarantined(bytes: number): void
  holds(bytes: number): void
  /** Counts and logs a failed system call: `during` names what it was for. */
  failed(during: string, error: unknown): void
  /** Tells where something is now that is no file of ours. */
  movedAside(to: string, why: unknown): void
}

export function createJournalMetrics({ log, metrics }: Telemetry): JournalMetrics {
  const heldBytes = gauge(metrics, 'headgate_journal_bytes')
  const syncSeconds = histogram(metrics, 'headgate_journal_sync_seconds')
  const groupFrames = histogram(metrics, 'headgate_journal_group_frames')
  const quarantinedBytes = counter(metrics, 'headgate_journal_quarantined_bytes_total')
  const errors = counter(metrics, 'headgate_journal_errors_total')
  return {
    groupSynced(frames, seconds) {
      syncSeconds.observe(seconds)
      groupFrames.observe(frames)
    },
    holds: (bytes) => heldBytes.set(bytes),
    quarantined: (bytes) => quarantinedBytes.inc(bytes),
    failed(during, error) {
      const code = codeOf(error)
      errors.inc({ code })
      log.error({ code, during, why: inWords(error) }, 'a system call of the journal failed')
    },
    movedAside: (file, err) =>
      log.error({ file, err }, 'something lay in the place of a file of the journal and was moved here'),
  }
}
