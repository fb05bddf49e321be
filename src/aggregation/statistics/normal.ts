/** Where the series has lost five digits of a tail, and the fraction is as good with a hundred steps. */
const FAR = 3
const STEPS = 100

/**
 * The chance of more than z under the standard normal distribution. Near the middle Marsaglia's series, beyond it the continued
 * fraction of Laplace: https://doi.org/10.18637/jss.v011.i04 and https://dlmf.nist.gov/7.9
 */
export function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z)
  if (z < FAR) return 0.5 - density(z) * series(z)
  let fraction = z
  for (let step = STEPS; step > 0; step--) fraction = z + step / fraction
  return density(z) / fraction
}

/** The chance of being at least as far from zero as z, on either side. */
export const twoSided = (z: number): number => 2 * upperTail(Math.abs(z))

/**
 * The z above which lies a chance in (0, 0.5]. Newton's steps from zero never pass it, as the distribution is concave there: they
 * end where z grows no more.
 */
export function upperQuantile(chance: number): number {
  let [z, next] = [-1, 0]
  while (next > z) {
    z = next
    next = z + (upperTail(z) - chance) / density(z)
  }
  return z
}

const density = (z: number): number => Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI)

/** z + z³/3 + z⁵/15 + …, until nothing is added. */
function series(z: number): number {
  let [term, sum] = [z, z]
  for (let odd = 3; term > sum * Number.EPSILON; odd += 2) {
    term *= (z * z) / odd
    sum += term
  }
  return sum
}
