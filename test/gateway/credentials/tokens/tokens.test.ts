import { createHash, createPublicKey } from 'node:crypto'
import { type Test, test } from 'tap'
import type { IssuerConfig } from '../../../../src/config/schema/config-schema.ts'
import { createTokenVerifier } from '../../../../src/gateway/credentials/tokens/tokens.ts'
import { systemClock } from '../../../../src/std/clock.ts'
import type { AppError } from '../../../../src/std/errors.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { startIdentityProvider } from '../../../fakes/credentials/identity-provider.ts'
import { startIssuer } from '../../../fakes/credentials/issuer.ts'
import { jwsPart, signed, signedByHmac, signingKey } from '../../../fakes/credentials/jws.ts'

const alone = (...issuers: IssuerConfig[]) => ({ issuers, allIssuers: issuers })
const never = () => new AbortController().signal
const rsa = signingKey('rsa', 'RS256')
const ec = signingKey('ec', 'ES256')
const ed = signingKey('ed', 'EdDSA')
/** Another key of another issuer, under an id that is known. */
const foreign = { ...signingKey('ec', 'ES256') }
const AUDIENCE = 'https://beacons.example.com'

async function start(t: Test, configured: Partial<IssuerConfig> = {}) {
  const idp = await startIssuer(t)
  idp.publish(rsa, ec, ed)
  const clock = fakeClock()
  const telemetry = quietTelemetry()
  const tokens = createTokenVerifier({ clock, telemetry })
  t.teardown(() => tokens.close())
  const issuer: IssuerConfig = {
    issuer: 'https://login.example.com',
    audience: AUDIENCE,
    jwksUri: idp.jwksUri,
    ...configured,
  }
  const app = alone(issuer)
  await tokens.prefetch(app.issuers)
  const nowSeconds = clock.nowMs() / 1_000
  const claims = {
    iss: issuer.issuer,
    aud: AUDIENCE,
    sub: 'user-1',
    iat: nowSeconds,
    exp: nowSeconds + 600,
    jti: 'token-1',
  }
  const header = { alg: 'ES256', kid: 'ec', typ: 'at+jwt' }
  const verify = (token: string) => tokens.verify(token, app, never())
  const verdict = (token: string) =>
    verify(token).then(
      () => 'accepted',
      (error: AppError) => error.details['reason'] ?? error.code,
    )
  const outcomes = async () =>
    (await telemetry.metrics.getSingleMetricAsString('headgate_access_tokens_total'))
      .split('\n')
      .filter((line) => !line.startsWith('#'))
  return { idp, clock, tokens, issuer, app, nowSeconds, claims, header, verify, verdict, outcomes }
}

test('a token of a configured issuer says for whom it is, and for how long', async (t) => {
  const { claims, header, verify, nowSeconds, issuer, outcomes } = await start(t)
  t.same(await verify(signed(header, claims, ec)), {
    issuer: issuer.issuer,
    subject: 'user-1',
    expiresMs: (nowSeconds + 600) * 1_000,
    keyId: 'ec',
    tokenIdHash: createHash('sha256').update('token-1').digest('base64url'),
  })
  const { jti: _, ...anonymous } = claims
  t.equal((await verify(signed(header, anonymous, ec))).tokenIdHash, undefined)
  t.equal((await verify(signed({ alg: 'RS256', kid: 'rsa' }, claims, rsa))).keyId, 'rsa')
  t.equal((await verify(signed({ alg: 'EdDSA', kid: 'ed' }, claims, ed))).keyId, 'ed')
  t.same(await outcomes(), ['headgate_access_tokens_total{outcome="accepted"} 4'])
})

test('what is not quite right but within the rules is accepted', async (t) => {
  const { claims, header, verdict, nowSeconds } = await start(t)
  for (const [rule, more] of [
    ['one audience of several', { aud: ['https://other.example.com', AUDIENCE] }],
    ['expired within the skew', { exp: nowSeconds - 29 }],
    ['issued in the future, within the skew', { iat: nowSeconds + 30 }],
    ['valid in the future, within the skew', { nbf: nowSeconds + 30 }],
    ['an hour old', { iat: nowSeconds - 3_600 }],
    ['a subject of 255 characters', { sub: 's'.repeat(255) }],
    ['a subject with a zero byte and a line', { sub: 'a\u0000\nb' }],
    ['claims that mean nothing here', { jwk: {}, scope: 'x', __proto__: { sub: 'y' } }],
  ] as const) {
    t.equal(await verdict(signed(header, { ...claims, ...more }, ec)), 'accepted', rule)
  }
})

