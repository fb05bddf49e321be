import { test } from 'tap'
import { parseConfig } from '../../src/config/parse.ts'
import { AppError } from '../../src/std/errors.ts'
import { credentialsOf } from '../fakes/credentials/vending.ts'
import { sha256 } from '../fakes/gateway.ts'

const gateway = { credentials: { region: 'eu-west-1', subjectKeyEnv: 'SUBJECT_KEY' } }
const issuer = {
  issuer: 'https://idp.example',
  audience: 'headgate/ios',
  jwksUri: 'https://idp.example/jwks',
}
const app = (more: object = {}, id = 'ios') => ({ id, credentials: credentialsOf(id, more) })

function faultsOf(file: object, env = {}): string[] {
  try {
    parseConfig({ gateway, ...file }, env)
    return []
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return (error.details['faults'] as { path: string; message: string }[]).map(
      ({ path, message }) => `${path}: ${message}`,
    )
  }
}

test('an app that says the least gets the narrowest', async (t) => {
  const { gateway: read, apps } = parseConfig({ gateway, apps: [app()] }, {})
  t.same(apps[0]?.credentials, {
    enabled: true,
    mode: 'oidc',
    iUnderstandAnyoneCanWrite: false,
    roleArn: 'arn:aws:iam::111122223333:role/headgate-vended-ios',
    externalId: 'headgate/ios',
    durationSeconds: 3_600,
    endWithToken: false,
    issuers: [issuer],
    deny: [],
  })
  t.same(read.credentials.limits, {
    addressPerMinute: 60,
    subjectPerHour: 12,
    appPerMinute: 600,
    newSubjectsPerMinute: 300,
    publicPerMinute: 60,
    stsPerSecond: 50,
    stsBurst: 100,
  })
  t.equal(parseConfig({ apps: [{ id: 'ios' }] }, {}).apps[0]?.credentials, undefined, 'or nothing at all')
})

test('what an app may say of its issuers and devices is kept', async (t) => {
  const full = {
    ...issuer,
    azp: ['shop'],
    maxAgeMinutes: 15,
    algorithms: ['ES256'],
    typ: 'at+jwt',
    requiredClaims: { tenant: 'acme', level: 2, internal: true },
  }
  const attestation = { appAttest: { appId: 'ABCDE12345.com.example.shop' } }
  const { apps } = parseConfig(
    { gateway, apps: [app({ issuers: [full], mode: 'oidc+attest', attestation })] },
    {},
  )
  t.same(apps[0]?.credentials?.issuers, [full])
  t.same(apps[0]?.credentials?.attestation, {
    appAttest: { appId: 'ABCDE12345.com.example.shop', environment: 'production' },
    onUnavailable: 'refuse',
  })
})

test('credentials need what their sessions are made of', async (t) => {
  const path = 'apps.0.credentials'
  const kmsKeyArn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd'
  const open = { mode: 'public', iUnderstandAnyoneCanWrite: true, issuers: [] }
  const keys = [{ sha256: sha256('k') }]
  const longName = 'a'.repeat(33)
  for (const [rule, file, faults] of [
    [
      'a region and a key for pseudonyms',
      { gateway: {}, apps: [app()] },
      [
        'gateway.credentials.region: is required for credentials (or aws.region), such as eu-west-1',
        'gateway.credentials.subjectKeyEnv: is required for credentials: the name of a variable such as HEADGATE_SUBJECT_KEY',
      ],
    ],
    ['only when there are any', { gateway: {}, apps: [{ id: 'ios' }] }, []],
    [
      'the region of aws will do',
      { gateway: { credentials: { subjectKeyEnv: 'K' } }, aws: { region: 'eu-west-1' }, apps: [app()] },
      [],
    ],
    [
      'a region is part of an ARN',
      { gateway: { credentials: { ...gateway.credentials, region: '*' } }, apps: [app()] },
      ['gateway.credentials.region: must be a region such as eu-west-1'],
    ],
    [
      'a name that fits into that of a session',
      { apps: [app({}, longName)] },
      ['apps.0.id: must have at most 32 characters for credentials'],
    ],
    [
      'one stream for one app',
      { apps: [app(), app({ stream: 'headgate-direct-ios' }, 'web')] },
      [
        'apps.1.credentials.stream: the stream "headgate-direct-ios" is used twice (first at apps.0.credentials.stream)',
      ],
    ],
    [
      'a stream that is not that of the gateway itself',
      {
        gateway: {
          ...gateway,
          stream: { kind: 'kinesis', name: 'headgate-direct-ios', region: 'eu-west-1' },
        },
        apps: [app()],
      },
      [`${path}.stream: must not be gateway.stream.name`],
    ],
    [
      'a key of the same region',
      { apps: [app({ kmsKeyArn })] },
      [`${path}.kmsKeyArn: must be a key of the region of the streams`],
    ],
    ['which this one is', { apps: [app({ kmsKeyArn: kmsKeyArn.replace('central', 'west') })] }, []],
    [
      'somebody who vouches for subjects',
      { apps: [app({ issuers: [] })] },
      [`${path}.issuers: must not be empty for mode "oidc"`],
    ],
    [
      'each only once',
      { apps: [app({ issuers: [issuer, issuer] })] },
      [`${path}.issuers.1.issuer: this issuer is used twice (first at ${path}.issuers.0.issuer)`],
    ],
    [
      'keys that nobody can change on their way',
      { apps: [app({ issuers: [{ ...issuer, jwksUri: 'http://idp.example/jwks' }] })] },
      [`${path}.issuers.0.jwksUri: must be https, or on this machine`],
    ],
    [
      'on this machine nobody can',
      { apps: [app({ issuers: [{ ...issuer, jwksUri: 'http://127.0.0.1:9/jwks' }] })] },
      [],
    ],
    [
      'consent, where anyone can write',
      { apps: [{ ...app({ ...open, iUnderstandAnyoneCanWrite: false }), keys }] },
      [
        `${path}.iUnderstandAnyoneCanWrite: must be true for mode "public": whoever has the app can write to its stream`,
      ],
    ],
    [
      'no consent, where nobody asked for it',
      { apps: [app({ iUnderstandAnyoneCanWrite: true })] },
      [`${path}.iUnderstandAnyoneCanWrite: is for mode "public"`],
    ],
    ['a key, where it is all', { apps: [app(open)] }, [`${path}.mode: "public" needs a key of the app`]],
    [
      'no issuers, where they are not asked',
      { apps: [{ ...app({ ...open, issuers: [issuer] }), keys }] },
      [`${path}.issuers: are not asked in mode "public"`],
    ],
    ['with all of that it is public', { apps: [{ ...app(open), keys }] }, []],
    [
      'an identity of the app, where devices attest it',
      { apps: [app({ mode: 'oidc+attest' })] },
      [
        `${path}.attestation.appAttest: is required for mode "oidc+attest", such as {"appId":"ABCDE12345.com.example.shop"}`,
      ],
    ],
  ] as const) {
    t.same(faultsOf(file), faults, rule)
  }
})

