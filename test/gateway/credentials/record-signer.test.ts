import { generateKeyPairSync } from 'node:crypto'
import { decodeProtectedHeader, importJWK, type JWK, jwtVerify } from 'jose'
import { test } from 'tap'
import { createRecordSigner } from '../../../src/gateway/credentials/record-signer.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const privateJwk = privateKey.export({ format: 'jwk' })
const claims = { app: 'ios', subHash: 'abcdefghijABCDEFGHIJ_-', vendId: 'b3da5f4f' }
const expiresMs = Date.UTC(2026, 10, 22, 13, 0, 0, 999)

test('whoever has the public key can tell whose records these are, until the credentials end', async (t) => {
  const signer = await createRecordSigner(JSON.stringify({ ...privateJwk, kid: 'key-1' }))
  const token = await signer.sign(claims, expiresMs)
  t.same(decodeProtectedHeader(token), { alg: 'EdDSA', typ: 'headgate-record+jwt', kid: 'key-1' })
  const verify = (currentDate: Date) =>
    jwtVerify(token, publicKey, { algorithms: ['EdDSA'], typ: 'headgate-record+jwt', currentDate })
  const { payload } = await verify(new Date(expiresMs - 1_000))
  t.same(payload, { ...claims, exp: Date.UTC(2026, 10, 22, 13) / 1_000 })
  await t.rejects(verify(new Date(expiresMs)), { code: 'ERR_JWT_EXPIRED' })
})

test('a key without a name is called by its thumbprint', async (t) => {
  const signer = await createRecordSigner(JSON.stringify(privateJwk))
  const { kid } = decodeProtectedHeader(await signer.sign(claims, expiresMs))
  t.match(kid, /^[A-Za-z0-9_-]{43}$/)
  const other = await createRecordSigner(
    JSON.stringify(generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })),
  )
  t.not(decodeProtectedHeader(await other.sign(claims, expiresMs)).kid, kid)
})

test('what is no private Ed25519 key is refused, without a word of it', async (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ format: 'jwk' })
  const { d, ...publicOnly } = privateJwk as JWK
  for (const text of [
    '',
    'PlantedKey',
    'null',
    '"PlantedKey"',
    JSON.stringify(rsa),
    JSON.stringify(publicOnly),
    JSON.stringify({ ...privateJwk, crv: 'X25519' }),
    JSON.stringify({ ...privateJwk, d: 'PlantedKey' }),
    JSON.stringify({ ...privateJwk, x: undefined, kid: 'PlantedKey' }),
    JSON.stringify({ ...privateJwk, x: undefined }),
    JSON.stringify({ ...privateJwk, ext: 'PlantedKey' }),
  ]) {
    const refused = await createRecordSigner(text).catch((error: Error & { code: string }) => error)
    t.match(
      refused,
      { code: 'bad_configuration', message: /^gateway\.credentials\.recordKeyEnv must name/ },
      text.slice(0, 20),
    )
    t.notMatch(String((refused as Error).stack) + String((refused as Error).cause), /PlantedKey/)
  }
  t.ok(await importJWK(publicOnly, 'EdDSA'), 'the public half alone is a key, but signs nothing')
})
