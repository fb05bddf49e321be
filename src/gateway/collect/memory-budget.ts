import { LARGEST_REQUEST_BYTES } from '../../event/schema/largest-request.ts'
import type { Clock } from '../../std/clock.ts'
import { AppError } from '../../std/errors.ts'

/** What a request costs beside its body until it is answered: otherwise tiny ones could be pipelined without end. */
export const REQUEST_BYTES = 4_096
/** One address, or one app, never holds what all others need. */
const PARTS = { address: 4, app: 2 } as const
/** Slower than any phone: GPRS sends 1 to 5 kB/s. The default of Apache's mod_reqtimeout (`body=20,MinRate=500`). */
const LEAST_BYTES_PER_SECOND = 500
/** Before that is asked, and the longest pause: a handover between cells takes seconds. */
export const GRACE_MS = 10_000

/** What one request holds of the budget. */
export interface ByteReservation {
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
  lease(holder: Holder): ByteReservation
  heldBytes(): number
  /** Lets go of bodies that do not arrive. To be called every second or so. */
  sweep(): void
}

/** The whole, or what one of many may have of it. */
interface BudgetShare {
  readonly limitBytes: number
  heldBytes: number
}

/** When the body of a request arrived, and how fast. */
interface Arrival {
  readonly sinceMs: number
  lastMs: number
  /** That have arrived. */
  bytes: number
  readonly giveWay: (error: AppError) => void
}

/** What leases have in common. */
interface Book {
  readonly clock: Clock
  readonly arriving: ArrivalLine
  close(holder: Holder): void
}

/**
 * Leases with a body that arrives, oldest first. They know their neighbours: a Set that is empty again, as after nearly
 * each request, is made anew.
 */
class ArrivalLine {
  #oldest: OpenLease | undefined
  #newest: OpenLease | undefined

  add(lease: OpenLease): void {
    lease.older = this.#newest
    if (lease.older === undefined) this.#oldest = lease
    else lease.older.newer = lease
    this.#newest = lease
  }

  remove(lease: OpenLease): void {
    const { older, newer } = lease
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    lease.older = undefined
    lease.newer = undefined
  }

  /** Each may leave the line when it is its turn. */
  *[Symbol.iterator](): Generator<OpenLease> {
    for (let lease = this.#oldest; lease !== undefined; ) {
      const { newer } = lease
      yield lease
      lease = newer
    }
  }
}

/** A class, as each request has one: as many closures take more time than all that they do. */
class OpenLease implements ByteReservation {
  readonly shares: readonly BudgetShare[]
  readonly #holder: Holder
  readonly #book: Book
  #held = 0
  #isOpen = true
  /** As long as a body arrives. */
  arrival: Arrival | undefined
  older: OpenLease | undefined
  newer: OpenLease | undefined

  constructor(holder: Holder, shares: readonly BudgetShare[], book: Book) {
    this.#holder = holder
    this.shares = shares
    this.#book = book
  }

  grow(bytes: number, arrived = 0): void {
    for (const share of this.shares) this.#makeRoom(share, bytes)
    this.#hold(bytes)
    const { arrival } = this
    if (arrival === undefined) return
    arrival.bytes += arrived
    arrival.lastMs = this.#book.clock.monotonicMs()
  }

  arriving(giveWay: (error: AppError) => void): void {
    const nowMs = this.#book.clock.monotonicMs()
    this.arrival = { sinceMs: nowMs, lastMs: nowMs, bytes: 0, giveWay }
    this.#book.arriving.add(this)
  }

  arrived(): void {
    if (this.arrival !== undefined) this.#book.arriving.remove(this)
    this.arrival = undefined
  }

  giveWay(error: AppError): void {
    // Whoever is told has one.
    const { giveWay } = this.arrival as Arrival
    this.#letGo()
    giveWay(error)
  }

  release(): void {
    this.#letGo()
    if (this.#isOpen) this.#book.close(this.#holder)
    this.#isOpen = false
  }

  #letGo(): void {
    this.#hold(-this.#held)
    this.arrived()
  }

  #hold(bytes: number): void {
    this.#held += bytes
    for (const share of this.shares) share.heldBytes += bytes
  }

  #makeRoom(share: BudgetShare, bytes: number): void {
    if (share.heldBytes + bytes <= share.limitBytes) return
    for (const lease of this.#book.arriving) {
      if (share.heldBytes + bytes <= share.limitBytes || lease === this) break
      if (lease.shares.includes(share)) lease.giveWay(overloaded(share))
    }
    if (share.heldBytes + bytes > share.limitBytes) throw overloaded(share)
  }
}

/**
 * Bounds the memory of all requests together, shared fairly. Bytes count as they arrive, not as Content-Length announces
 * them: sixty idle connections could announce the whole budget away. Where there is no room, the body that has been
 * arriving for longest gives way to the newcomer, first within the share of the same address and app.
 */
export function createByteBudget(limitBytes: number, clock: Clock): ByteBudget {
  const whole: BudgetShare = { limitBytes, heldBytes: 0 }
  const shareOf = { address: shares(limitBytes, PARTS.address), app: shares(limitBytes, PARTS.app) }
  const arriving = new ArrivalLine()
  const close = ({ address, app }: Holder) => {
    shareOf.address.close(address)
    shareOf.app.close(app)
  }
  const book: Book = { clock, arriving, close }

  return {
    heldBytes: () => whole.heldBytes,
    lease(holder) {
      const { address, app } = holder
      return new OpenLease(holder, [shareOf.address.open(address), shareOf.app.open(app), whole], book)
    },
    sweep() {
      const nowMs = clock.monotonicMs()
      for (const lease of arriving) {
        const { sinceMs, lastMs, bytes } = lease.arrival as Arrival
        const ageMs = nowMs - sinceMs
        if (ageMs < GRACE_MS) return
        const isSlow = bytes < (LEAST_BYTES_PER_SECOND * ageMs) / 1_000
        if (isSlow || nowMs - lastMs >= GRACE_MS) {
          lease.giveWay(new AppError('slow_request', 'The body does not arrive.'))
        }
      }
    },
  }
}

const overloaded = ({ limitBytes }: BudgetShare): AppError =>
  new AppError('overloaded', `Requests in flight would exceed ${limitBytes} bytes.`)

/** One for each name, as long as somebody holds anything of it. */
function shares(wholeBytes: number, parts: number) {
  const limitBytes = Math.min(wholeBytes, Math.max(wholeBytes / parts, LARGEST_REQUEST_BYTES))
  const ofNobody: BudgetShare = { limitBytes: Number.POSITIVE_INFINITY, heldBytes: 0 }
  const open = new Map<string, BudgetShare & { leases: number }>()
  return {
    /** For one more lease. What has no name has all that there is. */
    open(name: string | undefined): BudgetShare {
      if (name === undefined) return ofNobody
      let share = open.get(name)
      if (share === undefined) {
        share = { limitBytes, heldBytes: 0, leases: 0 }
        open.set(name, share)
      }
      share.leases++
      return share
    },
    close(name = ''): void {
      const share = open.get(name)
      if (share !== undefined && --share.leases === 0) open.delete(name)
    },
  }
}
