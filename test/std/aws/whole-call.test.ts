import { readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { parseConfig } from '../../../src/config/parse.ts'
import { createDirectory } from '../../../src/gateway/apps/vending-apps.ts'
import { sessionRequest } from '../../../src/gateway/credentials/session/session.ts'
import { stsClient, stsSessions } from '../../../src/gateway/credentials/session/sts.ts'
import { kinesisClient, kinesisSink } from '../../../src/gateway/deliver/sinks/kinesis/kinesis.ts'
import { countOpenShards } from '../../../src/gateway/deliver/sinks/kinesis/list-shards.ts'
import { type S3LakeOptions, s3Lake } from '../../../src/lake/s3.ts'
import { MAX_ANSWER_BYTES } from '../../../src/std/aws/answers.ts'
import { awsFaultInWords } from '../../../src/std/aws/aws-faults.ts'
import { allowedMs, SLOWEST_BYTES_PER_MS } from '../../../src/std/aws/whole-call.ts'
import { systemClock } from '../../../src/std/clock.ts'
import { recordOf } from '../../contracts/stream.ts'
import { faultProxy, type ProxyFault } from '../../fakes/aws/fault-proxy.ts'
import { startKinesis } from '../../fakes/aws/kinesis.ts'
import { startFakeS3 } from '../../fakes/aws/s3.ts'
import { startSts } from '../../fakes/aws/sts.ts'
import { credentialsOf, REGION } from '../../fakes/credentials/vending.ts'
import { withEnvironment } from '../../fakes/environment.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
/** Long enough for an answer on a busy machine, short enough to wait for one that never ends. */
const CALL_MS = 1_000
/** For what must not be cut for its time, however busy the machine is. */
const LONG_CALL_MS = 15_000
/** Far more than it takes to notice, far less than any of the answers. */
const PATIENCE_MS = 20_000

type Faults = ProxyFault[]

/** A server behind faults, each of which happens once, in order. */
async function behind(t: Test, upstream: string) {
  const faults: Faults = []
  const proxy = await faultProxy(t, upstream, () => faults.shift())
  return { ...proxy, faults }
}

async function withKinesis(t: Test, callMs = CALL_MS) {
  const { endpoint } = await startKinesis(t)
  const proxy = await behind(t, endpoint)
  const place = { region: REGION, endpoint: proxy.endpoint, credentials, requestTimeoutMs: callMs }
  const client = kinesisClient(place)
  const sink = kinesisSink({ client, streamName: 'events' })
  t.teardown(() => sink.close())
  const put = async () => {
    const [outcome] = await sink.put([recordOf(['a'])], new AbortController().signal)
    return outcome?.kind === 'stored' ? outcome.kind : `${outcome?.kind} ${outcome?.code}`
  }
  return { proxy, put, shards: () => countOpenShards(client, 'events') }
}

async function withSts(t: Test, callMs = CALL_MS) {
  const { endpoint } = await startSts(t)
  const proxy = await behind(t, endpoint)
  const gateway = { credentials: { region: REGION, subjectKeyEnv: 'K' } }
  const { apps } = parseConfig({ gateway, apps: [{ id: 'ios', credentials: credentialsOf('ios') }] }, {})
  const directory = createDirectory(apps, REGION)
  const place = { region: REGION, endpoint: proxy.endpoint, credentials, requestTimeoutMs: callMs }
  const sessions = stsSessions(stsClient(place, directory.all), systemClock)
  t.teardown(() => sessions.close())
  const app = directory.byId('ios')
  if (app === undefined) throw new Error('The app is not there')
  const subjectHash = 'abcdefghijABCDEFGHIJ_-'
  const request = sessionRequest({ app, subjectHash, vendId: 'b3da5f4f-9a7c', durationSeconds: 1_800 })
  const assume = async () => {
    const outcome = await sessions.assumeRole(request, new AbortController().signal)
    return outcome.kind === 'minted' ? outcome.kind : `${outcome.kind} ${outcome.code}`
  }
  return { proxy, assume }
}

const rows = Buffer.from('rows\n'.repeat(4_000))

/** Without a second attempt, unless it is given time for one. */
async function withLake(t: Test, options: Partial<S3LakeOptions> = {}) {
  const upstream = (await startFakeS3(t)).endpoint
  const proxy = await behind(t, upstream)
  const tempDir = t.testdir({})
  const at = (endpoint: string) => ({
    connection: { region: 'us-east-1', forcePathStyle: true, credentials, endpoint },
    ...{ bucket: 'lake', maxTempBytes: 1e9, tempDir },
  })
  const lake = s3Lake({ ...at(proxy.endpoint), callMs: CALL_MS, retryForMs: 0, ...options })
  const truth = s3Lake(at(upstream))
  await truth.put('raw/x', rows)
  const local = `${tempDir}-local`
  await writeFile(local, rows)
  return { proxy, lake, truth, tempDir, local }
}

/** Every call that there is, by what it answers: when all is well, when an answer does not end, when it floods. */
async function allCalls(t: Test, callMs: number) {
  const kinesis = await withKinesis(t, callMs)
  const sts = await withSts(t, callMs)
  const { proxy, lake, local } = await withLake(t, { callMs })
  const said = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (error: Error) => error.message,
    )
  const onLake = (name: string, where: string, work: () => Promise<unknown>) => ({
    ...{ name, proxy, call: () => said(work()), well: 'done' },
    ...{
      late: `Lake ${where} failed: ${awsFaultInWords('ETIMEDOUT')}`,
      large: `Lake ${where} failed: AnswerTooLarge`,
    },
  })
  return [
    {
      ...{ name: 'PutRecords', proxy: kinesis.proxy, call: kinesis.put, well: 'stored' },
      ...{ late: 'transient ETIMEDOUT', large: 'transient AnswerTooLarge' },
    },
    {
      ...{ name: 'ListShards', proxy: kinesis.proxy, call: () => said(kinesis.shards()), well: 'done' },
      ...{
        late: `The call took longer than ${callMs} ms`,
        large: `An answer has more than ${MAX_ANSWER_BYTES} bytes`,
      },
    },
    {
      ...{ name: 'AssumeRole', proxy: sts.proxy, call: sts.assume, well: 'minted' },
      ...{ late: 'transient ETIMEDOUT', large: 'transient AnswerTooLarge' },
    },
    onLake('ListObjects', 'list raw/', () => lake.list('raw/')),
    onLake('DeleteObjects', 'remove old/x', () => lake.remove(['old/x'])),
    onLake('PutObject', 'put new/x', () => lake.put('new/x', rows)),
    onLake('PutObject of a file', 'putFile file/x', async () => {
      await writeFile(local, rows)
      await lake.putFile('file/x', local)
    }),
    onLake('GetObject', 'get raw/x', () => lake.get('raw/x')),
    onLake('GetObject into a file', 'open raw/x', async () => (await lake.open('raw/x'))?.release()),
  ]
}

