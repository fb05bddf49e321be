import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { jwtVerify } from 'jose'
import { test } from 'tap'
import { createRecordSigner } from '../../../src/gateway/credentials/record-signer.ts'
import { MAX_BODY_BYTES } from '../../../src/gateway/credentials/routes.ts'
import { AppError } from '../../../src/std/errors.ts'
import { ACCOUNT, openTokens, streamArn, tokenOf } from '../../fakes/credentials/vending.ts'
import { startVendingGateway, vendingAppOf } from '../../fakes/credentials/vending-gateway.ts'
import { sha256 } from '../../fakes/gateway.ts'

const hour = 3_600_000

test('an app gets credentials for its own stream, until when, and when to come back', async (t) => {
  const { post } = await startVendingGateway(t)
  const answer = await post()
  t.equal(answer.statusCode, 200)
  const { vendId, ...told } = answer.json()
  t.match(vendId, /^[0-9a-f-]{36}$/)
  t.same(told, {
    region: 'eu-west-1',
    streams: [{ name: 'headgate-direct-ios', arn: streamArn('headgate-direct-ios') }],
    credentials: {
      accessKeyId: 'ASIAEXAMPLE000000001',
      secretAccessKey: 'PlantedStsSecret/0001',
      sessionToken: 'PlantedStsToken+0001',
      expiration: '2026-11-22T13:00:00Z',
    },
    refreshAfter: '2026-11-22T12:50:00Z',
    limits: { maxRecordBytes: 1_048_576, recommendedFlushSeconds: 30 },
  })
})

test('the container providers of the SDKs get theirs, as exactly application/json', async (t) => {
  const { container } = await startVendingGateway(t)
  const answer = await container()
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'application/json')
  t.same(answer.json(), {
    AccessKeyId: 'ASIAEXAMPLE000000001',
    SecretAccessKey: 'PlantedStsSecret/0001',
    Token: 'PlantedStsToken+0001',
    Expiration: '2026-11-22T13:00:00Z',
    AccountId: ACCOUNT,
  })
})

test('less may be asked for: a shorter time, by name; never more', async (t) => {
  const { post, sts } = await startVendingGateway(t, {
    apps: [vendingAppOf('ios', { durationSeconds: 1_800 })],
  })
  for (const [body, status, seconds] of [
    [{ app: 'ios' }, 200, '1800'],
    [{ app: 'ios', durationSeconds: 900 }, 200, '900'],
    [{ app: 'ios', durationSeconds: 3_600 }, 200, '1800'],
    [{ app: 'ios', streams: ['headgate-direct-ios'] }, 200, '1800'],
    [{ app: 'ios', streams: ['headgate-direct-web'] }, 403, undefined],
    [{ app: 'ios', streams: ['headgate-direct-ios', 'headgate-direct-web'] }, 403, undefined],
  ] as const) {
    const before = sts.calls.length
    const answer = await post(body)
    t.equal(answer.statusCode, status, JSON.stringify(body))
    t.equal(sts.calls[before]?.params['DurationSeconds'], seconds)
  }
  t.match((await post({ app: 'ios', streams: ['x'] })).json(), {
    code: 'stream_not_allowed',
    detail: 'The app "ios" may have credentials for "headgate-direct-ios" only.',
  })
})

test('the routes always exist, and refuse an app that has no credentials', async (t) => {
  const { post, container, sts } = await startVendingGateway(t, {
    apps: [vendingAppOf('ios', null), vendingAppOf('off', { enabled: false })],
  })
  t.match((await post({ app: 'ios' })).json(), { status: 403, code: 'app_disabled' })
  t.match((await post({ app: 'off' }, { key: 'off-key' })).json(), { status: 403, code: 'app_disabled' })
  t.match((await container('ios')).json(), { status: 401, code: 'invalid_token', Code: 'invalid_token' })
  t.match((await container('off')).json(), { status: 403, code: 'app_disabled', Code: 'app_disabled' })
  t.equal(sts.receivedBytes(), 0)
})

