import { test } from 'tap'
import { allEnded } from '../../../src/std/async/all-ended.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('all of it is answered in its order', async (t) => {
  t.same(await allEnded([turn().then(() => 1), Promise.resolve(2)]), [1, 2])
  t.same(await allEnded([]), [])
})

test('a failure is told when nothing is under way any more, the first of several', async (t) => {
  let end = () => {}
  const slow = new Promise<void>((resolve) => {
    end = resolve
  })
  const first = new Error('first')
  let told: unknown
  const all = allEnded([slow, Promise.reject(first), Promise.reject(new Error('second'))]).catch(
    (error: unknown) => {
      told = error
    },
  )
  await turn()
  t.equal(told, undefined, 'not before')
  end()
  await all
  t.equal(told, first)
})
