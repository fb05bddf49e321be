import { inspect } from 'node:util'
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { type Test, test } from 'tap'
import { parseConfig } from '../../../../src/config/parse.ts'
import { createDirectory } from '../../../../src/gateway/apps/vending-apps.ts'
import { stsRefusalOf } from '../../../../src/gateway/credentials/session/errors.ts'
import {
  type StsSessionRequest,
  sessionRequest,
} from '../../../../src/gateway/credentials/session/session.ts'
import { stsClient, stsSessions } from '../../../../src/gateway/credentials/session/sts.ts'
import { systemClock } from '../../../../src/std/clock.ts'
import { type StsFault, startSts } from '../../../fakes/aws/sts.ts'
import { credentialsOf, REGION, roleOf } from '../../../fakes/credentials/vending.ts'

const { apps } = parseConfig(
  {
    gateway: { credentials: { region: REGION, subjectKeyEnv: 'K' } },
    apps: ['ios', 'web'].map((id) => ({ id, credentials: credentialsOf(id) })),
  },
  {},
)
const directory = createDirectory(apps, REGION)
const hash = 'abcdefghijABCDEFGHIJ_-'
const subject = { subjectHash: hash, vendId: 'b3da5f4f-9a7c', durationSeconds: 1_800 }
const requestFor = (id: string): StsSessionRequest => sessionRequest({ app: directory.byId(id)!, ...subject })
const neverAborted = new AbortController().signal

async function started(t: Test, options: { readonly requestTimeoutMs?: number } = {}) {
  const nowMs = () => Date.UTC(2026, 10, 22, 12)
  const sts = await startSts(t, nowMs)
  const credentials = { accessKeyId: 'AKIAGATEWAY', secretAccessKey: 'secret' }
  const client = stsClient({ region: REGION, endpoint: sts.endpoint, credentials, ...options }, directory.all)
  const sessions = stsSessions(client, { ...systemClock, nowMs })
  t.teardown(() => sessions.close())
  return { sts, client, sessions }
}

test('what is asked for goes over the wire, whole and signed for the Region', async (t) => {
  const { sts, sessions } = await started(t)
  const outcome = await sessions.assumeRole(requestFor('ios'), neverAborted)
  t.match(outcome, {
    kind: 'minted',
    accessKeyId: 'ASIAEXAMPLE000000001',
    expiresMs: Date.UTC(2026, 10, 22, 12, 30),
    packedPolicyPercent: 10,
    stsRequestId: '00000000-0000-4000-8000-000000000001',
  })
  const { headers, params } = sts.calls[0]!
  t.match(headers.authorization, /Credential=AKIAGATEWAY\/\d{8}\/eu-west-1\/sts\/aws4_request/)
  t.same(params, {
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: roleOf('ios'),
    RoleSessionName: `headgate-ios-${hash}`,
    SourceIdentity: `headgate-${hash}`,
    Policy: requestFor('ios').policy,
    DurationSeconds: '1800',
    ExternalId: 'headgate/ios',
    'Tags.member.1.Key': 'headgate:app',
    'Tags.member.1.Value': 'ios',
    'Tags.member.2.Key': 'headgate:vend',
    'Tags.member.2.Value': 'b3da5f4f-9a7c',
  })
})

test('a session shows its secrets to who asks for them, and to no logger or inspector', async (t) => {
  const { sessions } = await started(t)
  const outcome = await sessions.assumeRole(requestFor('ios'), neverAborted)
  t.same(outcome.kind === 'minted' && outcome.reveal(), {
    secretAccessKey: 'PlantedStsSecret/0001',
    sessionToken: 'PlantedStsToken+0001',
  })
  for (const shown of [JSON.stringify(outcome), inspect(outcome, { depth: 9, showHidden: true })]) {
    t.match(shown, /ASIAEXAMPLE000000001/)
    t.notMatch(shown, /Planted/)
  }
})

