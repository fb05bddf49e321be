import { createHmac, generateKeyPairSync } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import { test } from 'tap'
import { createRecordVerifier } from '../../../../src/aggregation/ingest/quarantine/record-verifier.ts'
import { RECORD_TOKEN_TYPE } from '../../../../src/event/schema/record-token.ts'
import { ANN, recordKeys } from '../../../fakes/aggregation/records.ts'
import { NOON } from '../../../fakes/events.ts'

const ours = recordKeys()
const named = recordKeys('key-2')
const verifier = createRecordVerifier([ours.publicKey, named.publicKey])

test('a token of a key of ours is believed, whatever the key is called and however late it is', async (t) => {
  for (const keys of [ours, named]) {
    const token = await keys.token(ANN, { app: 'lab', vendId: 'v' })
    const record = { app: 'lab', subHash: ANN, vendId: 'v', expiresMs: NOON + 3_600_000 }
    for (const time of ['first', 'again']) t.same(await verifier.verify(token), record, time)
  }
  t.match(await verifier.verify(await ours.token(ANN, {}, 1_000)), { expiresMs: 1_000 })
})

test('no other token is', async (t) => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const good = await ours.token(ANN)
  const [head = '', body = '', signature = ''] = good.split('.')
  const { kid } = JSON.parse(String(Buffer.from(head, 'base64url')))
  const claims = { app: 'shop', subHash: ANN, vendId: 'v' }
  const signed = (header: object, key = privateKey, payload: object = claims, exp: string | null = '1h') => {
    const jwt = new SignJWT({ ...payload }).setProtectedHeader({
      alg: 'EdDSA',
      typ: RECORD_TOKEN_TYPE,
      kid,
      ...header,
    })
    return (exp === null ? jwt : jwt.setExpirationTime(exp)).sign(key)
  }
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const hmacHead = encoded({ alg: 'HS256', typ: RECORD_TOKEN_TYPE, kid })
  const confused = `${hmacHead}.${body}.${createHmac('sha256', ours.publicKey.x)
    .update(`${hmacHead}.${body}`)
    .digest('base64url')}`
  const own = await import('jose').then(({ importJWK }) => importJWK(ours.privateJwk as never, 'EdDSA'))
  for (const [what, token] of [
    ['nothing', ''],
    ['no token', 'x'],
    ['one of another key under our name', await signed({})],
    ['one of a key that we do not know', await recordKeys().token(ANN)],
    ['one without a key', await signed({ kid: undefined })],
    ['an unsigned one', new UnsecuredJWT(claims).setExpirationTime('1h').encode()],
    ['one signed with the public key as a secret', confused],
    ['one with another body', `${head}.${encoded({ ...claims, exp: 9e9, subHash: 'x' })}.${signature}`],
    ['one cut off', good.slice(0, -4)],
    ['one of another type', await signed({ typ: 'JWT' }, own as never)],
    ['one without an end', await signed({}, own as never, claims, null)],
    ['one without an app', await signed({}, own as never, { ...claims, app: 1 })],
    ['one without a subject', await signed({}, own as never, { ...claims, subHash: undefined })],
    ['one without a vend', await signed({}, own as never, { ...claims, vendId: null })],
    ['a good one that is longer than any', await ours.token(ANN, { vendId: 'x'.repeat(900) })],
  ] as const) {
    for (const time of ['first', 'again']) t.equal(await verifier.verify(token), undefined, `${what} ${time}`)
  }
  t.match(
    await verifier.verify(await signed({}, own as never)),
    claims,
    'what all of these are but for one thing',
  )
})

test('without keys nobody is believed', async (t) => {
  t.equal(await createRecordVerifier([]).verify(await ours.token(ANN)), undefined)
})
