import { setImmediate as turn } from 'node:timers/promises'
import { type Test, test } from 'tap'
import {
  createJwks,
  FAILURE_BACKOFF_MS,
  JWKS_MAX_AGE_MS,
  nextStep,
  REFRESH_AHEAD_MS,
  STALE_IF_ERROR_MS,
  UNKNOWN_KEY_COOLDOWN_MS,
} from '../../../../src/gateway/credentials/tokens/jwks.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { startIssuer } from '../../../fakes/credentials/issuer.ts'
import { signingKey } from '../../../fakes/credentials/jws.ts'
import { waitFor } from '../../../fakes/process/serving.ts'

const NEVER = Number.POSITIVE_INFINITY
const DAY = STALE_IF_ERROR_MS

test('what happens for a key follows from what is held, how old it is, and how the last fetch went', async (t) => {
  for (const [rule, held, ageMs, failing, idleMs, step] of [
    ['nothing was ever fetched', false, NEVER, false, NEVER, 'fetch'],
    ['the first fetch is on its way', false, NEVER, false, 10, 'unavailable'],
    ['the first fetch failed', false, NEVER, true, 4_999, 'unavailable'],
    ['it failed five seconds ago', false, NEVER, true, 5_000, 'fetch'],
    ['held and fresh', true, 0, false, 0, 'serve'],
    ['held, nearly five minutes old', true, 299_999, false, 299_999, 'serve'],
    ['held, five minutes old', true, 300_000, false, 300_000, 'serve_and_fetch'],
    ['that fetch is on its way', true, 300_001, false, 1, 'serve'],
    ['that fetch failed', true, 300_001, true, 4_999, 'serve'],
    ['it failed five seconds ago, the key is held', true, 305_000, true, 5_000, 'serve_and_fetch'],
    ['held, ten minutes old', true, 600_000, false, 600_000, 'fetch'],
    ['ten minutes old, in an outage', true, 600_000, true, 1, 'serve'],
    ['ten minutes old, in an outage, time to look', true, 600_000, true, 5_000, 'serve_and_fetch'],
    ['a day old, in an outage', true, DAY, true, 4_999, 'unavailable'],
    ['a day old, in an outage, time to look', true, DAY, true, 5_000, 'fetch'],
    ['nearly a day old, in an outage', true, DAY - 1, true, 1, 'serve'],
    ['unknown id, just fetched', false, 0, false, 0, 'unknown'],
    ['unknown id, within the cool-down', false, 29_999, false, 29_999, 'unknown'],
    ['unknown id, after the cool-down', false, 30_000, false, 30_000, 'fetch'],
    ['unknown id, in an outage: it may be new', false, 60_000, true, 1, 'unavailable'],
    ['unknown id, in an outage, time to look', false, 60_000, true, 5_000, 'fetch'],
  ] as const) {
    t.equal(nextStep({ held, ageMs, failing, idleMs }), step, rule)
  }
})

const never = () => new AbortController().signal

async function start(t: Test) {
  const issuer = await startIssuer(t)
  const clock = fakeClock()
  const observed: unknown[] = []
  const jwks = createJwks({
    uri: issuer.jwksUri,
    clock,
    observe: (failure) => observed.push(failure === undefined ? 'fetched' : 'failed'),
  })
  t.teardown(() => jwks.close())
  return { issuer, clock, jwks, observed }
}

test('fifty invented key ids make nobody fetch', async (t) => {
  const { issuer, clock, jwks } = await start(t)
  issuer.publish(signingKey('k1'))
  await jwks.fetch()
  t.equal(issuer.fetches(), 1)
  const ids = Array.from({ length: 50 }, (_, i) => `random-${i}`)
  t.same(await Promise.all(ids.map((id) => jwks.key(id, never()))), new Array(50).fill(undefined))
  t.equal(issuer.fetches(), 1, '0 extra fetches')
  clock.advance(UNKNOWN_KEY_COOLDOWN_MS)
  t.same(await Promise.all(ids.map((id) => jwks.key(id, never()))), new Array(50).fill(undefined))
  t.equal(issuer.fetches(), 2, 'one for all of them, half a minute later')
})

test('fifty requests that find no keys share one fetch', async (t) => {
  const { issuer, jwks } = await start(t)
  issuer.publish(signingKey('k1'))
  const keys = await Promise.all(Array.from({ length: 50 }, () => jwks.key('k1', never())))
  t.ok(keys.every((key) => key?.algorithm === 'ES256'))
  t.equal(issuer.fetches(), 1)
})

test('a rotation is seen at once, and a key that was withdrawn is gone', async (t) => {
  const { issuer, clock, jwks } = await start(t)
  issuer.publish(signingKey('old'))
  await jwks.fetch()
  clock.advance(UNKNOWN_KEY_COOLDOWN_MS)
  issuer.publish(signingKey('new'))
  t.equal((await jwks.key('new', never()))?.algorithm, 'ES256')
  t.equal(issuer.fetches(), 2)
  t.equal(await jwks.key('old', never()), undefined)
  t.equal(issuer.fetches(), 2)
})

test('nobody waits for the fetch that comes before the keys are too old', async (t) => {
  const { issuer, clock, jwks, observed } = await start(t)
  issuer.publish(signingKey('k1'))
  await jwks.fetch()
  clock.advance(REFRESH_AHEAD_MS)
  let asked = 0
  issuer.answer(() => {
    asked += 1
  })
  t.equal((await jwks.key('k1', never()))?.algorithm, 'ES256', 'though the issuer does not answer')
  await waitFor(() => asked === 1)
  t.equal((await jwks.key('k1', never()))?.algorithm, 'ES256')
  t.same(observed, ['fetched'])
  await jwks.close()
  t.equal(jwks.ageMs(), REFRESH_AHEAD_MS)
})

