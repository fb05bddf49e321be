import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { type Test, test } from 'tap'
import { stsClient } from '../../../src/gateway/credentials/session/sts.ts'
import { kinesisClient, kinesisSink } from '../../../src/gateway/deliver/sinks/kinesis/kinesis.ts'
import { s3Client } from '../../../src/lake/s3-client.ts'
import { awsClient } from '../../../src/std/aws/client-options.ts'
import { freshCredentials } from '../../../src/std/aws/rotated-credentials.ts'
import { recordOf } from '../../contracts/stream.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { withEnvironment } from '../../fakes/environment.ts'

/** An endpoint of AWS that knows one key at a time, and what it says to others. */
async function startEndpoint(t: Test, refusal: string) {
  const used: string[] = []
  const state = { knows: '' }
  const server = createServer((request, response) => {
    const [, key = ''] = /Credential=([^/]+)/.exec(request.headers.authorization ?? '') ?? []
    used.push(key)
    request.resume().on('end', () => {
      const isKnown = key === state.knows
      response.statusCode = isKnown ? 200 : 400
      if (request.headers['x-amz-target']?.toString().startsWith('Kinesis')) {
        const stored = { FailedRecordCount: 0, Records: [{ SequenceNumber: '1', ShardId: 's' }] }
        response.end(JSON.stringify(isKnown ? stored : { __type: refusal, message: 'no' }))
      } else if (isKnown) response.end()
      else
        response.end(
          `<ErrorResponse><Error><Code>${refusal}</Code><Message>no</Message></Error></ErrorResponse>`,
        )
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close().closeAllConnections())
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, used, state }
}

/** A file of credentials, where the SDK looks for one, and nothing else that it could find. */
async function sharedFile(t: Test) {
  const path = `${t.testdir({})}/credentials`
  withEnvironment(t, {
    ...{ AWS_SHARED_CREDENTIALS_FILE: path, AWS_CONFIG_FILE: '/dev/null', AWS_EC2_METADATA_DISABLED: 'true' },
    ...{ AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, AWS_PROFILE: undefined },
  })
  return (key: string) =>
    writeFile(path, `[default]\naws_access_key_id = ${key}\naws_secret_access_key = secret-of-${key}\n`)
}

test('a file of credentials that was replaced is read again by each client', async (t) => {
  const rotate = await sharedFile(t)
  const putting = (endpoint: string) => {
    const client = s3Client({ region: 'eu-west-1', endpoint, forcePathStyle: true, callMs: 5_000 })
    t.teardown(() => client.destroy())
    return () => client.send(new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: 'x' })).then(() => true)
  }
  const rows = [
    [
      'ExpiredTokenException',
      (endpoint: string) => {
        const client = kinesisClient({ region: 'eu-west-1', endpoint })
        const stream = kinesisSink({ client, streamName: 'events' })
        t.teardown(() => stream.close())
        return async () => {
          const [outcome] = await stream.put([recordOf(['a'])], new AbortController().signal)
          return outcome?.kind === 'stored'
        }
      },
    ],
    [
      'InvalidClientTokenId',
      (endpoint: string) => {
        const client = stsClient({ region: 'eu-west-1', endpoint }, () => [])
        t.teardown(() => client.destroy())
        // The ceiling refuses it before it is sent: what is looked at here are the credentials below it.
        client.middlewareStack.remove('headgateCeiling')
        return () => client.send(new GetCallerIdentityCommand({})).then(() => true)
      },
    ],
    ['InvalidAccessKeyId', putting],
    ['AccessDenied', putting],
    ['RequestExpired', putting],
  ] as const
  for (const [refusal, open] of rows) {
    const { endpoint, used, state } = await startEndpoint(t, refusal)
    const call = open(endpoint)
    await rotate('AKOLD')
    state.knows = 'AKOLD'
    t.ok(await call(), `${refusal}: with the first`)
    await rotate('AKNEW')
    state.knows = 'AKNEW'
    t.ok(await call(), `${refusal}: with the second`)
    t.same(used, ['AKOLD', 'AKOLD', 'AKNEW'])
  }
})

test('whoever provides credentials is asked again only when that can help, and not for each call', async (t) => {
  const clock = fakeClock()
  const none = Object.assign(new Error('there are none'), { name: 'CredentialsProviderError' })
  const identity = (name: string) => ({ accessKeyId: name, secretAccessKey: 'secret' })
  let held = identity('A')
  let next = identity('A')
  let asked = 0
  const ask = async (options?: { readonly forceRefresh: boolean }) => {
    if (options?.forceRefresh !== true) return held
    asked++
    if (next.accessKeyId === '') throw none
    held = next
    return held
  }
  const calls: string[] = []
  const call = (failure?: string, input: object = {}) =>
    freshCredentialsOnce(async () => {
      calls.push(held.accessKeyId)
      if (failure !== undefined && held.accessKeyId === 'A') {
        throw Object.assign(new Error('no'), { name: failure })
      }
      return 'done'
    })({ input })
  const source = { ask, forget: () => t.fail('it is not silent'), patienceMs: 60_000 }
  const freshCredentialsOnce = freshCredentials(source, clock)

  await t.rejects(call('NoSuchBucket'), { name: 'NoSuchBucket' })
  t.equal(asked, 0, 'what others would not get either')
  await t.rejects(call('ExpiredToken'), { name: 'ExpiredToken' })
  t.same([asked, calls.length], [1, 2], 'there are no others: the call is not made again')
  next = identity('B')
  await t.rejects(call('ExpiredToken'), { name: 'ExpiredToken' })
  t.equal(asked, 1, 'too soon')
  clock.advance(5_000)
  await t.rejects(call('ExpiredToken', { Body: Readable.from(['x']) }), { name: 'ExpiredToken' })
  t.same(
    [asked, calls.at(-1)],
    [2, 'A'],
    'a body that was read cannot be sent again; the next call has the new ones',
  )
  t.equal(await call('ExpiredToken'), 'done')

  held = identity('A')
  clock.advance(5_000)
  t.same(await Promise.all([call('ExpiredToken'), call('ExpiredToken')]), ['done', 'done'])
  t.equal(asked, 3, 'calls that fail together ask once')

  held = identity('A')
  next = identity('')
  clock.advance(5_000)
  await t.rejects(call('ExpiredToken'), { name: 'ExpiredToken' }, 'none to be found')
  const lost = freshCredentials({ ...source, ask: () => Promise.reject(none) }, clock)
  t.equal(
    await lost(async () => 'unsigned')({ input: {} }),
    'unsigned',
    'what is missing the call itself says',
  )
  const mistake = new TypeError('ours')
  const broken = freshCredentials({ ...source, ask: () => Promise.reject(mistake) }, clock)
  await t.rejects(broken(async () => 'unsigned')({ input: {} }), mistake, 'a mistake is not the lack of any')
})

