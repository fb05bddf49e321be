import type { Entropy } from '../../src/std/id.ts'

/** The same sequence for the same seed (mulberry32), so that a test that uses chance can be repeated. */
export function seededEntropy(seed = 1): Entropy {
  let state = seed >>> 0
  const word = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const bytes = (count: number) => {
    const drawn = Buffer.allocUnsafe(count)
    for (let at = 0; at < count; at += 1) drawn[at] = word() & 0xff
    return drawn
  }
  return {
    id() {
      const hex = bytes(16).toString('hex')
      const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16)
      return [
        hex.slice(0, 8),
        hex.slice(8, 12),
        `4${hex.slice(13, 16)}`,
        variant + hex.slice(17, 20),
        hex.slice(20),
      ].join('-')
    },
    token: (count) => bytes(count).toString('base64url'),
    uniform: () => word() / 2 ** 32,
  }
}
