import { type Test, test } from 'tap'
import { APP_ATTEST, createAppAttest } from '../../../../src/gateway/credentials/attest/app-attest.ts'
import { createAttestation, type Presented } from '../../../../src/gateway/credentials/attest/attestation.ts'
import { createChallenges } from '../../../../src/gateway/credentials/attest/challenges.ts'
import { requestHash } from '../../../../src/gateway/credentials/attest/request-hash.ts'
import type { AttestationVerifier, AttestedApp } from '../../../../src/gateway/credentials/attest/verifier.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { startApple } from '../../../fakes/credentials/apple.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'

const appId = 'A1B2C3D4E5.com.example.shop'
const app: AttestedApp = { id: 'ios', attestation: { appAttest: { appId, environment: 'production' } } }
const lenient: AttestedApp = { ...app, attestation: { ...app.attestation, onUnavailable: 'allow-limited' } }
const asked = { app, subject: 'user-1', streams: ['headgate-direct-ios'] }
const never = () => new AbortController().signal

/** A verifier that asks somebody else, who behaves like this. */
const remote = (verify: AttestationVerifier['verify']): AttestationVerifier => ({ kind: 'remote', verify })
const silent = remote(() => new Promise(() => {}))

function start(other: AttestationVerifier = silent, timeoutMs = 3_000) {
  const clock = fakeClock()
  const telemetry = quietTelemetry()
  const secret = Buffer.alloc(32, 1)
  const apple = startApple(clock.nowMs())
  const attestation = createAttestation({
    verifiers: [createAppAttest({ secret, clock, root: apple.root }), other],
    challenges: createChallenges({ secret, clock, entropy: seededEntropy() }),
    telemetry,
    timeoutMs,
  })
  const claimBy = (device = apple.device(appId), more: object = {}) => {
    const { challenge } = attestation.challenge(app, APP_ATTEST)
    const bound = requestHash({ app: 'ios', subject: 'user-1', streams: asked.streams, challenge, ...more })
    return {
      ...{ kind: APP_ATTEST, challenge, keyId: device.keyId },
      token: device.attest(bound).toString('base64'),
    } as const
  }
  const remoteClaim = () => ({
    ...{ kind: 'remote', token: 't', keyId: 'k' },
    challenge: attestation.challenge(app, 'remote').challenge,
  })
  const outcomes = async () =>
    (await telemetry.metrics.getSingleMetricAsString('headgate_attestations_total'))
      .split('\n')
      .filter((line) => !line.startsWith('#'))
  return { apple, attestation, claimBy, remoteClaim, outcomes }
}

const refusedFor = (t: Test, work: Promise<unknown>, reason: string, rule = reason) =>
  t.rejects(work, { code: 'attestation_failed', details: { reason } }, rule)

test('a device that proves itself for this request is attested, and enrolled', async (t) => {
  const { apple, attestation, claimBy, outcomes } = start()
  const device = apple.device(appId)
  const attested = await attestation.check(claimBy(device), asked, never())
  t.match(attested, { kind: APP_ATTEST, level: 'strong', deviceId: device.keyId, enrolment: String })
  const { challenge } = attestation.challenge(app, APP_ATTEST)
  const bound = requestHash({ app: 'ios', subject: 'user-1', streams: asked.streams, challenge })
  const token = device.assert(bound, 1).toString('base64')
  const { enrolment = '' } = attested
  t.same(
    await attestation.check(
      { kind: APP_ATTEST, challenge, token, keyId: device.keyId, enrolment },
      asked,
      never(),
    ),
    { kind: APP_ATTEST, level: 'strong', deviceId: device.keyId, enrolment: undefined },
  )
  t.same(await outcomes(), [`headgate_attestations_total{kind="app-attest",outcome="attested"} 2`])
})

test('a proof holds for one request only', async (t) => {
  const { attestation, claimBy, outcomes } = start()
  const check = (claim: Presented | undefined, more: object = {}) =>
    attestation.check(claim, { ...asked, ...more }, never())
  await refusedFor(t, check(undefined), 'missing')
  await refusedFor(t, check(claimBy(), { subject: 'user-2' }), 'nonce', 'of another subject')
  await refusedFor(t, check(claimBy(), { streams: [] }), 'nonce', 'for other streams')
  await refusedFor(t, check(claimBy(), { app: { ...app, id: 'other' } }), 'challenge', 'for another app')
  await refusedFor(t, check({ ...claimBy(), challenge: 'invented' }), 'challenge', 'for its own challenge')
  const claim = claimBy()
  t.match(await check(claim), { level: 'strong' })
  await refusedFor(t, check(claim), 'challenge', 'a second time')
  const spoiled = claimBy()
  await refusedFor(t, check(spoiled, { subject: 'user-2' }), 'nonce')
  await refusedFor(t, check(spoiled), 'challenge', 'what was refused once is spent')
  t.same(await outcomes(), [
    'headgate_attestations_total{kind="app-attest",outcome="refused"} 3',
    'headgate_attestations_total{kind="app-attest",outcome="attested"} 1',
  ])
})

test('an unknown kind has neither a challenge nor a proof', async (t) => {
  const { attestation, remoteClaim, outcomes } = start()
  t.throws(() => attestation.challenge(app, 'play'), { code: 'attestation_failed' })
  const unknown = { ...remoteClaim(), kind: 'play' }
  await refusedFor(t, attestation.check(unknown, asked, never()), 'kind')
  t.same(await outcomes(), [], 'and no metric of its own')
})

test('a proof that cannot be checked in time is no proof, unless the configuration lets it pass', async (t) => {
  const broken = new AppError('attestation_unavailable', 'Nobody answers.')
  for (const [rule, other] of [
    ['nobody answers', silent],
    ['nobody is there', remote(() => Promise.reject(broken))],
  ] as const) {
    const { attestation, remoteClaim, outcomes } = start(other, 5)
    await t.rejects(
      attestation.check(remoteClaim(), asked, never()),
      { code: 'attestation_unavailable' },
      rule,
    )
    t.same(
      await attestation.check(remoteClaim(), { ...asked, app: lenient }, never()),
      { kind: 'remote', level: 'none', deviceId: undefined, enrolment: undefined },
      rule,
    )
    t.same(await outcomes(), [
      'headgate_attestations_total{kind="remote",outcome="unavailable"} 1',
      'headgate_attestations_total{kind="remote",outcome="limited"} 1',
    ])
  }
})

test('leniency is for what could not be checked: never for a refusal, never for an error of ours', async (t) => {
  const refusing = start(remote(async () => ({ ok: false, reason: 'rooted' })))
  const check = ({ attestation, remoteClaim }: ReturnType<typeof start>) =>
    attestation.check(remoteClaim(), { ...asked, app: lenient }, never())
  await refusedFor(t, check(refusing), 'rooted')
  const failing = start(remote(() => Promise.reject(new TypeError('broken'))))
  await t.rejects(check(failing), { message: 'broken' })
  const configured = start(remote(() => Promise.reject(new AppError('internal', 'wrong'))))
  await t.rejects(check(configured), { code: 'internal' })
})

test('who checks is told when nobody waits any more', async (t) => {
  let told: AbortSignal | undefined
  const { attestation, remoteClaim } = start(
    remote(async (_evidence, signal) => {
      told = signal
      return { ok: true, deviceId: 'd', level: 'device' }
    }),
  )
  const leaving = new AbortController()
  await attestation.check(remoteClaim(), asked, leaving.signal)
  t.equal(told?.aborted, false)
  leaving.abort()
  t.equal(told?.aborted, true)
})
