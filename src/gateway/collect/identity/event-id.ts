import { hash } from 'node:crypto'
import type { Measurement } from '../../../event/schema/event.ts'
import type { Clock } from '../../../std/clock.ts'
import { DAY_MS } from '../../../std/durations.ts'
import { type Entropy, ID_DIGITS } from '../../../std/id.ts'

const SALT_BYTES = 32

export interface IdSource {
  /** What the request is called whenever it comes again, if its sender gave it a key (idempotency.ts). */
  readonly requestId: string | undefined
  /** Where two ids must not show that they came together, or from one sender: what hides that. */
  readonly hide: ((id: string) => string) | undefined
  readonly entropy: Entropy
}

/**
 * Names the measurements of one request: a client's own id wins. Else the request's name and the place in it; of a
 * request without a name, one made by chance. Never its content or who sent it: equal measurements are as many events.
 */
export function eventIds({ requestId, hide, entropy }: IdSource): (m: Measurement, index: number) => string {
  let prefix = requestId
  return (m, index) => {
    if (m.event_id !== undefined) return m.event_id
    if (hide !== undefined) return requestId === undefined ? entropy.id() : hide(`${requestId}-${index}`)
    // One of chance a request: ids that begin alike take a fraction of the room in a column.
    prefix ??= entropy.id()
    return `${prefix}-${index}`
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
    return hash('sha256', `${salt}:${id}`, 'hex').slice(0, ID_DIGITS)
  }
}
