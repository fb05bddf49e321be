import { test } from 'tap'
import { createFairQueue } from '../../../src/std/async/fair-queue.ts'

/** `a1` is work of member 1 of group a. All of it waits until it is told to end. */
function lined(names: readonly string[]) {
  const inTurn = createFairQueue()
  const begun: string[] = []
  const ends: (() => void)[] = []
  const works = names.map((name) =>
    inTurn({ group: name.charAt(0), member: name.charAt(1) }, async () => {
      begun.push(name)
      await new Promise<void>((resolve) => ends.push(resolve))
      return name
    }),
  )
  return {
    begun,
    async all() {
      for (let done = 0; done < names.length; done++) {
        while (ends.length === 0) await new Promise(setImmediate)
        ends.shift()?.()
      }
      return Promise.all(works)
    },
  }
}

test('groups take turns, and in each its members, in the order in which they came', async (t) => {
  for (const [rule, came, order] of [
    ['one alone', 'a1 a1 a1', 'a1 a1 a1'],
    ['who brings much waits for it', 'a1 a1 a1 a1 b1 c1', 'a1 a1 b1 c1 a1 a1'],
    ['members of a group as well', 'a1 a1 a1 a1 a2 a2', 'a1 a1 a2 a1 a2 a1'],
    ['many members are no more than one group', 'a1 a1 a2 a3 a4 b1 b1', 'a1 a1 b1 a2 b1 a3 a4'],
  ] as const) {
    const { begun, all } = lined(came.split(' '))
    t.same(begun, ['a1'], 'one at a time')
    t.same(await all(), came.split(' '), rule)
    t.same(begun, order.split(' '), rule)
  }
})

test('work that fails makes room as well', async (t) => {
  const inTurn = createFairQueue()
  const owner = { group: 'a', member: '1' }
  const failed = inTurn(owner, () => Promise.reject(new Error('no')))
  const next = inTurn(owner, async () => 'yes')
  await t.rejects(failed, { message: 'no' })
  t.equal(await next, 'yes')
  t.equal(await inTurn(owner, async () => 'later'), 'later')
})
