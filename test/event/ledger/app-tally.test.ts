import { test } from 'tap'
import { createAcceptedCounts, minuteOf } from '../../../src/event/ledger/app-tally.ts'

const NOON = Date.UTC(2026, 10, 22, 12)

test('events are counted by app and minute of arrival, and told once', async (t) => {
  const tally = createAcceptedCounts()
  tally.add('shop', NOON, 3)
  tally.add('blog', NOON + 1, 1)
  tally.add('shop', NOON + 59_999, 2)
  tally.add('shop', NOON + 60_000, 7)
  t.same(tally.take(NOON + 60_000), [
    { app: 'shop', fromMs: NOON, events: 5 },
    { app: 'blog', fromMs: NOON, events: 1 },
  ])
  t.same(tally.take(NOON + 60_000), [])
  t.same(tally.take(Number.POSITIVE_INFINITY), [{ app: 'shop', fromMs: NOON + 60_000, events: 7 }])
})

test('what becomes durable after its minute was told of is told of later', async (t) => {
  const tally = createAcceptedCounts()
  tally.add('shop', NOON, 3)
  tally.take(NOON + 60_000)
  tally.add('shop', NOON + 59_000, 4)
  t.same(tally.take(NOON + 120_000), [{ app: 'shop', fromMs: NOON, events: 4 }])
})

test('a minute is half-open', async (t) => {
  t.same([NOON, NOON + 59_999, NOON + 60_000].map(minuteOf), [NOON, NOON, NOON + 60_000])
})
