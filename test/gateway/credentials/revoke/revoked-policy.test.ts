import fc from 'fast-check'
import { test } from 'tap'
import {
  heldPolicy,
  type Revocation,
  type RevocationTarget,
  revokedPolicy,
  SESSION_MS,
  usefulUntilMs,
} from '../../../../src/gateway/credentials/revoke/revoked-policy.ts'
import {
  type Attempt,
  EVERYTHING,
  iamPolicy,
  isAllowed,
  type Policy,
  sessionArn,
  streamArn,
} from '../../../fakes/aws/iam.ts'

const NOW = Date.UTC(2026, 10, 26, 4)
const MINUTE = 60_000
const ada = 'headgate-QN7LEN1s9eR_93b3VBrw2b'
const bob = 'headgate-2bVZ6sGm3D0h6n0x8LJbOA'

const app = (name: string): RevocationTarget => ({ kind: 'app', app: name })
const subject = (sourceIdentity: string): RevocationTarget => ({ kind: 'subject', sourceIdentity })
const everyone: RevocationTarget = { kind: 'everyone' }

const deny = (time: string, key?: string, values?: readonly string[]) => ({
  ...{ Effect: 'Deny', Action: '*', Resource: '*' },
  Condition: {
    DateLessThan: { 'aws:TokenIssueTime': time },
    ...(key && { StringEquals: { [key]: values } }),
  },
})
const APP = 'aws:PrincipalTag/headgate:app'
const SUBJECT = 'aws:SourceIdentity'

/** One after the other, each into what the one before has left. */
const after = (nowMs: number, ...revocations: readonly (readonly [RevocationTarget, number])[]) =>
  revocations
    .map(([target, beforeMs]): Revocation => ({ target, beforeMs }))
    .reduce<ReturnType<typeof heldPolicy> | undefined>(
      (held, revocation) => heldPolicy(JSON.stringify(revokedPolicy(revocation, nowMs, held))),
      undefined,
    )

test('what is revoked is denied everything, up to a time, each once', async (t) => {
  for (const [rule, revocations, statements] of [
    ['an app', [[app('shop'), NOW]], [deny('2026-11-26T04:00:00Z', APP, ['shop'])]],
    ['a subject', [[subject(ada), NOW]], [deny('2026-11-26T04:00:00Z', SUBJECT, [ada])]],
    ['everyone', [[everyone, NOW]], [deny('2026-11-26T04:00:00Z')]],
    ['a second counts to its end', [[everyone, NOW + 1]], [deny('2026-11-26T04:00:01Z')]],
    [
      'those of one time share a statement',
      [
        [subject(ada), NOW],
        [app('shop'), NOW],
        [subject(bob), NOW],
      ],
      [deny('2026-11-26T04:00:00Z', SUBJECT, [ada, bob]), deny('2026-11-26T04:00:00Z', APP, ['shop'])],
    ],
    [
      'a later time replaces an earlier one',
      [
        [app('shop'), NOW - MINUTE],
        [app('bank'), NOW - MINUTE],
        [app('shop'), NOW],
      ],
      [deny('2026-11-26T03:59:00Z', APP, ['bank']), deny('2026-11-26T04:00:00Z', APP, ['shop'])],
    ],
    [
      'an earlier one does not',
      [
        [app('shop'), NOW],
        [app('shop'), NOW - 1],
      ],
      [deny('2026-11-26T04:00:00Z', APP, ['shop'])],
    ],
    [
      'everyone makes room: those of before are among them',
      [
        [app('shop'), NOW - MINUTE],
        [subject(ada), NOW + MINUTE],
        [everyone, NOW],
      ],
      [deny('2026-11-26T04:00:00Z'), deny('2026-11-26T04:01:00Z', SUBJECT, [ada])],
    ],
    [
      'so is one that comes after',
      [
        [everyone, NOW],
        [app('shop'), NOW],
      ],
      [deny('2026-11-26T04:00:00Z')],
    ],
  ] as const) {
    const { Version, Statement } = after(NOW, ...revocations) ?? {}
    t.equal(Version, '2012-10-17')
    t.strictSame(new Set(Statement), new Set(statements), rule)
  }
})

test('a statement goes when the last session that it denies has ended, and not before', async (t) => {
  const held = after(NOW, [app('shop'), NOW])
  t.equal(usefulUntilMs(NOW), NOW + SESSION_MS + 5 * MINUTE, 'five minutes for clocks that differ')
  for (const [atMs, kept] of [
    [usefulUntilMs(NOW) - 1, true],
    [usefulUntilMs(NOW), false],
  ] as const) {
    const { Statement } = revokedPolicy({ target: app('bank'), beforeMs: atMs }, atMs, held)
    t.equal(JSON.stringify(Statement).includes('"shop"'), kept)
    t.equal(JSON.stringify(Statement).includes('"bank"'), true)
  }
})

