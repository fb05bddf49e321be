import type { IssuerConfig } from '../../../config/schema/config-schema.ts'

/** What of an app with credentials says whose tokens it takes. */
export interface CredentialsApp {
  readonly issuers: readonly IssuerConfig[]
  /** Those of all apps, its own among them: a token that is good for two apps is taken for neither. */
  readonly allIssuers: readonly IssuerConfig[]
}

/** Checks access tokens: of the issuers that the app lists, and of nobody else. */
export interface TokenVerifier {
  /** Who the token speaks for; else `missing_token`, `invalid_token` or, while the keys are unknown, `issuer_unavailable`. */
  verify(token: string, app: CredentialsApp, signal: AbortSignal): Promise<Subject>
}

/** Who a token speaks for. */
export interface Subject {
  readonly issuer: string
  readonly subject: string
  readonly expiresMs: number
  readonly keyId: string
  /** A hash of the token's id, which may be written down. */
  readonly tokenIdHash: string | undefined
}
