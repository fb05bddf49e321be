import { generateKeyPairSync } from 'node:crypto'
import { test } from 'tap'
import { usableKeys } from '../../../../src/gateway/credentials/tokens/jwk.ts'
import { signingKey } from '../../../fakes/credentials/jws.ts'

const ec = signingKey('ec')
const rsa = signingKey('rsa', 'RS256')
const ed = signingKey('ed', 'EdDSA')

test('each kind of key is used with one algorithm', async (t) => {
  for (const { kid, alg, jwk } of [ec, rsa, ed]) {
    const { alg: _, use: __, ...bare } = jwk
    for (const [rule, key] of [
      ['as published', jwk],
      ['without alg and use', bare],
      ['with its operations', { ...bare, key_ops: ['verify'] }],
    ] as const) {
      const found = usableKeys({ keys: [key] })?.get(kid)
      t.equal(found?.algorithm, alg, `${alg} ${rule}`)
      t.equal(found?.key.type, 'public')
    }
  }
})

test('what may not verify tokens is passed over, and the rest is used', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })
  const x25519 = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })
  for (const [rule, jwk] of [
    ['a private key', { ...privateKey.export({ format: 'jwk' }), kid: 'k' }],
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0', kid: 'k' }],
    ['a symmetric secret beside a public key', { ...ec.jwk, kid: 'k', k: 'c2VjcmV0' }],
    ['no key id', publicKey.export({ format: 'jwk' })],
    ['an empty key id', { ...ec.jwk, kid: '' }],
    ['a number as key id', { ...ec.jwk, kid: 7 }],
    ['a key id of 256 characters', { ...ec.jwk, kid: 'k'.repeat(256) }],
    ['a key for encryption', { ...ec.jwk, kid: 'k', use: 'enc' }],
    ['a key for other operations', { ...ec.jwk, kid: 'k', key_ops: ['encrypt'] }],
    ['operations that are no list', { ...ec.jwk, kid: 'k', key_ops: 'verify' }],
    ['another algorithm than its kind has', { ...ec.jwk, kid: 'k', alg: 'RS256' }],
    ['an algorithm of HMAC', { ...rsa.jwk, kid: 'k', alg: 'HS256' }],
    ['an RSA-PSS algorithm', { ...rsa.jwk, kid: 'k', alg: 'PS256' }],
    ['another curve', { ...p384, kid: 'k' }],
    ['a curve for key agreement', { ...x25519, kid: 'k' }],
    ['an RSA key of 1024 bits', { ...signingKey('k', 'RS256', 1_024).jwk }],
    ['a point off its curve', { ...ec.jwk, kid: 'k', x: ec.jwk['y'] }],
    ['a coordinate that is missing', { kty: 'EC', crv: 'P-256', kid: 'k', x: ec.jwk['x'] }],
    ['null', null],
    ['a text', 'k'],
  ] as const) {
    const keys = usableKeys({ keys: [jwk, ed.jwk] })
    t.same([...(keys?.keys() ?? [])], ['ed'], rule)
  }
})

test('of two keys with one id the first counts', async (t) => {
  const keys = usableKeys({ keys: [ec.jwk, { ...ed.jwk, kid: 'ec' }] })
  t.equal(keys?.get('ec')?.algorithm, 'ES256')
})

test('what is no JWK set holds no keys', async (t) => {
  for (const document of [null, 'keys', 1, [], {}, { keys: {} }, { keys: 'ec' }]) {
    t.equal(usableKeys(document), undefined, JSON.stringify(document))
  }
})
