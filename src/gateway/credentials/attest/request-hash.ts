import { createHash } from 'node:crypto'

/** What an attestation is bound to: this app, this subject, these streams, this once. */
export interface AttestedRequest {
  readonly app: string
  /** `sub` of the access token; empty where there is none. */
  readonly subject: string
  /** As they were asked for, in that order; none where the request names none. */
  readonly streams: readonly string[]
  readonly challenge: string
}

/**
 * SHA-256 of five lines joined by LF. Made for Swift and Kotlin, whose JSON encoders do not agree on a byte: nothing is
 * escaped, and the only field that may hold anything comes last, so that no two requests give the same text.
 */
export function requestHash({ app, subject, streams, challenge }: AttestedRequest): Buffer {
  const text = ['headgate-attest-1', app, streams.join(','), challenge, subject].join('\n')
  return createHash('sha256').update(text).digest()
}
