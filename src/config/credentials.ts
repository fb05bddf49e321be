import Type from 'typebox'
import { AwsEndpoint, httpUrl, literals, positive, strict, variable } from './parts.ts'

/** Below it, SDKs that renew 10 to 15 minutes early would ask without end; above it, a chained role is refused by STS. */
const MIN_SESSION_SECONDS = 900
export const MAX_SESSION_SECONDS = 3_600
/** What a session's name of 64 characters leaves beside `headgate-` and the hash of the subject. */
export const MAX_CREDENTIALS_APP_ID = 32

const exact = { additionalProperties: false } as const
const text = Type.String({ minLength: 1, maxLength: 512 })

/** Whose access tokens are believed. Keys are fetched from `jwksUri` and from nowhere else. */
const Issuer = Type.Object(
  {
    issuer: text,
    audience: text,
    jwksUri: httpUrl,
    /** The clients (`azp` or `client_id`) whose tokens are taken; left out: any of the audience. */
    azp: Type.Optional(Type.Array(text, { minItems: 1, maxItems: 32 })),
    maxAgeMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_440 })),
    algorithms: Type.Optional(Type.Array(literals(['RS256', 'ES256', 'EdDSA']), { minItems: 1 })),
    typ: Type.Optional(text),
    /** Of an issuer that many tenants share: what a token must say to be ours. */
    requiredClaims: Type.Optional(
      Type.Record(Type.String(), Type.Union([text, Type.Number(), Type.Boolean()]), {
        form: 'claims by name, each a text, a number, true or false',
        example: '{ tenant: acme }',
      }),
    ),
  },
  exact,
)

/** What an app's clients may be given: a session that puts records on the app's own stream, and nothing else. */
export const AppCredentials = Type.Object(
  {
    /** The switch: false refuses from the next request on. */
    enabled: Type.Boolean({ default: true }),
    mode: literals(['oidc', 'oidc+attest', 'public'], { default: 'oidc' }),
    iUnderstandAnyoneCanWrite: Type.Boolean({ default: false }),
    /** Left out: `headgate-direct-<id>`, the only name to which the role's own policy lets the app's sessions. */
    stream: Type.Optional(
      Type.String({
        pattern: '^headgate-direct-[a-zA-Z0-9_.-]{1,112}$',
        form: 'the name of a stream that begins with headgate-direct-',
        example: 'headgate-direct-shop',
      }),
    ),
    roleArn: Type.String({
      pattern: '^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,512}$',
      form: 'the ARN of a role',
      example: 'arn:aws:iam::111122223333:role/headgate-vended',
    }),
    externalId: Type.String({
      pattern: '^[A-Za-z0-9_+=,.@:/-]{2,1224}$',
      form: '2 to 1224 of letters, digits and _+=,.@:/-',
      example: 'headgate/prod',
    }),
    kmsKeyArn: Type.Optional(
      Type.String({
        pattern: '^arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,128}$',
        form: 'the ARN of a key (not of an alias)',
        example: 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
      }),
    ),
    durationSeconds: Type.Integer({
      default: MAX_SESSION_SECONDS,
      minimum: MIN_SESSION_SECONDS,
      maximum: MAX_SESSION_SECONDS,
    }),
    /** Whether credentials end with the token that they were given for. */
    endWithToken: Type.Boolean({ default: false }),
    attestation: Type.Optional(
      Type.Object(
        {
          appAttest: Type.Optional(
            Type.Object(
              {
                appId: Type.String({
                  pattern: '^[A-Z0-9]{10}\\.[A-Za-z0-9.-]{1,155}$',
                  form: 'the team and the bundle of an app',
                  example: 'ABCDE12345.com.example.shop',
                }),
                environment: literals(['production', 'development'], { default: 'production' }),
              },
              exact,
            ),
          ),
          onUnavailable: literals(['refuse', 'allow-limited'], { default: 'refuse' }),
        },
        exact,
      ),
    ),
    issuers: Type.Array(Issuer, { default: [], maxItems: 8 }),
    /** Subjects that get nothing any more: the hash of the audit line, or the SourceIdentity of CloudTrail. */
    deny: Type.Array(
      Type.String({
        pattern: '^(headgate-)?[A-Za-z0-9_-]{22}$',
        form: 'the hash of a subject, 22 characters, as the audit log and CloudTrail show it',
        example: 'headgate-Zm9vYmFyYmF6cXV4cXV1eA',
      }),
      { default: [], maxItems: 10_000 },
    ),
  },
  exact,
)

/** What holds for the credentials of all apps. The limits are those of the whole gateway, however many workers it has. */
export const GatewayCredentials = strict({
  ...AwsEndpoint,
  /** Names the variable with the secret by which subjects become pseudonyms. */
  subjectKeyEnv: variable,
  /** Names the variable with the Ed25519 key (a private JWK) that signs record tokens; left out: there are none. */
  recordKeyEnv: variable,
  limits: strict({
    addressPerMinute: positive(60),
    subjectPerHour: positive(12),
    appPerMinute: positive(600),
    newSubjectsPerMinute: positive(300),
    /** Of all apps in mode `public` together. */
    publicPerMinute: positive(60),
    stsPerSecond: positive(50),
    stsBurst: positive(100),
  }),
})

/** The public half of a key that signs record tokens: strict, so that nobody puts the private one here. */
export const RecordKey = Type.Object(
  {
    kty: Type.Literal('OKP'),
    crv: Type.Literal('Ed25519'),
    x: Type.String({
      pattern: '^[A-Za-z0-9_-]{43}$',
      form: '`x` of a public Ed25519 key as JWK: 43 characters of base64url',
    }),
    kid: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  },
  exact,
)
