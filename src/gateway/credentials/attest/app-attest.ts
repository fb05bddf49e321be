import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { type Clock, isAhead } from '../../../std/clock.ts'
import { type LruCache, lruCache } from '../../../std/lru.ts'
import { type AppIdentity, verifyAssertion, verifyAttestation } from './app-attest-object.ts'
import { CHALLENGE_LIFE_MS } from './challenges.ts'
import { createTextMac } from './hmac.ts'
import type { AttestationResult, AttestationVerifier, Evidence } from './verifier.ts'

export const APP_ATTEST = 'app-attest'
/** Then the app attests a new key: what an enrolment says is believed no longer than that. */
export const ENROLMENT_LIFE_MS = 7_776_000_000
/**
 * An enrolment that ends later is not taken: the clock that it was issued by was ahead of ours, by so much that we would
 * take no challenge of it either.
 */
const MOST_AHEAD_MS = ENROLMENT_LIFE_MS + CHALLENGE_LIFE_MS
/** Counters remembered, of the keys seen last. */
const MAX_COUNTERS = 100_000

export interface AppAttestOptions {
  /** All processes that share it know each other's devices. */
  readonly secret: Buffer
  readonly clock: Clock
  readonly root: X509Certificate
}

/**
 * Apple's App Attest. A device attests its key once: Apple's servers count, and a key can be attested no second time. It
 * is answered with an enrolment, which holds the public key, signed by us, and from then on presents that and an
 * assertion by the key. So no process has to remember devices. The counter of assertions is held per process, beside the
 * challenge that each of them is bound to.
 */
export function createAppAttest({ secret, clock, root }: AppAttestOptions): AttestationVerifier {
  const mac = createTextMac(secret, APP_ATTEST)
  const counters: LruCache<number> = lruCache(MAX_COUNTERS)

  function attest({ token, keyId, requestHash }: Evidence, identity: AppIdentity): AttestationResult {
    const nowMs = clock.nowMs()
    const result = verifyAttestation({
      ...identity,
      object: Buffer.from(token, 'base64'),
      clientDataHash: requestHash,
      keyId: Buffer.from(keyId, 'base64'),
      root,
      nowMs,
    })
    if (typeof result === 'string') return { ok: false, reason: result }
    const key = result.export({ type: 'spki', format: 'der' }).toString('base64')
    const { appId, environment } = identity
    const enrolment = mac.sign([appId, environment, keyId, nowMs + ENROLMENT_LIFE_MS, key].join(' '))
    return { ok: true, deviceId: keyId, level: levelOf(identity), enrolment }
  }

  function assert(
    { token, keyId, requestHash }: Evidence,
    publicKey: KeyObject,
    identity: AppIdentity,
  ): AttestationResult {
    const result = verifyAssertion({
      object: Buffer.from(token, 'base64'),
      clientDataHash: requestHash,
      appId: identity.appId,
      publicKey,
      counter: counters.get(keyId) ?? 0,
    })
    if (typeof result === 'string') return { ok: false, reason: result }
    counters.set(keyId, result)
    return { ok: true, deviceId: keyId, level: levelOf(identity) }
  }

  function enrolledKey(enrolment: string, keyId: string, identity: AppIdentity): KeyObject | undefined {
    const [appId, environment, id, untilMs, key = '', ...rest] = mac.verify(enrolment)?.split(' ') ?? []
    const mine = appId === identity.appId && environment === identity.environment && id === keyId
    const isValid = isAhead(Number(untilMs), { nowMs: clock.nowMs(), mostMs: MOST_AHEAD_MS })
    if (!mine || rest.length > 0 || !isValid) return undefined
    return createPublicKey({ key: Buffer.from(key, 'base64'), type: 'spki', format: 'der' })
  }

  return {
    kind: APP_ATTEST,
    async verify(presented) {
      const identity = presented.app.attestation?.appAttest
      if (identity === undefined) return { ok: false, reason: 'not_configured' }
      const { enrolment } = presented
      const evidence = { ...presented, keyId: oneSpelling(presented.keyId) }
      if (enrolment === undefined) return attest(evidence, identity)
      const publicKey = enrolledKey(enrolment, evidence.keyId, identity)
      return publicKey ? assert(evidence, publicKey, identity) : { ok: false, reason: 'enrolment' }
    },
  }
}

/**
 * Base64 can be written in many ways, with blanks and more behind its end. One device has one id and one counter, and no
 * text of a sender's gets into what is signed.
 */
const oneSpelling = (keyId: string): string => Buffer.from(keyId, 'base64').toString('base64')

/** A development build proves that it runs on a device of ours, not that it is what users were given. */
const levelOf = ({ environment }: AppIdentity) => (environment === 'production' ? 'strong' : 'basic')
