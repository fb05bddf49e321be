import Type, { type Static } from 'typebox'
import { APP_ATTEST } from './app-attest.ts'

/** What may be attested, and with it the values of `kind`. */
export const ATTESTATION_KINDS = [APP_ATTEST] as const

/** An attestation by App Attest is some 7,200 characters, and iOS adds to it. */
export const MAX_ATTESTATION_LENGTH = 16_384

export const AttestationKind = Type.Enum([...ATTESTATION_KINDS], {
  description: 'How the device proves itself.',
})

/** The member `attestation` of a request for credentials. */
export const AttestationClaim = Type.Object(
  {
    kind: AttestationKind,
    challenge: Type.String({
      maxLength: 256,
      form: 'the `challenge` that POST /v1/attest/challenge answered, of at most 256 characters',
      description: 'From POST /v1/attest/challenge; good once.',
    }),
    token: Type.String({
      maxLength: MAX_ATTESTATION_LENGTH,
      form: `an attestation object or an assertion in base64, of at most ${MAX_ATTESTATION_LENGTH} characters`,
      example: 'o2NmbXRv…',
      description: 'The attestation object or the assertion, in base64, over the hash of the request.',
    }),
    keyId: Type.String({
      maxLength: 64,
      form: 'the identifier of the key in base64, of at most 64 characters',
      example: 'bq3J…=',
      description: 'The identifier of the key, as the device spells it.',
    }),
    enrolment: Type.Optional(
      Type.String({
        maxLength: 1_024,
        form: 'the `enrolment` of an earlier answer, of at most 1024 characters',
        description: 'From the answer to the attestation of this key; then `token` is an assertion.',
      }),
    ),
  },
  {
    additionalProperties: false,
    form: 'an object',
    example: { kind: APP_ATTEST, challenge: '…', token: '…', keyId: '…' },
  },
)
export type AttestationClaim = Static<typeof AttestationClaim>
