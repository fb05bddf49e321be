import { readdirSync, readFileSync } from 'node:fs'
import { type Test, test } from 'tap'
import { sessionPolicy } from '../../src/gateway/credentials/session/session-policy.ts'
import { deadKey, erasureKey, indexKey, manifestKey, quarantineKey, rawKey } from '../../src/lake/layout.ts'
import {
  ACCOUNT,
  type Attempt,
  EVERYTHING,
  EXTERNAL_ID,
  filledIn,
  iamFile,
  iamPolicy,
  isAllowed,
  LAKE_KEY,
  objectArn,
  type Policy,
  policyOf,
  REGION,
  roleArn,
  STREAM_KEY,
  sessionArn,
  streamArn,
} from '../fakes/aws/iam.ts'
import { everyAction, type IamQuestion } from '../fakes/aws/iam-actions.ts'

const files = readdirSync('docs/iam').filter((name) => name.endsWith('.json'))

/** Whether it is allowed, of what the case is about, and what is tried with the document that is looked at. */
type DocumentCase = readonly [allowed: boolean, rule: string, attempt: (document: Policy) => Attempt]

/** Each case comes out as it should; and without any one statement, not all of them do: none is there for nothing. */
async function everyStatementCounts(t: Test, name: string, cases: readonly DocumentCase[]): Promise<void> {
  const document = iamPolicy(name)
  for (const [allowed, rule, attempt] of cases) t.equal(await isAllowed(attempt(document)), allowed, rule)
  for (const left of document.Statement) {
    const rest = policyOf(...document.Statement.filter((statement) => statement !== left))
    const noticed: string[] = []
    for (const [allowed, rule, attempt] of cases)
      if ((await isAllowed(attempt(rest))) !== allowed) noticed.push(rule)
    t.not(noticed.length, 0, `${name} without ${left.Sid} is noticed`)
  }
}

const task = { 'aws:SourceAccount': ACCOUNT, 'aws:SourceArn': `arn:aws:ecs:${REGION}:${ACCOUNT}:task/prod/1` }
const via = (service: string) => ({ 'kms:ViaService': `${service}.${REGION}.amazonaws.com` })

