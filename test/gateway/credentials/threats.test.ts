import { createPublicKey } from 'node:crypto'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { createTokenVerifier } from '../../../src/gateway/credentials/tokens/tokens.ts'
import { quietTelemetry } from '../../../src/std/telemetry.ts'
import { STS_SECRET, STS_TOKEN } from '../../fakes/aws/sts.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { startIssuer } from '../../fakes/credentials/issuer.ts'
import { jwsPart, signed, signedByHmac, signingKey } from '../../fakes/credentials/jws.ts'
import { streamArn, tokenOf } from '../../fakes/credentials/vending.ts'
import { startVendingGateway, vendingAppOf } from '../../fakes/credentials/vending-gateway.ts'

/**
 * The threats of docs/security.md by their numbers, as far as the gateway answers them. 7, 8, 16 and 17 are in
 * routes.test.ts, 9 in sts.test.ts, 20 in vend.test.ts.
 */
const audience = 'https://beacons.example.com'

/** A gateway that believes the real tokens of an issuer, and what such a token says. */
async function startWithIssuer(t: Test) {
  const idp = await startIssuer(t)
  const [key, rsa] = [signingKey('ec'), signingKey('rsa', 'RS256')]
  idp.publish(key, rsa)
  const issuer = { issuer: 'https://login.example.com', audience, jwksUri: idp.jwksUri, azp: ['shop'] }
  const clock = fakeClock()
  const tokens = createTokenVerifier({ clock, telemetry: quietTelemetry() })
  t.teardown(() => tokens.close())
  const gateway = await startVendingGateway(t, {
    apps: [
      vendingAppOf('ios', { issuers: [issuer] }),
      vendingAppOf('web', { issuers: [{ ...issuer, azp: ['blog'] }] }),
      vendingAppOf('tv', { issuers: [{ ...issuer, audience: 'tv' }] }),
    ],
    vending: { tokens },
  })
  await tokens.prefetch([issuer])
  const iat = clock.nowMs() / 1_000
  const claims = { iss: issuer.issuer, aud: audience, azp: 'shop', sub: 'anna', iat, exp: iat + 600 }
  return { ...gateway, idp, key, rsa, claims, header: { alg: 'ES256', kid: 'ec', typ: 'at+jwt' } }
}

test('threats 1 and 2: a token that is forged, or meant for somebody else, gets nothing from either route', async (t) => {
  const { post, container, sts, idp, key, rsa, claims, header, audit } = await startWithIssuer(t)
  const good = signed(header, claims, key)
  const evil = signingKey('ec')
  const pem = createPublicKey(rsa.privateKey).export({ type: 'spki', format: 'pem' })
  const before = idp.fetches()
  for (const [what, token] of [
    ['another key under a known name', signed(header, claims, evil)],
    ['a key of its own', signed({ ...header, jwk: evil.jwk, jku: `${idp.url}/evil` }, claims, evil)],
    ['no signature', `${jwsPart({ alg: 'none' })}.${jwsPart(claims)}.`],
    ['the public key as a secret', signedByHmac({ kid: 'rsa' }, claims, pem)],
    ['changed after signing', good.replace(/\.[^.]+\./, `.${jwsPart({ ...claims, sub: 'bob' })}.`)],
    ['another issuer', signed(header, { ...claims, iss: 'https://evil.example' }, key)],
    ['another audience of the issuer', signed(header, { ...claims, aud: 'https://other.example' }, key)],
    ['the audiences of two apps', signed(header, { ...claims, aud: [audience, 'tv'] }, key)],
    ['another client of the issuer', signed(header, { ...claims, azp: 'game' }, key)],
    ['expired', signed(header, { ...claims, exp: claims.iat - 60 }, key)],
    ['of yesterday, for years', signed(header, { ...claims, iat: claims.iat - 86_400, exp: 4e9 }, key)],
    ['no token at all', 'nonsense'],
  ] as const) {
    for (const answer of [await post({ app: 'ios' }, { token }), await container('ios', { token })]) {
      t.match(answer.json(), { status: 401, code: 'invalid_token' }, what)
      t.equal(answer.headers['www-authenticate'], 'Bearer error="invalid_token"')
    }
  }
  t.equal(sts.receivedBytes(), 0)
  t.equal(idp.fetches(), before, 'and the issuer was not asked')
  t.equal((await post({ app: 'ios' }, { token: good })).statusCode, 200)
  t.match(audit().at(-1), { iss: claims.iss, kid: 'ec', outcome: 'vended' })
})

