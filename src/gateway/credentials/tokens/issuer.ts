/** The signatures that are accepted: asymmetric ones only, each with the one kind of key it goes with (jwk.ts). */
export const TOKEN_ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number]

/** Who may vouch for an app's subjects. Everything comes from the configuration, nothing from a token. */
export interface IssuerConfig {
  /** As the tokens spell it, to the character: `iss` is compared, never resolved. */
  readonly issuer: string
  /** The gateway, as the issuer knows it. The client id of the app would let in tokens meant for its other servers. */
  readonly audience: string
  readonly jwksUri: string
  /** The clients whose tokens are taken (`azp`, or `client_id` where there is none). Left out: all of the audience. */
  readonly azp?: readonly string[] | undefined
  /** Since `iat`. An hour unless set, whatever `exp` says. */
  readonly maxAgeMinutes?: number | undefined
  readonly algorithms?: readonly TokenAlgorithm[] | undefined
  /** `at+jwt` where the issuer follows RFC 9068: it then cannot be an ID token. */
  readonly typ?: string | undefined
  /** For issuers that many share: what else must be in a token. */
  readonly requiredClaims?: Readonly<Record<string, string | number | boolean>> | undefined
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** Keys decide who may write: over plain HTTP they come from this machine or not at all. */
export function isJwksUri(uri: string): boolean {
  if (!URL.canParse(uri)) return false
  const { protocol, hostname, username, password } = new URL(uri)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname))
}
