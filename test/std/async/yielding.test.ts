import { test } from 'tap'
import { atOnce, breather, type Steps, unhurried } from '../../../src/std/async/yielding.ts'

test('a breath is due after a millisecond, and lets others go first', async (t) => {
  let now = 5
  const breath = breather(undefined, () => now)
  t.equal(breath.due(), false)
  now += 0.9
  t.equal(breath.due(), false)
  now += 0.1
  t.equal(breath.due(), true)
  const order: string[] = []
  setImmediate(() => order.push('others'))
  await breath.take()
  order.push('work')
  t.same(order, ['others', 'work'])
  t.equal(breath.due(), false, 'the next is due a millisecond later')
})

test('work that nobody wants ends at its next breath', async (t) => {
  const wanted = new AbortController()
  const breath = breather(wanted.signal)
  await breath.take()
  wanted.abort(new Error('nobody waits'))
  await t.rejects(breath.take(), { message: 'nobody waits' })
})

/** Adds up what it is given, with a step behind each number. */
function* sum(numbers: readonly number[], spend = () => {}): Steps<number> {
  let total = 0
  for (const number of numbers) {
    total += number
    spend()
    yield
  }
  if (total > 10) throw new Error('too much')
  return total
}

test('work in steps is done at once, or with a breath whenever one is due', async (t) => {
  let now = 0
  let breaths = 0
  const { due, take } = breather(undefined, () => now)
  const counted = {
    due,
    take: () => {
      breaths++
      return take()
    },
  }
  const spend = () => {
    now += 0.5
  }
  t.equal(atOnce(sum([1, 2, 3])), 6)
  t.equal(await unhurried(sum([1, 2, 3, 1, 2], spend), counted), 9)
  t.equal(breaths, 2, 'two and a half milliseconds')
  t.equal(await unhurried(sum([1])), 1)
})

test('what ends work in steps ends who waits for it', async (t) => {
  t.throws(() => atOnce(sum([11])), { message: 'too much' })
  await t.rejects(unhurried(sum([11])), { message: 'too much' })
})
