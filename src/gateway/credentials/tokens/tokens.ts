import { hash, type KeyObject } from 'node:crypto'
import { type JWTPayload, jwtVerify } from 'jose'
import type { IssuerConfig } from '../../../config/schema/config-schema.ts'
import type { Clock } from '../../../std/clock.ts'
import { AppError } from '../../../std/errors.ts'
import { counter } from '../../../std/metrics/instruments.ts'
import type { Telemetry } from '../../../std/telemetry.ts'
import { createKeyring, type Keyring } from './keyring.ts'
import type { Subject, TokenVerifier } from './subject.ts'
import { TOKEN_ALGORITHMS } from './token-algorithms.ts'
import { assertClaims, readToken, refused, signingChoice, subjectOf, tokenRefusalOf } from './token-claims.ts'

/** How far the clocks of two machines may differ that both keep time. */
export const SKEW_SECONDS = 30
/** As long as access tokens commonly live; an issuer may have a `maxAgeMinutes` of its own. Ours. */
export const MAX_AGE_MINUTES = 60

export interface TokenVerifierOptions {
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export interface Tokens extends TokenVerifier, Pick<Keyring, 'prefetch' | 'missing' | 'close'> {}

/** OIDC access tokens, by the keys of the issuers that the app lists. */
export function createTokenVerifier({ clock, telemetry }: TokenVerifierOptions): Tokens {
  const keyring = createKeyring({ clock, telemetry })
  const outcomes = counter(telemetry.metrics, 'headgate_access_tokens_total')

  const verify: TokenVerifier['verify'] = async (token, app, signal) => {
    if (token === '') throw new AppError('missing_token', 'Send an access token as a bearer token.')
    const { header, claims } = readToken(token)
    const issuer = app.issuers.find((accepted) => accepted.issuer === claims.iss)
    if (issuer === undefined) throw refused('issuer')
    const { kid, algorithm } = signingChoice(header, issuer)
    const found = await keyring.of(issuer).key(kid, signal)
    if (found === undefined) throw refused('key')
    if (found.algorithm !== algorithm) throw refused('algorithm')
    const verified = await verifiedClaims(token, { issuer, key: found.key, nowMs: clock.nowMs() })
    assertClaims(verified, issuer, app)
    return subjectFrom(verified, issuer, kid)
  }

  return {
    async verify(token, app, signal) {
      try {
        const subject = await verify(token, app, signal)
        outcomes.inc({ outcome: 'accepted' })
        return subject
      } catch (error) {
        outcomes.inc({ outcome: outcomeOf(error) })
        throw error
      }
    },
    prefetch: keyring.prefetch,
    missing: keyring.missing,
    close: keyring.close,
  }
}

interface Verifying {
  readonly issuer: IssuerConfig
  readonly key: KeyObject
  readonly nowMs: number
}

async function verifiedClaims(token: string, { issuer, key, nowMs }: Verifying): Promise<JWTPayload> {
  const { audience, algorithms = TOKEN_ALGORITHMS, typ } = issuer
  try {
    const { payload } = await jwtVerify(token, key, {
      issuer: issuer.issuer,
      audience,
      algorithms: [...algorithms],
      maxTokenAge: maxAgeSeconds(issuer),
      clockTolerance: SKEW_SECONDS,
      requiredClaims: ['exp', 'sub'],
      currentDate: new Date(nowMs),
      ...(typ !== undefined && { typ }),
    })
    return payload
  } catch (error) {
    throw refused(tokenRefusalOf(error))
  }
}

const maxAgeSeconds = ({ maxAgeMinutes = MAX_AGE_MINUTES }: IssuerConfig): number => maxAgeMinutes * 60

function subjectFrom(claims: JWTPayload, issuer: IssuerConfig, keyId: string): Subject {
  const { exp, iat, jti } = claims
  // Both were checked to be numbers; an `exp` in ten years is no reason to believe a token for so long.
  const untilSeconds = Math.min(Number(exp), Number(iat) + maxAgeSeconds(issuer))
  return {
    issuer: issuer.issuer,
    subject: subjectOf(claims),
    expiresMs: untilSeconds * 1_000,
    keyId,
    tokenIdHash: typeof jti === 'string' ? hash('sha256', jti, 'base64url') : undefined,
  }
}

const outcomeOf = (error: unknown): string => {
  if (!(error instanceof AppError)) return 'internal'
  const { reason } = error.details
  return typeof reason === 'string' ? reason : error.code
}
