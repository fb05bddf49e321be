import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import { RECORD_TOKEN_TYPE, type RecordClaims } from '../../../event/schema/record-token.ts'
import { unlessRejected } from '../../../std/expected-errors.ts'
import { lruCache } from '../../../std/lru.ts'

/** The public half of the key that signs record tokens, as JWK. */
export interface RecordKey {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  readonly x: string
  /** Left out: its thumbprint. */
  readonly kid?: string
}

export interface VerifiedRecord extends RecordClaims {
  readonly expiresMs: number
}

export interface RecordVerifier {
  /** What the token says, if one of our keys signed it. Whether it has ended is for those to judge who know when it was used. */
  verify(token: string): Promise<VerifiedRecord | undefined>
}

/** Ours have about 400. */
const MAX_TOKEN_CHARS = 1_024
/** How many characters of checked tokens are remembered: each comes with every batch of an hour. */
const MAX_REMEMBERED_CHARS = 8_388_608

export function createRecordVerifier(keys: readonly RecordKey[]): RecordVerifier {
  const byName = new Map(keys.map((key) => [nameOf(key), keyOf(key)]))
  const known = lruCache<VerifiedRecord | null>(MAX_REMEMBERED_CHARS, (_, token) => token.length)

  function keyNamed({ kid }: { readonly kid?: string }): KeyObject {
    const key = byName.get(kid ?? '')
    if (key === undefined) throw new errors.JWKSNoMatchingKey()
    return key
  }

  async function check(token: string): Promise<VerifiedRecord | null> {
    const asked = jwtVerify(token, keyNamed, {
      algorithms: ['EdDSA'],
      typ: RECORD_TOKEN_TYPE,
      requiredClaims: ['exp'],
      // Its end is not judged here.
      currentDate: new Date(0),
    })
    const verified = await unlessRejected(asked, isOfTheToken)
    const { app, subHash, vendId, exp } = verified?.payload ?? {}
    if (typeof app !== 'string' || typeof subHash !== 'string' || typeof vendId !== 'string') return null
    return { app, subHash, vendId, expiresMs: Number(exp) * 1_000 }
  }

  return {
    async verify(token) {
      if (token.length > MAX_TOKEN_CHARS) return undefined
      const remembered = known.get(token)
      const found = remembered === undefined ? await check(token) : remembered
      known.set(token, found)
      return found ?? undefined
    },
  }
}

const isOfTheToken = (error: unknown): boolean => error instanceof errors.JOSEError

const keyOf = ({ kty, crv, x }: RecordKey): KeyObject =>
  createPublicKey({ key: { kty, crv, x }, format: 'jwk' })

/** RFC 7638: the members that make the key, in the order of their names. */
const nameOf = ({ kty, crv, x, kid }: RecordKey): string =>
  kid ?? hash('sha256', JSON.stringify({ crv, kty, x }), 'base64url')
