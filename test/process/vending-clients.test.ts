import { execFile } from 'node:child_process'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DescribeStreamCommand,
  KinesisClient,
  ListStreamsCommand,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { type Test, test } from 'tap'
import { parse } from 'yaml'
import { cleanEnvironment } from '../../scripts/lib/demo/headgate.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { type Cloud, GATEWAY_KEY, startCloud, VENDED } from '../fakes/aws/cloud.ts'
import { REGION } from '../fakes/aws/iam.ts'
import { startVendingProduct, type VendingProduct } from '../fakes/credentials/vending-product.ts'
import { awsCli, boto3, skipAwsCli, skipBoto3 } from '../fakes/process/clients.ts'
import { until } from '../fakes/process/process.ts'
import { EXAMPLE_GATEWAY, snippet, snippetNames } from '../fakes/process/snippets.ts'
import { startTalker } from '../fakes/process/talker.ts'

const PAGE = 'docs/mobile.md'
const OWN = 'headgate-direct-shop'
const OTHERS = 'headgate-direct-bank'

/** SDKs as their authors made them, told what docs/mobile.md tells, against the built gateway with its default limits. */
test('clients that nobody here wrote', async (t) => {
  const cloud = await startCloud(t, [OWN, OTHERS])
  const product = await startVendingProduct(t, {
    endpoint: cloud.endpoint,
    key: GATEWAY_KEY,
    region: REGION,
    ...VENDED,
  })
  const world: ClientsWorld = { cloud, product }

  await t.test('threat 11: AWS, as it is played here, asks who, until when, and for what', (t) =>
    refusing(t, world),
  )
  await t.test('the AWS SDK for JavaScript renews five minutes before the end', (t) =>
    renewing(t, world, {
      subject: 'javascript',
      program: { name: 'from-http.mjs', run: process.execPath, more: JAVASCRIPT },
      windowMs: 300_000,
      agent: /aws-sdk-js\/3/,
    }),
  )
  await t.test('boto3 renews a quarter of an hour before the end', { skip: skipBoto3 }, (t) =>
    renewing(t, world, {
      subject: 'python',
      program: { name: 'direct_stream.py', run: boto3, more: PYTHON },
      windowMs: 900_000,
      agent: /Boto3\/1/,
    }),
  )
  await t.test(
    'the AWS command line asks once a process, from the endpoint and through a program',
    {
      skip: skipAwsCli,
    },
    (t) => commandLine(t, world),
  )
  await t.test('every snippet of the page runs in a test', async (t) => {
    const { apps } = parseConfig(parse(snippet(PAGE, 'headgate.yaml')), {})
    t.match(apps, [{ id: 'shop', credentials: { mode: 'oidc', durationSeconds: 3_600 } }])
    t.same(snippetNames(PAGE), [
      // In test/gateway/collect/routes.test.ts.
      'post.json',
      ...['headgate.yaml', 'environment', 'direct_stream.py', 'from-http.mjs'],
      ...['put-records', 'export-credentials', 'config', 'headgate-credentials'],
      // In test/browser/vending.test.ts.
      'page.js',
    ])
  })
})

interface ClientsWorld {
  readonly cloud: Cloud
  readonly product: VendingProduct
}

type ClientCall = (client: KinesisClient) => Promise<unknown>

/** Otherwise it would prove nothing that the clients below are let in. */
async function refusing(t: Test, { cloud, product }: ClientsWorld): Promise<void> {
  const credentials = await vendedTo('somebody', product)
  const { accessKeyId, secretAccessKey } = credentials
  const { sessionToken } = await vendedTo('somebody else', product)
  const put = new PutRecordsCommand({
    StreamName: OWN,
    Records: [{ PartitionKey: 'k', Data: Buffer.from('x') }],
  })
  const ask = async (
    what: string,
    outcome: string,
    given: object = {},
    call: ClientCall = (client) => client.send(put),
  ) => {
    const options = { region: REGION, endpoint: cloud.endpoint, credentials, maxAttempts: 1, ...given }
    const client = new KinesisClient(options)
    const ended = await call(client).then(
      () => 'taken',
      ({ name }: Error) => name,
    )
    t.equal(ended, outcome, what)
    client.destroy()
  }
  await ask('as vended', 'taken')
  const [forged, unknown, denied] = [
    'InvalidSignatureException',
    'UnrecognizedClientException',
    'AccessDeniedException',
  ]
  await ask('another secret', forged, { credentials: { ...credentials, secretAccessKey: 'guessed' } })
  await ask('signed for another Region', forged, { region: 'us-east-1' })
  await ask('no token', unknown, { credentials: { accessKeyId, secretAccessKey } })
  await ask('the token of another', unknown, { credentials: { ...credentials, sessionToken } })
  await ask('to read', denied, {}, (client) => client.send(new DescribeStreamCommand({ StreamName: OWN })))
  await ask('to list', denied, {}, (client) => client.send(new ListStreamsCommand({})))
  cloud.aheadMs = 3_600_000
  await ask('after its end', 'ExpiredTokenException')
  cloud.aheadMs = 0
  const sts = new STSClient({ region: REGION, endpoint: cloud.endpoint, credentials })
  const chained = sts.send(new AssumeRoleCommand({ RoleArn: VENDED.roleArn, RoleSessionName: 'chained' }))
  await t.rejects(chained, { name: 'AccessDenied' }, 'no session makes another')
  sts.destroy()
}