test('what others wrote under our name stays as it is, also when it looks like ours', async (t) => {
  const foreign = [
    { Sid: 'ByHand', Effect: 'Deny', Action: 'kinesis:*', Resource: '*' },
    deny('2020-01-01T00:00:00Z', 'aws:PrincipalTag/team', ['a']),
    {
      ...deny('2020-01-01T00:00:00Z'),
      Condition: {
        DateLessThan: { 'aws:TokenIssueTime': '2020-01-01T00:00:00Z' },
        Bool: { 'aws:ViaAWSService': 'false' },
      },
    },
    {
      ...deny('2020-01-01T00:00:00Z'),
      Condition: {
        DateLessThan: { 'aws:TokenIssueTime': '2020-01-01T00:00:00Z' },
        StringEquals: { [APP]: ['shop'], [SUBJECT]: [ada] },
      },
    },
  ]
  const held = heldPolicy(JSON.stringify({ Version: '2012-10-17', Statement: foreign }))
  const { Statement } = revokedPolicy({ target: everyone, beforeMs: NOW }, NOW, held)
  t.same(Statement, [...foreign, deny('2026-11-26T04:00:00Z')])
})

test('what is no policy of denials is refused: it would be put to the role again', async (t) => {
  for (const text of [
    '',
    'null',
    '{}',
    '{"Version":"2008-10-17","Statement":[]}',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    '{"PolicyDocument":{"Version":"2012-10-17","Statement":[]}}',
  ]) {
    t.throws(() => heldPolicy(text), { code: 'invalid_request', message: /^headgate-revoked must be/ }, text)
  }
})

test('what IAM would not take is refused, with a way out', async (t) => {
  const many = Array.from(
    { length: 236 },
    (_, at) => [subject(`headgate-${String(at).padStart(22, '0')}`), NOW] as const,
  )
  const held = after(NOW, ...many.slice(0, -1))
  t.equal(held?.Statement.length, 1, '235 subjects of one time find room')
  t.throws(() => after(NOW, ...many), {
    code: 'invalid_request',
    message: 'headgate-revoked would have 8223 characters of 8192: revoke the app, or everyone.',
  })
})

const vended = (policies: readonly Policy[], context: Partial<Record<string, string>> = {}): Attempt => ({
  principal: sessionArn('headgate-vended'),
  identity: [iamPolicy('vended.policy'), ...policies],
  boundary: iamPolicy('vended.boundary'),
  action: 'kinesis:PutRecords',
  resource: streamArn(`headgate-direct-${context[APP] ?? 'shop'}`),
  context: {
    'aws:SecureTransport': 'true',
    ...{ [APP]: 'shop', [SUBJECT]: ada, 'aws:TokenIssueTime': '2026-11-26T03:59:59Z', ...context },
  },
})

test('IAM hears it: sessions of before end, those of others and of later go on', async (t) => {
  const [later, other] = [{ 'aws:TokenIssueTime': '2026-11-26T04:00:00Z' }, { [APP]: 'bank', [SUBJECT]: bob }]
  t.equal(await isAllowed(vended([])), true, 'nothing is revoked')
  for (const [rule, target, ended] of [
    ['an app', app('shop'), [true, false, true, false]],
    ['a subject', subject(ada), [true, false, false, true]],
    ['everyone', everyone, [true, false, true, true]],
  ] as const) {
    const policy = after(NOW, [target, NOW]) as unknown as Policy
    const denied = async (context: Partial<Record<string, string>>) =>
      !(await isAllowed(vended([policy, EVERYTHING], context)))
    const sessions = [{}, { ...other, ...later }, { [SUBJECT]: bob }, { [APP]: 'bank' }]
    t.same(await Promise.all(sessions.map(denied)), ended, rule)
    t.equal(await denied(other), rule === 'everyone', `${rule}: another app and subject`)
    t.equal(await denied(later), false, `${rule}: a session that began at that time`)
    t.equal(await denied({ 'aws:TokenIssueTime': '2026-11-26T03:00:00Z' }), true, `${rule}: an hour old`)
  }
})

test('in whatever order revocations come, each is in force as long as it is of use, and nobody else is denied', async () => {
  const target = fc.oneof(
    fc.constantFrom(app('shop'), app('bank'), subject(ada), subject(bob)),
    fc.constant(everyone),
  )
  const revocations = fc.array(
    fc.tuple(
      target,
      fc.integer({ min: -59, max: 59 }).map((by) => NOW + by * MINUTE),
    ),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  fc.assert(
    fc.property(revocations, (given) => {
      const statements = after(NOW, ...given)?.Statement as unknown as ReturnType<typeof deny>[]
      for (const who of [app('shop'), app('bank'), subject(ada), subject(bob), everyone]) {
        const name = JSON.stringify(who)
        const wanted = Math.max(
          ...given.filter(([one]) => JSON.stringify(one) === name || one === everyone).map(([, ms]) => ms),
          0,
        )
        const value = who.kind === 'app' ? who.app : who.kind === 'subject' ? who.sourceIdentity : undefined
        const found = statements
          .filter(
            ({ Condition: { StringEquals } }) =>
              StringEquals === undefined ||
              Object.values(StringEquals).some((list) => list?.includes(String(value))),
          )
          .map(({ Condition: { DateLessThan } }) => Date.parse(DateLessThan['aws:TokenIssueTime']))
        if (Math.max(...found, 0) !== wanted) return false
      }
      return true
    }),
  )
})
