import { createHook } from 'node:async_hooks'
import { queryObjects } from 'node:v8'
import t from 'tap'
import { simulate } from './simulation.ts'
import { SimulatedWorld } from './world.ts'

/** A few worlds; `./scripts/simulate` lives through thousands, and mutants have to be caught in some. */
const WORLDS = Number(process.env['SIMULATED_WORLDS'] ?? 4)

t.test('what was acknowledged is counted once, whatever breaks', async (t) => {
  let acknowledged = 0
  for (let seed = 1; seed <= WORLDS; seed += 1) {
    const result = await simulate(seed)
    acknowledged += result.acknowledged
    t.same(result.violations, [], `seed ${seed}: ./scripts/simulate --seed ${seed}`)
  }
  t.ok(acknowledged > 100, `${acknowledged} events were acknowledged`)
})

t.test('a seed is one world: it happens again as it happened', async (t) => {
  const [first, again, other] = [await simulate(5), await simulate(5), await simulate(6)]
  t.equal(again.digest, first.digest)
  t.equal(again.events, first.events)
  t.not(other.digest, first.digest)
})

t.test('a world waits for nothing that is real', async (t) => {
  const real: string[] = []
  const isOurs = (type: string) => type === 'PROMISE' || type === 'TickObject'
  const watching = createHook({ init: (_, type) => void (isOurs(type) || real.push(type)) })
  watching.enable()
  for (const seed of [5, 6]) await simulate(seed)
  watching.disable()
  t.same(real, [], 'no file, no timer, no thread and no socket is waited for')
})

t.test('simulated time ends with the world', async (t) => {
  const { setTimeout, performance } = globalThis
  const { any } = AbortSignal
  await simulate(7)
  t.equal(globalThis.setTimeout, setTimeout)
  t.equal(globalThis.performance, performance)
  t.equal(AbortSignal.any, any)
  t.ok(Date.now() > 1_700_000_000_000)
})

t.test('nothing holds on to a world that is over: who was killed in it waits for ever', async (t) => {
  for (const seed of [8, 9]) await simulate(seed)
  t.equal(queryObjects(SimulatedWorld, { format: 'count' }), 0)
})
