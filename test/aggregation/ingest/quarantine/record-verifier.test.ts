import { createPrivateKey } from 'node:crypto'
import { test } from 'tap'
import { createRecordVerifier } from '../../../../src/aggregation/ingest/quarantine/record-verifier.ts'
import { RECORD_TOKEN_TYPE } from '../../../../src/event/schema/record-token.ts'
import { ANN, recordKeys } from '../../../fakes/aggregation/records.ts'
import { jwsPart, signed, signedByHmac, signingKey } from '../../../fakes/credentials/jws.ts'
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
  const good = await ours.token(ANN)
  const [head = '', body = '', signature = ''] = good.split('.')
  const header = JSON.parse(String(Buffer.from(head, 'base64url')))
  t.same(header, { alg: 'EdDSA', typ: RECORD_TOKEN_TYPE, kid: header.kid })
  const claims = { app: 'shop', subHash: ANN, vendId: 'v', exp: NOON / 1_000 }
  const own = {
    alg: 'EdDSA',
    privateKey: createPrivateKey({ key: ours.privateJwk, format: 'jwk' }),
  } as const
  for (const [what, token] of [
    ['nothing', ''],
    ['no token', 'x'],
    ['one of another key under our name', signed(header, claims, signingKey('ed', 'EdDSA'))],
    ['one of a key that we do not know', await recordKeys().token(ANN)],
    ['one without a key', signed({ ...header, kid: undefined }, claims, own)],
    ['an unsigned one', `${jwsPart({ ...header, alg: 'none' })}.${body}.`],
    ['one signed with the public key as a secret', signedByHmac(header, claims, ours.publicKey.x)],
    ['one with another body', `${head}.${jwsPart({ ...claims, subHash: 'x' })}.${signature}`],
    ['one cut off', good.slice(0, -4)],
    ['one of another type', signed({ ...header, typ: 'JWT' }, claims, own)],
    ['one without an end', signed(header, { ...claims, exp: undefined }, own)],
    ['one without an app', signed(header, { ...claims, app: 1 }, own)],
    ['one without a subject', signed(header, { ...claims, subHash: undefined }, own)],
    ['one without a vend', signed(header, { ...claims, vendId: null }, own)],
    ['a good one that is longer than any', await ours.token(ANN, { vendId: 'x'.repeat(900) })],
  ] as const) {
    for (const time of ['first', 'again']) t.equal(await verifier.verify(token), undefined, `${what} ${time}`)
  }
  const { exp, ...record } = claims
  t.same(
    await verifier.verify(signed(header, claims, own)),
    { ...record, expiresMs: exp * 1_000 },
    'what all of these are but for one thing',
  )
})

test('without keys nobody is believed', async (t) => {
  t.equal(await createRecordVerifier([]).verify(await ours.token(ANN)), undefined)
})
