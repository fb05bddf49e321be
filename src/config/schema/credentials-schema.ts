import Type from 'typebox'
import {
  awsEndpoint,
  group,
  httpUrl,
  literals,
  positive,
  strict,
  toggle,
  variable,
  type Words,
} from './schema-parts.ts'

/** Below it, SDKs that renew 10 to 15 minutes early would ask without end; above it, a chained role is refused by STS. */
const MIN_SESSION_SECONDS = 900
/**
 * The longest session of a role that a role assumes:
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export const MAX_SESSION_SECONDS = 3_600
/** What a session's name of 64 characters leaves beside `headgate-` and the hash of the subject. */
export const MAX_CREDENTIALS_APP_ID = 32

/** The longest text in a token: no issuer needs more. */
const MAX_CLAIM_CHARS = 512
const text = (words: Words) => Type.String({ ...words, minLength: 1, maxLength: MAX_CLAIM_CHARS })

const Issuer = group({
  issuer: text({ description: 'Its `iss`, exactly.', example: 'https://login.example.com' }),
  audience: text({
    description: 'What `aud` must name: this gateway.',
    example: 'https://beacons.example.com',
  }),
  jwksUri: httpUrl({
    description: 'Where its keys are. They are fetched from there and from nowhere else.',
    example: 'https://login.example.com/jwks.json',
  }),
  azp: Type.Optional(
    Type.Array(text({ description: 'A client.' }), {
      description:
        'The clients (`azp`, or `client_id`) whose tokens are taken. Left out: any of the audience.',
      example: ['shop-ios'],
      minItems: 1,
      maxItems: 32,
    }),
  ),
  maxAgeMinutes: Type.Optional(
    Type.Integer({
      description: 'How long ago a token may have been issued. Left out: 60.',
      example: 15,
      minimum: 1,
      maximum: 1_440,
    }),
  ),
  algorithms: Type.Optional(
    Type.Array(literals(['RS256', 'ES256', 'EdDSA'], { description: 'An algorithm of signatures.' }), {
      description: 'Which signatures are taken. Left out: each of the three.',
      example: ['ES256'],
      minItems: 1,
    }),
  ),
  typ: Type.Optional(text({ description: 'What `typ` in the head of a token must be.', example: 'at+jwt' })),
  requiredClaims: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Union([Type.String({ minLength: 1, maxLength: MAX_CLAIM_CHARS }), Type.Number(), Type.Boolean()]),
      {
        description:
          'What a token must say to be of this app, where many share an issuer. Two apps of one issuer and audience need an `azp` or a value here of their own. A claim may be a list, and `scope` is one of words; a token with the values of two apps is refused for both.',
        form: 'claims by name, each a text, a number, true or false',
        example: { tenant: 'acme' },
      },
    ),
  ),
})

const AppAttest = group({
  appId: Type.String({
    description: 'Team and bundle of the app whose devices prove themselves by App Attest.',
    pattern: '^[A-Z0-9]{10}\\.[A-Za-z0-9.-]{1,155}$',
    form: 'the team and the bundle of an app',
    example: 'ABCDE12345.com.example.shop',
  }),
  environment: literals(['production', 'development'], {
    description: "Which of Apple's environments builds are attested in.",
    default: 'production',
  }),
})

