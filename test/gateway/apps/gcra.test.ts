import { test } from 'tap'
import { createBuckets, gcra } from '../../../src/gateway/apps/gcra.ts'

const rate = { perSecond: 10, burst: 5 }

test('a bucket gives its burst at once, then its rate, and says exactly how long to wait', async (t) => {
  let fullAtMs = 0
  const take = (nowMs: number, cost = 1) => {
    const taken = gcra(fullAtMs, nowMs, cost, rate)
    fullAtMs = taken.fullAtMs
    return taken.waitMs
  }
  for (const [nowMs, cost, waitMs, rule] of [
    [0, 4, 0, 'four of five'],
    [0, 1, 0, 'the fifth'],
    [0, 1, 100, 'the sixth comes 100 ms later'],
    [0, 5, 500, 'and five more 500 ms later: a refusal takes nothing'],
    [99, 1, 1, 'not a millisecond sooner'],
    [100, 1, 0, 'but then it is there'],
    [100, 1, 100, 'one, not two'],
    [10_000, 5, 0, 'after a rest the bucket is full'],
    [10_000, 1, 100, 'and not fuller than full'],
  ] as const) {
    t.equal(take(nowMs, cost), waitMs, rule)
  }
})

test('what costs more than the burst passes when the bucket is full, and is a debt that the next waits for', async (t) => {
  const first = gcra(0, 0, 1_000, rate)
  t.equal(first.waitMs, 0)
  t.equal(gcra(first.fullAtMs, 0, 1, rate).waitMs, 99_600, '995 are owed, and one more is wanted')
  t.equal(gcra(first.fullAtMs, 0, 1_000, rate).waitMs, 100_000, 'until the bucket is full again')
  t.equal(gcra(first.fullAtMs, 99_600, 1, rate).waitMs, 0)
  t.equal(gcra(first.fullAtMs, 99_999, 6, rate).waitMs, 1)
  t.equal(gcra(first.fullAtMs, 100_000, 6, rate).waitMs, 0)
})

test('what is done already is owed, unless there is a debt', async (t) => {
  let nowMs = 0
  const buckets = createBuckets(10, () => nowMs)
  t.equal(buckets.owe('a', 3, rate), 0)
  t.equal(buckets.owe('a', 7, rate), 0, 'two were left')
  t.equal(buckets.owe('a', 1, rate), 500, 'five are owed')
  t.equal(buckets.take('a', 1, rate), 600)
  nowMs = 500
  t.equal(buckets.owe('a', 1, rate), 0)
})

test('fractions that do not add up to a round number refuse nothing that fits', async (t) => {
  const thirds = { perSecond: 3_000, burst: 300 }
  let fullAtMs = 0.1
  for (let i = 0; i < 300; i++) {
    const taken = gcra(fullAtMs, 0.1, 1, thirds)
    if (taken.waitMs > 0) t.fail(`refused the ${i}th of 300`)
    fullAtMs = taken.fullAtMs
  }
  t.ok(gcra(fullAtMs, 0.1, 1, thirds).waitMs > 0)
})

test('keys have buckets of their own, and the longest unused one is forgotten', async (t) => {
  let nowMs = 0
  const buckets = createBuckets(2, () => nowMs)
  const one = { perSecond: 1, burst: 1 }
  t.equal(buckets.take('a', 1, one), 0)
  t.equal(buckets.take('b', 1, one), 0)
  t.equal(buckets.take('a', 1, one), 1_000)
  t.equal(buckets.take('c', 1, one), 0, 'b makes room: a was asked for after it')
  t.equal(buckets.take('a', 1, one), 1_000)
  t.equal(buckets.take('b', 1, one), 0)
  nowMs = 1_000
  t.equal(buckets.take('a', 1, one), 0)
})