test('threat 9: a call above the ceiling never leaves the process', async (t) => {
  const { sts, client, sessions } = await started(t)
  const good = requestFor('ios')
  const wide = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['kinesis:*'], Resource: ['*'] }],
  })
  for (const [what, change] of [
    ['no policy', { policy: undefined }],
    ['an empty policy', { policy: '' }],
    ['a wide policy', { policy: wide }],
    ['the policy of another app', { policy: requestFor('web').policy }],
    ['another role', { roleArn: roleOf('web') }],
    ['a role that is not configured', { roleArn: 'arn:aws:iam::111122223333:role/admin' }],
    ['12 hours', { durationSeconds: 43_200 }],
    ['no external id', { externalId: undefined }],
    ['no tags', { tags: [] }],
  ] as const) {
    const request = { ...good, ...change } as StsSessionRequest
    await t.rejects(
      sessions.assumeRole(request, neverAborted),
      { code: 'internal', message: /^A call to STS is above the ceiling: / },
      what,
    )
  }
  await t.rejects(client.send(new GetCallerIdentityCommand({})), {
    code: 'internal',
    message: 'A call to STS is above the ceiling: GetCallerIdentityCommand is not called',
  })
  const widened = new AssumeRoleCommand({ RoleArn: roleOf('ios'), RoleSessionName: 'x' })
  widened.middlewareStack.add((next) => (args) => next({ ...args, input: { ...args.input, Policy: wide } }), {
    step: 'initialize',
  })
  await t.rejects(client.send(widened), { code: 'internal' }, 'nor what was widened on its way')
  t.equal(sts.receivedBytes(), 0)
  t.equal((await sessions.assumeRole(good, neverAborted)).kind, 'minted')
  t.equal(sts.calls.length, 1)
})

test('what STS refuses is told apart by what helps: waiting, trying again, or an operator', async (t) => {
  const { sts, sessions } = await started(t)
  const message = 'User arn:aws:sts::111122223333:assumed-role/gw/task is not authorized'
  for (const [code, status, kind] of [
    ['Throttling', 400, 'throttled'],
    ['ThrottlingException', 400, 'throttled'],
    ['RequestLimitExceeded', 503, 'throttled'],
    ['TooManyRequests', 429, 'throttled'],
    ['AccessDenied', 403, 'misconfigured'],
    ['MalformedPolicyDocument', 400, 'misconfigured'],
    ['PackedPolicyTooLarge', 400, 'misconfigured'],
    ['RegionDisabledException', 403, 'misconfigured'],
    ['ValidationError', 400, 'misconfigured'],
    ['InvalidClientTokenId', 403, 'misconfigured'],
    ['SignatureDoesNotMatch', 403, 'misconfigured'],
    ['ExpiredToken', 403, 'transient'],
    ['ExpiredTokenException', 400, 'transient'],
    ['RequestTimeout', 408, 'transient'],
    ['InternalFailure', 500, 'transient'],
    ['ServiceUnavailable', 503, 'transient'],
  ] as const) {
    sts.faults.push({ kind: 'error', code, status, message })
    const outcome = await sessions.assumeRole(requestFor('ios'), neverAborted)
    t.match(outcome, { kind, status, requestId: /^0{8}-/ }, code)
    t.match((outcome as { code: string }).code, code.replace('Exception', ''), code)
    t.notMatch(JSON.stringify(outcome), /arn:aws/, `${code}: its message is for nobody`)
  }
  t.equal(sts.calls.length, 16, 'each was tried once')
})

test('credentials of our own that cannot be found are a fault of the configuration, expired ones are not', async (t) => {
  const named = (name: string) => Object.assign(new Error('no'), { name })
  t.equal(stsRefusalOf(named('CredentialsProviderError')).kind, 'misconfigured')
  t.equal(stsRefusalOf(named('RequestExpired')).kind, 'transient')
  t.same(stsRefusalOf('nothing'), { kind: 'transient', code: 'unknown', status: 0, requestId: undefined })
})

test('an answer in which something is missing is none', async (t) => {
  const { sts, sessions } = await started(t)
  const missing = (element: string): StsFault => ({ kind: 'tamper', element, by: '' })
  for (const element of ['Credentials', 'AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration']) {
    sts.faults.push(missing(element))
    t.match(
      await sessions.assumeRole(requestFor('ios'), neverAborted),
      { kind: 'transient', code: 'malformed_response', status: 200 },
      element,
    )
  }
  sts.faults.push(missing('PackedPolicySize'))
  t.match(await sessions.assumeRole(requestFor('ios'), neverAborted), {
    kind: 'minted',
    packedPolicyPercent: 0,
  })
  sts.faults.push({ kind: 'tamper', element: 'Expiration', by: '<Expiration>soon</Expiration>' })
  t.match(await sessions.assumeRole(requestFor('ios'), neverAborted), { kind: 'transient' })
})

