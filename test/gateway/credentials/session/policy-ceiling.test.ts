import { test } from 'tap'
import { parseConfig } from '../../../../src/config/parse.ts'
import { createDirectory } from '../../../../src/gateway/apps/vending-apps.ts'
import { breachOf } from '../../../../src/gateway/credentials/session/policy-ceiling.ts'
import { sessionPolicy } from '../../../../src/gateway/credentials/session/session-policy.ts'
import { credentialsOf, REGION, roleOf, streamArn } from '../../../fakes/credentials/vending.ts'

const key = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd'
const { apps } = parseConfig(
  {
    gateway: { credentials: { region: REGION, subjectKeyEnv: 'K' } },
    apps: [
      { id: 'ios', credentials: credentialsOf('ios', { kmsKeyArn: key }) },
      { id: 'web', credentials: credentialsOf('web') },
    ],
  },
  {},
)
const { all } = createDirectory(apps, REGION)
const [own, others] = [streamArn('headgate-direct-ios'), streamArn('headgate-direct-web')]
const hash = 'abcdefghijABCDEFGHIJ_-'

const put = { Effect: 'Allow', Action: ['kinesis:PutRecord', 'kinesis:PutRecords'], Resource: [own] }
const use = {
  Effect: 'Allow',
  Action: ['kms:GenerateDataKey'],
  Resource: [key],
  Condition: { StringEquals: { 'kms:ViaService': 'kinesis.eu-west-1.amazonaws.com' } },
}
const policyOf = (...Statement: unknown[]) => ({
  Policy: JSON.stringify({ Version: '2012-10-17', Statement }),
})
const tags = [
  { Key: 'headgate:app', Value: 'ios' },
  { Key: 'headgate:vend', Value: 'b3da5f4f' },
]
const good = {
  RoleArn: roleOf('ios'),
  RoleSessionName: `headgate-ios-${hash}`,
  SourceIdentity: `headgate-${hash}`,
  ...policyOf(put),
  DurationSeconds: 3_600,
  ExternalId: 'headgate/ios',
  Tags: tags,
}

test('what the builder writes for an app lies below its ceiling', async (t) => {
  const until = Date.UTC(2026, 10, 22)
  for (const [what, change] of [
    ['as it is', {}],
    ['shorter', { DurationSeconds: 900 }],
    ['one action only', policyOf({ ...put, Action: ['kinesis:PutRecord'] })],
    ['with the key of the stream', policyOf(put, use)],
    [
      'written by the builder',
      { Policy: sessionPolicy({ streamArns: [own], kmsKeyArn: key, notAfterMs: until }) },
    ],
  ] as const) {
    t.equal(breachOf({ ...good, ...change }, all()), undefined, what)
  }
})