async function noneIsLeft(proxy: { endless(): number }): Promise<boolean> {
  const untilMs = performance.now() + PATIENCE_MS
  while (proxy.endless() > 0 && performance.now() < untilMs) await new Promise(setImmediate)
  return proxy.endless() === 0
}

const drips: readonly ProxyFault[] = [
  { kind: 'drip', status: 200, of: 'head' },
  { kind: 'drip', status: 200, of: 'body' },
  { kind: 'drip', status: 503, of: 'body' },
  { kind: 'drip', status: 403, of: 'body' },
]

test('no call waits for an answer that drips, whatever it says, and the next is well', async (t) => {
  for (const { name, proxy, call, well, late } of await allCalls(t, CALL_MS)) {
    for (const drip of drips) {
      const what = `${name}: ${JSON.stringify(drip)}`
      proxy.faults.push(drip)
      const startedMs = performance.now()
      t.equal(await call(), late, what)
      t.ok(performance.now() - startedMs < PATIENCE_MS, `${what}: in time`)
      t.ok(await noneIsLeft(proxy), `${what}: its connection is closed`)
      t.equal(await call(), well, `${what}: and then`)
    }
  }
})

test('no call takes in an answer without an end', async (t) => {
  for (const { name, proxy, call, well, large } of await allCalls(t, LONG_CALL_MS)) {
    for (const status of [200, 403]) {
      // The body of an object is one; what is bounded there is told below.
      if (name.startsWith('GetObject') && status === 200) continue
      const what = `${name}: ${status}`
      proxy.faults.push({ kind: 'flood', status })
      t.equal(await call(), large, what)
      t.ok(await noneIsLeft(proxy), `${what}: its connection is closed`)
      t.equal(await call(), well, `${what}: and then`)
    }
    // What lies in the buffers of two sockets comes on top.
    t.ok(proxy.floodedBytes() < 2 * MAX_ANSWER_BYTES, `${name}: ${proxy.floodedBytes()} bytes were sent`)
  }
})

test('an object that drips, or has no end, is given up, and room on the disk is kept for what came', async (t) => {
  const { proxy, lake, tempDir } = await withLake(t, { maxTempBytes: 3 * rows.length, callMs: LONG_CALL_MS })
  proxy.faults.push({ kind: 'flood', status: 200 })
  await t.rejects(lake.open('raw/x'), { code: 'lake_failed', message: /^No room for \d+ bytes: 0 bytes of/ })
  proxy.faults.push({ kind: 'flood', status: 200 })
  await t.rejects(lake.get('raw/x', 100_000), { code: 'lake_failed', message: /100000 bytes/ })
  t.ok(await noneIsLeft(proxy), 'connections are closed')
  t.ok(proxy.floodedBytes() < MAX_ANSWER_BYTES, `${proxy.floodedBytes()} bytes were sent`)
  t.strictSame(readdirSync(tempDir), [])

  proxy.faults.push({ kind: 'unsized' }, { kind: 'unsized' }, { kind: 'unsized' }, { kind: 'unsized' })
  const copies = [await lake.open('raw/x'), await lake.open('raw/x'), await lake.open('raw/x')]
  for (const copy of copies) t.ok((await readFile(copy?.path ?? '')).equals(rows), 'whole without a length')
  await t.rejects(lake.open('raw/x'), {
    message: /^No room for \d+ bytes: 60000 bytes of opened objects are held locally, at most 60000$/,
  })
  for (const copy of copies) await copy?.release()
  t.ok((await lake.get('raw/x'))?.equals(rows))
  t.strictSame(readdirSync(tempDir), [])
})

