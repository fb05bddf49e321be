import { crc32 } from 'node:zlib'

/** Hashed at a time. */
const HASHED_CHARS = 16_384

/** What happened, in order: hashed as a whole, and kept in part. */
export class Trace {
  readonly #last: string[] = []
  readonly #kept: number
  #count = 0
  #hash = 0
  #unhashed = ''

  /** `kept`: how many lines there are for whoever has to understand a failure. */
  constructor(kept: number) {
    this.#kept = kept
  }

  add(line: string): void {
    this.#unhashed += line
    if (this.#unhashed.length > HASHED_CHARS) this.#hashSome()
    this.#last[this.#count % this.#kept] = line
    this.#count += 1
  }

  /** The same for the same lines. */
  get digest(): string {
    this.#hashSome()
    return `${this.#count}-${this.#hash.toString(16).padStart(8, '0')}`
  }

  #hashSome(): void {
    this.#hash = crc32(this.#unhashed, this.#hash)
    this.#unhashed = ''
  }

  last(): readonly string[] {
    const from = Math.max(0, this.#count - this.#kept)
    return Array.from({ length: this.#count - from }, (_, at) => this.#last[(from + at) % this.#kept] ?? '')
  }
}
