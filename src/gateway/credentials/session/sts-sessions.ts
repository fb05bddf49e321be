import type { StsSessionRequest } from './session.ts'

/** Where sessions come from: the Security Token Service. */
export interface StsSessions {
  /**
   * Never rejects for what the service says, only for what it must not be asked: `internal` when the request is above the
   * ceiling, of which then nothing has left the process.
   */
  assumeRole(request: StsSessionRequest, signal: AbortSignal): Promise<AssumeRoleOutcome>
  close(): Promise<void>
}

export type AssumeRoleOutcome =
  | ({ readonly kind: 'minted' } & Session)
  /** Too many calls for the account: later. */
  | ({ readonly kind: 'throttled' } & StsRefusal)
  /** No answer, or one without meaning: at once again. */
  | ({ readonly kind: 'transient' } & StsRefusal)
  /** Refused for what the configuration or IAM says: the same the next time. */
  | ({ readonly kind: 'misconfigured' } & StsRefusal)

export interface Session {
  readonly accessKeyId: string
  readonly expiresMs: number
  /** The share that policy and tags took of what STS allows for both. */
  readonly packedPolicyPercent: number
  readonly stsRequestId: string | undefined
  /** A function, so that whoever logs or inspects a session sees no secret. */
  reveal(): Secrets
}

export interface Secrets {
  readonly secretAccessKey: string
  readonly sessionToken: string
}

export interface StsRefusal {
  /** What STS or the system calls it. Its message names roles and accounts, and is never looked at. */
  readonly code: string
  /** 0 without an answer. */
  readonly status: number
  readonly requestId: string | undefined
}
