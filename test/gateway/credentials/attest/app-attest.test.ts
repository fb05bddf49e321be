import { test } from 'tap'
import {
  APP_ATTEST,
  createAppAttest,
  ENROLMENT_LIFE_MS,
} from '../../../../src/gateway/credentials/attest/app-attest.ts'
import { CHALLENGE_LIFE_MS } from '../../../../src/gateway/credentials/attest/challenges.ts'
import { createTextMac } from '../../../../src/gateway/credentials/attest/hmac.ts'
import type { Evidence } from '../../../../src/gateway/credentials/attest/verifier.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { type Device, sha256, startApple } from '../../../fakes/credentials/apple.ts'

const appId = 'A1B2C3D4E5.com.example.shop'
const never = new AbortController().signal
const hash = sha256('request')

function start() {
  const clock = fakeClock()
  const apple = startApple(clock.nowMs())
  const create = (secret = Buffer.alloc(32, 1)) => createAppAttest({ secret, clock, root: apple.root })
  const verifier = create()
  const evidence = ({ keyId }: Device, token: Buffer, more: Partial<Evidence> = {}): Evidence => ({
    ...{ token: token.toString('base64'), keyId, challenge: 'c', requestHash: hash },
    app: { id: 'ios', attestation: { appAttest: { appId, environment: 'production' } } },
    ...more,
  })
  const verify = (device: Device, token: Buffer, more: Partial<Evidence> = {}, by = verifier) =>
    by.verify(evidence(device, token, more), never)
  const enrol = async (device: Device) => {
    const verdict = await verify(device, device.attest(hash))
    return verdict.ok ? verdict.enrolment : verdict.reason
  }
  return { clock, apple, create, verify, enrol }
}

test('a device attests its key once, and from then on asserts by it', async (t) => {
  const { apple, verify, enrol } = start()
  const device = apple.device(appId)
  const enrolment = await enrol(device)
  t.ok(String(enrolment).length <= 1_024, `${enrolment?.length} characters`)
  const asserted = { ok: true, deviceId: device.keyId, level: 'strong' }
  t.same(await verify(device, device.assert(hash, 1), { enrolment }), asserted)
  t.same(await verify(device, device.assert(hash, 2), { enrolment }), asserted)
  t.same(await verify(device, device.assert(hash, 2), { enrolment }), { ok: false, reason: 'counter' })
})

test('an attestation that is wrong enrols nobody', async (t) => {
  const { apple, verify } = start()
  const device = apple.device(appId)
  for (const [rule, token, more, reason] of [
    ['for another request', device.attest(sha256('other')), {}, 'nonce'],
    ['an assertion', device.assert(hash, 1), {}, 'malformed'],
    ['no base64', Buffer.alloc(0), { token: '***' }, 'malformed'],
    [
      'an app without App Attest',
      device.attest(hash),
      { app: { id: 'web', attestation: {} } },
      'not_configured',
    ],
    ['an app without attestation', device.attest(hash), { app: { id: 'web' } }, 'not_configured'],
  ] as const) {
    t.same(await verify(device, token, more), { ok: false, reason }, rule)
  }
})

test('an enrolment is of one device, one app and one secret, for ninety days', async (t) => {
  const { clock, apple, create, verify, enrol } = start()
  const [device, other] = [apple.device(appId), apple.device(appId)]
  const [enrolment, ofOther] = [await enrol(device), await enrol(other)]
  const assertion = device.assert(hash, 1)
  const identity = (more: object) => ({
    app: { id: 'ios', attestation: { appAttest: { appId, environment: 'production', ...more } } } as const,
  })
  for (const [rule, more] of [
    ['of another device', { enrolment: ofOther }],
    ['another app', { enrolment, ...identity({ appId: 'A1B2C3D4E5.com.example.other' }) }],
    ['the other environment', { enrolment, ...identity({ environment: 'development' }) }],
    ['none at all', { enrolment: '' }],
    ['a changed one', { enrolment: `A${enrolment?.slice(1)}` }],
  ] as const) {
    t.same(await verify(device, assertion, more), { ok: false, reason: 'enrolment' }, rule)
  }
  const stranger = create(Buffer.alloc(32, 2))
  t.same(await verify(device, assertion, { enrolment }, stranger), { ok: false, reason: 'enrolment' })
  t.match(await verify(device, assertion, { enrolment }, create()), { ok: true }, 'another process of ours')
  clock.advance(ENROLMENT_LIFE_MS - 1)
  t.match(await verify(device, assertion, { enrolment }), { ok: true })
  clock.advance(1)
  t.same(await verify(device, device.assert(hash, 2), { enrolment }), { ok: false, reason: 'enrolment' })
})

test('an enrolment lives no longer for a clock that was ahead when it was issued', async (t) => {
  const { clock, apple, verify, enrol } = start()
  const device = apple.device(appId)
  for (const [how, aheadMs, verdict] of [
    ['as the clocks of two processes may differ', CHALLENGE_LIFE_MS, { ok: true }],
    ['further', CHALLENGE_LIFE_MS + 1, { ok: false, reason: 'enrolment' }],
  ] as const) {
    clock.shift(aheadMs)
    const enrolment = await enrol(device)
    clock.shift(-aheadMs)
    t.match(await verify(device, device.assert(hash, aheadMs), { enrolment }), verdict, how)
  }
})

test('a development build is attested as such', async (t) => {
  const { apple, verify } = start()
  const device = apple.device(appId, 'appattestdevelop')
  const app = { id: 'ios', attestation: { appAttest: { appId, environment: 'development' } } } as const
  t.match(await verify(device, device.attest(hash), { app }), { ok: true, level: 'basic' })
})

test('however its id is spelt, a device is one, and what it writes is no field of its enrolment', async (t) => {
  const { apple, clock, verify } = start()
  const device = apple.device(appId)
  const id = device.keyId
  const spellings = [id, `${id} 99999999999999`, `${id}\n`, `${id}9999`, id.replace('=', ''), ` ${id}`]
  let counter = 0
  for (const keyId of spellings) {
    const verdict = await verify({ ...device, keyId }, device.attest(hash))
    t.match(verdict, { ok: true, deviceId: id }, JSON.stringify(keyId))
    const { enrolment = '' } = verdict as { readonly enrolment?: string }
    const signed = Buffer.from(enrolment.split('.')[0] ?? '', 'base64url').toString()
    t.match(signed, /^\S+ production \S+ \d+ \S+$/)
    t.ok(signed.startsWith(`${appId} production ${id} ${clock.nowMs() + ENROLMENT_LIFE_MS} `))
    for (const again of spellings) {
      counter += 1
      const asserting = { ...device, keyId: again }
      t.match(await verify(asserting, device.assert(hash, counter), { enrolment }), {
        ok: true,
        deviceId: id,
      })
      const repeated = await verify(asserting, device.assert(hash, counter), { enrolment })
      t.same(repeated, { ok: false, reason: 'counter' }, 'one counter')
    }
  }
  // As it was signed when ids were taken as they were spelt.
  const text = `${appId} production ${id} 99999999999999 ${clock.nowMs() + 1} key`
  const enrolment = createTextMac(Buffer.alloc(32, 1), APP_ATTEST).sign(text)
  t.same(await verify(device, device.assert(hash, counter + 1), { enrolment }), {
    ok: false,
    reason: 'enrolment',
  })
})