test('every hostile token is refused, and nothing is fetched for any', async (t) => {
  const { idp, claims, header, verdict, verify, nowSeconds } = await start(t)
  const good = signed(header, claims, ec)
  const [head = '', body = '', signature = ''] = good.split('.')
  const rsaPem = createPublicKey(rsa.privateKey).export({ type: 'spki', format: 'pem' })
  const flipped = Buffer.from(signature, 'base64url')
  flipped.writeUInt8(flipped.readUInt8(0) ^ 1)
  const der = Buffer.concat([Buffer.of(0x30, 0x44), Buffer.alloc(68, 1)]).toString('base64url')

  for (const [rule, token, reason] of [
    ['no token at all', '', 'missing_token'],
    ['a word', 'token', 'malformed'],
    ['two parts', `${head}.${body}`, 'malformed'],
    ['four parts', `${good}.${signature}`, 'malformed'],
    ['an encrypted token', `${good}.a.b`, 'malformed'],
    ['no signature', `${head}.${body}.`, 'malformed'],
    ['a space', `${good} `, 'malformed'],
    ['a line', `${good}\n`, 'malformed'],
    ['the other base64', `${head}+.${body}.${signature}`, 'malformed'],
    ['padding', `${head}==.${body}.${signature}`, 'malformed'],
    ['a header that is no JSON', `bm9wZQ.${body}.${signature}`, 'malformed'],
    ['a header that is a list', `${jwsPart([])}.${body}.${signature}`, 'malformed'],
    ['claims that are no JSON', `${head}.bm9wZQ.${signature}`, 'malformed'],
    ['claims that are null', `${head}.${jwsPart(null)}.${signature}`, 'malformed'],
    ['claims that are not UTF-8', `${head}._w.${signature}`, 'malformed'],
    ['8 KiB and one', 'a'.repeat(8_193), 'too_large'],
    ['no algorithm', signed({ kid: 'ec' }, claims, ec), 'algorithm'],
    ['alg none', `${jwsPart({ alg: 'none', kid: 'ec' })}.${body}.${signature}`, 'algorithm'],
    ['alg none without a signature', `${jwsPart({ alg: 'none' })}.${body}.`, 'malformed'],
    ['alg nOnE', signed({ alg: 'nOnE', kid: 'ec' }, claims, ec), 'algorithm'],
    ['alg as a list', signed({ alg: ['ES256'], kid: 'ec' }, claims, ec), 'algorithm'],
    ['HMAC with the public key', signedByHmac({ kid: 'rsa' }, claims, rsaPem), 'algorithm'],
    ['PS256', signed({ alg: 'PS256', kid: 'rsa' }, claims, rsa), 'algorithm'],
    ['ES384', signed({ alg: 'ES384', kid: 'ec' }, claims, ec), 'algorithm'],
    ['RS256 with the id of an EC key', signed({ alg: 'RS256', kid: 'ec' }, claims, rsa), 'algorithm'],
    ['ES256 with the id of an RSA key', signed({ alg: 'ES256', kid: 'rsa' }, claims, ec), 'algorithm'],
    ['no key id', signed({ alg: 'ES256' }, claims, ec), 'key'],
    ['an empty key id', signed({ alg: 'ES256', kid: '' }, claims, ec), 'key'],
    ['a number as key id', signed({ alg: 'ES256', kid: 1 }, claims, ec), 'key'],
    ['a key id of 256 characters', signed({ alg: 'ES256', kid: 'k'.repeat(256) }, claims, ec), 'key'],
    ['an unknown key id', signed({ alg: 'ES256', kid: 'nobody' }, claims, ec), 'key'],
    ['the name of a prototype as key id', signed({ alg: 'ES256', kid: '__proto__' }, claims, ec), 'key'],
    ['a path as key id', signed({ alg: 'ES256', kid: '../../dev/null' }, claims, ec), 'key'],
    ['crit', signed({ ...header, crit: ['exp'] }, claims, ec), 'extension'],
    ['crit of nothing', signed({ ...header, crit: null }, claims, ec), 'extension'],
    ['b64 false', signed({ ...header, b64: false }, claims, ec), 'extension'],
    ['b64 true', signed({ ...header, b64: true }, claims, ec), 'extension'],
    ['the key of somebody else', signed(header, claims, foreign), 'signature'],
    ['a key of its own in jwk', signed({ ...header, jwk: foreign.jwk }, claims, foreign), 'signature'],
    ['keys of its own at jku', signed({ ...header, jku: idp.jwksUri }, claims, foreign), 'signature'],
    [
      'a certificate of its own',
      signed({ ...header, x5u: idp.url, x5c: ['a'] }, claims, foreign),
      'signature',
    ],
    ['a flipped bit', `${head}.${body}.${flipped.toString('base64url')}`, 'signature'],
    ['half a signature', `${head}.${body}.${signature.slice(0, 43)}`, 'signature'],
    ['a longer signature', `${head}.${body}.${signature}AAAA`, 'signature'],
    ['a signature in DER', `${head}.${body}.${der}`, 'signature'],
    ['zeros as signature', `${head}.${body}.${Buffer.alloc(64).toString('base64url')}`, 'signature'],
    ['other claims', `${head}.${jwsPart({ ...claims, sub: 'admin' })}.${signature}`, 'signature'],
    ['no issuer', signed(header, { ...claims, iss: undefined }, ec), 'issuer'],
    ['another issuer', signed(header, { ...claims, iss: idp.url }, ec), 'issuer'],
    ['a slash more', signed(header, { ...claims, iss: `${claims.iss}/` }, ec), 'issuer'],
    ['the issuer in capitals', signed(header, { ...claims, iss: claims.iss.toUpperCase() }, ec), 'issuer'],
    ['a list of issuers', signed(header, { ...claims, iss: [claims.iss] }, ec), 'issuer'],
    ['the name of a prototype', signed(header, { ...claims, iss: '__proto__' }, ec), 'issuer'],
    ['a method as issuer', signed(header, { ...claims, iss: 'constructor' }, ec), 'issuer'],
    ['no audience', signed(header, { ...claims, aud: undefined }, ec), 'audience'],
    ['another audience', signed(header, { ...claims, aud: 'ios-client' }, ec), 'audience'],
    ['an audience that begins alike', signed(header, { ...claims, aud: `${AUDIENCE}.evil` }, ec), 'audience'],
    ['an audience in an object', signed(header, { ...claims, aud: { [AUDIENCE]: 1 } }, ec), 'audience'],
    ['no audience of several', signed(header, { ...claims, aud: [] }, ec), 'audience'],
    ['no expiry', signed(header, { ...claims, exp: undefined }, ec), 'expired'],
    ['expiry as text', signed(header, { ...claims, exp: String(claims.exp) }, ec), 'expired'],
    ['expired', signed(header, { ...claims, exp: nowSeconds - 30 }, ec), 'expired'],
    ['no time of issue', signed(header, { ...claims, iat: undefined }, ec), 'age'],
    ['a time of issue as text', signed(header, { ...claims, iat: '1' }, ec), 'age'],
    ['issued in the future', signed(header, { ...claims, iat: nowSeconds + 31 }, ec), 'age'],
    ['over an hour old', signed(header, { ...claims, iat: nowSeconds - 3_631 }, ec), 'age'],
    ['not valid yet', signed(header, { ...claims, nbf: nowSeconds + 31 }, ec), 'not_yet_valid'],
    ['a beginning as text', signed(header, { ...claims, nbf: '1' }, ec), 'not_yet_valid'],
    ['no subject', signed(header, { ...claims, sub: undefined }, ec), 'subject'],
    ['an empty subject', signed(header, { ...claims, sub: '' }, ec), 'subject'],
    ['a subject of 256 characters', signed(header, { ...claims, sub: 's'.repeat(256) }, ec), 'subject'],
    ['a number as subject', signed(header, { ...claims, sub: 1 }, ec), 'subject'],
  ] as const) {
    t.equal(await verdict(token), reason, rule)
  }
  t.equal(idp.fetches(), 1, 'only at the start')
  const error = await verify(signed(header, { ...claims, aud: 'other', sub: 'secret-sub' }, ec)).catch(
    (thrown) => thrown,
  )
  t.match(error, { code: 'invalid_token', message: 'The access token is meant for somebody else.' })
  t.notMatch(JSON.stringify(error), /secret-sub|other/, 'an error repeats nothing of a token')
})