test('what an answer says of the end is bounded by what was asked for, and a session that is over is none', async (t) => {
  const { sts, sessions } = await started(t)
  const asked = Date.UTC(2026, 10, 22, 12, 30)
  const nextEnd = async (ends: string) => {
    sts.faults.push({ kind: 'tamper', element: 'Expiration', by: `<Expiration>${ends}</Expiration>` })
    const outcome = await sessions.assumeRole(requestFor('ios'), neverAborted)
    return outcome.kind === 'minted' ? outcome.expiresMs : `${outcome.kind} ${outcome.code}`
  }
  for (const [rule, ends, expected] of [
    ['seventy years', '2099-01-01T00:00:00Z', asked],
    ['a second more than was asked for, as of a clock ahead', '2026-11-22T12:30:01Z', asked],
    ['a second less', '2026-11-22T12:29:59Z', asked - 1_000],
    ['five minutes are enough for who asks', '2026-11-22T12:05:00Z', Date.UTC(2026, 10, 22, 12, 5)],
    ['what SDKs take for over', '2026-11-22T12:04:59Z', 'transient session_over'],
    ['ten minutes ago', '2026-11-22T11:50:00Z', 'transient session_over'],
  ] as const)
    t.equal(await nextEnd(ends), expected, rule)
})

test('what STS calls something is cut and cleaned, and an id of a key that is none is no session', async (t) => {
  const { sts, sessions } = await started(t)
  const code = `${'Needle'.repeat(4_000)}`
  sts.faults.push({ kind: 'error', code, status: 400 })
  t.match(await sessions.assumeRole(requestFor('ios'), neverAborted), {
    kind: 'misconfigured',
    code: `${code.slice(0, 64)}…`,
  })
  sts.faults.push({ kind: 'error', code: 'constructor', status: 503 })
  t.match(await sessions.assumeRole(requestFor('ios'), neverAborted), {
    kind: 'transient',
    code: 'constructor',
  })
  for (const keyId of ['ASIA'.repeat(5_000), 'ASIA SHORT', 'ASIAEXAMPLE0000&#10;00001']) {
    const by = `<AccessKeyId>${keyId}</AccessKeyId>`
    sts.faults.push({ kind: 'tamper', element: 'AccessKeyId', by })
    t.match(await sessions.assumeRole(requestFor('ios'), neverAborted), {
      kind: 'transient',
      code: 'malformed_response',
    })
  }
  sts.faults.push({ kind: 'tamper', element: 'RequestId', by: `<RequestId>${'r'.repeat(9_000)}</RequestId>` })
  const outcome = await sessions.assumeRole(requestFor('ios'), neverAborted)
  t.ok(JSON.stringify(outcome).length < 400, 'nor is the id of a request longer')
})

test('no answer is transient: a reset, a silence, nobody there, or nobody waiting', async (t) => {
  const { sts, sessions } = await started(t, { requestTimeoutMs: 50 })
  sts.faults.push({ kind: 'reset' }, { kind: 'hang' })
  t.match(await sessions.assumeRole(requestFor('ios'), neverAborted), {
    kind: 'transient',
    code: 'ECONNRESET',
    status: 0,
  })
  t.match(await sessions.assumeRole(requestFor('ios'), neverAborted), { kind: 'transient', status: 0 })
  t.match(await sessions.assumeRole(requestFor('ios'), AbortSignal.abort()), {
    kind: 'transient',
    requestId: undefined,
  })
  const credentials = { accessKeyId: 'AKIAGATEWAY', secretAccessKey: 'secret' }
  const nowhere = stsSessions(
    stsClient({ region: REGION, endpoint: 'http://127.0.0.1:1', credentials }, directory.all),
    systemClock,
  )
  t.teardown(() => nowhere.close())
  t.match(await nowhere.assumeRole(requestFor('ios'), neverAborted), {
    kind: 'transient',
    code: 'ECONNREFUSED',
  })
})
