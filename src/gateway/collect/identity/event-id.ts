import { hash } from 'node:crypto'
import type { Measurement } from '../../event/event.ts'
import type { Clock } from '../../std/clock.ts'
import type { Entropy } from '../../std/id.ts'

/** 128 bits of a SHA-256, as hex digits: no two of 10^15 ids are the same by chance, and it is the size of a UUID. */
const ID_DIGITS = 32
const DAY_MS = 86_400_000
const SALT_BYTES = 32

export interface IdSource {
  readonly body: Buffer
  readonly userAgent: string
  /** The sender's network, if it may be known (see http/addresses.ts). Asked at most once. */
  readonly networkOf: () => string
  /** Whether the sender would send the same bytes again: then the same bytes must give the same ids. */
  readonly canRetry: boolean
  readonly entropy: Entropy
}

/**
 * Names the measurements of one request: a client's own id wins. Else, for senders that retry, a hash of the request and
 * the place in it, taken once per request and only if needed. For those that never do, chance: two visitors behind one
 * address whose beacons happen to be equal are two events.
 */
export function eventIds(source: IdSource): (m: Measurement, index: number) => string {
  let requestId: string | undefined
  return (m, index) => {
    if (m.event_id !== undefined) return m.event_id
    if (!source.canRetry) return source.entropy.id()
    requestId ??= digest(`${digest(source.body)} ${source.networkOf()} ${source.userAgent}`)
    return `${requestId}-${index}`
  }
}

/** Ids under Global Privacy Control: the same within a process and a UTC day, so that duplicates go, and unlinkable beyond. */
export function daySalt(entropy: Entropy, clock: Clock): (id: string) => string {
  let salt = ''
  let saltDay = -1
  return (id) => {
    const day = Math.floor(clock.nowMs() / DAY_MS)
    if (day !== saltDay) {
      salt = entropy.token(SALT_BYTES)
      saltDay = day
    }
    return digest(`${salt}:${id}`)
  }
}

const digest = (data: string | Buffer): string => hash('sha256', data, 'hex').slice(0, ID_DIGITS)
