import { Counter, Gauge, Histogram } from 'prom-client'
import { errnoOf } from '../../std/files/files.ts'
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
  const registers = [metrics]
  const heldBytes = new Gauge({
    name: 'headgate_journal_bytes',
    help: 'Bytes in segments that are not yet removed, delivered or not.',
    registers,
  })
  const syncSeconds = new Histogram({
    name: 'headgate_journal_sync_seconds',
    help: 'One write and one fdatasync.',
    buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
    registers,
  })
  const groupFrames = new Histogram({
    name: 'headgate_journal_group_frames',
    help: 'Frames that shared one sync.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    registers,
  })
  const quarantinedBytes = new Counter({
    name: 'headgate_journal_quarantined_bytes_total',
    help: 'Damaged bytes copied to quarantine.',
    registers,
  })
  const errors = new Counter({
    name: 'headgate_journal_errors_total',
    help: 'Failed system calls, by errno.',
    labelNames: ['code'],
    registers,
  })
  return {
    groupSynced(frames, seconds) {
      syncSeconds.observe(seconds)
      groupFrames.observe(frames)
    },
    holds: (bytes) => heldBytes.set(bytes),
    quarantined: (bytes) => quarantinedBytes.inc(bytes),
    failed(during, error) {
      const code = errnoOf(error)
      errors.inc({ code })
      log.error({ code, during }, 'journal: a system call failed')
    },
    movedAside: (file, err) =>
      log.error({ file, err }, 'journal: something lay in the place of a file of ours and was moved here'),
  }
}
