import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { anyRequest, problemAnswer } from '../../../http/documented.ts'
import { isoSecondsFloor } from '../../../std/iso-seconds.ts'
import type { Attestation } from './attestation.ts'
import { AttestationKind } from './attestation-claim.ts'
import type { AttestedApp } from './verifier.ts'

export interface AttestRoutePorts {
  readonly attestation: Attestation
  /** Before the body is read: throws where there is no key of an app that may vend. */
  readonly admitByHead: (request: FastifyRequest) => unknown
  /** The app that the key of a request names; throws what the other credential routes throw when it may not vend. */
  readonly appOf: (request: FastifyRequest, app: string) => AttestedApp
}

/** An app, a kind, and some room. */
const MAX_CHALLENGE_BODY_BYTES = 1_024

const ChallengeRequest = Type.Object(
  {
    app: Type.String({
      minLength: 1,
      maxLength: 64,
      form: 'the id of an app, of at most 64 characters',
      example: 'shop',
    }),
    kind: AttestationKind,
  },
  { additionalProperties: false, form: 'a JSON object', example: { app: 'shop', kind: 'app-attest' } },
)

const challengeSchema = {
  operationId: 'issueChallenge',
  tags: ['credentials'],
  summary: 'Issue a challenge for an attestation',
  description: 'Good for one request for credentials within five minutes, of the same app and kind.',
  body: ChallengeRequest,
  response: {
    200: Type.Object({
      challenge: Type.String(),
      expiresAt: Type.String({ description: 'ISO 8601, UTC, whole seconds' }),
    }),
    ...anyRequest,
    400: problemAnswer('The body is not valid; `detail` names the field.'),
    401: problemAnswer('No known app was named.'),
    403: problemAnswer('The app does not vend credentials.'),
    413: problemAnswer('The body is above 1 KiB.'),
    415: problemAnswer('The content type is not supported.'),
    429: problemAnswer('Too many requests; see Retry-After.'),
  },
}

/** To be mounted where the credential routes are: their hooks set `no-store` and count, their parser reads the body. */
export async function attestRoutes(
  app: FastifyInstance,
  { attestation, admitByHead, appOf }: AttestRoutePorts,
): Promise<void> {
  app.post<{ Body: Static<typeof ChallengeRequest> }>('/v1/attest/challenge', {
    schema: challengeSchema,
    onRequest: async (request) => {
      admitByHead(request)
    },
    bodyLimit: MAX_CHALLENGE_BODY_BYTES,
    handler: async (request) => {
      const { app: id, kind } = request.body
      const { challenge, expiresMs } = attestation.challenge(appOf(request, id), kind)
      return { challenge, expiresAt: isoSecondsFloor(expiresMs) }
    },
  })
}