test('what is forbidden has credentials asked for once a minute: it may be a session that was revoked', async (t) => {
  const clock = fakeClock()
  let [held, next] = ['A', 'A']
  let asked = 0
  const ask = async (options?: { readonly forceRefresh: boolean }) => {
    if (options?.forceRefresh === true) {
      asked++
      held = next
    }
    return { accessKeyId: held, secretAccessKey: 'secret' }
  }
  const source = { ask, forget: () => t.fail('it is not silent'), patienceMs: 60_000 }
  const fresh = freshCredentials(source, clock)
  const call = (failure: string) =>
    fresh(async () => {
      if (held === 'A') throw Object.assign(new Error('no'), { name: failure })
      return 'done'
    })({ input: {} }).catch((error: Error) => error.name)
  for (const [afterMs, failure, there, answer, questions] of [
    [0, 'AccessDenied', 'A', 'AccessDenied', 1],
    [59_999, 'AccessDeniedException', 'B', 'AccessDeniedException', 1],
    [0, 'RequestExpired', 'B', 'RequestExpired', 1],
    [1, 'RequestExpired', 'B', 'done', 2],
    [0, 'AccessDenied', 'B', 'done', 2],
  ] as const) {
    clock.advance(afterMs)
    next = there
    t.equal(await call(failure), answer)
    t.equal(asked, questions)
  }
})

test('a program that hangs costs a call its time, is named, and is asked anew after a minute', async (t) => {
  const dir = t.testdir({})
  const given = '{"Version":1,"AccessKeyId":"AKNEW","SecretAccessKey":"s"}'
  // The first time it hangs.
  const script = `if [ -e ${dir}/pid ]; then echo again >> ${dir}/asked; echo '${given}'; exit; fi; echo $$ > ${dir}/pid; exec sleep 600`
  await writeFile(`${dir}/program`, script)
  await writeFile(`${dir}/config`, `[default]\ncredential_process = sh ${dir}/program\n`)
  withEnvironment(t, {
    ...{ AWS_SHARED_CREDENTIALS_FILE: '/dev/null', AWS_CONFIG_FILE: `${dir}/config` },
    ...{ AWS_EC2_METADATA_DISABLED: 'true', AWS_PROFILE: undefined },
    ...{ AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined },
  })
  const { endpoint, used, state } = await startEndpoint(t, 'ExpiredTokenException')
  state.knows = 'AKNEW'
  const clock = fakeClock()
  const connection = { maxSockets: 4, connectTimeoutMs: 1_000, callMs: 3_000 }
  const place = { region: 'eu-west-1', endpoint }
  const client = awsClient((made) => new KinesisClient(made), place, connection, clock)
  const stream = kinesisSink({ client, streamName: 'events' })
  t.teardown(() => stream.close())
  const put = () => stream.put([recordOf(['a'])], new AbortController().signal)
  const unprovided = [{ kind: 'misconfigured', code: 'CredentialsProviderError' }]
  t.match(await put(), unprovided)
  const hanging = Number(await readFile(`${dir}/pid`, 'utf8'))
  t.teardown(() => process.kill(hanging))
  clock.advance(59_999)
  t.match(await put(), unprovided, 'it is still waited for')
  clock.advance(1)
  t.match(await put(), unprovided, 'and is forgotten')
  t.same(used, [], 'nothing was sent')
  t.same(await put(), [{ kind: 'stored' }])
  t.same(used, ['AKNEW'])
  t.equal(await readFile(`${dir}/asked`, 'utf8'), 'again\n', 'once')
})

test('credentials may take most of the time of the call that needs them, and are named before it is over', async (t) => {
  const never = () => new Promise<never>(() => {})
  const connection = { maxSockets: 1, connectTimeoutMs: 100, callMs: 1_000 }
  const client = awsClient(
    (made) => new KinesisClient({ ...made, credentials: never }),
    { region: 'eu-west-1' },
    connection,
  )
  t.teardown(() => client.destroy())
  await t.rejects(client.send(new ListShardsCommand({ StreamName: 'events' })), {
    name: 'CredentialsProviderError',
    message: 'No credentials were provided within 800 ms',
  })
})
