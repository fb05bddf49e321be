import type { RequestSender } from '../../http/sender/sender.ts'
import type { Clock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'
import { createBuckets, type Rate } from './gcra.ts'

/** Addresses remembered; about 100 bytes each. The plugin's default of 5,000 is one small botnet. */
export const MAX_LIMITED_ADDRESSES = 50_000

/**
 * Bytes that cost as much as a request, on the wire and once more after inflating: what takes a millisecond to parse. With
 * the limits as they come an address may send 6 MiB a second, which is more than an app may; a beacon costs nothing more.
 */
export const BYTES_A_REQUEST = 131_072

/** Charges the address of a sender for bytes, or throws `address_limit` where it owes for others. */
export type ChargeAddress = (sender: RequestSender, bytes: number) => void

/**
 * Bytes that are read for nobody are charged in steps of a sixteenth of a request: they could have been sent as one of
 * no use at all.
 */
export const UNREAD_STEP_BYTES = BYTES_A_REQUEST / 16

/** Charges for what comes in pieces, each of them too small to be charged for. */
export function metered(
  charge: (sender: RequestSender, bytes: number) => unknown,
  sender: RequestSender,
  stepBytes = BYTES_A_REQUEST,
): (bytes: number) => void {
  let owed = 0
  return (bytes) => {
    owed += bytes
    if (owed < stepBytes) return
    const due = owed - (owed % stepBytes)
    owed -= due
    charge(sender, due)
  }
}

type BucketAnswer = (error: Error | null, result?: { current: number; ttl: number }) => void

/**
 * A store for @fastify/rate-limit, which keeps what it is good at: its place in the hooks. Its own stores count in fixed
 * windows, which let twice the limit through at the edge. The plugin asks for a count and a time to live and refuses when
 * the count is above its `max`: with `max: 0`, a bucket that has room answers 0, an empty one 1 and, as the time to live,
 * exactly how long to wait.
 */
export function addressLimit(rate: Rate, clock: Clock) {
  const buckets = createBuckets(MAX_LIMITED_ADDRESSES, () => clock.monotonicMs())
  /** What is done already, for an answer that is known: the next request pays. */
  const owe = ({ block, isExempt }: RequestSender, bytes: number): number =>
    isExempt ? 0 : buckets.owe(block, bytes / BYTES_A_REQUEST, rate)
  const charge: ChargeAddress = (sender, bytes) => {
    const retryAfterMs = bytes < BYTES_A_REQUEST ? 0 : owe(sender, bytes - (bytes % BYTES_A_REQUEST))
    if (retryAfterMs > 0) throw tooMuch(retryAfterMs)
  }
  class AddressLimitStore {
    incr(address: string, answer: BucketAnswer): void {
      const waitMs = buckets.take(address, 1, rate)
      answer(null, { current: waitMs > 0 ? 1 : 0, ttl: waitMs })
    }

    /** The plugin wants one for routes with limits of their own; ours share their buckets. */
    child(): AddressLimitStore {
      return this
    }
  }
  return { Store: AddressLimitStore, charge, owe }
}

export const tooMuch = (retryAfterMs: number): AppError =>
  new AppError('address_limit', 'This address sends too much.', { retryAfterMs })
