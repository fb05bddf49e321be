import crypto, { randomUUID } from 'node:crypto'
import t from 'tap'
import { systemEntropy } from '../../../src/std/id.ts'
import { watchingReality } from './reality.ts'

t.test('whoever asks the machine for chance or time is told of', async (t) => {
  for (const [call, ask] of [
    ['Math.random', () => systemEntropy.uniform()],
    ['crypto.randomBytes', () => systemEntropy.token(9)],
    ['crypto.randomUUID', () => systemEntropy.id()],
    ['crypto.randomInt', () => crypto.randomInt(9)],
    ['webcrypto.randomUUID', () => globalThis.crypto.randomUUID()],
    ['webcrypto.getRandomValues', () => globalThis.crypto.getRandomValues(new Uint8Array(4))],
    ['process.hrtime', () => process.hrtime()],
    ['process.hrtime.bigint', () => process.hrtime.bigint()],
  ] as const) {
    const told: string[] = []
    const answer = await watchingReality(
      (what) => told.push(what),
      async () => ask(),
    )
    t.equal(told.length, 1, call)
    t.ok(told[0]?.startsWith(`${call} is real: at `), `${told}`)
    t.match(told[0], 'reality.test.ts', `${call} names who asked`)
    t.equal(typeof answer, typeof ask(), `${call} answers as ever`)
  }
})

t.test('nobody is watched any more afterwards', async (t) => {
  const told: string[] = []
  const failing = watchingReality(
    (what) => told.push(what),
    async () => {
      throw new Error('work fails')
    },
  )
  await t.rejects(failing, { message: 'work fails' })
  randomUUID()
  Math.random()
  globalThis.crypto.randomUUID()
  process.hrtime()
  t.ok(process.hrtime.bigint() > 0n)
  t.same(told, [])
})
