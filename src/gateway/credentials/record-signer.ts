import { calculateJwkThumbprint, importJWK, type JWK, SignJWT } from 'jose'
import { RECORD_TOKEN_TYPE, type RecordClaims } from '../../event/schema/record-token.ts'
import { AppError } from '../../std/errors.ts'
import { unlessRejected } from '../../std/expected-errors.ts'
import { jsonIn } from '../../std/json.ts'

/** Signs what lets a consumer tell who put a record: the stream itself keeps no principal. */
export interface RecordSigner {
  sign(claims: RecordClaims, expiresMs: number): Promise<string>
}

/** By a private Ed25519 key as JWK. Consumers know its public half, by `kid` or else by its thumbprint (RFC 7638). */
export async function createRecordSigner(privateJwk: string): Promise<RecordSigner> {
  const jwk = ed25519Key(privateJwk)
  const key = await unlessRejected(importJWK(jwk, 'EdDSA'), isOfTheKey)
  if (key === undefined) throw unusable()
  const kid = jwk.kid ?? (await calculateJwkThumbprint(jwk))
  return {
    sign: (claims, expiresMs) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'EdDSA', typ: RECORD_TOKEN_TYPE, kid })
        .setExpirationTime(Math.floor(expiresMs / 1_000))
        .sign(key),
  }
}

/** What Web Cryptography and jose call a key that is none. */
const isOfTheKey = (error: unknown): boolean => error instanceof DOMException || error instanceof TypeError

/** Nothing of what was wrong is told: it is a secret, or was meant to be one. */
const unusable = (): AppError =>
  new AppError(
    'bad_configuration',
    'gateway.credentials.recordKeyEnv must name a variable with a private Ed25519 key as JWK',
  )

function ed25519Key(text: string): JWK {
  const jwk: JWK = Object(jsonIn(text))
  if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519' || typeof jwk.d !== 'string') throw unusable()
  return jwk
}