test('what drips once is tried again within its patience, and done', async (t) => {
  const { proxy, lake, truth } = await withLake(t, { retryForMs: PATIENCE_MS })
  const drip: ProxyFault = { kind: 'drip', status: 200, of: 'body' }
  for (const [name, work] of [
    ['list', async () => (await lake.list('raw/')).length],
    ['put', async () => (await lake.put('raw/new', rows, { ifAbsent: true })) === 'stored' && 1],
    ['get', async () => (await lake.get('raw/x'))?.equals(rows) && 1],
  ] as const) {
    proxy.faults.push(drip)
    t.equal(await work(), 1, name)
  }
  t.ok((await truth.get('raw/new'))?.equals(rows))
})

test('a body has time by its size, and no more than its own', async (t) => {
  t.equal(allowedMs(6_000, 0), 6_000)
  t.equal(allowedMs(6_000, SLOWEST_BYTES_PER_MS * 1_000), 7_000)
  const { proxy, lake } = await withLake(t)
  const large = Buffer.alloc(SLOWEST_BYTES_PER_MS * 1_000)
  const startedMs = performance.now()
  proxy.faults.push({ kind: 'drip', status: 200, of: 'body' })
  await t.rejects(lake.put('new/large', large), { message: 'Lake put new/large failed: ETIMEDOUT' })
  t.ok(performance.now() - startedMs >= CALL_MS + 1_000, 'it had its second')
})

test('a page that leads to itself is not asked for without end', async (t) => {
  const { lake, proxy } = await withLake(t)
  const answer = (body: string): ProxyFault => ({ kind: 'answer', status: 200, body })
  const more = '<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>'
  const page = answer(`<ListBucketResult><KeyCount>0</KeyCount>${more}</ListBucketResult>`)
  proxy.faults.push(page, page)
  await t.rejects(lake.list('raw/'), { message: 'Lake list raw/ failed: MalformedListing' })
  t.equal(proxy.exchanges.length, 2)

  const kinesis = await withKinesis(t)
  const shards = answer('{"Shards":[],"NextToken":"t"}')
  kinesis.proxy.faults.push(shards, shards)
  await t.rejects(kinesis.shards(), { message: 'A page of ListShards leads to itself' })
})

test('credentials are asked for within the call that needs them', async (t) => {
  const web = await behind(t, (await startSts(t)).endpoint)
  const tokenFile = join(t.testdir({ token: 'a.b.c' }), 'token')
  withEnvironment(t, {
    ...{ AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, AWS_PROFILE: undefined },
    ...{ AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' },
    ...{ AWS_EC2_METADATA_DISABLED: 'true', AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile },
    ...{ AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/r', AWS_ENDPOINT_URL_STS: web.endpoint },
  })
  const kinesis = await startKinesis(t)
  const client = kinesisClient({ region: REGION, endpoint: kinesis.endpoint, requestTimeoutMs: CALL_MS })
  const sink = kinesisSink({ client, streamName: 'events' })
  t.teardown(() => sink.close())
  web.faults.push({ kind: 'drip', status: 200, of: 'body' })
  const put = () => sink.put([recordOf(['a'])], new AbortController().signal)
  t.match(await put(), [{ kind: 'misconfigured', code: 'CredentialsProviderError' }])
  t.ok(await noneIsLeft(web), 'its connection is closed')
  web.faults.push({ kind: 'answer', status: 200, body: webSession })
  t.strictSame(await put(), [{ kind: 'stored' }], 'and then')
})

const webSession = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`

test('a client of Kinesis is done in 6 s, without being told', { timeout: 60_000 }, async (t) => {
  const proxy = await behind(t, (await startKinesis(t)).endpoint)
  const client = kinesisClient({ region: REGION, endpoint: proxy.endpoint, credentials })
  const sink = kinesisSink({ client, streamName: 'events' })
  t.teardown(() => sink.close())
  proxy.faults.push({ kind: 'drip', status: 200, of: 'body' })
  const startedMs = performance.now()
  const outcomes = await sink.put([recordOf(['a'])], new AbortController().signal)
  const tookMs = performance.now() - startedMs
  t.match(outcomes, [{ kind: 'transient', code: 'ETIMEDOUT' }])
  t.ok(tookMs >= 5_990 && tookMs < PATIENCE_MS, `${tookMs} ms`)
})