test('the documents grant by name: no wildcard of actions, nothing to everyone, within the quotas of IAM', async (t) => {
  t.equal(files.length, 10)
  for (const file of files.filter((name) => name !== 'vended.role.json')) {
    const text = filledIn(readFileSync(`docs/iam/${file}`, 'utf8'))
    const { Version, Statement } = JSON.parse(text) as Policy
    t.equal(Version, '2012-10-17', `${file}: without the version, variables would be text`)
    for (const statement of Statement.filter(({ Effect }) => Effect === 'Allow')) {
      t.notMatch(JSON.stringify(statement['Action']), /\*/, `${file}: ${statement.Sid} names its actions`)
      t.notMatch(
        JSON.stringify(statement['Resource'] ?? ''),
        /"\*"/,
        `${file}: ${statement.Sid} names its things`,
      )
      t.notMatch(JSON.stringify(statement), /NotAction|NotResource|NotPrincipal|:root"|"Principal":"\*"/)
    }
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: white space is not counted.
    const most = file.endsWith('.trust.json') ? 2_048 : file.endsWith('.boundary.json') ? 6_144 : 10_240
    const chars = text.replaceAll(/\s/g, '').length
    t.ok(chars <= most, `${file}: ${chars} of ${most} characters`)
  }
})

test('every placeholder is told of, and no other', async (t) => {
  const all = (text: string) => [...new Set(text.match(/<[A-Z_]+>/g))].sort()
  const used = all(files.map((name) => readFileSync(`docs/iam/${name}`, 'utf8')).join())
  t.same(all(readFileSync('docs/iam/README.md', 'utf8')), used)
})

test('a session of the vended role lasts an hour at most, within the boundary', async (t) => {
  t.match(JSON.parse(iamFile('vended.role')), {
    RoleName: 'headgate-vended',
    MaxSessionDuration: 3_600,
    PermissionsBoundary: `arn:aws:iam::${ACCOUNT}:policy/headgate-vended-boundary`,
  })
  const { Statement } = iamPolicy('vended.policy')
  t.same(
    iamPolicy('vended.boundary').Statement,
    Statement.filter(({ Effect }) => Effect === 'Allow'),
  )
})

test('tasks of this account alone take the roles of tasks', async (t) => {
  const by =
    (context: object, principal = 'ecs-tasks.amazonaws.com') =>
    (resourcePolicy: Policy) => ({
      ...{ principal, action: 'sts:AssumeRole', resource: roleArn('headgate-collecting') },
      ...{ identity: [], resourcePolicy, context: { ...task, ...context } },
    })
  await everyStatementCounts(t, 'task.trust', [
    [true, 'a task', by({})],
    [false, 'of another account', by({ 'aws:SourceAccount': '999999999999' })],
    [false, 'of another region', by({ 'aws:SourceArn': `arn:aws:ecs:us-east-1:${ACCOUNT}:task/prod/1` })],
    [false, 'of another service', by({}, 'ec2.amazonaws.com')],
    [false, 'a vended session', by({}, sessionArn('headgate-vended'))],
  ])
})

const arrivalMs = Date.UTC(2026, 10, 26, 4)
const rawLike = (keyOf: typeof rawKey, source: string) =>
  keyOf({ source, arrivalMs, name: 'x', extension: 'ndjson' })
const FALLBACK = rawLike(rawKey, 'fallback-a1')
const MANIFEST = manifestKey({ rollup: 'web', hash: 'abc', grain: '15m', windowFromMs: arrivalMs }, 1)

const asTask =
  (role: string, action: string, resource: string, context = {}, ...more: readonly Policy[]) =>
  (document: Policy): Attempt => ({
    principal: sessionArn(role),
    identity: [document, ...more],
    ...{ action, resource, context },
  })

test('who collects puts to the validated stream, to the fallback and to the dead letters, and does nothing else', async (t) => {
  const collecting = (...args: [string, string, object?, ...Policy[]]) =>
    asTask('headgate-collecting', ...args)
  await everyStatementCounts(t, 'collecting.policy', [
    [true, 'put', collecting('kinesis:PutRecords', streamArn('headgate'))],
    [true, 'count shards', collecting('kinesis:ListShards', streamArn('headgate'))],
    [true, 'encrypt for the stream', collecting('kms:GenerateDataKey', STREAM_KEY, via('kinesis'))],
    [false, 'encrypt by itself', collecting('kms:GenerateDataKey', STREAM_KEY, via('s3'))],
    [true, 'fall back', collecting('s3:PutObject', objectArn(FALLBACK))],
    [true, 'keep a dead letter', collecting('s3:PutObject', objectArn(rawLike(deadKey, 'gateway')))],
    [true, 'encrypt for the lake', collecting('kms:GenerateDataKey', LAKE_KEY, via('s3'))],
    [false, 'pass for Firehose', collecting('s3:PutObject', objectArn(rawLike(rawKey, 'gateway')))],
    [false, 'forge a rollup', collecting('s3:PutObject', objectArn(MANIFEST))],
    [false, 'read what is there', collecting('s3:GetObject', objectArn(FALLBACK))],
    [false, 'remove it', collecting('s3:DeleteObject', objectArn(FALLBACK))],
    [false, 'another stream', collecting('kinesis:PutRecords', streamArn('headgate-2'))],
    [
      false,
      'a direct stream, whatever is attached',
      collecting('kinesis:PutRecords', streamArn('headgate-direct-shop'), {}, EVERYTHING),
    ],
    [
      false,
      'vend, whatever is attached',
      collecting('sts:AssumeRole', roleArn('headgate-vended'), {}, EVERYTHING),
    ],
    [
      false,
      'widen a role, whatever is attached',
      collecting('iam:PutRolePolicy', roleArn('headgate-vended'), {}, EVERYTHING),
    ],
  ])
})

test('who aggregates reads, writes and lists the lake, empties the quarantine, and does nothing else', async (t) => {
  const aggregating = (...args: [string, string, object?, ...Policy[]]) =>
    asTask('headgate-aggregation', ...args)
  const on = (action: string, key: string) => aggregating(`s3:${action}`, objectArn(key))
  const list = (prefix: string) =>
    aggregating('s3:ListBucket', 'arn:aws:s3:::my-lake', { 's3:prefix': `headgate/${prefix}` })
  const direct = rawLike(quarantineKey, 'direct-shop')
  await everyStatementCounts(t, 'aggregation.policy', [
    ...[
      rawLike(rawKey, 'gateway'),
      rawLike(rawKey, 'direct-shop'),
      rawLike(deadKey, 'gateway'),
      indexKey(arrivalMs, 'x'),
      erasureKey('x'),
      MANIFEST,
    ].flatMap((key): DocumentCase[] => [
      [true, `read ${key}`, on('GetObject', key)],
      [true, `write ${key}`, on('PutObject', key)],
      [true, `remove ${key}`, on('DeleteObject', key)],
    ]),
    [true, 'read what lies in quarantine', on('GetObject', direct)],
    [true, 'remove it', on('DeleteObject', direct)],
    [true, 'write it anew without what is erased', on('PutObject', direct)],
    [false, 'put something into a quarantine of no app', on('PutObject', rawLike(quarantineKey, 'x'))],
    ...[
      'raw/',
      'raw/gateway/dt=2026-11-26/hr=04/',
      'index/',
      'dead/gateway/',
      'rollups/web/',
      'erasures/',
      'quarantine/direct-shop/',
    ].map((prefix): DocumentCase => [true, `list ${prefix}`, list(prefix)]),
    [false, 'list the bucket', list('')],
    [false, 'another folder of the bucket', aggregating('s3:GetObject', 'arn:aws:s3:::my-lake/payroll/x')],
    [true, 'encrypt', aggregating('kms:GenerateDataKey', LAKE_KEY, via('s3'))],
    [true, 'decrypt', aggregating('kms:Decrypt', LAKE_KEY, via('s3'))],
    [false, 'decrypt by itself', aggregating('kms:Decrypt', LAKE_KEY)],
    [
      false,
      'put to a stream, whatever is attached',
      aggregating('kinesis:PutRecords', streamArn('headgate'), {}, EVERYTHING),
    ],
    [
      false,
      'vend, whatever is attached',
      aggregating('sts:AssumeRole', roleArn('headgate-vended'), {}, EVERYTHING),
    ],
  ])
})

test('who revokes changes the policies of the vended role alone, and only within its boundary', async (t) => {
  const boundary = { 'iam:PermissionsBoundary': `arn:aws:iam::${ACCOUNT}:policy/headgate-vended-boundary` }
  const revoking = (action: string, role: string, context = {}) =>
    asTask('headgate-revoking', `iam:${action}`, roleArn(role), context)
  await everyStatementCounts(t, 'revoking.policy', [
    [true, 'read', revoking('GetRolePolicy', 'headgate-vended')],
    [true, 'put', revoking('PutRolePolicy', 'headgate-vended', boundary)],
    [true, 'delete', revoking('DeleteRolePolicy', 'headgate-vended', boundary)],
    [false, 'put when nothing bounds the role', revoking('PutRolePolicy', 'headgate-vended')],
    [false, 'put to another role', revoking('PutRolePolicy', 'headgate-vending', boundary)],
    [false, 'take the boundary away', revoking('DeleteRolePermissionsBoundary', 'headgate-vended', boundary)],
    [false, 'let others in', revoking('UpdateAssumeRolePolicy', 'headgate-vended')],
  ])
})

test('who vends takes the vended role and does nothing else', async (t) => {
  const vending = (...args: [string, string, object?, ...Policy[]]) => asTask('headgate-vending', ...args)
  await everyStatementCounts(t, 'vending.policy', [
    [true, 'assume', vending('sts:AssumeRole', roleArn('headgate-vended'))],
    [true, 'tag', vending('sts:TagSession', roleArn('headgate-vended'))],
    [true, 'name the subject', vending('sts:SetSourceIdentity', roleArn('headgate-vended'))],
    [false, 'another role', vending('sts:AssumeRole', roleArn('headgate-collecting'))],
    [
      false,
      'another role, whatever is attached',
      vending('sts:AssumeRole', roleArn('admin'), {}, EVERYTHING),
    ],
    [
      false,
      'put by itself, whatever is attached',
      vending('kinesis:PutRecords', streamArn('headgate-direct-shop'), {}, EVERYTHING),
    ],
    [
      false,
      'widen the role, whatever is attached',
      vending('iam:PutRolePolicy', roleArn('headgate-vended'), {}, EVERYTHING),
    ],
  ])
})

const names = {
  'sts:RoleSessionName': 'headgate-shop-QN7LEN1s9eR_93b3VBrw2b',
  'sts:SourceIdentity': 'headgate-QN7LEN1s9eR_93b3VBrw2b',
}
const tags = { 'aws:TagKeys': ['headgate:app', 'headgate:vend'], 'aws:RequestTag/headgate:app': 'shop' }
const assume = { ...names, ...tags, 'sts:ExternalId': EXTERNAL_ID }

/** What STS asks for one AssumeRole: each of these actions, of the caller's policies and of the role's trust. */
const ask =
  (action: string, context: object, by: Partial<Attempt> = {}) =>
  (resourcePolicy: Policy): Attempt => ({
    principal: sessionArn('headgate-vending'),
    identity: [iamPolicy('vending.policy')],
    resource: roleArn('headgate-vended'),
    ...{ action: `sts:${action}`, context: { ...context }, resourcePolicy },
    ...by,
  })
const without = (context: object, key: string) =>
  Object.fromEntries(Object.entries(context).filter(([name]) => name !== key))

test('the vended role is taken by who vends alone, under our id, with an app and a subject', async (t) => {
  const admin = { principal: sessionArn('admin'), identity: [EVERYTHING] }
  const vended = {
    principal: sessionArn('headgate-vended'),
    identity: [iamPolicy('vended.policy'), EVERYTHING],
  }
  const collecting = {
    principal: sessionArn('headgate-collecting'),
    identity: [iamPolicy('collecting.policy')],
  }
  const identity = { 'sts:SourceIdentity': names['sts:SourceIdentity'] }
  await everyStatementCounts(t, 'vended.trust', [
    [true, 'assume', ask('AssumeRole', assume)],
    [true, 'tag', ask('TagSession', tags)],
    [true, 'tag with the app alone', ask('TagSession', { ...tags, 'aws:TagKeys': ['headgate:app'] })],
    [true, 'name the subject', ask('SetSourceIdentity', identity)],
    ...Object.keys(assume)
      .filter((key) => key !== 'aws:TagKeys')
      .map((key): DocumentCase => [false, `assume without ${key}`, ask('AssumeRole', without(assume, key))]),
    [false, 'under another id', ask('AssumeRole', { ...assume, 'sts:ExternalId': 'headgate/test' })],
    [false, 'with a name of its own', ask('AssumeRole', { ...assume, 'sts:RoleSessionName': 'root' })],
    [
      false,
      'with a name without a subject',
      ask('AssumeRole', { ...assume, 'sts:RoleSessionName': 'headgate-shop' }),
    ],
    [
      false,
      'as a subject that is no hash',
      ask('AssumeRole', { ...assume, 'sts:SourceIdentity': 'headgate-ada' }),
    ],
    [false, 'named so by itself', ask('SetSourceIdentity', { 'sts:SourceIdentity': 'headgate-ada' })],
    [false, 'with a foreign tag', ask('TagSession', { ...tags, 'aws:TagKeys': ['headgate:app', 'admin'] })],
    [false, 'without the app', ask('TagSession', { 'aws:TagKeys': ['headgate:vend'] })],
    [false, 'with no app in the tag', ask('TagSession', { ...tags, 'aws:RequestTag/headgate:app': '' })],
    ...(['AssumeRole', 'TagSession', 'SetSourceIdentity'] as const).flatMap((action): DocumentCase[] => {
      const context = { AssumeRole: assume, TagSession: tags, SetSourceIdentity: identity }[action]
      return [
        [false, `${action} by an administrator`, ask(action, context, admin)],
        [false, `${action} by who collects`, ask(action, context, collecting)],
        [false, `${action} by a vended session`, ask(action, context, vended)],
      ]
    }),
  ])
})

const OWN = 'headgate-direct-shop'
const FOREIGN = [
  'headgate-direct-shop-web',
  'headgate-direct-sho',
  'headgate-direct-',
  'headgate-direct-bank',
  'headgate',
  'other',
]
const inSession = {
  'aws:SecureTransport': 'true',
  'aws:PrincipalTag/headgate:app': 'shop',
  'aws:SourceIdentity': names['sts:SourceIdentity'],
  'aws:TokenIssueTime': '2026-11-26T04:00:00Z',
}
const [, quoted = ''] = /```json\n([\s\S]*?)```/.exec(readFileSync('docs/iam/README.md', 'utf8')) ?? []
const session = JSON.parse(sessionPolicy({ streamArns: [streamArn(OWN)], kmsKeyArn: STREAM_KEY })) as Policy

test('the session policy that is quoted is the one that the gateway asks for', async (t) => {
  t.same(session, JSON.parse(filledIn(quoted)))
})

const asVended =
  (action: string, resource: string, context: object = {}, more: Partial<Attempt> = {}) =>
  (document: Policy): Attempt => ({
    principal: sessionArn('headgate-vended'),
    ...{ action, resource, context: { ...inSession, ...context } },
    ...more,
    identity: [document, ...(more.identity ?? [])],
  })

test('a vended session puts to the stream of its app, even where the session policy is lost', async (t) => {
  const put = (stream: string, context = {}, more: Partial<Attempt> = {}) =>
    asVended('kinesis:PutRecords', streamArn(stream), context, more)
  const widened = { identity: [EVERYTHING] }
  await everyStatementCounts(t, 'vended.policy', [
    [true, 'its own stream', put(OWN)],
    [true, 'one record', asVended('kinesis:PutRecord', streamArn(OWN))],
    [true, 'within the session policy', put(OWN, {}, { session })],
    ...FOREIGN.map((stream): DocumentCase => [false, `not ${stream}`, put(stream)]),
    [
      false,
      'not that of a session policy that was made too wide',
      put('headgate-direct-bank', {}, { session: EVERYTHING }),
    ],
    [false, 'not the stream of an app that has the same tag in another case', put('headgate-direct-SHOP')],
    [
      true,
      'with the key of the streams',
      asVended('kms:GenerateDataKey', STREAM_KEY, via('kinesis'), { session }),
    ],
    [
      false,
      'not with a session policy that leaves the key out',
      asVended('kms:GenerateDataKey', STREAM_KEY, via('kinesis'), {
        session: policyOf(...session.Statement.slice(0, 1)),
      }),
    ],
    [false, 'not by asking KMS itself', asVended('kms:GenerateDataKey', STREAM_KEY)],
    [false, 'not another key', asVended('kms:GenerateDataKey', LAKE_KEY, via('kinesis'))],
    [false, 'not in the open, whatever is attached', put(OWN, { 'aws:SecureTransport': 'false' }, widened)],
    [
      false,
      'not in the name of no app, whatever is attached',
      (document) => ({
        ...put(OWN, {}, widened)(document),
        context: without(inSession, 'aws:PrincipalTag/headgate:app') as Record<string, string>,
      }),
    ],
    [
      false,
      'not in the name of nobody, whatever is attached',
      (document) => ({
        ...put(OWN, {}, widened)(document),
        context: without(inSession, 'aws:SourceIdentity') as Record<string, string>,
      }),
    ],
  ])
})

test('a closed stream takes nothing of a vended session, and opens again', async (t) => {
  const put = (action: string, app: string) => (resourcePolicy: Policy) =>
    asVended(
      `kinesis:${action}`,
      streamArn(`headgate-direct-${app}`),
      { 'aws:PrincipalTag/headgate:app': app },
      {
        resourcePolicy,
      },
    )(iamPolicy('vended.policy'))
  await everyStatementCounts(t, 'direct-stream.closed', [
    [false, 'many records', put('PutRecords', 'shop')],
    [false, 'one record', put('PutRecord', 'shop')],
    [true, 'another stream is open', put('PutRecords', 'bank')],
  ])
})

test('the boundary holds where the role was widened', async (t) => {
  const within =
    (action: string, resource: string, context = {}) =>
    (boundary: Policy) =>
      asVended(action, resource, context, { boundary })(EVERYTHING)
  await everyStatementCounts(t, 'vended.boundary', [
    [true, 'its own stream', within('kinesis:PutRecords', streamArn(OWN))],
    [true, 'the key of the streams', within('kms:GenerateDataKey', STREAM_KEY, via('kinesis'))],
    ...FOREIGN.map(
      (stream): DocumentCase => [false, `not ${stream}`, within('kinesis:PutRecords', streamArn(stream))],
    ),
    [false, 'not the lake', within('s3:PutObject', objectArn('raw/gateway/x'))],
  ])
})

async function allowedOf(
  questions: readonly IamQuestion[],
  attempt: (question: IamQuestion) => Attempt,
): Promise<string[]> {
  const allowed: string[] = []
  for (const question of questions)
    if (await isAllowed(attempt(question))) allowed.push(`${question.action} ${question.resource}`)
  return allowed
}

/** IAM cannot forbid it: it tells who one is, and so the number of the account. */
const WHO_AM_I = 'sts:GetCallerIdentity *'

test('of all that Kinesis, STS and IAM can do, a vended session can put records to its own stream', async (t) => {
  const [policy, boundary] = [iamPolicy('vended.policy'), iamPolicy('vended.boundary')]
  const ways: readonly (readonly [string, Partial<Attempt>])[] = [
    ['by the policy of the role', { identity: [policy] }],
    ['by the session policy, had the role every right', { identity: [EVERYTHING], session }],
    ['by the boundary, had the role every right', { identity: [EVERYTHING], boundary }],
  ]
  for (const stream of [OWN, 'headgate-direct-bank', 'headgate']) {
    const questions = await everyAction(['kinesis', 'sts', 'iam'], { StreamName: stream })
    t.ok(questions.length > 250, `${questions.length} questions are asked`)
    const puts = [`kinesis:PutRecord ${streamArn(stream)}`, `kinesis:PutRecords ${streamArn(stream)}`]
    for (const [way, more] of ways) {
      const vended = { principal: sessionArn('headgate-vended'), context: inSession, identity: [], ...more }
      const allowed = await allowedOf(questions, (question) => ({ ...vended, ...question }))
      t.same(allowed, [...(stream === OWN ? puts : []), WHO_AM_I], `${stream}, ${way}`)
    }
  }
})

test('of all that Kinesis, STS, IAM, S3 and KMS can do, the roles of tasks can do what is written here', async (t) => {
  const questions = [
    ...(await everyAction(['kinesis', 'sts', 'iam'], {
      StreamName: 'headgate',
      RoleNameWithPath: 'headgate-vended',
    })),
    ...(await everyAction(['s3'], { BucketName: 'my-lake', ObjectName: `headgate/${FALLBACK}` })),
    ...(await everyAction(['kms'], { KeyId: LAKE_KEY.split('/')[1] ?? '' })),
  ]
  const contextOf = ({ action, resource, keys }: IamQuestion): Record<string, string> => {
    if (action === 's3:ListBucket') return { 's3:prefix': 'headgate/raw/' }
    return resource === LAKE_KEY && keys.includes('kms:ViaService') ? via('s3') : {}
  }
  for (const [role, can] of [
    ['collecting', ['kinesis:ListShards', 'kinesis:PutRecords', 's3:PutObject', 'kms:GenerateDataKey']],
    ['vending', ['sts:SetSourceIdentity', 'sts:TagSession', 'sts:AssumeRole']],
    [
      'aggregation',
      [
        's3:DeleteObject',
        's3:GetObject',
        's3:ListBucket',
        's3:PutObject',
        'kms:Decrypt',
        'kms:GenerateDataKey',
      ],
    ],
    ['revoking', ['iam:GetRolePolicy']],
  ] as const) {
    const identity = [iamPolicy(`${role}.policy`)]
    const allowed = await allowedOf(questions, (question) => ({
      ...{ principal: sessionArn(`headgate-${role}`), identity, context: contextOf(question) },
      ...question,
    }))
    const actions = new Set(allowed.map((line) => line.split(' ')[0]))
    t.same([...actions].sort(), [...can, 'sts:GetCallerIdentity'].sort(), role)
  }
})

/** What a call of the SDK has to be allowed: https://docs.aws.amazon.com/service-authorization/latest/reference/ */
const ACTION_OF: Readonly<Record<string, string>> = {
  ListShards: 'kinesis:ListShards',
  PutRecords: 'kinesis:PutRecords',
  PutObject: 's3:PutObject',
  GetObject: 's3:GetObject',
  HeadObject: 's3:GetObject',
  ListObjectsV2: 's3:ListBucket',
  DeleteObjects: 's3:DeleteObject',
  AssumeRole: 'sts:AssumeRole',
}
/** With a customer's own keys, and with tags and a source identity: no call of the SDK's has these names. */
const BESIDE = ['kms:GenerateDataKey', 'kms:Decrypt', 'sts:TagSession', 'sts:SetSourceIdentity']

test('what the code calls is what its roles allow', async (t) => {
  const sources = (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(`${folder}/${name}`, 'utf8'))
      .join('\n')
  const found = (text: string, pattern: RegExp) => [
    ...new Set([...text.matchAll(pattern)].map(([, name]) => name ?? '')),
  ]
  const called = found(sources('src'), /new (\w+)Command\(/g)
  t.same(
    called.filter((name) => ACTION_OF[name] === undefined),
    [],
    'each call has its action here',
  )
  t.ok(called.includes('PutRecords') && called.includes('DeleteObjects'), `${called} are called`)
  t.same(found(sources('src/gateway'), /\blake\.(\w+)\(/g), ['put'], 'a gateway only puts to the lake')
  const granted = ['collecting', 'vending', 'aggregation'].flatMap((role) =>
    iamPolicy(`${role}.policy`)
      .Statement.filter(({ Effect }) => Effect === 'Allow')
      .flatMap(({ Action }) => Action as string | string[]),
  )
  t.same([...new Set(granted)].sort(), [...new Set([...Object.values(ACTION_OF), ...BESIDE])].sort())
})
