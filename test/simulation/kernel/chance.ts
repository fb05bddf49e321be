import { seededEntropy } from '../../fakes/entropy.ts'

/** All that is left to chance in a world, from one seed. */
export class SeededChance {
  readonly #uniform: () => number

  constructor(seed: number) {
    this.#uniform = seededEntropy(seed).uniform
    // Neighbouring seeds begin alike.
    for (let skipped = 0; skipped < 4; skipped += 1) this.#uniform()
  }

  between(low: number, high: number): number {
    return low + this.#uniform() * (high - low)
  }

  /** A whole number in [low, high]. */
  whole(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1))
  }

  /** True in `share` of the cases. */
  is(share: number): boolean {
    return this.#uniform() < share
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.whole(0, choices.length - 1)] ?? choices[0]
  }

  /** What a disk makes of what was not synced (see `dieOf`). */
  luck(): readonly number[] {
    return Array.from({ length: 16 }, () => this.whole(0, 255))
  }
}
