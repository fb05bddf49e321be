import { generateKeyPairSync, KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { encode } from 'cborg'
import { verifyAttestation as secondJudge } from 'node-app-attest'
import { test } from 'tap'
import {
  type AppAttestEnvironment,
  verifyAssertion,
  verifyAttestation,
} from '../../../../src/gateway/credentials/attest/app-attest-object.ts'
import { APPLE_APP_ATTESTATION_ROOT } from '../../../../src/gateway/credentials/attest/apple-root.ts'
import { type Forging, nonceExtension, sha256, startApple } from '../../../fakes/credentials/apple.ts'
import { basicConstraints, der, extension } from '../../../fakes/credentials/x509.ts'

const NOW_MS = Date.UTC(2026, 10, 22, 12)
const HOUR_MS = 3_600_000
const appId = 'A1B2C3D4E5.com.example.shop'
const hash = sha256('the request')
const apple = startApple(NOW_MS)

const check = (object: Buffer, keyId: string, more: object = {}) =>
  verifyAttestation({
    ...{ object, clientDataHash: hash, keyId: Buffer.from(keyId, 'base64'), appId },
    ...{ environment: 'production' as AppAttestEnvironment, root: apple.root, nowMs: NOW_MS },
    ...more,
  })

test('the root is the one that Apple publishes', async (t) => {
  t.equal(
    APPLE_APP_ATTESTATION_ROOT.fingerprint256.replaceAll(':', '').toLowerCase(),
    '1cb9823ba28ba6ad2d33a006941de2ae4f513ef1d4e831b9f7e0fa7b6242c932',
  )
  t.equal(APPLE_APP_ATTESTATION_ROOT.checkIssued(APPLE_APP_ATTESTATION_ROOT), true)
})

test('what real devices sent is accepted by us, and by a judge that is not ours', async (t) => {
  // Recorded by the author of node-app-attest in February 2024, with an app of his.
  const judge = createRequire(import.meta.url).resolve('node-app-attest')
  const app = { teamIdentifier: 'V8H6LQ9448', bundleIdentifier: 'io.uebelacker.AppAttestExample' }
  for (const environment of ['production', 'development'] as const) {
    const file = new URL(`../test/fixtures/attestation-${environment}.json`, `file://${judge}`)
    const recorded = JSON.parse(readFileSync(file, 'utf8'))
    const object = Buffer.from(recorded.attestation, 'base64')
    const challenge = Buffer.from(recorded.challenge, 'base64')
    const real = {
      clientDataHash: sha256(challenge),
      appId: `${app.teamIdentifier}.${app.bundleIdentifier}`,
      environment,
      root: APPLE_APP_ATTESTATION_ROOT,
      nowMs: Date.UTC(2024, 1, 8),
    }
    const key = check(object, recorded.keyId, real)
    const theirs = secondJudge({
      ...{ attestation: object, challenge, keyId: recorded.keyId, allowDevelopmentEnvironment: true },
      ...app,
    })
    t.equal(
      key instanceof KeyObject && key.export({ type: 'spki', format: 'pem' }),
      theirs.publicKey,
      environment,
    )
    t.equal(theirs.environment, environment)
    for (const [rule, more, fault] of [
      ['another challenge', { clientDataHash: sha256('other') }, 'nonce'],
      ['another app', { appId }, 'app_id'],
      ['a year later', { nowMs: Date.UTC(2025, 1, 8) }, 'certificate_time'],
      ['before it was made', { nowMs: Date.UTC(2024, 1, 1) }, 'certificate_time'],
      ['another root', { root: apple.root }, 'chain'],
      [
        'the other environment',
        { environment: environment === 'production' ? 'development' : 'production' },
        'environment',
      ],
    ] as const) {
      t.equal(check(object, recorded.keyId, { ...real, ...more }), fault, `${environment}: ${rule}`)
    }
  }
})

test('an attestation gives the key that it vouches for, whatever iOS adds to it', async (t) => {
  for (const more of [Buffer.alloc(0), Buffer.from(encode({ apple_validation_category_01: 1 }))]) {
    const device = apple.device(appId)
    const key = check(device.attest(hash, { more }), device.keyId)
    t.ok(key instanceof KeyObject && key.type === 'public')
  }
})

test('every forged attestation is refused for what is wrong with it', async (t) => {
  const device = apple.device(appId)
  const stranger = startApple(NOW_MS)
  const other = apple.device(appId)
  const leafAsAuthority = { certificate: apple.ca.certificate, privateKey: other.key }
  const noCa = startApple(NOW_MS, { ca: false })
  const oldCa = startApple(NOW_MS, { toMs: NOW_MS - 1 })
  const noncelike = (value: Buffer) => [basicConstraints(false), extension('2a864886f763640802', value)]
  const nonce = Buffer.alloc(32, 1)

  for (const [rule, forging, fault] of [
    ['another format', { fmt: 'apple' }, 'malformed'],
    ['no certificates', { x5c: () => [] }, 'malformed'],
    ['one certificate', { x5c: ([leaf]) => [leaf] }, 'malformed'],
    ['certificates that are texts', { x5c: () => ['a', 'b'] }, 'malformed'],
    ['certificates that are noise', { x5c: () => [Buffer.from('a'), Buffer.from('b')] }, 'malformed'],
    ['three certificates', { x5c: ([leaf, ca]) => [leaf, ca, ca] }, 'chain'],
    ['in the wrong order', { x5c: ([leaf, ca]) => [ca, leaf] }, 'chain'],
    ['the authority as the key', { x5c: ([, ca]) => [ca, ca] }, 'chain'],
    ['an authority of its own', { issuer: stranger.ca }, 'chain'],
    ["a stranger's key under Apple's name", { issuer: leafAsAuthority }, 'chain'],
    ["Apple's key under another name", { issuerName: 'other' }, 'chain'],
    ['an expired certificate', { toMs: NOW_MS - 1_000 }, 'certificate_time'],
    ['a certificate that ends now', { toMs: NOW_MS }, 'certificate_time'],
    ['a certificate of tomorrow', { fromMs: NOW_MS + 1_000 }, 'certificate_time'],
    ['another nonce', { nonce: sha256('other') }, 'nonce'],
    ['no nonce', { leafExtensions: [basicConstraints(false)] }, 'nonce'],
    ['no extensions', { leafExtensions: [] }, 'nonce'],
    ['a nonce without its tag', { leafExtensions: noncelike(der(0x30, der(0x04, nonce))) }, 'nonce'],
    ['a nonce outside', { leafExtensions: noncelike(der(0x04, nonce)) }, 'nonce'],
    [
      'two nonces',
      { leafExtensions: noncelike(der(0x30, der(0xa1, der(0x04, nonce), der(0x04, nonce)))) },
      'nonce',
    ],
    ['a counter', { counter: 1 }, 'counter'],
    ['the other environment', { aaguid: 'appattestdevelop' }, 'environment'],
    ['a name that begins alike', { aaguid: 'appattest\0\0\0\0\0\0x' }, 'environment'],
    ['the id of another key', { credentialId: Buffer.from(other.keyId, 'base64') }, 'credential_id'],
    ['a short id', { credentialId: Buffer.alloc(16), more: Buffer.alloc(16) }, 'credential_id'],
    ['an id that is cut off', { credentialId: Buffer.alloc(4) }, 'malformed'],
  ] as readonly (readonly [string, Forging, string])[]) {
    t.equal(check(device.attest(hash, forging), device.keyId), fault, rule)
  }
  for (const [rule, object, keyId, more, fault] of [
    ['the key id of another device', device.attest(hash), other.keyId, {}, 'key_id'],
    ['no key id', device.attest(hash), '', {}, 'key_id'],
    ['of another app', apple.device('A1B2C3D4E5.com.evil').attest(hash), undefined, {}, 'key_id'],
    ['for another request', device.attest(sha256('other')), device.keyId, {}, 'nonce'],
    ['an authority that is none', noCa.device(appId).attest(hash), '', { root: noCa.root }, 'chain'],
    ['an expired authority', oldCa.device(appId).attest(hash), '', { root: oldCa.root }, 'certificate_time'],
    [
      'when the root has ended',
      device.attest(hash),
      device.keyId,
      { nowMs: NOW_MS + 2 * HOUR_MS },
      'certificate_time',
    ],
  ] as const) {
    t.equal(check(object, keyId ?? device.keyId, more), fault, rule)
  }
  const foreign = apple.device('A1B2C3D4E5.com.evil')
  t.equal(check(foreign.attest(hash), foreign.keyId), 'app_id', 'a real device with another app')
})

test('a key of another kind is no key of App Attest', async (t) => {
  for (const { publicKey } of [
    generateKeyPairSync('ed25519'),
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
    generateKeyPairSync('rsa', { modulusLength: 2_048 }),
  ]) {
    const point = sha256(publicKey.export({ type: 'spki', format: 'der' }).subarray(-65))
    const object = apple.device(appId).attest(hash, { publicKey, credentialId: point })
    t.equal(check(object, point.toString('base64')), 'key_id', String(publicKey.asymmetricKeyType))
  }
})

test('bytes that are no attestation are refused, however they are nested', async (t) => {
  const honest = apple.device(appId).attest(hash)
  const text = Buffer.from(encode('authData'))
  const at = honest.indexOf(text)
  for (const [rule, object] of [
    ['nothing', Buffer.alloc(0)],
    ['a number', Buffer.from(encode(1))],
    ['a list', Buffer.from(encode([1]))],
    ['an empty map', Buffer.from(encode({}))],
    [
      'a statement that is a text',
      Buffer.from(encode({ fmt: 'apple-appattest', attStmt: 'x', authData: Buffer.alloc(87) })),
    ],
    ['half of it', honest.subarray(0, honest.length / 2)],
    ['one byte more', Buffer.concat([honest, Buffer.of(0)])],
    ['twelve thousand lists', Buffer.alloc(12_000, 0x81)],
    ['a list of four billion', Buffer.from('9affffffff', 'hex')],
    ['a map without an end', Buffer.from('bf', 'hex')],
    ['the same name twice', Buffer.concat([Buffer.of(0xa4), honest.subarray(1), honest.subarray(at)])],
  ] as const) {
    t.equal(check(object, ''), 'malformed', rule)
  }
})

test('an assertion is by the key that was attested, for this request, and later than the last', async (t) => {
  const device = apple.device(appId)
  const key = check(device.attest(hash), device.keyId)
  if (!(key instanceof KeyObject)) throw new Error(key)
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey
  const judge = (object: Buffer, more: object = {}) =>
    verifyAssertion({ object, clientDataHash: hash, appId, publicKey: key, counter: 4, ...more })
  const honest = device.assert(hash, 5)
  for (const [rule, result, wanted] of [
    ['the next', judge(honest), 5],
    ['one much later', judge(device.assert(hash, 4_294_967_295)), 4_294_967_295],
    ['the first', judge(device.assert(hash, 1), { counter: 0 }), 1],
    ['the same again', judge(device.assert(hash, 4)), 'counter'],
    ['an earlier one', judge(device.assert(hash, 3)), 'counter'],
    ['for another request', judge(device.assert(sha256('other'), 5)), 'signature'],
    ['by another key', judge(device.assert(hash, 5, { key: apple.device(appId).key })), 'signature'],
    ['checked with a key of another kind', judge(honest, { publicKey: rsa }), 'signature'],
    ['of another app', judge(device.assert(hash, 5, { appId: 'A1B2C3D4E5.com.evil' })), 'app_id'],
    ['an attestation', judge(device.attest(hash)), 'malformed'],
    [
      'data that is cut off',
      judge(Buffer.from(encode({ signature: Buffer.of(1), authenticatorData: Buffer.alloc(36) }))),
      'malformed',
    ],
    ['no signature', judge(Buffer.from(encode({ authenticatorData: Buffer.alloc(37) }))), 'signature'],
    ['noise', judge(Buffer.from('noise')), 'malformed'],
  ] as const) {
    t.equal(result, wanted, rule)
  }
})

test('a nonce is where Apple puts it, not anywhere in the certificate', async (t) => {
  const device = apple.device(appId)
  const nonce = Buffer.alloc(32, 9)
  const hidden = extension('2a864886f763640805', nonceExtension(nonce))
  t.equal(
    check(device.attest(hash, { leafExtensions: [basicConstraints(false), hidden] }), device.keyId),
    'nonce',
  )
})
