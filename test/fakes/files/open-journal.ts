import {
  type DiskJournal,
  type DiskJournalOptions,
  openDiskJournal,
} from '../../../src/gateway/journal/disk/disk-journal.ts'
import { systemClock } from '../../../src/std/clock.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'

/** A disk journal with small segments and a frame a batch, for tests. */
export function openJournal(dir: string, more: Partial<DiskJournalOptions> = {}): Promise<DiskJournal> {
  const defaults = {
    maxBytes: 1024 * 1024,
    segmentBytes: 1024,
    frameBytes: 0,
    telemetry: quietTelemetry(),
    clock: systemClock,
  }
  return openDiskJournal({ dir, ...defaults, ...more })
}
