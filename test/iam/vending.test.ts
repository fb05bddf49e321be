import { test } from 'tap'
import { parseConfig } from '../../src/config/parse.ts'
import { createDirectory } from '../../src/gateway/apps/vending-apps.ts'
import { sessionRequest } from '../../src/gateway/credentials/session/session.ts'
import { createSubjectHasher } from '../../src/gateway/credentials/tokens/subject-hash.ts'
import {
  EXTERNAL_ID,
  iamPolicy,
  isAllowed,
  type Policy,
  REGION,
  roleArn,
  sessionArn,
  streamArn,
} from '../fakes/aws/iam.ts'

const LONGEST = 'a_name-of-32-characters_whole-32'

/** What the gateway asks of STS for a subject of the app. */
function requestFor(id: string) {
  const issuers = [
    { issuer: 'https://id.example.com', audience: 'headgate', jwksUri: 'https://id.example.com/jwks' },
  ]
  const credentials = { roleArn: roleArn('headgate-vended'), externalId: EXTERNAL_ID, issuers }
  const gateway = { credentials: { region: REGION, subjectKeyEnv: 'KEY' } }
  const { apps } = parseConfig({ gateway, apps: [{ id, credentials }] }, {})
  const app = createDirectory(apps, REGION).byId(id)
  if (app === undefined) throw new Error(`The app ${id} has no credentials`)
  const subjectHash = createSubjectHasher('a key of a test, of enough characters').hash(
    'https://id.example.com',
    'ada',
  )
  return sessionRequest({ app, subjectHash, vendId: '3d2cbb7e', durationSeconds: app.durationSeconds })
}

test('what the gateway asks STS for, the documents let it have: the session, and its own stream alone', async (t) => {
  for (const id of ['a', 'shop', LONGEST]) {
    const request = requestFor(id)
    const tags = Object.fromEntries(request.tags.map(({ Key, Value }) => [`aws:RequestTag/${Key}`, Value]))
    const names = { 'sts:SourceIdentity': request.sourceIdentity }
    const tagged = { ...tags, 'aws:TagKeys': request.tags.map(({ Key }) => Key) }
    for (const [action, context] of [
      [
        'sts:AssumeRole',
        {
          ...names,
          ...tagged,
          'sts:RoleSessionName': request.sessionName,
          'sts:ExternalId': request.externalId,
        },
      ],
      ['sts:TagSession', tagged],
      ['sts:SetSourceIdentity', names],
    ] as const) {
      const vending = { principal: sessionArn('headgate-vending'), identity: [iamPolicy('vending.policy')] }
      const asked = {
        ...vending,
        action,
        resource: request.roleArn,
        context,
        resourcePolicy: iamPolicy('vended.trust'),
      }
      t.equal(await isAllowed(asked), true, `${id}: ${action}`)
    }
    const session = {
      principal: sessionArn('headgate-vended'),
      identity: [iamPolicy('vended.policy')],
      boundary: iamPolicy('vended.boundary'),
      session: JSON.parse(request.policy) as Policy,
      action: 'kinesis:PutRecords',
      context: {
        'aws:SecureTransport': 'true',
        'aws:SourceIdentity': request.sourceIdentity,
        'aws:PrincipalTag/headgate:app': id,
      },
    }
    const own = streamArn(`headgate-direct-${id}`)
    t.equal(await isAllowed({ ...session, resource: own }), true, `${id}: its own stream`)
    for (const other of [`${own}-2`, streamArn('headgate-direct-bank'), streamArn('headgate')])
      t.equal(await isAllowed({ ...session, resource: other }), false, `${id}: ${other}`)
  }
})
