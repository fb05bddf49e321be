import { test } from 'tap'
import {
  createYielder,
  mapInSteps,
  type ResumableWork,
  runBriefly,
  runToEnd,
  runYielding,
} from '../../../src/std/async/yielding.ts'

test('a breath is due after a millisecond, and lets others go first', async (t) => {
  let now = 5
  const breath = createYielder(undefined, () => now)
  t.equal(breath.shouldYield(), false)
  now += 0.9
  t.equal(breath.shouldYield(), false)
  now += 0.1
  t.equal(breath.shouldYield(), true)
  const order: string[] = []
  setImmediate(() => order.push('others'))
  await breath.yieldNow()
  order.push('work')
  t.same(order, ['others', 'work'])
  t.equal(breath.shouldYield(), false, 'the next is due a millisecond later')
})

test('work that nobody wants ends at its next breath', async (t) => {
  const wanted = new AbortController()
  const breath = createYielder(wanted.signal)
  await breath.yieldNow()
  wanted.abort(new Error('nobody waits'))
  await t.rejects(breath.yieldNow(), { message: 'nobody waits' })
})

/** Adds up what it is given, with a step behind each number. */
function* sum(numbers: readonly number[], spend = () => {}): ResumableWork<number> {
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
  const { shouldYield, yieldNow } = createYielder(undefined, () => now)
  const counted = {
    shouldYield,
    yieldNow: () => {
      breaths++
      return yieldNow()
    },
  }
  const spend = () => {
    now += 0.5
  }
  t.equal(runToEnd(sum([1, 2, 3])), 6)
  t.equal(await runYielding(sum([1, 2, 3, 1, 2], spend), counted), 9)
  t.equal(breaths, 2, 'two and a half milliseconds')
  t.equal(await runYielding(sum([1])), 1)
})

test('what ends work in steps ends who waits for it', async (t) => {
  t.throws(() => runToEnd(sum([11])), { message: 'too much' })
  await t.rejects(runYielding(sum([11])), { message: 'too much' })
})

test('a list is mapped in order, with a step behind each sixteen items', async (t) => {
  for (const [length, steps] of [
    [0, 0],
    [15, 0],
    [16, 1],
    [100, 6],
  ] as const) {
    const items = Array.from({ length }, (_, i) => i)
    const work = mapInSteps(items, (i) => i * 2)
    t.equal([...work].length, steps, `${length} items`)
    t.same(
      runToEnd(mapInSteps(items, (i) => i * 2)),
      items.map((i) => i * 2),
    )
  }
})

test('what takes longer than it may is left where it is, to be gone on with', async (t) => {
  let now = 0
  const spend = () => {
    now += 1
  }
  t.equal(
    runBriefly(sum([1, 2, 3], spend), 4, () => now),
    6,
    'all of it',
  )
  const long = sum([1, 2, 3, 4], spend)
  t.equal(
    runBriefly(long, 2, () => now),
    undefined,
  )
  t.equal(now, 5, 'two steps of it')
  t.equal(runToEnd(long), 10, 'the rest')
})
