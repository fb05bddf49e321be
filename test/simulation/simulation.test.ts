import t from 'tap'
import { simulate } from './simulation.ts'

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

/** On a machine that is busy with other tests it does not always: something of real time is left in a world. */
const isAlone = process.env['SIMULATED_WORLDS'] !== undefined

t.test('a seed is one world: it happens again as it happened', { skip: !isAlone }, async (t) => {
  const [first, again, other] = [await simulate(5), await simulate(5), await simulate(6)]
  t.equal(again.digest, first.digest)
  t.equal(again.events, first.events)
  t.not(other.digest, first.digest)
})

t.test('simulated time ends with the world', async (t) => {
  const { setTimeout, performance } = globalThis
  await simulate(7)
  t.equal(globalThis.setTimeout, setTimeout)
  t.equal(globalThis.performance, performance)
  t.ok(Date.now() > 1_700_000_000_000)
})
