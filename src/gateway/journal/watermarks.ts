import { AppError } from '../../std/errors.ts'
import type { Batch } from './journal.ts'

/** Senders that can try again are refused first: the slice above is for beacons and pixels, which cannot. */
const RETRYING_SENDERS_SHARE = 0.8
/** Beacons and pixels have the slice up to this; the rest is headroom. Ours. */
const ALL_SENDERS_SHARE = 0.95

/** Whether a journal that holds `heldBytes` has room for this sender's batch. */
export const hasRoom = (batch: Batch, heldBytes: number, maxBytes: number): boolean =>
  heldBytes + batch.lines.length <= maxBytes * shareOf(batch)

/** Throws `journal_full` where there is no room. */
export function checkRoom(batch: Batch, heldBytes: number, maxBytes: number): void {
  if (!hasRoom(batch, heldBytes, maxBytes)) throw noRoom(batch, heldBytes, maxBytes)
}

export function noRoom(batch: Batch, heldBytes: number, maxBytes: number): AppError {
  const limit = `${shareOf(batch) * 100} % of ${maxBytes}`
  return new AppError('journal_full', `Journal holds ${heldBytes} bytes; this sender may fill it to ${limit}`)
}

const shareOf = ({ canRetry }: Batch): number => (canRetry ? RETRYING_SENDERS_SHARE : ALL_SENDERS_SHARE)
