import { test } from 'tap'
import { createArrivalTimes, type Name } from '../../../../src/gateway/collect/identity/first-arrivals.ts'

const MINUTE = Date.UTC(2026, 10, 22, 12)
const NOON = MINUTE + 30_000

test('events of one request arrive together, unless they could be taken for one another', async (t) => {
  for (const [rule, names, nowMs, offsets] of [
    ['none', [], NOON, undefined],
    ['one', ['a'], NOON, undefined],
    ['different ones, and such as never come again', ['a', undefined, 'b', undefined], NOON, undefined],
    ['two of one: the last is now', ['a', 'a'], NOON, [-1, 0]],
    ['in the order of the request', ['a', 'b', 'a', undefined, 'a', 'b'], NOON, [-2, -1, -1, 0, 0, 0]],
    ['at the start of a minute', ['a', 'a', 'a'], MINUTE + 1, [-1, 0, 1]],
    ['at its end', ['a', 'a'], MINUTE + 59_999, [-1, 0]],
  ] as const) {
    const times = createArrivalTimes().of('shop', names, nowMs)
    t.same(
      times?.map((ms) => ms - nowMs),
      offsets,
      rule,
    )
  }
})

test('500 of one at any place of a minute are in order and within it', async (t) => {
  const names = Array<Name>(500).fill('a')
  for (const nowMs of [MINUTE, MINUTE + 100, NOON, MINUTE + 59_999]) {
    const times = createArrivalTimes().of('shop', names, nowMs) ?? []
    t.equal(new Set(times).size, 500)
    t.same(times, [...times].sort())
    t.ok(Number(times[0]) >= MINUTE && Number(times[499]) < MINUTE + 60_000)
  }
})

test('of one name, a request in the same millisecond arrives after the one before', async (t) => {
  const { of } = createArrivalTimes()
  t.equal(of('shop', ['a'], NOON), undefined)
  t.same(of('shop', ['b', 'a'], NOON), [NOON, NOON + 1])
  t.same(of('shop', ['a', 'new'], NOON), [NOON + 2, NOON], 'nor has a name that is new')
  t.equal(of('shop', ['c'], NOON), undefined, 'another name has nothing to do with it')
  t.same(of('shop', ['c'], NOON), [NOON + 1], 'nor is it alone in that')
  t.equal(of('blog', ['a'], NOON), undefined, 'nor has another app')
  t.same(of('shop', ['a', 'a'], NOON + 1), [NOON + 3, NOON + 4], 'what was given ahead is remembered')
  t.equal(of('shop', ['a'], NOON + 5), undefined)
})

test('whoever repeats a name without end stays in the minute, and others are not concerned', async (t) => {
  const { of } = createArrivalTimes()
  for (let i = 0; i < 200; i++) of('shop', Array<Name>(500).fill('a'), NOON)
  t.same(
    of('shop', ['a', 'a'], NOON)?.map((ms) => ms - MINUTE),
    [59_998, 59_999],
  )
  t.equal(of('shop', ['b'], NOON), undefined)
  t.equal(of('shop', ['a'], MINUTE + 60_000), undefined, 'the next minute is free')
})

test('a clock that is set back is followed, and memory has an end', async (t) => {
  const { of } = createArrivalTimes()
  of('shop', ['a'], NOON + 3_600_000)
  t.equal(of('shop', ['a'], NOON), undefined)
  for (let i = 0; i < 17_000; i++) of('shop', [`n${i}`], NOON)
  t.equal(of('shop', ['a'], NOON), undefined, 'what is above is forgotten')
})
