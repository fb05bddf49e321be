import { errors } from 'jose'
import { test } from 'tap'
import { refusals, refused, tokenRefusalOf } from '../../../../src/gateway/credentials/tokens/token-claims.ts'

test('what jose finds is told in our words', async (t) => {
  const failed = (claim: string) => new errors.JWTClaimValidationFailed('message', {}, claim, 'check_failed')
  for (const [error, reason] of [
    [failed('iss'), 'issuer'],
    [failed('aud'), 'audience'],
    [failed('typ'), 'type'],
    [failed('sub'), 'subject'],
    [failed('nbf'), 'not_yet_valid'],
    [failed('iat'), 'age'],
    [failed('exp'), 'expired'],
    [failed('a claim of a later jose'), 'claims'],
    [new errors.JWTExpired('message', {}, 'exp'), 'expired'],
    [new errors.JWTExpired('message', {}, 'iat'), 'age'],
    [new errors.JWSSignatureVerificationFailed(), 'signature'],
    [new errors.JWSInvalid('message'), 'malformed'],
  ] as const) {
    t.equal(tokenRefusalOf(error), reason, `${error.name} ${reason}`)
  }
  // A client that is told that its token is malformed forgets it.
  const mistake = new TypeError('ours')
  t.throws(() => tokenRefusalOf(mistake), mistake, 'and a mistake of ours is not laid to the token')
})

test('a refusal is a code, a reason and a sentence, and nothing of the token', async (t) => {
  for (const [reason, words] of Object.entries(refusals)) {
    const error = refused(reason as keyof typeof refusals)
    t.match(error, { code: 'invalid_token', details: { reason }, message: `The access token ${words}.` })
  }
})
