import type { SessionRequest } from './session.ts'

/** Where sessions come from: the Security Token Service. */
export interface Minter {
  /**
   * Never rejects for what the service says, only for what it must not be asked: `internal` when the request is above the
   * ceiling, of which then nothing has left the process.
   */
  mint(request: SessionRequest, signal: AbortSignal): Promise<MintOutcome>
  close(): Promise<void>
}

export type MintOutcome =
  | ({ readonly kind: 'minted' } & Session)
  /** Too many calls for the account: later. */
  | ({ readonly kind: 'throttled' } & Refusal)
  /** No answer, or one without meaning: at once again. */
  | ({ readonly kind: 'transient' } & Refusal)
  /** Refused for what the configuration or IAM says: the same the next time. */
  | ({ readonly kind: 'misconfigured' } & Refusal)

export interface Session {
  readonly accessKeyId: string
  readonly expiresMs: number
  /** Of what STS allows for policy and tags together. */
  readonly packedPolicyPercent: number
  readonly stsRequestId: string | undefined
  /** A function, so that whoever logs or inspects a session sees no secret. */
  reveal(): Secrets
}

export interface Secrets {
  readonly secretAccessKey: string
  readonly sessionToken: string
}

export interface Refusal {
  /** What STS or the system calls it. Its message names roles and accounts, and is never looked at. */
  readonly code: string
  /** 0 without an answer. */
  readonly status: number
  readonly requestId: string | undefined
}