test('keys that are too old are not used while the issuer answers', async (t) => {
  const { issuer, clock, jwks } = await start(t)
  issuer.publish(signingKey('withdrawn'))
  await jwks.fetch()
  issuer.publish(signingKey('k2'))
  clock.advance(JWKS_MAX_AGE_MS)
  t.equal(await jwks.key('withdrawn', never()), undefined)
  t.equal(jwks.ageMs(), 0)
})

test('an outage of the issuer is an outage of nobody else, for a day', async (t) => {
  const { issuer, clock, jwks, observed } = await start(t)
  issuer.publish(signingKey('k1'))
  await jwks.fetch()
  await issuer.stop()
  clock.advance(JWKS_MAX_AGE_MS)
  for (let i = 0; i < 20; i++) t.equal((await jwks.key('k1', never()))?.algorithm, 'ES256')
  t.same(observed, ['fetched', 'failed'], 'one attempt for twenty requests')
  await t.rejects(jwks.key('k2', never()), { code: 'issuer_unavailable' }, 'it may be new: who knows')
  clock.advance(FAILURE_BACKOFF_MS)
  t.equal((await jwks.key('k1', never()))?.algorithm, 'ES256')
  await waitFor(() => observed.length === 3)
  clock.advance(STALE_IF_ERROR_MS - JWKS_MAX_AGE_MS - FAILURE_BACKOFF_MS)
  await t.rejects(jwks.key('k1', never()), { code: 'issuer_unavailable' }, 'a day is enough')
  t.equal(observed.length, 4)
  await issuer.restart()
  clock.advance(FAILURE_BACKOFF_MS)
  t.equal((await jwks.key('k1', never()))?.algorithm, 'ES256')
  t.equal(observed.at(-1), 'fetched')
})

test('before the first fetch worked, tokens wait for the next attempt', async (t) => {
  const { issuer, clock, jwks, observed } = await start(t)
  issuer.answer((response) => response.writeHead(503).end())
  await t.rejects(jwks.key('k1', never()), { code: 'issuer_unavailable' })
  for (let i = 0; i < 20; i++) await t.rejects(jwks.key('k1', never()), { code: 'issuer_unavailable' })
  t.equal(issuer.fetches(), 1, 'one attempt for twenty-one requests')
  t.equal(jwks.ageMs(), undefined)
  issuer.answer()
  issuer.publish(signingKey('k1'))
  clock.advance(FAILURE_BACKOFF_MS)
  t.equal((await jwks.key('k1', never()))?.algorithm, 'ES256')
  t.same(observed, ['failed', 'fetched'])
})

test('an issuer withdraws its last key by a set without one that can be used', async (t) => {
  for (const [rule, left] of [
    ['of none', []],
    ['of a key of another kind', [{ kty: 'EC', crv: 'P-521', kid: 'k2', x: 'AA', y: 'AA' }]],
    ['of a key for encryption', [{ ...signingKey('k1').jwk, use: 'enc' }]],
  ] as const) {
    const { issuer, clock, jwks, observed } = await start(t)
    issuer.publish(signingKey('k1'))
    await jwks.fetch()
    issuer.answer((response) => response.end(JSON.stringify({ keys: left })))
    clock.advance(JWKS_MAX_AGE_MS)
    t.equal(await jwks.key('k1', never()), undefined, rule)
    t.equal(jwks.ageMs(), undefined)
    t.same(observed, ['fetched', 'failed'], 'which is told of')
    issuer.answer()
    clock.advance(UNKNOWN_KEY_COOLDOWN_MS)
    t.equal((await jwks.key('k1', never()))?.algorithm, 'ES256', 'and publishes it again')
  }
})

test('an answer that is no JWK set is no answer: the old keys stay', async (t) => {
  const { issuer, clock, jwks, observed } = await start(t)
  issuer.publish(signingKey('k1'))
  await jwks.fetch()
  for (const body of ['{}', '[]', 'null', '{"keys":{}}', '<html>']) {
    issuer.answer((response) => response.end(body))
    clock.advance(JWKS_MAX_AGE_MS)
    t.equal((await jwks.key('k1', never()))?.algorithm, 'ES256', body)
    t.equal(observed.at(-1), 'failed')
  }
})

test('whoever gives up waiting ends nothing for the others', async (t) => {
  const { issuer, jwks } = await start(t)
  issuer.publish(signingKey('k1'))
  const held: (() => void)[] = []
  issuer.answer((response) => {
    held.push(() => response.end(JSON.stringify({ keys: [signingKey('k1').jwk] })))
  })
  const leaving = new AbortController()
  const left = jwks.key('k1', leaving.signal)
  const stayed = jwks.key('k1', never())
  await waitFor(() => held.length === 1)
  leaving.abort()
  await t.rejects(left, { code: 'issuer_unavailable' })
  held[0]?.()
  t.equal((await stayed)?.algorithm, 'ES256')
})

test('what is in flight ends when the keys are no longer wanted, and is no failure of the issuer', async (t) => {
  const { issuer, jwks, observed } = await start(t)
  issuer.answer(() => {})
  const waiting = jwks.key('k1', never())
  await waitFor(() => issuer.fetches() === 1)
  await Promise.all([jwks.close(), t.rejects(waiting, { code: 'issuer_unavailable' })])
  await turn()
  t.same(observed, [])
})