/** What an app's clients may be given: a session that puts records on the app's own stream, and nothing else. */
export const AppCredentials = group({
  enabled: toggle(true, {
    description:
      'The switch: `false` refuses from the next reload on. What was given before ends by itself within the hour.',
  }),
  mode: literals(['oidc', 'oidc+attest', 'public'], {
    description:
      'What a client must show: an access token; a token, and that the device is genuine; or the publishable key alone, so that whoever has the app can write.',
    default: 'oidc',
  }),
  iUnderstandAnyoneCanWrite: toggle(false, { description: 'Must be `true` for mode `public`.' }),
  stream: Type.Optional(
    Type.String({
      description:
        "The app's own stream, in the account of the role. Left out: `headgate-direct-<id>`, the only name to which the role's own policy lets the app's sessions.",
      pattern: '^headgate-direct-[a-zA-Z0-9_.-]{1,112}$',
      form: 'the name of a stream that begins with headgate-direct-',
      example: 'headgate-direct-shop',
    }),
  ),
  roleArn: Type.String({
    description: 'The role that is assumed for clients: [IAM](iam/README.md).',
    pattern: '^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,512}$',
    form: 'the ARN of a role',
    example: 'arn:aws:iam::111122223333:role/headgate-vended',
  }),
  externalId: Type.String({
    description: 'The external id that the trust policy of the role asks for.',
    pattern: '^[A-Za-z0-9_+=,.@:/-]{2,1224}$',
    form: '2 to 1224 of letters, digits and _+=,.@:/-',
    example: 'headgate/prod',
  }),
  kmsKeyArn: Type.Optional(
    Type.String({
      description: 'The customer managed key of the stream, if it has one.',
      pattern: '^arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,128}$',
      form: 'the ARN of a key (not of an alias)',
      example: 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
    }),
  ),
  durationSeconds: Type.Integer({
    description: 'How long credentials hold at most, in seconds.',
    example: 1_800,
    default: MAX_SESSION_SECONDS,
    minimum: MIN_SESSION_SECONDS,
    maximum: MAX_SESSION_SECONDS,
  }),
  endWithToken: toggle(false, {
    description: 'Whether credentials end with the token that they were given for.',
  }),
  attestation: Type.Optional(
    group({
      appAttest: Type.Optional(AppAttest),
      onUnavailable: literals(['refuse', 'allow-limited'], {
        description: 'What is done while it cannot be told whether a device is genuine.',
        default: 'refuse',
      }),
    }),
  ),
  issuers: Type.Array(Issuer, {
    description: 'Whose access tokens are taken.',
    example: [
      {
        issuer: 'https://login.example.com',
        audience: 'https://beacons.example.com',
        jwksUri: 'https://login.example.com/jwks.json',
      },
    ],
    default: [],
    maxItems: 8,
  }),
  deny: Type.Array(
    Type.String({
      pattern: '^(headgate-)?[A-Za-z0-9_-]{22}$',
      form: 'the hash of a subject, 22 characters, as the audit log and CloudTrail show it',
      example: 'headgate-Zm9vYmFyYmF6cXV4cXV1eA',
    }),
    {
      description:
        'Subjects that get nothing any more, from the next reload on: the hash of the audit log, or the SourceIdentity of CloudTrail. See [revoke](runbooks/revoke.md).',
      example: ['headgate-Zm9vYmFyYmF6cXV4cXV1eA'],
      default: [],
      maxItems: 10_000,
    },
  ),
})

/** What holds for the credentials of all apps. The limits are those of the whole gateway, however many workers it has. */
export const GatewayCredentials = strict({
  ...awsEndpoint('STS, and of the streams of apps', 'that of `aws.region`'),
  subjectKeyEnv: variable({
    description:
      'The variable with the secret (32 characters and more, the same for all gateways) by which subjects become the pseudonyms of CloudTrail and the audit log. With another one everybody has another, and `deny` means nobody. Required for credentials.',
    example: 'HEADGATE_SUBJECT_KEY',
  }),
  recordKeyEnv: variable({
    description:
      'The variable with a private Ed25519 key, as JWK. Answers then carry a `recordToken`, by which whoever reads the stream can tell whose records are whose. Left out: there are none.',
    example: 'RECORD_KEY',
  }),
  limits: strict({
    addressPerMinute: positive(60, {
      description:
        'Requests for credentials of one address. Those beyond are only counted, and make no audit line.',
      example: 30,
    }),
    subjectPerHour: positive(12, { description: 'Requests of one subject.', example: 6 }),
    appPerMinute: positive(600, { description: 'Requests for one app.', example: 6_000 }),
    newSubjectsPerMinute: positive(300, {
      description: 'Subjects of one app that have not been seen lately.',
      example: 3_000,
    }),
    publicPerMinute: positive(60, {
      description: 'Requests for all apps in mode `public` together.',
      example: 600,
    }),
    stsPerSecond: positive(50, {
      description:
        'Calls to STS of this gateway, below what AWS grants an account in a region. Several gateways share that.',
      example: 25,
    }),
    stsBurst: positive(100, { description: 'How many of them may come at once.', example: 50 }),
  }),
})

/** The example key of RFC 8037, appendix A.2. */
export const PUBLIC_X = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'

/** The public half of a key that signs record tokens: strict, so that nobody puts the private one here. */
export const RecordKey = group({
  kty: Type.Literal('OKP', { description: 'Of a JWK (RFC 8037).' }),
  crv: Type.Literal('Ed25519', { description: 'Of a JWK (RFC 8037).' }),
  x: Type.String({
    description: 'The public key. Never `d`, which is the private one.',
    pattern: '^[A-Za-z0-9_-]{43}$',
    form: '`x` of a public Ed25519 key as JWK: 43 characters of base64url',
    example: PUBLIC_X,
  }),
  kid: Type.Optional(
    Type.String({
      description: 'Its name, if it has one.',
      example: '2026-11',
      minLength: 1,
      maxLength: 256,
    }),
  ),
})
