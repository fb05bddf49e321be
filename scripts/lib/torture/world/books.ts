import { keyOf, type Numbered, numberedOf } from './events.ts'

const ACKNOWLEDGED = 1
const FOUND = 2
/** Its loss is told of already. */
const MISSED = 4
/** More say nothing new, and a list of millions would be the end of this process. */
const MAX_VIOLATIONS = 20

/** Where an event's way ends. */
export type FinalPlace = 'stream' | 'lake' | 'deadLetters'

interface Cycle {
  issued: number
  /** Acknowledged, and not found at any end yet. */
  owed: number
  found: number
  /** A byte an event: what became of it. */
  states: Uint8Array
}

/**
 * The oracle: which events were issued, which acknowledged, which found. A byte an event is all it keeps, so that it
 * outlasts any number of cycles.
 */
export class Books {
  readonly #cycles = new Map<number, Cycle>()
  readonly #violations: string[] = []
  #furtherViolations = 0
  #acknowledged = 0
  readonly #found: Record<FinalPlace, number> = { stream: 0, lake: 0, deadLetters: 0 }
  #copies = 0

  /** Numbers of the next events of the cycle: so many from `n` on. */
  issue(cycle: number, count: number): Numbered {
    const books = this.#of(cycle)
    const n = books.issued
    books.issued += count
    if (books.issued > books.states.length) {
      const larger = new Uint8Array(books.issued * 2)
      larger.set(books.states)
      books.states = larger
    }
    return { cycle, n }
  }

  acknowledged({ cycle, n }: Numbered, count: number): void {
    const books = this.#of(cycle)
    this.#acknowledged += count
    for (let i = n; i < n + count; i++) {
      const state = books.states[i] ?? 0
      books.states[i] = state | ACKNOWLEDGED
      if ((state & FOUND) === 0) books.owed += 1
    }
  }

  found(key: number, place: FinalPlace): void {
    const { cycle, n } = numberedOf(key)
    const books = this.#cycles.get(cycle)
    if (books === undefined || n >= books.issued) {
      this.violated(`t-${cycle}-${n} was found and never issued`)
      return
    }
    const state = books.states[n] ?? 0
    if ((state & FOUND) !== 0) {
      this.#copies += 1
      return
    }
    books.states[n] = state | FOUND
    books.found += 1
    this.#found[place] += 1
    if (state === ACKNOWLEDGED) books.owed -= 1
  }

  violated(what: string): void {
    if (this.#violations.length < MAX_VIOLATIONS) this.#violations.push(what)
    else this.#furtherViolations += 1
  }

  /** Every acknowledged event must have been found, or be among `kept`. Each that is not is a violation, once. */
  audit(kept: ReadonlySet<number>, when: string): void {
    for (const [cycle, books] of this.#cycles) {
      const { issued, owed, states } = books
      for (let n = 0; owed > 0 && n < issued; n++) {
        if (states[n] !== ACKNOWLEDGED || kept.has(keyOf({ cycle, n }))) continue
        this.violated(`LOST: t-${cycle}-${n} was acknowledged and is nowhere ${when}`)
        states[n] = ACKNOWLEDGED | MISSED
        books.owed -= 1
      }
    }
  }

  /** Acknowledged events that were not found yet. */
  get owed(): number {
    return [...this.#cycles.values()].reduce((sum, { owed }) => sum + owed, 0)
  }

  foundOf(cycle: number): number {
    return this.#of(cycle).found
  }

  get totals() {
    const { stream, lake, deadLetters } = this.#found
    const found = stream + lake + deadLetters
    return { acknowledged: this.#acknowledged, found, stream, lake, deadLetters, copies: this.#copies }
  }

  get violations(): readonly string[] {
    const more = this.#furtherViolations
    return more === 0 ? this.#violations : [...this.#violations, `and ${more} more`]
  }

  #of(cycle: number): Cycle {
    const books = this.#cycles.get(cycle) ?? { issued: 0, owed: 0, found: 0, states: new Uint8Array(1_024) }
    this.#cycles.set(cycle, books)
    return books
  }
}