test('threat 3: a stolen token is seen at its second address, and limited wherever it is', async (t) => {
  const { post, metric } = await startVendingGateway(t, { limits: { subjectPerHour: 3 } })
  const further = (what: string) => metric('headgate_credentials_further_total', { what })
  const codes: unknown[] = []
  for (const from of ['203.0.113.5', '203.0.113.5', '198.51.100.7', '192.0.2.9']) {
    codes.push((await post({ app: 'ios' }, { from })).json().code ?? 'vended')
  }
  t.same(codes, ['vended', 'vended', 'vended', 'subject_limit'])
  t.equal(await further('address_of_subject'), 2)
  t.equal(await further('subject_of_address'), 0)
  await post({ app: 'ios' }, { from: '192.0.2.9', token: tokenOf('user-2') })
  t.equal(await further('subject_of_address'), 1)
})

test('threat 4: a key out of the app is no credential', async (t) => {
  const { post, app, sts } = await startVendingGateway(t)
  t.match((await post({ app: 'ios' }, { token: '' })).json(), { status: 401, code: 'missing_token' })
  const inQuery = await app.inject({
    method: 'POST',
    url: `/v1/credentials?key=ios-key&access_token=${tokenOf('user-1')}`,
    payload: { app: 'ios' },
  })
  t.match(inQuery.json(), { code: 'invalid_client' }, 'and neither is taken from a URL')
  const basic = { authorization: `Basic ${tokenOf('user-1')}` }
  t.match((await post({ app: 'ios' }, { token: '', headers: basic })).json(), { code: 'missing_token' })
  t.equal(sts.receivedBytes(), 0)
})

test('threat 5: who tries out names of apps learns nothing', async (t) => {
  const { post, container } = await startVendingGateway(t, {
    apps: [vendingAppOf('ios'), vendingAppOf('plain', null), vendingAppOf('off', { enabled: false })],
  })
  const told = ({ headers, json }: Awaited<ReturnType<typeof post>>) => {
    const { instance: _, ...problem } = json()
    return { ...headers, date: '', problem }
  }
  const names = ['ios', 'plain', 'off', 'nobody']
  const byKey = await Promise.all(names.map(async (app) => told(await post({ app }, { key: 'wrong' }))))
  t.match(byKey[0], { problem: { status: 401, code: 'invalid_client' } })
  for (const answer of byKey) t.same(answer, byKey[0])
  for (const token of ['', 'nonsense', tokenOf('user-1', { issuer: 'https://evil.example' })]) {
    const byToken = await Promise.all(names.map(async (app) => told(await container(app, { token }))))
    t.match(byToken[0], { problem: { status: 401 } })
    for (const answer of byToken) t.same(answer, byToken[0], token)
  }
})

test('threat 6: no name of a stream gets into a policy, whatever is in it', async (t) => {
  const { post, sts } = await startVendingGateway(t, {
    limits: { subjectPerHour: 1_000_000, stsBurst: 1_000_000 },
  })
  const placeholder = '$' + '{aws:PrincipalTag/x}'
  const hostile = [
    '*',
    'headgate-direct-?',
    placeholder,
    'a/../b',
    'x","Effect":"Allow',
    'headgate-direct-ios\u0000',
    '',
  ]
  const letters = fc.string({
    unit: fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCharCode(code)),
  })
  const name = fc.oneof(
    fc.constantFrom(...hostile),
    letters,
    letters.map((end) => `headgate-direct-ios${end}`),
  )
  await fc.assert(
    fc.asyncProperty(name, async (stream) => {
      const before = sts.calls.length
      const { statusCode } = await post({ app: 'ios', streams: [stream] })
      if (stream === 'headgate-direct-ios') return statusCode === 200
      return (statusCode === 400 || statusCode === 403) && sts.calls.length === before
    }),
    { numRuns: 300, examples: [['headgate-direct-ios'], ...hostile.map((one) => [one] as [string])] },
  )
  const policies = new Set(sts.calls.map(({ params }) => params['Policy']))
  t.equal(policies.size, 1)
  t.same(JSON.parse([...policies][0] ?? '').Statement[0].Resource, [streamArn('headgate-direct-ios')])
})

