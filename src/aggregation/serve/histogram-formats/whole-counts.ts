import Type from 'typebox'
import { WEIGHT_UNIT } from '../../rollup/model/measure.ts'

/** How JSON of protobuf has integers of 64 bits. */
export const whole = (description: string) => Type.String({ pattern: '^\\d+$', description })

/**
 * Σ w as whole occurrences, for formats that have no fractions of any. The running sum is rounded, half up, and a count is what
 * it grew by: so all of them are the rounded n, no count is off by one, and none of the counts up to a bound by more than a
 * half. Each rounded by itself, those of weight 1.25 would lose a fifth.
 */
export function wholeCounts(weights: readonly number[]): readonly number[] {
  let [sum, told] = [0, 0]
  return weights.map((weight) => {
    sum += weight
    const before = told
    told = Math.round(sum / WEIGHT_UNIT)
    return told - before
  })
}