test('a gateway without any app has them as well', async (t) => {
  const { app } = await startVendingGateway(t, { apps: [], vending: { subjectKey: undefined } })
  const post = (payload: object) => app.inject({ method: 'POST', url: '/v1/credentials', payload })
  t.match((await post({ app: 'ios' })).json(), { status: 401, code: 'invalid_client' })
  t.match((await post({})).json(), { status: 401, code: 'invalid_client' })
  t.match((await app.inject('/v1/container-credentials/ios')).json(), { status: 401, code: 'missing_token' })
})

test('a refusal is a problem document with a number, by which the audit log has it', async (t) => {
  const { post, container, audit } = await startVendingGateway(t)
  const { instance, ...problem } = (await container('ios', { token: '' })).json()
  t.same(problem, {
    type: 'urn:headgate:problem:missing_token',
    title: 'An access token is required',
    status: 401,
    detail: 'Send an access token as a bearer token.',
    code: 'missing_token',
    Code: 'missing_token',
    Message: 'Send an access token as a bearer token.',
  })
  t.match(audit(), [
    { event: 'credentials.denied', decisionId: instance.replace('urn:uuid:', ''), code: 'missing_token' },
  ])
  const posted = (await post({ app: 'ios' }, { token: '' })).json()
  t.equal(posted.Code, undefined)
  t.match(posted.instance, /^urn:uuid:[0-9a-f-]{36}$/)
  t.not(posted.instance, instance)
})

test('of two Authorization headers none is taken', async (t) => {
  const { app, sts } = await startVendingGateway(t)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const tokens = ['user-1', 'user-2'].flatMap((user) => ['authorization', `Bearer ${tokenOf(user)}`])
  const asked = request(new URL('/v1/container-credentials/ios', url), {
    headers: ['host', 'x', ...tokens],
    agent: false,
  })
  const [answer] = await once(asked.end(), 'response')
  t.match(JSON.parse(await text(answer)), { status: 400, Message: 'authorization was sent more than once.' })
  t.equal(sts.receivedBytes(), 0)
})

test('threat 7: a body says what it may say, to the letter, or STS never hears of it', async (t) => {
  const { post, sts } = await startVendingGateway(t)
  for (const [what, body, pointer] of [
    ['a policy of its own', { app: 'ios', policy: '{}' }, '#'],
    ['a role of its own', { app: 'ios', roleArn: 'arn:aws:iam::111122223333:role/admin' }, '#'],
    ['a number in a string', { app: 'ios', durationSeconds: '900' }, '#/durationSeconds'],
    ['a second too short', { app: 'ios', durationSeconds: 899 }, '#/durationSeconds'],
    ['a second too long', { app: 'ios', durationSeconds: 3_601 }, '#/durationSeconds'],
    ['half a second', { app: 'ios', durationSeconds: 900.5 }, '#/durationSeconds'],
    ['twelve hours', { app: 'ios', durationSeconds: 43_200 }, '#/durationSeconds'],
    ['nothing', { app: 'ios', durationSeconds: null }, '#/durationSeconds'],
    ['no streams', { app: 'ios', streams: [] }, '#/streams'],
    ['a stream that is no list', { app: 'ios', streams: 'headgate-direct-ios' }, '#/streams'],
    ['a stream twice', { app: 'ios', streams: ['a', 'a'] }, '#/streams'],
    ['eleven streams', { app: 'ios', streams: [...'abcdefghijk'] }, '#/streams'],
    ['apps', { app: ['ios'] }, '#/app'],
    ['an app that can be none', { app: '../ios' }, '#/app'],
    ['no app', {}, '#'],
    ['a list', [], '#'],
    ['null', null, '#'],
    ['text', '"ios"', '#'],
    ['an attestation of no kind', { app: 'ios', attestation: { kind: 'x', token: 'x' } }, '#/attestation'],
  ] as const) {
    const answer = await post(body)
    t.equal(answer.statusCode, 400, what)
    t.match(answer.headers['content-type'], /^application\/problem\+json/)
    const { code, errors, detail } = answer.json()
    t.equal(code, 'invalid_request', what)
    t.equal(errors[0].pointer.startsWith(pointer), true, `${what}: ${errors[0].pointer}`)
    t.notMatch(detail, /\{\}|admin|43_?200/, `${what}: never what was sent, but for names`)
  }
  t.equal(sts.receivedBytes(), 0)
})

