import { test } from 'tap'
import { systemClock } from '../../src/std/clock.ts'

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
