import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  CreateStreamCommand,
  KinesisClient,
  ListStreamsCommand,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { type Test, test } from 'tap'
import { ACCOUNT, EVERYTHING, EXTERNAL_ID, iamFile, REGION, roleArn } from '../fakes/aws/iam.ts'
import { startVendingProduct } from '../fakes/credentials/vending-product.ts'
import { localemu, skipLocalemu } from '../fakes/process/clients.ts'
import { freePort } from '../fakes/process/free-port.ts'
import { until } from '../fakes/process/process.ts'

/** It takes twelve digits for the key of the root of that account. */
const ROOT = { accessKeyId: ACCOUNT, secretAccessKey: 'root' }

/**
 * An emulator of AWS that holds sessions to their policy. It checks no signatures, and of a trust policy not for which
 * action a statement is: test/fakes/aws/cloud.ts does.
 */
async function startLocalemu(t: Test): Promise<string> {
  const port = await freePort()
  const child = spawn(localemu, ['-m', 'localemu.runtime.main'], {
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      ...{ HOME: t.testdir(), TMPDIR: t.testdirName, LOCALEMU_VOLUME_DIR: t.testdirName },
      // Its other server listens on every address.
      ...{ GATEWAY_SERVER: 'hypercorn', GATEWAY_LISTEN: `127.0.0.1:${port}` },
      ...{ SERVICES: 'iam,sts,kinesis', IAM_ENFORCEMENT: '1', ROOT_ACCESS_KEYS: ROOT.accessKeyId },
      ...{ DNS_ADDRESS: '0', DISABLE_EVENTS: '1' },
    },
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await once(child, 'close')
  })
  const endpoint = `http://127.0.0.1:${port}`
  await until('localemu', async () => {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}`)
    return (await fetch(`${endpoint}/_localemu/health`).catch(() => undefined))?.ok || undefined
  })
  return endpoint
}

/** As the root of the account. It looks for the key, not for the signature. */
async function iam(endpoint: string, params: Readonly<Record<string, string>>): Promise<void> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=${ROOT.accessKeyId}/20261122/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=00`,
    },
    body: new URLSearchParams({ Version: '2010-05-08', ...params }),
  })
  if (!answer.ok) throw new Error(`${params['Action']} answered ${answer.status}: ${await answer.text()}`)
}

async function createRole(endpoint: string, name: string, trust: string, policy: string): Promise<void> {
  await iam(endpoint, { Action: 'CreateRole', RoleName: name, AssumeRolePolicyDocument: trust })
  await iam(endpoint, { Action: 'PutRolePolicy', RoleName: name, PolicyName: name, PolicyDocument: policy })
}

const ANYONE_HERE = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 'sts:AssumeRole' },
  ],
})

/** As long as the hash of one. */
const SUBJECT = 'QN7LEN1s9eR_93b3VBrw2b'

test('threat 12: an emulator that nobody here wrote lets a session write to its own stream alone, though its role may do anything', {
  skip: skipLocalemu,
}, async (t) => {
  const endpoint = await startLocalemu(t)
  const clientOf = (credentials: typeof ROOT) =>
    new KinesisClient({
      endpoint,
      region: REGION,
      credentials,
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler(),
    })
  const root = clientOf(ROOT)
  for (const StreamName of ['headgate-direct-shop', 'headgate-direct-bank']) {
    await root.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }))
  }
  await createRole(endpoint, 'headgate-vending', ANYONE_HERE, iamFile('vending.policy'))
  await createRole(endpoint, 'headgate-vended', iamFile('vended.trust'), JSON.stringify(EVERYTHING))
  const sts = new STSClient({ endpoint, region: REGION, credentials: ROOT })
  const { Credentials: task } = await sts.send(
    new AssumeRoleCommand({ RoleArn: roleArn('headgate-vending'), RoleSessionName: 'task' }),
  )
  const { AccessKeyId: id = '', SecretAccessKey: secret = '', SessionToken: token = '' } = task ?? {}
  const { vend } = await startVendingProduct(t, {
    ...{ endpoint, key: { id, secret, token }, region: REGION },
    ...{ roleArn: roleArn('headgate-vended'), externalId: EXTERNAL_ID },
  })

  const { credentials } = (await (await vend('somebody')).json()) as { credentials: typeof ROOT }
  const session = clientOf({ ...credentials, expiration: undefined } as typeof ROOT)
  const put = (StreamName: string, by = session) =>
    by.send(new PutRecordsCommand({ StreamName, Records: [{ PartitionKey: 'k', Data: Buffer.from('x') }] }))
  t.match(await put('headgate-direct-shop'), { FailedRecordCount: 0, Records: [{ ShardId: /./ }] })
  await t.rejects(put('headgate-direct-bank'), { name: 'AccessDenied' })
  await t.rejects(session.send(new ListStreamsCommand({})), { name: 'AccessDenied' })

  // That it is the policy of the session: the same session without one may write to the other stream as well.
  const asVending = new STSClient({
    ...{ endpoint, region: REGION },
    credentials: { accessKeyId: id, secretAccessKey: secret, sessionToken: token },
  })
  const { Credentials: wide } = await asVending.send(
    new AssumeRoleCommand({
      ...{ RoleArn: roleArn('headgate-vended'), RoleSessionName: `headgate-shop-${SUBJECT}` },
      ...{ ExternalId: EXTERNAL_ID, SourceIdentity: `headgate-${SUBJECT}` },
      Tags: [{ Key: 'headgate:app', Value: 'shop' }],
    }),
  )
  const careless = clientOf({
    ...{ accessKeyId: wide?.AccessKeyId ?? '', secretAccessKey: wide?.SecretAccessKey ?? '' },
    ...{ sessionToken: wide?.SessionToken },
  })
  t.match(await put('headgate-direct-bank', careless), { FailedRecordCount: 0 })
  for (const client of [root, session, careless, sts, asVending]) client.destroy()
})