test('threat 8: a key twice, or one that reaches for a prototype, is refused', async (t) => {
  const { post, sts } = await startVendingGateway(t)
  for (const [body, detail] of [
    ['{"app":"ios","app":"web"}', 'The body has a key twice.'],
    ['{"app":"ios","__proto__":{"streams":["x"]}}', 'The body is not JSON.'],
    ['{"app":"ios"', 'The body is not JSON.'],
    ['', 'The body is not JSON.'],
  ] as const) {
    t.match((await post(body)).json(), { status: 400, code: 'malformed_body', detail }, body)
  }
  t.equal(sts.receivedBytes(), 0)
})

test('a body is JSON, as it is, and short', async (t) => {
  const { post, sts } = await startVendingGateway(t)
  const send = (headers: Record<string, string>, body: unknown = { app: 'ios' }) => post(body, { headers })
  for (const [what, answer, status, code] of [
    ['text', await send({ 'content-type': 'text/plain' }), 415, 'unsupported_media_type'],
    [
      'a form',
      await send({ 'content-type': 'application/x-www-form-urlencoded' }),
      415,
      'unsupported_media_type',
    ],
    [
      'something like JSON',
      await send({ 'content-type': 'application/jsonp' }),
      415,
      'unsupported_media_type',
    ],
    ['gzip', await send({ 'content-encoding': 'gzip' }), 415, 'unsupported_encoding'],
    ['a long one', await post({ app: 'x'.repeat(MAX_BODY_BYTES) }), 413, 'body_too_large'],
  ] as const) {
    t.match(answer.json(), { status, code }, what)
  }
  const plain = await send({
    'content-type': 'application/json; charset=utf-8',
    'content-encoding': 'identity',
  })
  t.equal(plain.statusCode, 200)
  t.equal(sts.calls.length, 1)
})

test('nobody unknown has a body read: its head says enough', async (t) => {
  const { app, audit } = await startVendingGateway(t, {
    apps: [vendingAppOf('ios'), vendingAppOf('off', { enabled: false }), vendingAppOf('none', null)],
  })
  const unreadable = ['{', '[', 'x'.repeat(MAX_BODY_BYTES + 1), '{"app":"ios","app":"web"}', '{}']
  for (const [rule, headers, code] of [
    ['no key', {}, 'invalid_client'],
    ['a key in the wrong place', { 'x-api-key': 'ios-key' }, 'invalid_client'],
    ['an unknown key', { 'x-headgate-key': 'nobody' }, 'invalid_client'],
    ['two keys', { 'x-headgate-key': 'ios-key, ios-key' }, 'invalid_client'],
    ['an app that is off', { 'x-headgate-key': 'off-key' }, 'app_disabled'],
    ['an app that never vends', { 'x-headgate-key': 'none-key' }, 'app_disabled'],
    ['a foreign page', { 'x-headgate-key': 'ios-key', origin: 'https://evil.example' }, 'origin_not_allowed'],
    ['a known key', { 'x-headgate-key': 'ios-key' }, undefined],
  ] as const) {
    for (const url of ['/v1/credentials', '/v1/attest/challenge']) {
      for (const payload of unreadable) {
        const json = { 'content-type': 'application/json' }
        const answer = await app.inject({ method: 'POST', url, headers: { ...json, ...headers }, payload })
        const { code: said } = answer.json()
        if (code === undefined) t.match(said, /^(?:malformed_body|invalid_request|body_too_large)$/, rule)
        else t.equal(said, code, `${rule}, ${url}`)
      }
    }
  }
  const lines = audit()
  t.equal(lines.length, 7 * unreadable.length, 'each refusal of credentials is in the audit log')
  t.match(lines[0], { event: 'credentials.denied', route: 'credentials', code: 'invalid_client' })
  t.match(lines.at(-1), { app: 'ios', code: 'origin_not_allowed' })
})

