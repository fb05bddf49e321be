import { test } from 'tap'
import { breather } from '../../src/std/breath.ts'

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