test('threat 12: each app gets its own stream, from its own role, and no other app can ask for it', async (t) => {
  const { post, container, sts } = await startVendingGateway(t)
  await post({ app: 'ios' })
  await post({ app: 'web' }, { key: 'web-key' })
  await container('web')
  t.same(
    sts.calls.map(({ params }) => [
      params['Tags.member.1.Value'],
      params['RoleArn']?.split('/')[1],
      params['ExternalId'],
      JSON.parse(params['Policy'] ?? '').Statement[0].Resource,
    ]),
    [
      ['ios', 'headgate-vended-ios', 'headgate/ios', [streamArn('headgate-direct-ios')]],
      ['web', 'headgate-vended-web', 'headgate/web', [streamArn('headgate-direct-web')]],
      ['web', 'headgate-vended-web', 'headgate/web', [streamArn('headgate-direct-web')]],
    ],
  )
  t.match((await post({ app: 'web' }, { key: 'ios-key' })).json(), { code: 'invalid_client' })
})

test('threat 14: the role and the external id are those of the configuration, whoever asks for others', async (t) => {
  const { app, sts } = await startVendingGateway(t)
  const evil = 'arn:aws:iam::999999999999:role/evil'
  const answer = await app.inject({
    method: 'POST',
    url: `/v1/credentials?roleArn=${evil}&externalId=other`,
    headers: {
      'x-headgate-key': 'ios-key',
      authorization: `Bearer ${tokenOf(evil)}`,
      'x-role-arn': evil,
      'x-external-id': 'other',
    },
    payload: { app: 'ios' },
  })
  t.equal(answer.statusCode, 200)
  t.match(sts.calls[0]?.params, { RoleArn: /role\/headgate-vended-ios$/, ExternalId: 'headgate/ios' })
  t.notMatch(JSON.stringify(sts.calls[0]?.params), /evil|9999|other/)
})

