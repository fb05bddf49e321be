import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export interface SigningKey {
  readonly kid: string
  readonly alg: 'RS256' | 'ES256' | 'EdDSA'
  readonly privateKey: KeyObject
  readonly jwk: Record<string, unknown>
}

export function signingKey(kid: string, alg: SigningKey['alg'] = 'ES256', rsaBits = 2_048): SigningKey {
  const { privateKey, publicKey } = pairFor(alg, rsaBits)
  return { kid, alg, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

function pairFor(alg: SigningKey['alg'], modulusLength: number) {
  if (alg === 'RS256') return generateKeyPairSync('rsa', { modulusLength })
  return alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
}

/** A header or claims as they stand in a compact JWS; a text as it is, whether it is JSON or not. */
export const jwsPart = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A compact JWS over whatever is given, whether it makes sense or not. */
export function signed(
  header: unknown,
  claims: unknown,
  { alg, privateKey }: Pick<SigningKey, 'alg' | 'privateKey'>,
): string {
  const input = `${jwsPart(header)}.${jwsPart(claims)}`
  const bytes = Buffer.from(input)
  const signature =
    alg === 'EdDSA'
      ? sign(null, bytes, privateKey)
      : sign('sha256', bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

/** As who takes a public key for a secret would believe it (RFC 8725, section 2.1). */
export function signedByHmac(header: object, claims: unknown, secret: string | Buffer): string {
  const input = `${jwsPart({ ...header, alg: 'HS256' })}.${jwsPart(claims)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}