test('threat 16: nobody may keep an answer, whatever it is', async (t) => {
  const { app, post, container, sts } = await startVendingGateway(t, { limits: { subjectPerHour: 5 } })
  const origin = 'https://ios.example'
  const preflight = { origin, 'access-control-request-method': 'POST' }
  sts.faults.push({ kind: 'error', code: 'AccessDenied', status: 403 })
  const refused = await post()
  const ask = (method: 'GET' | 'HEAD' | 'PUT' | 'DELETE' | 'POST' | 'OPTIONS', url: string, headers = {}) =>
    app.inject({ method, url, headers: { ...headers, origin } })
  const [credentials, container_, challenge] = [
    '/v1/credentials',
    '/v1/container-credentials/ios',
    '/v1/attest/challenge',
  ]
  const answers = [
    [502, refused],
    [400, await post('{')],
    [401, await post({ app: 'ios' }, { token: '' })],
    [401, await post({ app: 'ios' }, { key: '' })],
    [401, await container('nobody')],
    [400, await container('NO')],
    [403, await post({ app: 'ios', streams: ['x'] }, { token: tokenOf('user-2') })],
    [413, await post('x'.repeat(MAX_BODY_BYTES + 1))],
    [415, await post('x', { headers: { 'content-type': 'text/plain' } })],
    [405, await ask('GET', credentials)],
    [405, await ask('HEAD', container_)],
    [405, await ask('POST', container_)],
    [405, await ask('DELETE', credentials)],
    [405, await ask('PUT', challenge)],
    [
      405,
      await app.inject({ method: 'OPTIONS', url: credentials, headers: { origin: 'https://evil.example' } }),
    ],
    [204, await ask('OPTIONS', credentials, preflight)],
    [204, await ask('OPTIONS', container_, preflight)],
    [204, await ask('OPTIONS', challenge, preflight)],
    [401, await ask('POST', challenge)],
    [400, await ask('POST', challenge, { 'x-headgate-key': 'ios-key' })],
  ] as const
  const later = await startVendingGateway(t, { limits: { subjectPerHour: 1 } })
  const more = [
    [200, await later.post()],
    [429, await later.post()],
    [200, await later.container('web')],
    [429, await later.container('web')],
    [401, await later.app.inject({ method: 'POST', url: '/v1/%63redentials' })],
  ] as const
  for (const [status, answer] of [...answers, ...more]) {
    t.equal(answer.statusCode, status, answer.body)
    t.match(answer.headers, {
      'cache-control': 'no-store',
      pragma: 'no-cache',
      vary: 'Authorization, Origin',
      'x-content-type-options': 'nosniff',
    })
    t.notOk('etag' in answer.headers)
    t.notOk('set-cookie' in answer.headers)
    t.notOk('content-encoding' in answer.headers)
    t.notOk('access-control-allow-credentials' in answer.headers)
  }
})

test('a method that a path does not take is told which it takes', async (t) => {
  const { app } = await startVendingGateway(t)
  for (const [url, allow, other] of [
    ['/v1/credentials', 'POST', 'GET'],
    ['/v1/container-credentials/ios', 'GET', 'POST'],
    ['/v1/attest/challenge', 'POST', 'GET'],
  ] as const) {
    const answer = await app.inject({ method: other, url })
    t.match(answer.json(), { code: 'method_not_allowed', detail: `This path takes ${allow}.` })
    t.equal(answer.headers.allow, `${allow}, OPTIONS`)
  }
})

test('threat 17: a page may ask from the origins of the app alone, without cookies', async (t) => {
  const { app, post, container, sts } = await startVendingGateway(t)
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: '/v1/credentials',
    headers: { origin: 'https://ios.example', 'access-control-request-method': 'POST' },
  })
  t.match(preflight.headers, {
    'access-control-allow-origin': 'https://ios.example',
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': /^content-type, .*, traceparent, .*, authorization, x-headgate-key$/,
    'access-control-max-age': '600',
  })
  for (const origin of ['https://web.example', 'https://evil.example', 'null']) {
    for (const answer of [
      await post({ app: 'ios' }, { headers: { origin } }),
      await container('ios', { headers: { origin } }),
    ]) {
      t.match(answer.json(), { status: 403, code: 'origin_not_allowed' }, origin)
      t.notOk('access-control-allow-origin' in answer.headers, origin)
    }
  }
  t.equal(sts.receivedBytes(), 0)
  const own = await post({ app: 'ios' }, { headers: { origin: 'https://ios.example' } })
  t.equal(own.statusCode, 200)
  t.equal(own.headers['access-control-allow-origin'], 'https://ios.example')
})