test('names and numbers that would mean more than one thing are refused', async (t) => {
  for (const [what, more] of [
    ['a wildcard in a role', { roleArn: 'arn:aws:iam::111122223333:role/*' }],
    ['a user', { roleArn: 'arn:aws:iam::111122223333:user/admin' }],
    ['a role without an account', { roleArn: 'arn:aws:iam::1:role/vended' }],
    ['an external id that is none', { externalId: 'x' }],
    ['a stream that is not direct', { stream: 'headgate' }],
    ['a wildcard in a stream', { stream: 'headgate-direct-*' }],
    ['an alias of a key', { kmsKeyArn: 'arn:aws:kms:eu-west-1:111122223333:alias/x' }],
    ['twelve hours', { durationSeconds: 43_200 }],
    ['a minute', { durationSeconds: 60 }],
    ['a secret algorithm', { issuers: [{ ...issuer, algorithms: ['HS256'] }] }],
    ['a name instead of a pseudonym', { deny: ['anna@mail.example'] }],
    ['a mode that is none', { mode: 'attest' }],
    ['a policy of its own', { policy: '{}' }],
  ] as const) {
    t.match(faultsOf({ apps: [app(more)] }), { length: 1, 0: /^apps\.0\.credentials\./ }, what)
  }
})

test('threat 22: who forwards is named by address: neither a count nor a boolean is trusted', async (t) => {
  for (const trustProxy of [true, 1, ['1'], ['true'], 'loopback']) {
    t.match(faultsOf({ gateway: { trustProxy } }), [/^gateway\.trustProxy/], String(trustProxy))
  }
})

test('limits may come from the environment', async (t) => {
  const { gateway: read } = parseConfig({}, { HEADGATE_GATEWAY_CREDENTIALS_LIMITS_STS_PER_SECOND: '7' })
  t.equal(read.credentials.limits.stsPerSecond, 7)
})

test('two apps of one issuer and audience need what tells whose a token is', async (t) => {
  const shared = 'apps.1.credentials.issuers.0: takes the tokens of the app "ios" as well'
  const both = (ios: object, web: object) => [
    app({ issuers: [{ ...issuer, ...ios }] }),
    app({ issuers: [{ ...issuer, ...web }] }, 'web'),
  ]
  for (const [rule, apps, isFault] of [
    ['nothing tells them apart', both({}, {}), true],
    ['an audience does', both({}, { audience: 'headgate/web' }), false],
    ['another issuer does', both({}, { issuer: 'https://other.example' }), false],
    ['clients do', both({ azp: ['a', 'b'] }, { azp: ['c'] }), false],
    ['not if one takes any', both({ azp: ['a'] }, {}), true],
    ['not if they share one', both({ azp: ['a', 'b'] }, { azp: ['b'] }), true],
    ['a claim does', both({ requiredClaims: { app: 'ios' } }, { requiredClaims: { app: 'web' } }), false],
    ['not the same value', both({ requiredClaims: { app: 'x' } }, { requiredClaims: { app: 'x' } }), true],
    ['not two claims', both({ requiredClaims: { ios: true } }, { requiredClaims: { web: true } }), true],
    [
      'not two claims that objects have',
      both({ requiredClaims: { constructor: 'x' } }, { requiredClaims: { foo: 'y' } }),
      true,
    ],
    ['not a claim that one asks for', both({ requiredClaims: { app: 'ios' } }, {}), true],
    ['not a kind of token', both({ typ: 'at+jwt' }, { maxAgeMinutes: 5 }), true],
  ] as const) {
    const faults = faultsOf({ apps })
    t.equal(faults.length, isFault ? 1 : 0, rule)
    t.equal(faults[0]?.startsWith(shared) ?? false, isFault, rule)
  }
})
