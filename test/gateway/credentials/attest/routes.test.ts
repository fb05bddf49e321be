import Fastify from 'fastify'
import { test } from 'tap'
import { APP_ATTEST, createAppAttest } from '../../../../src/gateway/credentials/attest/app-attest.ts'
import { APPLE_APP_ATTESTATION_ROOT } from '../../../../src/gateway/credentials/attest/apple-root.ts'
import { createAttestation } from '../../../../src/gateway/credentials/attest/attestation.ts'
import { createChallenges } from '../../../../src/gateway/credentials/attest/challenges.ts'
import { attestRoutes } from '../../../../src/gateway/credentials/attest/routes.ts'
import { answerWithProblems } from '../../../../src/http/problems.ts'
import { validatorCompiler } from '../../../../src/http/schema-faults.ts'
import { AppError } from '../../../../src/std/errors.ts'
import { quietTelemetry } from '../../../../src/std/telemetry.ts'
import { fakeClock } from '../../../fakes/clock.ts'
import { seededEntropy } from '../../../fakes/entropy.ts'

async function build() {
  const clock = fakeClock()
  const telemetry = quietTelemetry()
  const secret = Buffer.alloc(32, 1)
  const challenges = createChallenges({ secret, clock, entropy: seededEntropy() })
  const verifiers = [createAppAttest({ secret, clock, root: APPLE_APP_ATTESTATION_ROOT })]
  const attestation = createAttestation({ verifiers, challenges, telemetry })
  const app = Fastify()
  app.setValidatorCompiler(validatorCompiler)
  answerWithProblems(app, telemetry.log, { entropy: seededEntropy() })
  await app.register(attestRoutes, {
    attestation,
    admitByHead: ({ headers }) => {
      if (headers['x-headgate-key'] !== 'key') throw new AppError('unknown_key', 'No known key.')
    },
    appOf: (_request, id) => ({ id }),
  })
  const ask = (body: unknown, headers: object = { 'x-headgate-key': 'key' }) =>
    app.inject({
      method: 'POST',
      url: '/v1/attest/challenge',
      headers: { ...headers },
      payload: body as object,
    })
  return { ask, challenges, clock }
}

test('a challenge is issued for an app and a kind, and works', async (t) => {
  const { ask, challenges } = await build()
  const answer = await ask({ app: 'ios', kind: APP_ATTEST })
  t.equal(answer.statusCode, 200)
  t.equal(answer.json().expiresAt, '2026-11-22T12:05:00Z')
  t.equal(challenges.spend(answer.json().challenge, { app: 'ios', kind: APP_ATTEST }), true)
})

test('what is not asked properly is refused, and the field is named', async (t) => {
  const { ask } = await build()
  for (const [rule, body, headers, status, code] of [
    ['no key', { app: 'ios', kind: APP_ATTEST }, {}, 401, 'unknown_key'],
    ['no key, whatever the body', 'x'.repeat(1_100), {}, 401, 'unknown_key'],
    ['no app', { kind: APP_ATTEST }, undefined, 400, 'invalid_request'],
    ['an empty app', { app: '', kind: APP_ATTEST }, undefined, 400, 'invalid_request'],
    ['no kind', { app: 'ios' }, undefined, 400, 'invalid_request'],
    ['another kind', { app: 'ios', kind: 'play' }, undefined, 400, 'invalid_request'],
    ['a field too many', { app: 'ios', kind: APP_ATTEST, life: 9 }, undefined, 400, 'invalid_request'],
    ['a body above 1 KiB', { app: 'a'.repeat(1_024), kind: APP_ATTEST }, undefined, 413, 'body_too_large'],
  ] as const) {
    const answer = await ask(body, headers)
    t.equal(answer.statusCode, status, rule)
    t.equal(answer.json().code, code, rule)
  }
})