test('an AssumeRole that differs in anything is above the ceiling', async (t) => {
  const tooWide = 'the session policy is missing or too wide'
  const noApp = 'its tags are not those of an app'
  for (const [what, change, breach] of [
    ['no policy', { Policy: undefined }, tooWide],
    ['an empty policy', { Policy: '' }, tooWide],
    ['a policy that is no text', { Policy: { Version: '2012-10-17' } }, tooWide],
    ['no JSON', { Policy: '{' }, tooWide],
    ['null', { Policy: 'null' }, tooWide],
    ['a list', { Policy: '[]' }, tooWide],
    ['no statement', policyOf(), tooWide],
    ['no statements', { Policy: '{"Version":"2012-10-17"}' }, tooWide],
    ['a statement that is none', policyOf(null), tooWide],
    ['a statement beside the good one', policyOf(put, { ...put, Resource: ['*'] }), tooWide],
    ['an old version', { Policy: JSON.stringify({ Version: '2008-10-17', Statement: [put] }) }, tooWide],
    ['no version', { Policy: JSON.stringify({ Statement: [put] }) }, tooWide],
    [
      'a further member',
      { Policy: JSON.stringify({ Version: '2012-10-17', Id: 'x', Statement: [put] }) },
      tooWide,
    ],
    ['all of Kinesis', policyOf({ ...put, Action: ['kinesis:*'] }), tooWide],
    ['reading', policyOf({ ...put, Action: ['kinesis:GetRecords'] }), tooWide],
    ['an action as text', policyOf({ ...put, Action: 'kinesis:PutRecord' }), tooWide],
    ['no action', policyOf({ ...put, Action: [] }), tooWide],
    ['the stream of another app', policyOf({ ...put, Resource: [others] }), tooWide],
    ['another stream beside its own', policyOf({ ...put, Resource: [own, others] }), tooWide],
    ['a wildcard', policyOf({ ...put, Resource: ['*'] }), tooWide],
    ['a wildcard at the end', policyOf({ ...put, Resource: [`${own}*`] }), tooWide],
    ['no resource', policyOf({ ...put, Resource: [] }), tooWide],
    ['NotResource', policyOf({ Effect: 'Allow', Action: put.Action, NotResource: [others] }), tooWide],
    ['NotAction', policyOf({ Effect: 'Allow', NotAction: ['iam:*'], Resource: [own] }), tooWide],
    ['a principal', policyOf({ ...put, Principal: '*' }), tooWide],
    ['a denial, which would hide an allowance', policyOf({ ...put, Effect: 'Deny' }), tooWide],
    ['a key twice', { Policy: good.Policy.replace('"Effect"', '"Effect":"Deny","Effect"') }, tooWide],
    ['space around', { Policy: ` ${good.Policy}` }, tooWide],
    ['more than STS takes', policyOf(...Array(20).fill(put)), tooWide],
    ['another key', policyOf(put, { ...use, Resource: [key.replace('1234', '4321')] }), tooWide],
    ['a key beyond Kinesis', policyOf(put, { ...use, Condition: {} }), tooWide],
    ['a key without a condition', policyOf(put, { ...use, Condition: undefined }), tooWide],
    [
      'a key for anyone',
      policyOf({ ...use, Condition: { StringEquals: { 'kms:ViaService': '*' } } }),
      tooWide,
    ],
    ['decrypting', policyOf(put, { ...use, Action: ['kms:Decrypt'] }), tooWide],
    ['the stream by the action of the key', policyOf({ ...use, Resource: [own] }), tooWide],
    ['another role', { RoleArn: roleOf('web') }, 'the role is another'],
    ['no role', { RoleArn: undefined }, 'the role is another'],
    ['another external id', { ExternalId: 'headgate/web' }, 'the external id is another'],
    ['no external id', { ExternalId: undefined }, 'the external id is another'],
    ['12 hours', { DurationSeconds: 43_200 }, 'the duration is out of range'],
    ['a second too long', { DurationSeconds: 3_601 }, 'the duration is out of range'],
    ['a second too short', { DurationSeconds: 899 }, 'the duration is out of range'],
    ['no duration', { DurationSeconds: undefined }, 'the duration is out of range'],
    ['a duration as text', { DurationSeconds: '3600' }, 'the duration is out of range'],
    ['a clear name', { SourceIdentity: 'headgate-anna@mail.example' }, 'the source identity is no pseudonym'],
    ['no identity', { SourceIdentity: undefined }, 'the source identity is no pseudonym'],
    ['a session of another app', { RoleSessionName: `headgate-web-${hash}` }, 'the session name is another'],
    [
      'tags of another app',
      { Tags: [{ Key: 'headgate:app', Value: 'web' }, tags[1]] },
      'the role is another',
    ],
    ['tags of no app', { Tags: [{ Key: 'headgate:app', Value: '*' }, tags[1]] }, noApp],
    ['no tags', { Tags: undefined }, noApp],
    ['one tag', { Tags: tags.slice(0, 1) }, noApp],
    ['tags that are none', { Tags: [null, 1] }, noApp],
    ['a tag twice', { Tags: [tags[0], tags[0]] }, noApp],
    ['a further tag', { Tags: [...tags, { Key: 'admin', Value: 'yes' }] }, noApp],
    ['managed policies', { PolicyArns: [] }, 'it has PolicyArns'],
    ['tags that travel on', { TransitiveTagKeys: ['headgate:app'] }, 'it has TransitiveTagKeys'],
    ['a code of a device', { TokenCode: '123456' }, 'it has TokenCode'],
  ] as const) {
    t.equal(breachOf({ ...good, ...change }, all()), breach, what)
  }
})

test('what is no call at all, and any call while no app has credentials', async (t) => {
  for (const input of [undefined, null, 'AssumeRole', []]) t.equal(breachOf(input, all()), 'it says nothing')
  t.equal(breachOf(good, []), 'its tags are not those of an app')
})

test('an app without a key may use none', async (t) => {
  const web = {
    ...good,
    RoleArn: roleOf('web'),
    RoleSessionName: `headgate-web-${hash}`,
    ExternalId: 'headgate/web',
  }
  const input = { ...web, Tags: [{ Key: 'headgate:app', Value: 'web' }, tags[1]] }
  t.equal(breachOf({ ...input, ...policyOf({ ...put, Resource: [others] }) }, all()), undefined)
  t.match(breachOf({ ...input, ...policyOf({ ...put, Resource: [others] }, use) }, all()), /too wide/)
})