test('credentials may end with the token, and are not given for its last minutes', async (t) => {
  const apps = [vendingAppOf('ios', { endWithToken: true }), vendingAppOf('web')]
  const { clock, post, sts } = await startVendingGateway(t, { apps })
  const ask = (id: string, restMs: number) => {
    const token = tokenOf('user-1', { expiresMs: clock.nowMs() + restMs })
    return post({ app: id }, { token, key: `${id}-key` })
  }
  const conditionOf = (at: number) =>
    JSON.parse(sts.calls[at]?.params['Policy'] ?? '{}').Statement[0].Condition
  const half = (await ask('ios', hour / 2 + 999)).json()
  t.same([half.credentials.expiration, half.refreshAfter], ['2026-11-22T12:30:00Z', '2026-11-22T12:20:00Z'])
  t.same(conditionOf(0), { DateLessThan: { 'aws:CurrentTime': '2026-11-22T12:30:00Z' } })
  const short = (await ask('ios', 300_000)).json()
  t.same([short.credentials.expiration, short.refreshAfter], ['2026-11-22T12:05:00Z', '2026-11-22T12:02:30Z'])
  t.match((await ask('ios', 299_999)).json(), { status: 401, code: 'invalid_token', detail: /renew it/ })
  const whole = (await ask('ios', hour)).json()
  t.equal(whole.credentials.expiration, '2026-11-22T13:00:00Z')
  t.equal(conditionOf(2), undefined, 'the session itself ends no later')
  t.equal(
    (await ask('web', 300_000)).json().credentials.expiration,
    '2026-11-22T13:00:00Z',
    'only where it is asked for',
  )
})

test('whoever has the public key can tell by the record token whose records are whose', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const signer = await createRecordSigner(JSON.stringify(privateKey.export({ format: 'jwk' })))
  const { post, clock, audit } = await startVendingGateway(t, { vending: { signer } })
  const { recordToken, vendId } = (await post()).json()
  const { payload } = await jwtVerify(recordToken, publicKey, {
    typ: 'headgate-record+jwt',
    currentDate: new Date(clock.nowMs()),
  })
  t.same(payload, { app: 'ios', subHash: audit()[0]?.['sub'], vendId, exp: (clock.nowMs() + hour) / 1_000 })
})

test('in mode "public" the key is enough, from a budget of its own', async (t) => {
  const open = { mode: 'public', iUnderstandAnyoneCanWrite: true, issuers: [] }
  const { post, container, audit, sts } = await startVendingGateway(t, {
    apps: [vendingAppOf('kiosk', open), vendingAppOf('ios')],
    limits: { publicPerMinute: 3 },
  })
  const kiosk = (asking = {}) => post({ app: 'kiosk' }, { key: 'kiosk-key', token: '', ...asking })
  const [first, second] = await Promise.all([kiosk(), kiosk()])
  t.same([first.statusCode, second.statusCode], [200, 200])
  t.not(first.json().credentials.accessKeyId, second.json().credentials.accessKeyId, 'two strangers are two')
  t.match((await kiosk({ key: '' })).json(), { code: 'invalid_client' }, 'but not without it')
  t.match((await container('kiosk')).json(), { code: 'invalid_token' }, 'which container clients cannot send')
  t.equal((await kiosk()).statusCode, 200)
  const fourth = await kiosk()
  t.match(fourth.json(), { status: 429, code: 'app_limit' })
  t.equal(fourth.headers['retry-after'], '20')
  t.equal((await post()).statusCode, 200, 'others have theirs')
  t.equal(new Set(audit().map(({ sub }) => sub)).size, 3, 'anyone, somebody, and nobody')
  t.equal(sts.calls.length, 4)
})

