import { AppError } from '../../std/errors.ts'
import type { Batch } from '../collect/journal.ts'

/** Senders that can try again are refused first: the slice above is for beacons and pixels, which cannot. */
const RETRYING_SENDERS_SHARE = 0.8
const ALL_SENDERS_SHARE = 0.95

/** Throws `journal_full` when a journal that holds `heldBytes` has no room for this sender's batch. */
export function checkRoom(batch: Batch, heldBytes: number, maxBytes: number): void {
  const share = batch.canRetry ? RETRYING_SENDERS_SHARE : ALL_SENDERS_SHARE
  if (heldBytes + batch.bytes <= maxBytes * share) return
  const limit = `${share * 100} % of ${maxBytes}`
  throw new AppError('journal_full', `Journal holds ${heldBytes} bytes; this sender may fill it to ${limit}`)
}