test('an endless expiry is no reason to believe a token for longer than its age', async (t) => {
  const { claims, header, verify, nowSeconds } = await start(t)
  for (const exp of [nowSeconds + 86_400, 1e300]) {
    const { expiresMs } = await verify(signed(header, { ...claims, exp }, ec))
    t.equal(expiresMs, (nowSeconds + 3_600) * 1_000)
  }
  const infinite = JSON.stringify({ ...claims, exp: 'E' }).replace('"E"', '1e999')
  t.equal((await verify(signed(header, infinite, ec))).expiresMs, (nowSeconds + 3_600) * 1_000)
})

test('an issuer is held to what its configuration says', async (t) => {
  const limits: Partial<IssuerConfig> = {
    azp: ['ios', 'android'],
    typ: 'at+jwt',
    algorithms: ['ES256'],
    maxAgeMinutes: 10,
    requiredClaims: { tenant: 't1', level: 2, scope: 'beacons:write', groups: 'staff' },
  }
  const { claims, header, verdict, nowSeconds } = await start(t, limits)
  const rightful = {
    ...claims,
    ...{ azp: 'ios', tenant: 't1', level: 2, scope: 'openid beacons:write', groups: ['all', 'staff'] },
  }
  for (const [rule, head, more, reason, key] of [
    ['all is there', {}, {}, 'accepted', ec],
    ['the other client', {}, { azp: 'android' }, 'accepted', ec],
    ['a client id where there is no azp', {}, { azp: undefined, client_id: 'ios' }, 'accepted', ec],
    ['the type in full and in capitals', { typ: 'application/AT+JWT' }, {}, 'accepted', ec],
    ['another client', {}, { azp: 'web' }, 'party', ec],
    ['another azp, whatever the client id', {}, { azp: 'web', client_id: 'ios' }, 'party', ec],
    ['no client', {}, { azp: undefined }, 'party', ec],
    ['a list of clients', {}, { azp: ['ios'] }, 'party', ec],
    ['an ID token', { typ: 'JWT' }, {}, 'type', ec],
    ['no type', { typ: undefined }, {}, 'type', ec],
    ['a type that is no text', { typ: 1 }, {}, 'type', ec],
    ['an algorithm that others may use', { alg: 'RS256', kid: 'rsa' }, {}, 'algorithm', rsa],
    ['over ten minutes old', {}, { iat: nowSeconds - 631 }, 'age', ec],
    ['another tenant', {}, { tenant: 't2' }, 'claims', ec],
    ['no tenant', {}, { tenant: undefined }, 'claims', ec],
    ['a number as text', {}, { level: '2' }, 'claims', ec],
    ['a scope that contains the word', {}, { scope: 'beacons:write2' }, 'claims', ec],
    ['not in the group', {}, { groups: ['all'] }, 'claims', ec],
  ] as const) {
    const token = signed({ ...header, ...head }, { ...rightful, ...more }, key)
    t.equal(await verdict(token), reason, rule)
  }
})