test('in mode "oidc+attest" the device is checked last, and what cannot be checked counts as anyone', async (t) => {
  const checked: unknown[] = []
  let level: 'strong' | 'none' | 'failed' = 'strong'
  const attestation = {
    challenge: (app: { readonly id: string }) => ({
      challenge: `of ${app.id}`,
      expiresMs: Date.UTC(2026, 10, 22),
    }),
    async check(
      claim: unknown,
      attesting: { readonly subject: string; readonly streams: readonly string[] },
    ) {
      checked.push([claim, attesting.subject, attesting.streams])
      if (level === 'failed')
        throw new AppError('attestation_failed', 'The device could not be attested: nonce.')
      return { kind: 'app-attest', level, deviceId: 'device-1', enrolment: 'to keep' }
    },
  }
  const appAttest = { appId: 'ABCDE12345.com.example.shop' }
  const { app, post, container, audit, sts } = await startVendingGateway(t, {
    apps: [vendingAppOf('ios', { mode: 'oidc+attest', attestation: { appAttest } })],
    limits: { publicPerMinute: 1, subjectPerHour: 4 },
    vending: { attestation },
  })
  const ask = (headers: object, payload: object = { app: 'ios', kind: 'app-attest' }) =>
    app.inject({ method: 'POST', url: '/v1/attest/challenge', headers: { ...headers }, payload })
  t.same((await ask({ 'x-headgate-key': 'ios-key' })).json(), {
    challenge: 'of ios',
    expiresAt: '2026-11-22T00:00:00Z',
  })
  t.match((await ask({})).json(), { code: 'invalid_client' })

  const claim = { kind: 'app-attest', challenge: 'c', token: 't', keyId: 'k' }
  const body = { app: 'ios', streams: ['headgate-direct-ios'], attestation: claim }
  t.equal((await post(body)).json().enrolment, 'to keep')
  t.same(checked, [[claim, 'user-1', ['headgate-direct-ios']]])
  t.match(audit()[0], { attestation: 'app-attest', attestationLevel: 'strong' })
  level = 'failed'
  t.match((await post(body)).json(), { status: 403, code: 'attestation_failed' })
  t.match((await container()).json(), { status: 403, code: 'attestation_failed' })
  t.same(checked.at(-1), [undefined, 'user-1', []])
  level = 'none'
  t.equal((await post(body)).statusCode, 200)
  const other = { token: tokenOf('user-2') }
  t.match((await post(body, other)).json(), { status: 429, code: 'app_limit' })
  t.match((await post(body)).json(), { code: 'subject_limit' })
  t.equal(checked.length, 5, 'whoever is over a limit is not checked')
  t.equal(sts.calls.length, 2)
})

test('limits are met in their order, and each says when to come back', async (t) => {
  const far = '203.0.113.5'
  const { post, container, clock, metric } = await startVendingGateway(t, {
    limits: { addressPerMinute: 4, subjectPerHour: 2, appPerMinute: 3, stsPerSecond: 1, stsBurst: 1 },
  })
  const seen: [number, string, unknown][] = []
  const see = async (answer: ReturnType<typeof post>) => {
    const { statusCode, headers, ...rest } = await answer
    seen.push([statusCode, rest.json().code ?? 'vended', headers['retry-after']])
  }
  await see(post({ app: 'ios' }, { from: far }))
  await see(post({ app: 'ios' }, { from: far }))
  await see(post({ app: 'ios' }, { from: far }))
  await see(post({ app: 'ios' }, { from: far, token: 'nonsense' }))
  await see(container('ios', { from: far, token: 'nonsense' }))
  await see(post('{', { from: far }))
  clock.advance(1_000)
  await see(post({ app: 'ios' }, { token: tokenOf('user-2') }))
  await see(post({ app: 'ios' }, { token: tokenOf('user-3') }))
  await see(post({ app: 'ios' }, { token: tokenOf('user-4') }))
  t.same(seen, [
    [200, 'vended', undefined],
    [503, 'vending_saturated', '1'],
    [429, 'subject_limit', '1800'],
    [401, 'invalid_token', undefined],
    [429, 'address_limit', '15'],
    [429, 'address_limit', '15'],
    [200, 'vended', undefined],
    [429, 'app_limit', '19'],
    [429, 'app_limit', '19'],
  ])
  t.equal(
    await metric('headgate_requests_refused_total', { code: 'address_limit' }),
    2,
    'each is counted once',
  )
  t.equal(await metric('headgate_credentials_total', { app: 'ios', outcome: 'vended' }), 2)
  t.equal(await metric('headgate_credentials_total', { app: 'ios', outcome: 'subject_limit' }), 1)
  t.equal(await metric('headgate_credentials_total', { app: 'ios', outcome: 'invalid_token' }), 1)
})

