import { test } from 'tap'
import { CHALLENGE_LIFE_MS, createChallenges } from '../../../../src/gateway/credentials/attest/challenges.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'

const use = { app: 'ios', kind: 'app-attest' }
const secret = Buffer.alloc(32, 1)

function start(more: { secret?: Buffer; maxSpent?: number; seed?: number } = {}) {
  const clock = fakeClock()
  const entropy = seededEntropy(more.seed)
  return { clock, ...createChallenges({ secret, clock, entropy, ...more }) }
}

test('a challenge is good once, for what it was issued for, for five minutes', async (t) => {
  const { clock, issue, spend } = start()
  const { challenge, expiresMs } = issue(use)
  t.equal(expiresMs, clock.nowMs() + CHALLENGE_LIFE_MS)
  t.equal(CHALLENGE_LIFE_MS, 300_000)
  t.ok(challenge.length <= 256, `${challenge.length} characters`)
  t.equal(spend(challenge, { ...use, app: 'android' }), false, 'of another app')
  t.equal(spend(challenge, { ...use, kind: 'other' }), false, 'of another kind')
  t.equal(spend(challenge, use), true)
  t.equal(spend(challenge, use), false, 'again')
  t.equal(spend(`${challenge}=`, use), false, 'again, spelled another way')
  const late = issue(use)
  clock.advance(CHALLENGE_LIFE_MS - 1)
  t.equal(spend(late.challenge, use), true, 'in the last millisecond')
  t.equal(spend(issue(use).challenge, use), true)
  const tooLate = issue(use)
  clock.advance(CHALLENGE_LIFE_MS)
  t.equal(spend(tooLate.challenge, use), false, 'after it')
})

test('what was not issued here is not taken', async (t) => {
  const { spend } = start()
  for (const challenge of ['', 'a', 'a.b', start({ secret: Buffer.alloc(32, 2) }).issue(use).challenge]) {
    t.equal(spend(challenge, use), false, challenge)
  }
})

test('processes that share a secret take what others issued, each once', async (t) => {
  const [one, two] = [start(), start({ seed: 2 })]
  const { challenge } = one.issue(use)
  t.equal(two.spend(challenge, use), true)
  t.equal(two.spend(challenge, use), false)
})

test('two challenges are never the same', async (t) => {
  const { issue } = start()
  t.equal(new Set(Array.from({ length: 100 }, () => issue(use).challenge)).size, 100)
})

test('issuing costs no memory; what was spent is remembered as long as it must be, and no more', async (t) => {
  const { clock, issue, spend } = start({ maxSpent: 3 })
  for (let i = 0; i < 1_000; i++) issue(use)
  const early = issue(use)
  t.equal(spend(early.challenge, use), true)
  clock.advance(60_000)
  t.equal(spend(issue(use).challenge, use), true)
  t.equal(spend(issue(use).challenge, use), true)
  const fourth = issue(use)
  t.throws(
    () => spend(fourth.challenge, use),
    { code: 'attestation_unavailable' },
    'full: nothing is forgotten early',
  )
  t.equal(spend(early.challenge, use), false)
  clock.advance(CHALLENGE_LIFE_MS - 60_000)
  t.equal(spend(fourth.challenge, use), true, 'the first of them cannot come back any more')
  t.throws(() => spend(issue(use).challenge, use), { code: 'attestation_unavailable' })
})

test('a clock that is set back revives nothing', async (t) => {
  for (const backMs of [1, CHALLENGE_LIFE_MS, 25 * 3_600_000]) {
    const { clock, issue, spend } = start({ maxSpent: 2 })
    clock.advance(backMs)
    clock.shift(-backMs)
    const { challenge } = issue(use)
    t.equal(spend(challenge, use), true)
    clock.shift(backMs)
    clock.advance(CHALLENGE_LIFE_MS)
    t.equal(spend(issue(use).challenge, use), true)
    clock.shift(-backMs - CHALLENGE_LIFE_MS)
    t.equal(spend(challenge, use), false, `by ${backMs} ms`)
  }
})

test('a clock that was ahead is forgotten when it is right again', async (t) => {
  const [one, two] = [start({ maxSpent: 2 }), start({ seed: 2 })]
  one.clock.shift(25 * 3_600_000)
  const [spent, kept] = [one.issue(use), one.issue(use)]
  t.equal(one.spend(spent.challenge, use), true)
  one.clock.shift(-25 * 3_600_000)
  t.equal(one.spend(kept.challenge, use), false, 'it would be valid for a day')
  t.equal(one.issue(use).expiresMs, one.clock.nowMs() + CHALLENGE_LIFE_MS)
  t.equal(one.spend(two.issue(use).challenge, use), true, 'what others issue')
  t.equal(two.spend(one.issue(use).challenge, use), true, 'and they what it issues')
  t.throws(() => one.spend(one.issue(use).challenge, use), { code: 'attestation_unavailable' })
  one.clock.advance(CHALLENGE_LIFE_MS)
  t.equal(one.spend(one.issue(use).challenge, use), true, 'there is room as soon as ever')
})

test('what a process issues whose clock is a little ahead is taken once, and remembered for as long', async (t) => {
  const [one, two] = [start({ maxSpent: 1 }), start({ seed: 2 })]
  two.clock.shift(60_000)
  const { challenge } = two.issue(use)
  t.equal(one.spend(challenge, use), true)
  one.clock.advance(CHALLENGE_LIFE_MS)
  t.throws(() => one.spend(one.issue(use).challenge, use), { code: 'attestation_unavailable' })
  t.equal(one.spend(challenge, use), false)
  one.clock.advance(60_000)
  t.equal(one.spend(one.issue(use).challenge, use), true)
})
