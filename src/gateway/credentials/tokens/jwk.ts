import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { codeOf, unlessThrown } from '../../../std/expected-errors.ts'
import type { TokenAlgorithm } from './token-algorithms.ts'

/** RFC 7518, 3.3. */
export const MIN_RSA_BITS = 2_048
/** Ours: RFC 7515 leaves it open. */
export const MAX_KEY_ID_LENGTH = 255

export interface VerificationKey {
  /** The only algorithm that this key is used with. */
  readonly algorithm: TokenAlgorithm
  readonly key: KeyObject
}

/** What of a JWK names its algorithm (RFC 7518, RFC 8037). */
const kinds: Readonly<Record<TokenAlgorithm, { readonly kty: string; readonly crv?: string }>> = {
  RS256: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: 'P-256' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
}

/** Private parts, and the whole of a symmetric key: whoever published one is not to be believed. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

/**
 * The keys of a JWK set that may verify tokens, by key id; undefined for what is no JWK set. Whatever else an issuer
 * publishes is passed over, so that a key of a new kind does not put an end to the old ones.
 */
export function usableKeys(document: unknown): ReadonlyMap<string, VerificationKey> | undefined {
  const listed = isRecord(document) ? document['keys'] : undefined
  if (!Array.isArray(listed)) return undefined
  const usable = new Map<string, VerificationKey>()
  for (const jwk of listed) {
    const [kid, key] = readKey(jwk) ?? []
    // The first of two keys with one id counts: which of them a token means cannot be told.
    if (kid !== undefined && key !== undefined && !usable.has(kid)) usable.set(kid, key)
  }
  return usable
}

function readKey(jwk: unknown): readonly [string, VerificationKey] | undefined {
  if (!isRecord(jwk) || SECRET_MEMBERS.some((member) => jwk[member] !== undefined)) return undefined
  const { kid, use, key_ops: operations } = jwk
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KEY_ID_LENGTH) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return undefined
  const algorithm = algorithmOf(jwk)
  const key = algorithm && importKey(jwk)
  return key && [kid, { algorithm, key }]
}

function algorithmOf({ kty, crv, alg }: JsonWebKey): TokenAlgorithm | undefined {
  for (const algorithm of Object.keys(kinds) as TokenAlgorithm[]) {
    const kind = kinds[algorithm]
    const fits = kind.kty === kty && (kind.crv === undefined || kind.crv === crv)
    if (fits && (alg === undefined || alg === algorithm)) return algorithm
  }
  return undefined
}

function importKey(jwk: JsonWebKey): KeyObject | undefined {
  const key = unlessThrown(() => createPublicKey({ key: jwk, format: 'jwk' }), isOfTheKey)
  const bits = key?.asymmetricKeyDetails?.modulusLength
  return bits === undefined || bits >= MIN_RSA_BITS ? key : undefined
}

/** A point that is not on its curve, or no number where one belongs. */
const isOfTheKey = (error: unknown): boolean => /^ERR_(?:CRYPTO_|OSSL_|INVALID_ARG_TYPE$)/.test(codeOf(error))

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