async function vendedTo(subject: string, { vend }: VendingProduct) {
  const { credentials } = (await (await vend(subject)).json()) as {
    credentials: Readonly<Record<string, string>>
  }
  const { accessKeyId = '', secretAccessKey = '', sessionToken = '' } = credentials
  return { accessKeyId, secretAccessKey, sessionToken }
}

interface Client {
  readonly subject: string
  readonly program: { readonly name: string; readonly run: string; readonly more: string }
  /** How long before the end it renews. */
  readonly windowMs: number
  readonly agent: RegExp
}

/** Each line `STREAM TIMES`: so many puts at once, and a line with what came of each. */
const JAVASCRIPT = `
import { createInterface } from 'node:readline'
const outcome = (stream) => put(stream, [{ name: 'a', value: 1 }]).then(() => 'taken', ({ name }) => name)
for await (const line of createInterface(process.stdin)) {
  const [stream, times] = line.split(' ')
  console.log((await Promise.all(Array.from({ length: Number(times) }, () => outcome(stream)))).join(' '))
}
`
const PYTHON = `
import sys
from concurrent.futures import ThreadPoolExecutor
from botocore.exceptions import ClientError

def outcome(stream):
    try:
        put(stream, [{'name': 'a', 'value': 1}])
        return 'taken'
    except ClientError as error:
        return error.response['Error']['Code']

with ThreadPoolExecutor(10) as pool:
    for line in sys.stdin:
        stream, times = line.split()
        print(*pool.map(outcome, [stream] * int(times)), flush=True)
`

async function renewing(t: Test, { cloud, product }: ClientsWorld, client: Client): Promise<void> {
  const { subject, program, windowMs, agent } = client
  const dir = t.testdir({ [program.name]: snippet(PAGE, program.name) + program.more })
  const talker = startTalker(t, [program.run, join(dir, program.name)], {
    cwd: dir,
    env: environmentFor(product, cloud, { subject, dir }),
  })
  const [vendsBefore, callsBefore] = [cloud.sessions.length, cloud.calls.length]
  const vends = () => cloud.sessions.length - vendsBefore
  const put = async (stream: string, times: number) => (await talker.ask(`${stream} ${times}`)).split(' ')

  // It enters the time in which the client renews four seconds from now: enough for the first ten.
  cloud.lifeMs = windowMs + 4_000
  t.same(new Set(await put(OWN, 10)), new Set(['taken']))
  t.equal(vends(), 1, 'ten at once share one request')
  cloud.lifeMs = 3_600_000
  const meanwhile = await until('the renewal', async () => {
    const [outcome] = await put(OWN, 1)
    return vends() > 1 || outcome !== 'taken' ? outcome : undefined
  })
  t.same(new Set([meanwhile, ...(await put(OWN, 10))]), new Set(['taken']))
  t.equal(vends(), 2, 'renewed once, in time, and kept')
  t.same(await put(OTHERS, 2), ['AccessDeniedException', 'AccessDeniedException'])
  t.equal(vends(), 2, 'who is refused by Kinesis does not ask for others')

  const [first, second] = cloud.sessions.slice(-2)
  const calls = cloud.calls.slice(callsBefore)
  t.same(new Set(calls.map(({ keyId }) => keyId)), new Set([first?.id, second?.id]))
  t.equal(calls.at(-1)?.keyId, second?.id)
  t.equal(
    calls.every(({ userAgent }) => agent.test(userAgent)),
    true,
    String(calls[0]?.userAgent),
  )
  t.same(
    new Set(calls.map(({ stream, outcome }) => `${stream} ${outcome}`)),
    new Set([`${OWN} taken`, `${OTHERS} refused`]),
  )
  t.same(await cloud.records(OTHERS), [])
  t.equal(await talker.end(), 0)
}