test('threat 15: no secret, token, key or name gets into a log, an error or a metric', async (t) => {
  const { post, container, sts, logLines, telemetry, audit } = await startVendingGateway(t)
  const person = 'planted.person@mail.example'
  const token = tokenOf(person)
  const message = 'PlantedMessage arn:aws:iam::111122223333:role/planted'
  const bodies = [(await post({ app: 'ios' }, { token })).body, (await container('web', { token })).body]
  t.match(bodies.join(), STS_SECRET, 'they are in the answers')
  const refused: string[] = []
  for (const code of [
    'AccessDenied',
    'Throttling',
    'MalformedPolicyDocument',
    'InternalFailure',
    'InternalFailure',
  ]) {
    sts.faults.push({ kind: 'error', code, status: code === 'InternalFailure' ? 500 : 400, message })
    refused.push((await post({ app: 'web' }, { token, key: 'web-key' })).body)
  }
  sts.faults.push({ kind: 'tamper', element: 'SessionToken', by: '' }, { kind: 'reset' })
  refused.push((await post({ app: 'ios' }, { token })).body)
  refused.push((await post({ app: 'ios' }, { token: `${token}x` })).body)
  const metrics = await telemetry.metrics.metrics()
  t.equal(audit().length, 9)
  t.match(metrics, /headgate_credentials_total\{app="ios",outcome="vended"\} 1/)
  const secrets = [
    STS_SECRET,
    STS_TOKEN,
    'PlantedGatewaySecret',
    'PlantedSubjectKey',
    'PlantedMessage',
    person,
    token,
    'ios-key',
  ]
  for (const [where, text] of Object.entries({
    log: logLines.join(''),
    refusals: refused.join(''),
    metrics,
  })) {
    for (const secret of secrets) t.notOk(text.includes(secret), `${secret.slice(0, 20)} in ${where}`)
  }
  t.notMatch(metrics, /[A-Za-z0-9_-]{22}"/, 'nor a pseudonym in a label')
})

test('threat 18: what STS says of roles and accounts is for nobody outside', async (t) => {
  const message =
    'User arn:aws:sts::111122223333:assumed-role/gw/task is not authorized to perform: sts:AssumeRole'
  for (const [stsCode, stsStatus, status, code] of [
    ['AccessDenied', 403, 502, 'sts_failed'],
    ['PackedPolicyTooLarge', 400, 502, 'sts_failed'],
    ['Throttling', 400, 503, 'sts_throttled'],
  ] as const) {
    const { post, container, sts, audit } = await startVendingGateway(t)
    sts.outage = { kind: 'error', code: stsCode, status: stsStatus, message }
    for (const answer of [await post({ app: 'ios' }), await container('web')]) {
      t.match(answer.json(), { status, code })
      t.notMatch(answer.body, /arn:aws|1111|assumed/)
      t.equal('retry-after' in answer.headers, status === 503)
      t.match(audit().at(-1), { code, stsStatus, stsRequestId: /^0{8}/ })
    }
  }
})

test('threat 21: while the issuer is away its tokens hold, and invented keys make nobody ask it', async (t) => {
  const { post, idp, key, claims, header, sts } = await startWithIssuer(t)
  const before = idp.fetches()
  for (let i = 0; i < 20; i++) {
    const token = signed({ ...header, kid: `invented-${i}` }, claims, key)
    t.match((await post({ app: 'ios' }, { token })).json(), { code: 'invalid_token' })
  }
  t.equal(idp.fetches(), before)
  await idp.stop()
  t.equal((await post({ app: 'ios' }, { token: signed(header, claims, key) })).statusCode, 200)
  t.equal(sts.calls.length, 1)
})

test('threat 22: whoever writes X-Forwarded-For stays who he is; behind a known proxy each one is somebody', async (t) => {
  const limits = { addressPerMinute: 2, subjectPerHour: 100 }
  const ask = async (trustProxy: readonly string[], peer: string, forwarded: readonly string[]) => {
    const { post } = await startVendingGateway(t, { limits, gateway: { trustProxy } as object })
    const statuses: number[] = []
    for (const one of forwarded) {
      const headers = { 'x-forwarded-for': one }
      statuses.push((await post({ app: 'ios' }, { from: peer, headers })).statusCode)
    }
    return statuses
  }
  const spoofed = ['9.9.9.1', '9.9.9.2', '9.9.9.3, 10.0.0.9']
  t.same(await ask([], '203.0.113.7', spoofed), [200, 200, 429], 'nobody is trusted')
  t.same(await ask(['10.0.0.0/8'], '203.0.113.7', spoofed), [200, 200, 429], 'this peer is no proxy')
  const real = spoofed.map((one) => `${one}, 203.0.113.7`)
  t.same(
    await ask(['10.0.0.0/8'], '10.0.0.1', real),
    [200, 200, 429],
    'what he wrote comes before what the proxy saw',
  )
  const many = ['203.0.113.1', '203.0.113.2', '203.0.113.3']
  t.same(await ask(['10.0.0.0/8'], '10.0.0.1', many), [200, 200, 200], 'and others are others')
})

test('threat 24: a vend can be found again, from the answer to CloudTrail and back', async (t) => {
  const { post, sts, audit } = await startVendingGateway(t)
  const { vendId, credentials } = (await post({ app: 'ios' }, { from: '203.0.113.7' })).json()
  const { params } = sts.calls[0]!
  const [line] = audit()
  t.match(line, {
    event: 'credentials.vended',
    outcome: 'vended',
    route: 'credentials',
    app: 'ios',
    iss: 'https://idp.example',
    kid: 'key-1',
    jtiHash: 'hash-of-jti',
    streams: ['headgate-direct-ios'],
    durationSeconds: 3_600,
    expiration: credentials.expiration,
    network: '203.0.113.0',
  })
  t.equal(params['Tags.member.2.Value'], vendId)
  t.equal(line?.['vendId'], vendId)
  t.equal(line?.['accessKeyId'], credentials.accessKeyId)
  t.equal(line?.['sessionName'], params['RoleSessionName'])
  t.equal(line?.['roleArn'], params['RoleArn'])
  t.equal(`headgate-${line?.['sub']}`, params['SourceIdentity'])
  t.match(line, { policySha256: /^[0-9a-f]{64}$/, stsRequestId: /^0{8}/, packedPolicyPercent: 10 })
})
