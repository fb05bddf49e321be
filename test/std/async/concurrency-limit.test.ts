import t from 'tap'
import { limitConcurrency } from '../../../src/std/async/concurrency-limit.ts'

t.test('no more than the limit runs at a time, in the order in which it came', async (t) => {
  const inTurn = limitConcurrency(2)
  const gates: (() => void)[] = []
  const begun: number[] = []
  const works = [0, 1, 2, 3, 4].map((n) =>
    inTurn(async () => {
      begun.push(n)
      await new Promise<void>((resolve) => gates.push(resolve))
      return n
    }),
  )
  t.strictSame(begun, [0, 1])
  gates.shift()?.()
  await works[0]
  t.strictSame(begun, [0, 1, 2], 'one ends, one begins')
  for (const n of [1, 2, 3, 4]) {
    gates.shift()?.()
    await works[n]
  }
  t.strictSame(await Promise.all(works), [0, 1, 2, 3, 4])
})

t.test('work that fails makes room as well', async (t) => {
  const inTurn = limitConcurrency(1)
  const failed = inTurn(() => Promise.reject(new Error('no')))
  const next = inTurn(async () => 'yes')
  await t.rejects(failed, { message: 'no' })
  t.equal(await next, 'yes')
  t.equal(await inTurn(async () => 'later'), 'later')
})
