import { test } from 'tap'
import { wholeCounts } from '../../../../src/aggregation/serve/histogram-formats/whole-counts.ts'

test('the running sum is rounded, half up, and a count is what it grew by', async (t) => {
  for (const [rule, weights, counts] of [
    ['nothing', [], []],
    ['whole ones are as they are', [1_000, 0, 7_000], [1, 0, 7]],
    ['a half is up', [500, 1_000], [1, 1]],
    ['less than a half waits for more', [499, 1, 500], [0, 1, 0]],
    ['four of 1.25 are five', [1_250, 1_250, 1_250, 1_250], [1, 2, 1, 1]],
    ['ten tenths are one', Array(10).fill(100), [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]],
    ['thousandths of a thousand million million', [2 ** 53 - 2, 1], [9_007_199_254_741, 0]],
  ] as const) {
    t.same(wholeCounts(weights), counts, rule)
  }
})