test('whoever brings ever new subjects is held to their number', async (t) => {
  const { post, clock } = await startVendingGateway(t, { limits: { newSubjectsPerMinute: 2 } })
  const ask = async (subject: string) =>
    (await post({ app: 'ios' }, { token: tokenOf(subject) })).json().code ?? 'vended'
  const codes: string[] = []
  for (const subject of ['a', 'b', 'c', 'c', 'a', 'b', 'd']) codes.push(await ask(subject))
  t.same(codes, ['vended', 'vended', 'app_limit', 'app_limit', 'vended', 'vended', 'app_limit'])
  clock.advance(30_000)
  t.equal(await ask('c'), 'vended')
})

test('a reload holds from the next request on: the switch, the deny list, the key, the role', async (t) => {
  const { post, container, reload, audit, sts } = await startVendingGateway(t)
  t.equal((await post()).statusCode, 200)
  const sub = String(audit()[0]?.['sub'])
  for (const [what, apps, code] of [
    ['the switch', [vendingAppOf('ios', { enabled: false })], 'app_disabled'],
    ['a denied subject', [vendingAppOf('ios', { deny: [sub] })], 'subject_revoked'],
    ['by its name in CloudTrail', [vendingAppOf('ios', { deny: [`headgate-${sub}`] })], 'subject_revoked'],
    ['the key', [vendingAppOf('ios', {}, { keys: [{ sha256: sha256('other') }] })], 'invalid_client'],
    ['no credentials any more', [vendingAppOf('ios', null)], 'app_disabled'],
    ['another subject is denied', [vendingAppOf('ios', { deny: ['x'.repeat(22)] })], undefined],
  ] as const) {
    reload(apps)
    t.equal((await post()).json().code, code, what)
  }
  reload([vendingAppOf('ios', { deny: [sub] })])
  t.match((await container()).json(), { code: 'subject_revoked', Code: 'subject_revoked' })
  t.equal((await post({ app: 'ios' }, { token: tokenOf('user-2') })).statusCode, 200)
  const before = sts.calls.length
  sts.faults.push({ kind: 'error', code: 'AccessDenied', status: 403 })
  reload([vendingAppOf('ios')])
  t.match((await post()).json(), { status: 502, code: 'sts_failed' })
  t.match((await post()).json(), { detail: /somebody has to mend it/ })
  reload([vendingAppOf('ios', { durationSeconds: 900 })])
  t.equal((await post()).statusCode, 200, 'what was mended is tried at once')
  t.equal(sts.calls.length - before, 2)
})

test('a reload that needs what this process does not have changes nothing', async (t) => {
  const { post, reload } = await startVendingGateway(t, {
    apps: [vendingAppOf('ios', null)],
    vending: { subjectKey: undefined },
  })
  t.throws(() => reload([vendingAppOf('ios')]), { code: 'bad_configuration', message: /subjectKeyEnv/ })
  t.match((await post()).json(), { code: 'app_disabled' })
  await t.rejects(startVendingGateway(t, { vending: { subjectKey: undefined } }), {
    code: 'bad_configuration',
  })
  await t.rejects(startVendingGateway(t, { vending: { region: undefined } as object }), {
    code: 'bad_configuration',
    message: 'Credentials need a region',
  })
})

test('a token for which no app stands is no token, whoever believes it', async (t) => {
  const believing = {
    ...openTokens(Date.now),
    verify: async () => ({ issuer: 'i', subject: 's', expiresMs: 1e15, keyId: 'k', tokenIdHash: undefined }),
  }
  const { container, sts } = await startVendingGateway(t, { vending: { tokens: believing } })
  t.match((await container('nobody')).json(), { status: 401, code: 'invalid_token' })
  t.equal(sts.receivedBytes(), 0)
})

test('an error of ours is told to nobody but the log', async (t) => {
  const failing = { ...openTokens(Date.now), verify: () => Promise.reject(new Error('PlantedBug')) }
  const { container, logLines } = await startVendingGateway(t, { vending: { tokens: failing } })
  const answer = await container()
  t.match(answer.json(), { status: 500, code: 'internal', Message: 'The error was logged.' })
  t.notMatch(answer.body, /PlantedBug/)
  t.match(logLines.join(''), /PlantedBug/)
})