interface Caller {
  readonly subject: string
  /** Its home: no file of whoever runs the tests is read. */
  readonly dir: string
}

function environmentFor(product: VendingProduct, { endpoint }: Cloud, { subject, dir }: Caller) {
  const { PATH } = cleanEnvironment()
  const exported = [...snippet(PAGE, 'environment').matchAll(/^export (\w+)=(.+)$/gm)]
  const told = exported.map(([, name = '', text = '']) => [name, filledIn(text, product, subject)])
  return {
    ...Object.fromEntries(told),
    ...{ PATH, HOME: dir, AWS_ENDPOINT_URL_KINESIS: endpoint, AWS_EC2_METADATA_DISABLED: 'true' },
  }
}

const filledIn = (text: string, { headgate, token }: VendingProduct, subject: string): string =>
  text
    .replace(EXAMPLE_GATEWAY, headgate.gatewayUrl)
    .replace('$ACCESS_TOKEN', token(subject))
    .replaceAll('"', '')

async function commandLine(t: Test, { cloud, product }: ClientsWorld): Promise<void> {
  const dir = t.testdir({ config: '', token: `Bearer ${product.token('program')}` })
  const program = join(dir, 'headgate-credentials')
  await writeFile(program, snippet(PAGE, 'headgate-credentials'))
  await chmod(program, 0o700)
  const config = snippet(PAGE, 'config')
    .replace('/usr/local/bin/headgate-credentials', program)
    .replace('/run/headgate/token', join(dir, 'token'))
    .replace(EXAMPLE_GATEWAY, product.headgate.gatewayUrl)
  await writeFile(join(dir, 'config'), config)
  const fromEndpoint = environmentFor(product, cloud, { subject: 'command line', dir })
  const { PATH = '', HOME = dir } = fromEndpoint
  const fromProgram = { PATH, HOME, AWS_CONFIG_FILE: join(dir, 'config'), AWS_PROFILE: 'beacons' }

  // This one is older than the variable that names the endpoint.
  const aws = (script: string, env: NodeJS.ProcessEnv) =>
    shell(script.replaceAll('aws kinesis', `aws --endpoint-url ${cloud.endpoint} kinesis`), {
      ...env,
      AWS_PAGER: '',
    })
  const own = snippet(PAGE, 'put-records')
  const others = own.replace(OWN, OTHERS)
  const once = snippet(PAGE, 'export-credentials')

  for (const [what, script, env, vends, taken, code] of [
    ['own, from the endpoint', own, fromEndpoint, 1, 1, 0],
    ['another, from the endpoint', others, fromEndpoint, 1, 0, 254],
    ['own, through a program', own, fromProgram, 1, 1, 0],
    ['another, through a program', others, fromProgram, 1, 0, 254],
    ['several, with what was asked for once', once + own + own, fromEndpoint, 1, 2, 0],
  ] as const) {
    const [vendsBefore, callsBefore, recordsBefore] = [
      cloud.sessions.length,
      cloud.calls.length,
      (await cloud.records(OWN)).length,
    ]
    const ended = await aws(script, env)
    t.equal(ended.code, code, `${what}: ${ended.err}`)
    if (code !== 0) t.match(ended.err, /AccessDeniedException/, what)
    t.equal(cloud.sessions.length - vendsBefore, vends, what)
    t.equal((await cloud.records(OWN)).length - recordsBefore, taken, what)
    t.match(cloud.calls[callsBefore]?.userAgent, /aws-cli\/2\./, what)
  }
  t.match((await cloud.records(OWN)).at(-1), /^{"name":"job\.duration","value":187,"unit":"ms"}\n$/)
  t.same(await cloud.records(OTHERS), [])
}

/** The AWS command line first on the path, whatever else is called so. */
function shell(script: string, env: NodeJS.ProcessEnv): Promise<{ code: number; err: string }> {
  const { PATH } = env
  const options = { env: { ...env, PATH: `${join(awsCli, '..')}:${PATH}` }, timeout: 240_000 }
  return new Promise((resolve) => {
    execFile('bash', ['-ec', script], options, (error, _out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), err }),
    )
  })
}
