import { test } from 'tap'
import { singleFlight } from '../../../../src/gateway/credentials/limits/single-flight.ts'

test('who asks while the same is under way gets the same; who asks later has it done again', async (t) => {
  const flights = singleFlight<number>()
  const landings: ((value: number) => void)[] = []
  const work = () => new Promise<number>((resolve) => landings.push(resolve))
  const [first, second, other] = [flights('a', work), flights('a', work), flights('b', work)]
  t.same([first.isJoined, second.isJoined, other.isJoined], [false, true, false])
  landings[0]?.(1)
  landings[1]?.(2)
  t.same(await Promise.all([first.result, second.result, other.result]), [1, 1, 2])
  const later = flights('a', work)
  t.equal(later.isJoined, false)
  landings[2]?.(3)
  t.equal(await later.result, 3)
})

test('a failure is shared as well, and forgotten', async (t) => {
  const flights = singleFlight<number>()
  const failing = () => Promise.reject(new Error('no'))
  const [first, second] = [flights('a', failing), flights('a', failing)]
  await t.rejects(first.result, { message: 'no' })
  await t.rejects(second.result, { message: 'no' })
  t.equal(second.isJoined, true)
  t.equal(await flights('a', async () => 1).result, 1)
})
