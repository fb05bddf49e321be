import { test } from 'tap'
import { isAhead, systemClock } from '../../src/std/clock.ts'

test('wall time is the epoch in milliseconds', async (t) => {
  const before = Date.now()
  const now = systemClock.nowMs()
  t.equal(Math.min(Math.max(now, before), Date.now()), now)
})

test('monotonic time never runs backwards', async (t) => {
  const readings = Array.from({ length: 100 }, () => systemClock.monotonicMs())
  t.same(
    readings.toSorted((a, b) => a - b),
    readings,
  )
})

test('a stored time is to come up to as far ahead as it can be', async (t) => {
  for (const [ms, expected] of [
    [99, false],
    [100, false],
    [101, true],
    [110, true],
    [111, false],
    [Number.NaN, false],
  ] as const) {
    t.equal(isAhead(ms, { nowMs: 100, mostMs: 10 }), expected, String(ms))
  }
})
