import Type, { type Static } from 'typebox'
import { anyRequest, problemAnswer } from '../../http/documented.ts'
import { AttestationClaim } from './attest/attestation-claim.ts'

const exact = { additionalProperties: false } as const
const appId = Type.String({
  pattern: '^[a-z0-9][a-z0-9_-]{0,63}$',
  form: 'the id of an app: 1 to 64 of a-z, 0-9, hyphen and underscore, beginning with a letter or digit',
  example: 'shop',
  description: 'The app.',
})
const streamName = Type.String({
  pattern: '^[A-Za-z0-9_.-]{1,128}$',
  form: 'the name of a stream: 1 to 128 of letters, digits, and _.-',
  example: 'headgate-direct-shop',
})

/** To the letter: an unknown member and a number in a string are refused, not repaired. */
export const CredentialsRequest = Type.Object(
  {
    app: appId,
    streams: Type.Optional(
      Type.Array(streamName, {
        minItems: 1,
        maxItems: 10,
        uniqueItems: true,
        form: 'a list of 1 to 10 names of streams, each once',
        example: ['headgate-direct-shop'],
        description: 'To ask for less; left out: all that the app may have.',
      }),
    ),
    durationSeconds: Type.Optional(
      Type.Integer({
        form: 'a whole number from 900 to 3600',
        minimum: 900,
        maximum: 3_600,
        example: 900,
        description: 'At most what the app may have.',
      }),
    ),
    attestation: Type.Optional(AttestationClaim),
  },
  { ...exact, form: 'a JSON object', example: { app: 'shop' } },
)
export type CredentialsRequest = Static<typeof CredentialsRequest>

export const ContainerParams = Type.Object({ app: appId }, exact)
export type ContainerParams = Static<typeof ContainerParams>

const instant = (description: string) =>
  Type.String({ description: `${description} ISO 8601 in UTC, whole seconds.` })

const answer = Type.Object(
  {
    vendId: Type.String({ description: 'In the audit log, and as tag headgate:vend in CloudTrail.' }),
    region: Type.String(),
    streams: Type.Array(Type.Object({ name: Type.String(), arn: Type.String() })),
    credentials: Type.Object({
      accessKeyId: Type.String(),
      secretAccessKey: Type.String(),
      sessionToken: Type.String(),
      expiration: instant('When they end.'),
    }),
    refreshAfter: instant('From when on to ask again. Asking at every request is limited.'),
    limits: Type.Object({ maxRecordBytes: Type.Integer(), recommendedFlushSeconds: Type.Integer() }),
    recordToken: Type.Optional(
      Type.String({
        description: 'A signed statement of whose these are, for the records that are put with them.',
      }),
    ),
    enrolment: Type.Optional(
      Type.String({ description: 'Of a device that was attested: to be sent next time.' }),
    ),
  },
  { description: 'They put records on the streams of the app, and do nothing else.' },
)

const containerAnswer = Type.Object(
  {
    AccessKeyId: Type.String(),
    SecretAccessKey: Type.String(),
    Token: Type.String(),
    Expiration: instant('When they end.'),
    AccountId: Type.String(),
  },
  { description: 'What the container providers of the AWS SDKs read.' },
)

const refusals = {
  ...anyRequest,
  400: problemAnswer('The request is not valid; `detail` names the field.'),
  401: problemAnswer('No known app and key, no token, or one that is not valid.'),
  403: problemAnswer('The app gives no credentials, or not these, or not to this subject, device or Origin.'),
  429: problemAnswer('The address, the subject or the app is over its limit; see Retry-After.'),
  502: problemAnswer('STS gave no credentials. The configuration or the role may have to be mended.'),
  503: problemAnswer(
    'Too much is asked of STS, or the issuer or the attestation cannot be reached; see Retry-After.',
  ),
}

export const credentialsSchema = {
  operationId: 'vendCredentials',
  summary: 'Credentials for the direct stream of an app',
  description:
    'Credentials that can put records on the stream of this app, and nothing else, for an hour at most. Needs the publishable key of the app and an access token of an issuer that it lists. Keep them in memory only, and ask again after `refreshAfter`.',
  tags: ['credentials'],
  security: [{ accessToken: [] }],
  headers: Type.Object({
    'x-headgate-key': Type.Optional(Type.String({ description: 'Publishable key of the app.' })),
  }),
  body: CredentialsRequest,
  response: {
    200: answer,
    ...refusals,
    413: problemAnswer('Above 32 KiB.'),
    415: problemAnswer('Neither application/json, or with a content encoding.'),
  },
}

export const containerSchema = {
  operationId: 'containerCredentials',
  summary: 'The same, as the container providers of AWS SDKs want it',
  description:
    'For AWS_CONTAINER_CREDENTIALS_FULL_URI with AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, whose file holds `Bearer <token>` without a newline. Refusals carry `Code` and `Message` as well.',
  tags: ['credentials'],
  security: [{ accessToken: [] }],
  params: ContainerParams,
  response: { 200: containerAnswer, ...refusals, 404: problemAnswer('The path cannot be decoded.') },
}
