import type { AppIdentity } from './app-attest-object.ts'

/** What of an app's `credentials` says how its devices prove themselves. */
export interface AttestationConfig {
  /** For Apple's App Attest. */
  readonly appAttest?: AppIdentity | undefined
  /** What happens when a proof cannot be checked. What was checked and is wrong is refused either way. */
  readonly onUnavailable?: 'refuse' | 'allow-limited' | undefined
}

export interface AttestedApp {
  readonly id: string
  readonly attestation?: AttestationConfig | undefined
}

/** What a device presents, and what it must be bound to. */
export interface Evidence {
  readonly token: string
  readonly keyId: string
  /** What an earlier proof was answered with. */
  readonly enrolment?: string | undefined
  readonly challenge: string
  /** SHA-256 over the request (request-hash.ts), the challenge included. */
  readonly requestHash: Buffer
  readonly app: AttestedApp
}

/** basic: the app says so. device: hardware holds a key. strong: hardware holds a key, and a vendor vouches for the app. */
export type AttestationLevel = 'basic' | 'device' | 'strong'

export type AttestationResult =
  | {
      readonly ok: true
      readonly deviceId: string
      readonly level: AttestationLevel
      /** For the device to keep and to present next time. */
      readonly enrolment?: string | undefined
    }
  | { readonly ok: false; readonly reason: string }

/**
 * One way in which devices prove themselves. It gives a verdict on whatever a client sends, and rejects only with
 * `attestation_unavailable`, when it could not ask whom it had to ask.
 */
export interface AttestationVerifier {
  readonly kind: string
  verify(evidence: Evidence, signal: AbortSignal): Promise<AttestationResult>
}
