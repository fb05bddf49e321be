import t from 'tap'
import { backoffMs } from '../../../src/std/async/backoff.ts'
import { seededEntropy } from '../../fakes/entropy.ts'

t.test('the longest wait doubles from 100 ms to 5 s, and chance takes any part of it', async (t) => {
  const rows: [attempt: number, uniform: number, expectedMs: number][] = [
    [0, 0.5, 50],
    [0, 1, 100],
    [1, 1, 200],
    [5, 1, 3_200],
    [6, 1, 5_000],
    [2_000, 1, 5_000],
    [2_000, 0, 0],
  ]
  for (const [attempt, uniform, expectedMs] of rows) {
    const entropy = { ...seededEntropy(), uniform: () => uniform }
    t.equal(backoffMs(attempt, entropy), expectedMs, `attempt ${attempt}`)
  }
})
