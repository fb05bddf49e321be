import type { Clock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'

/** What a request costs beside its body until it is answered: otherwise tiny ones could be pipelined without end. */
export const REQUEST_BYTES = 4_096
/** What one request may need: its body as it comes, inflated, and room for the rest. No share is smaller. */
const LARGEST_BYTES = 6_291_456
/** One address, or one app, never holds what all others need. */
const PARTS = { address: 4, app: 2 } as const
/** Slower than any phone: GPRS sends 1 to 5 kB/s. The default of Apache's mod_reqtimeout (`body=20,MinRate=500`). */
const LEAST_BYTES_PER_SECOND = 500
/** Before that is asked, and the longest pause: a handover between cells takes seconds. */
export const GRACE_MS = 10_000

/** What one request holds of the budget. */
export interface Lease {
  /**
   * Claims more, or throws `overloaded`: then nothing more is held than before. `arrived`: how long the piece of a body is
   * for which it is claimed, as a short one holds more than that, and is none the faster.
   */
  grow(bytes: number, arrived?: number): void
  /** From now on a body arrives. It may be told to give way: then it is done with. */
  arriving(giveWay: (error: AppError) => void): void
  arrived(): void
  /** Gives everything back. Always called, whatever became of the request. */
  release(): void
}

export interface Holder {
  /** What counts as one address; none for whom limits by address do not concern. */
  readonly address: string | undefined
  readonly app: string | undefined
}

export interface ByteBudget {
  lease(holder: Holder): Lease
  heldBytes(): number
  /** Lets go of bodies that do not arrive. To be called every second or so. */
  sweep(): void
}

/** The whole, or what one of many may have of it. */
interface Share {
  readonly limitBytes: number
  heldBytes: number
}

interface Body {
  readonly shares: readonly Share[]
  readonly sinceMs: number
  lastMs: number
  /** That have arrived. */
  bytes: number
  giveWay(error: AppError): void
}

/**
 * Bounds the memory of all requests together, shared fairly. Bytes count as they arrive, not as Content-Length announces
 * them: sixty idle connections could announce the whole budget away. Where there is no room, the body that has been
 * arriving for longest gives way to the newcomer, first within the share of the same address and app.
 */
export function createByteBudget(limitBytes: number, clock: Clock): ByteBudget {
  const whole: Share = { limitBytes, heldBytes: 0 }
  const shareOf = { address: shares(limitBytes, PARTS.address), app: shares(limitBytes, PARTS.app) }
  /** Oldest first. */
  const bodies = new Set<Body>()

  function letGo(body: Body, error: AppError): void {
    bodies.delete(body)
    body.giveWay(error)
  }

  function makeRoom(share: Share, bytes: number, mine: Body | undefined): void {
    if (share.heldBytes + bytes <= share.limitBytes) return
    for (const body of bodies) {
      if (share.heldBytes + bytes <= share.limitBytes || body === mine) break
      if (body.shares.includes(share)) letGo(body, overloaded(share))
    }
    if (share.heldBytes + bytes > share.limitBytes) throw overloaded(share)
  }

  return {
    heldBytes: () => whole.heldBytes,
    lease({ address, app }) {
      const mine: Share[] = []
      shareOf.address.open(address, mine)
      shareOf.app.open(app, mine)
      mine.push(whole)
      let held = 0
      let body: Body | undefined
      let isOpen = true
      const hold = (bytes: number) => {
        held += bytes
        for (const share of mine) share.heldBytes += bytes
      }
      const release = () => {
        hold(-held)
        if (body !== undefined) bodies.delete(body)
      }
      return {
        grow(bytes, arrived = 0) {
          for (const share of mine) makeRoom(share, bytes, body)
          hold(bytes)
          if (body === undefined) return
          body.bytes += arrived
          body.lastMs = clock.monotonicMs()
        },
        arriving(giveWay) {
          const nowMs = clock.monotonicMs()
          body = {
            shares: mine,
            sinceMs: nowMs,
            lastMs: nowMs,
            bytes: 0,
            giveWay(error) {
              release()
              giveWay(error)
            },
          }
          bodies.add(body)
        },
        arrived() {
          if (body !== undefined) bodies.delete(body)
          body = undefined
        },
        release() {
          release()
          if (isOpen) {
            shareOf.address.close(address)
            shareOf.app.close(app)
          }
          isOpen = false
        },
      }
    },
    sweep() {
      const nowMs = clock.monotonicMs()
      for (const body of bodies) {
        const ageMs = nowMs - body.sinceMs
        if (ageMs < GRACE_MS) return
        const isSlow = body.bytes < (LEAST_BYTES_PER_SECOND * ageMs) / 1_000
        if (isSlow || nowMs - body.lastMs >= GRACE_MS) {
          letGo(body, new AppError('slow_request', 'The body does not arrive.'))
        }
      }
    },
  }
}

const overloaded = ({ limitBytes }: Share): AppError =>
  new AppError('overloaded', `Requests in flight would exceed ${limitBytes} bytes.`)

/** One for each name, as long as somebody holds anything of it. */
function shares(wholeBytes: number, parts: number) {
  const limitBytes = Math.min(wholeBytes, Math.max(wholeBytes / parts, LARGEST_BYTES))
  const open = new Map<string, Share & { leases: number }>()
  return {
    /** Joins those that a lease takes from; what has no name has none. */
    open(name: string | undefined, mine: Share[]): void {
      if (name === undefined) return
      let share = open.get(name)
      if (share === undefined) {
        share = { limitBytes, heldBytes: 0, leases: 0 }
        open.set(name, share)
      }
      share.leases++
      mine.push(share)
    },
    close(name = ''): void {
      const share = open.get(name)
      if (share !== undefined && --share.leases === 0) open.delete(name)
    },
  }
}
