/** From the least to the largest that a number may be; infinite where nothing is known of an end. */
export type Interval = readonly [lo: number, hi: number]

/** A number as it was measured, and the interval that it is in. */
export interface Estimate {
  readonly value: number
  readonly interval: Interval
}

/**
 * The interval of a − b, recovered from the two intervals: MOVER, which asks for no symmetry of them.
 * Zou & Donner 2008, https://doi.org/10.1002/sim.3095
 */
export function differenceOf(a: Estimate, b: Estimate): Interval {
  const difference = a.value - b.value
  return [
    difference - Math.hypot(a.value - a.interval[0], b.interval[1] - b.value),
    difference + Math.hypot(a.interval[1] - a.value, b.value - b.interval[0]),
  ]
}

/**
 * The interval of a ÷ b, of numbers that are not negative: that of the difference of their logarithms. Zero has none; with it
 * the outermost quotients are told, which are wider.
 */
export function ratioOf(a: Estimate, b: Estimate): Interval {
  if (a.value === 0 || b.value === 0) return [a.interval[0] / b.interval[1], a.interval[1] / b.interval[0]]
  const [lo, hi] = differenceOf(logarithmOf(a), logarithmOf(b))
  return [Math.exp(lo), Math.exp(hi)]
}

const logarithmOf = ({ value, interval: [lo, hi] }: Estimate): Estimate => ({
  value: Math.log(value),
  interval: [Math.log(lo), Math.log(hi)],
})