test('a token that is good for two apps of its issuer is taken for neither', async (t) => {
  const { tokens, issuer, claims, header } = await start(t)
  const ours = { azp: ['ios'] }
  const theirs = { azp: ['web'] }
  const needs = (name: string, wanted: string | number) => ({ requiredClaims: { [name]: wanted } })
  for (const [rule, a, b, more, reasons] of [
    ['one scope', needs('scope', 'a'), needs('scope', 'b'), { scope: 'a x' }, ['accepted', 'claims']],
    ['two scopes', needs('scope', 'a'), needs('scope', 'b'), { scope: 'a b' }, ['several', 'several']],
    ['a list', needs('scope', 'a'), needs('scope', 'b'), { scope: ['a', 'b'] }, ['several', 'several']],
    ['one group', needs('groups', 'a'), needs('groups', 'b'), { groups: ['b'] }, ['claims', 'accepted']],
    ['groups', needs('groups', 'a'), needs('groups', 'b'), { groups: ['a', 'b'] }, ['several', 'several']],
    ['one spelling', needs('t', 1), needs('t', '1'), { t: '1' }, ['claims', 'accepted']],
    ['both spellings', needs('t', 1), needs('t', '1'), { t: [1, '1'] }, ['several', 'several']],
    ['one audience', {}, { audience: 'web' }, {}, ['accepted', 'audience']],
    ['audiences', {}, { audience: 'web' }, { aud: [AUDIENCE, 'web'] }, ['several', 'several']],
    ['one party', ours, theirs, { azp: 'ios', client_id: 'web' }, ['accepted', 'party']],
    [
      'two issuers',
      needs('scope', 'a'),
      { issuer: 'https://other.example' },
      { scope: 'a b' },
      ['accepted', 'issuer'],
    ],
    ['no rule at all', {}, {}, {}, ['several', 'several']],
  ] as const) {
    const issuers: IssuerConfig[] = [
      { ...issuer, ...a },
      { ...issuer, ...b },
    ]
    const token = signed(header, { ...claims, ...more }, ec)
    const verdicts = issuers.map((own) =>
      tokens.verify(token, { issuers: [own], allIssuers: issuers }, never()).then(
        () => 'accepted',
        (error: AppError) => error.details['reason'],
      ),
    )
    t.same(await Promise.all(verdicts), reasons, rule)
  }
})

