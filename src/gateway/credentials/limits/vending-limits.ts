import type { GatewayConfig } from '../../../config/schema/config-schema.ts'
import { addressBlock } from '../../../http/sender/ip-address.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError, type ErrorCode } from '../../../std/errors.ts'
import { createBuckets, type Rate } from '../../apps/gcra.ts'

/** Remembered at a time, about 100 bytes each. */
export const MAX_VENDING_ADDRESSES = 50_000
/** More than addresses: of an office or a mobile network many subjects have one. */
export const MAX_SUBJECTS = 100_000
/** As many as a configuration may hold. */
const MAX_APPS = 10_000

const MINUTE_SECONDS = 60
const HOUR_SECONDS = 3_600

/** In the order in which a request meets them. Each takes from its bucket, or throws with the time until it has room. */
export interface VendingLimits {
  /** Before anything is read: the only one that a request without a valid token ever meets. */
  address(address: string): void
  /** The one that matters: many subjects share an address, and one of them must not shut out the others. */
  subject(app: string, subjectHash: string): void
  app(app: string): void
  /** Subjects that this process has not seen before: whoever makes up identities is bounded by it. */
  newSubject(app: string): void
  /** Charged for all apps whose sessions anyone may have: together they must not use up what the others need. */
  anonymous(): void
  /** STS grants the whole account, in a Region, 600 calls a second: we take a small part of them. */
  sts(): void
}

/** The limits of this process: each of `workers` has its part. */
export function createVendingLimits(
  limits: GatewayConfig['credentials']['limits'],
  workers: number,
  clock: Clock,
): VendingLimits {
  const buckets = (maxKeys: number) => createBuckets(maxKeys, () => clock.monotonicMs())
  const [addresses, subjects, apps] = [
    buckets(MAX_VENDING_ADDRESSES),
    buckets(MAX_SUBJECTS),
    buckets(MAX_APPS),
  ]
  const [newcomers, anonymous, sts] = [buckets(MAX_APPS), buckets(1), buckets(1)]
  const shared = (perSecond: number, burst: number): Rate => ({
    perSecond: perSecond / workers,
    burst: Math.max(1, burst / workers),
  })
  const within = (amount: number, seconds: number): Rate => shared(amount / seconds, amount)

  const limit = (from: ReturnType<typeof buckets>, rate: Rate, code: ErrorCode, message: string) => {
    return (key: string): void => {
      const retryAfterMs = from.take(key, 1, rate)
      if (retryAfterMs > 0) throw new AppError(code, message, { retryAfterMs })
    }
  }
  const { addressPerMinute, subjectPerHour, appPerMinute, newSubjectsPerMinute, publicPerMinute } = limits
  const byAddress = limit(
    addresses,
    within(addressPerMinute, MINUTE_SECONDS),
    'address_limit',
    `This address may ask ${addressPerMinute} times a minute.`,
  )
  const bySubject = limit(
    subjects,
    within(subjectPerHour, HOUR_SECONDS),
    'subject_limit',
    `A subject may ask ${subjectPerHour} times an hour; keep the credentials until refreshAfter.`,
  )
  const byApp = limit(
    apps,
    within(appPerMinute, MINUTE_SECONDS),
    'app_limit',
    `The app is over its ${appPerMinute} requests for credentials a minute.`,
  )
  const byNewcomers = limit(
    newcomers,
    within(newSubjectsPerMinute, MINUTE_SECONDS),
    'app_limit',
    `The app is over its ${newSubjectsPerMinute} new subjects a minute.`,
  )
  const byAnonymous = limit(
    anonymous,
    within(publicPerMinute, MINUTE_SECONDS),
    'app_limit',
    `Credentials for anyone are over their ${publicPerMinute} a minute.`,
  )
  const bySts = limit(
    sts,
    shared(limits.stsPerSecond, limits.stsBurst),
    'vending_saturated',
    'More credentials are asked for than this gateway may give.',
  )
  return {
    address: (address) => byAddress(addressBlock(address)),
    subject: (app, subjectHash) => bySubject(`${app} ${subjectHash}`),
    app: byApp,
    newSubject: byNewcomers,
    anonymous: () => byAnonymous(''),
    sts: () => bySts(''),
  }
}
