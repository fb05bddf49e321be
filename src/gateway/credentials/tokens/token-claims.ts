import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type ProtectedHeaderParameters,
} from 'jose'
import type { IssuerConfig } from '../../../config/schema/config-schema.ts'
import { AppError } from '../../../std/errors.ts'
import { unlessThrown } from '../../../std/expected-errors.ts'
import { MAX_KEY_ID_LENGTH } from './jwk.ts'
import type { CredentialsApp } from './subject.ts'
import { TOKEN_ALGORITHMS, type TokenAlgorithm } from './token-algorithms.ts'

/** Access tokens with many roles come near it; all request headers together have 64 KiB. */
export const MAX_TOKEN_BYTES = 8_192
/** OpenID Connect Core 1.0, 2. */
export const MAX_SUBJECT_LENGTH = 255

/** Why a token is refused, as a closed list: of metrics, of audit lines, and of the sentence that a client reads. */
export const refusals = {
  malformed: 'is not a signed JWT',
  too_large: `exceeds ${MAX_TOKEN_BYTES} bytes`,
  extension: 'uses an extension that is not supported here',
  issuer: 'is from an issuer that this app does not accept',
  algorithm: 'is signed in a way that is not accepted',
  key: 'names no key of its issuer',
  type: 'is not of the type that is accepted',
  signature: 'is not signed by its issuer',
  expired: 'has expired, or does not say when it does',
  age: 'is too old, or does not say when it was issued',
  not_yet_valid: 'is not valid yet',
  audience: 'is meant for somebody else',
  party: 'was issued to a client that is not accepted',
  subject: 'has no subject that can be used',
  claims: 'lacks what this app requires of it',
  several: 'is good for several apps',
} as const
export type TokenRefusal = keyof typeof refusals

export const refused = (reason: TokenRefusal): AppError =>
  new AppError('invalid_token', `The access token ${refusals[reason]}.`, { details: { reason } })

export interface UnverifiedToken {
  readonly header: ProtectedHeaderParameters
  readonly claims: JWTPayload
}

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Nothing of it is true before the signature was checked; but it says with which key to do so. */
export function readToken(token: string): UnverifiedToken {
  if (token.length > MAX_TOKEN_BYTES) throw refused('too_large')
  if (!COMPACT.test(token)) throw refused('malformed')
  const read = unlessThrown(() => partsOf(token), isNoToken)
  if (read === undefined) throw refused('malformed')
  return read
}

const partsOf = (token: string): UnverifiedToken => ({
  header: decodeProtectedHeader(token),
  claims: decodeJwt(token),
})

/** jose calls a header that is none a TypeError. */
const isNoToken = (error: unknown): boolean => error instanceof errors.JOSEError || error instanceof TypeError

export interface SigningChoice {
  readonly kid: string
  readonly algorithm: TokenAlgorithm
}

/** How the token says it is signed, if that is a way that the issuer signs. Where its header says keys are is not read. */
export function signingChoice(header: ProtectedHeaderParameters, issuer: IssuerConfig): SigningChoice {
  const { alg, kid } = header
  if ('crit' in header || 'b64' in header) throw refused('extension')
  const algorithm = (issuer.algorithms ?? TOKEN_ALGORITHMS).find((accepted) => accepted === alg)
  if (algorithm === undefined) throw refused('algorithm')
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KEY_ID_LENGTH) throw refused('key')
  return { kid, algorithm }
}

/**
 * What jose does not know of: who the token was issued to, what else the configuration asks for, and whether that makes
 * it a token of one app. Audiences, scopes and groups are lists: no configuration can tell that nobody is in two.
 */
export function assertClaims(claims: JWTPayload, issuer: IssuerConfig, { allIssuers }: CredentialsApp): void {
  const refusal = lackingClaim(claims, issuer)
  if (refusal !== undefined) throw refused(refusal)
  // An app has an issuer once: another entry of it is of another app.
  const rivals = allIssuers.filter((other) => other !== issuer && other.issuer === issuer.issuer)
  if (rivals.some((rival) => isFor(claims, rival.audience) && lackingClaim(claims, rival) === undefined)) {
    throw refused('several')
  }
}

function lackingClaim(
  claims: JWTPayload,
  { azp, requiredClaims = {} }: IssuerConfig,
): TokenRefusal | undefined {
  const party = claims['azp'] ?? claims['client_id']
  if (azp !== undefined && !azp.some((accepted) => accepted === party)) return 'party'
  const hasAll = Object.entries(requiredClaims).every(([name, wanted]) => {
    const claim = Object.hasOwn(claims, name) ? claims[name] : undefined
    return valuesOf(claim, name).includes(wanted)
  })
  return hasAll ? undefined : 'claims'
}

const isFor = ({ aud }: JWTPayload, audience: string): boolean => valuesOf(aud, 'aud').includes(audience)

/** `scope` is one string of words (RFC 8693, 4.2); other claims are a value or a list of them. */
function valuesOf(claim: unknown, name: string): readonly unknown[] {
  if (name === 'scope' && typeof claim === 'string') return claim.split(' ')
  return Array.isArray(claim) ? claim : [claim]
}

export function subjectOf({ sub }: JWTPayload): string {
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT_LENGTH) throw refused('subject')
  return sub
}

const claimFaults: Readonly<Record<string, TokenRefusal>> = {
  iss: 'issuer',
  aud: 'audience',
  typ: 'type',
  iat: 'age',
  nbf: 'not_yet_valid',
  exp: 'expired',
  sub: 'subject',
}

/** In our words what jose found. */
export function tokenRefusalOf(error: unknown): TokenRefusal {
  if (error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed) {
    return claimFaults[error.claim] ?? 'claims'
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  if (error instanceof errors.JOSEError) return 'malformed'
  throw error
}