test('an inherited name is no claim', async (t) => {
  const { claims, header, verdict } = await start(t, { requiredClaims: { toString: 'x' } })
  t.equal(await verdict(signed(header, claims, ec)), 'claims')
  t.equal(await verdict(signed(header, { ...claims, toString: 'x' }, ec)), 'accepted')
})

test('an app believes its own issuers only', async (t) => {
  const { tokens, claims, header, issuer } = await start(t)
  const other = { ...issuer, issuer: 'https://other.example.com' }
  await t.rejects(tokens.verify(signed(header, claims, ec), alone(other), never()), {
    code: 'invalid_token',
    details: { reason: 'issuer' },
  })
  await t.rejects(tokens.verify(signed(header, claims, ec), alone(), never()), {
    code: 'invalid_token',
    details: { reason: 'issuer' },
  })
})

test('while the keys are not known a token is neither good nor bad', async (t) => {
  const { idp, tokens, issuer, claims, header, clock, outcomes } = await start(t)
  await idp.stop()
  const unseen = { ...issuer, issuer: 'https://unseen.example.com' }
  const token = signed(header, { ...claims, iss: unseen.issuer }, ec)
  await t.rejects(tokens.verify(token, alone(unseen), never()), { code: 'issuer_unavailable' })
  t.same(tokens.missing(), ['https://unseen.example.com'])
  clock.advance(600_000)
  const fresh = { ...claims, iat: clock.nowMs() / 1_000, exp: clock.nowMs() / 1_000 + 60 }
  t.equal(
    (await tokens.verify(signed(header, fresh, ec), alone(issuer), never())).subject,
    'user-1',
    'keys that were fetched once outlive the outage',
  )
  t.same(await outcomes(), [
    'headgate_access_tokens_total{outcome="issuer_unavailable"} 1',
    'headgate_access_tokens_total{outcome="accepted"} 1',
  ])
})

test('what goes wrong on our side is counted as ours', async (t) => {
  const { tokens, claims, header, outcomes } = await start(t)
  const broken = {
    ...alone(),
    get issuers(): never {
      throw new TypeError('broken')
    },
  }
  await t.rejects(tokens.verify(signed(header, claims, ec), broken, never()), { message: 'broken' })
  t.same(await outcomes(), ['headgate_access_tokens_total{outcome="internal"} 1'])
})

test('a token of an identity provider that nobody here wrote is accepted, also after its death', async (t) => {
  const provider = await startIdentityProvider(t, AUDIENCE)
  const tokens = createTokenVerifier({ clock: systemClock, telemetry: quietTelemetry() })
  t.teardown(() => tokens.close())
  const issuer: IssuerConfig = {
    ...{ issuer: provider.issuer, audience: AUDIENCE, jwksUri: provider.jwksUri, typ: 'at+jwt' },
    ...{ azp: ['app'], requiredClaims: { scope: 'beacons:write' } },
  }
  const app = alone(issuer)
  const token = await provider.token()
  t.match(await tokens.verify(token, app, never()), { issuer: provider.issuer, subject: 'app', keyId: 'k1' })
  await provider.kill()
  t.equal((await tokens.verify(token, app, never())).subject, 'app', 'with the keys it had')
  await provider.restart()
  t.equal((await tokens.verify(await provider.token(), app, never())).subject, 'app')
  await t.rejects(tokens.verify(token, alone({ ...issuer, audience: 'other' }), never()), {
    code: 'invalid_token',
    details: { reason: 'audience' },
  })
})
