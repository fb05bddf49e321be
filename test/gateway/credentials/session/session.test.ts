import { test } from 'tap'
import { parseConfig } from '../../../../src/config/parse.ts'
import { createDirectory } from '../../../../src/gateway/apps/vending-apps.ts'
import { sessionRequest } from '../../../../src/gateway/credentials/session/session.ts'
import { credentialsOf, REGION, streamArn } from '../../../fakes/credentials/vending.ts'

const gateway = { credentials: { region: REGION, subjectKeyEnv: 'K' } }
const directoryOf = (id: string, more: object = {}) =>
  createDirectory(
    parseConfig({ gateway, apps: [{ id, credentials: credentialsOf(id, more) }] }, {}).apps,
    REGION,
  )
const subject = { subjectHash: 'abcdefghijABCDEFGHIJ_-', vendId: 'vend-1', durationSeconds: 3_600 }

test('the longest name of an app leaves room for the session', async (t) => {
  const id = `a${'-b_9'.repeat(7)}xyz`
  const { sessionName, sourceIdentity, tags } = sessionRequest({ app: directoryOf(id).byId(id)!, ...subject })
  t.equal(sessionName.length, 64)
  t.match(sessionName, /^[\w+=,.@-]{2,64}$/)
  t.equal(sourceIdentity, 'headgate-abcdefghijABCDEFGHIJ_-')
  t.same(tags, [
    { Key: 'headgate:app', Value: id },
    { Key: 'headgate:vend', Value: 'vend-1' },
  ])
})

test('a name that AWS would not take, or take for another, is no name', async (t) => {
  const app = directoryOf('ios').byId('ios')!
  for (const subjectHash of ['x'.repeat(60), 'a b', 'a/b', 'a*', 'a\u0000', 'anna@mail.example\n']) {
    t.throws(() => sessionRequest({ app, ...subject, subjectHash }), {
      code: 'internal',
      message: /^No session name of/,
    })
  }
})

test('a stream has the name of the app, or the one that is configured, in the partition of the role', async (t) => {
  const china = {
    stream: 'headgate-direct-Kiosk.1',
    roleArn: 'arn:aws-cn:iam::111122223333:role/path/vended',
  }
  t.equal(directoryOf('ios').byId('ios')?.stream.arn, streamArn('headgate-direct-ios'))
  t.match(directoryOf('ios', china).byId('ios'), {
    stream: {
      name: 'headgate-direct-Kiosk.1',
      arn: `arn:aws-cn:kinesis:${REGION}:111122223333:stream/headgate-direct-Kiosk.1`,
    },
    accountId: '111122223333',
  })
})
