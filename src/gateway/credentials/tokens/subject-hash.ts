import { createHmac } from 'node:crypto'
import { assertStrongSecret } from '../../../std/input/strong-secret.ts'

/** 132 bits in base64url. */
const SUBJECT_HASH_LENGTH = 22

export interface SubjectHasher {
  /** The same for the same subject, for as long as the key is; says nothing of the subject to whom lacks the key. */
  hash(issuer: string, subject: string): string
}

/** Names subjects in sessions, limits and audit lines, and so in CloudTrail, without telling who they are. */
export function createSubjectHasher(key: string): SubjectHasher {
  assertStrongSecret(key, 'gateway.credentials.subjectKeyEnv')
  return {
    hash: (issuer, subject) =>
      createHmac('sha256', key)
        // As JSON: no two pairs are spelled alike.
        .update(JSON.stringify([issuer, subject]))
        .digest('base64url')
        .slice(0, SUBJECT_HASH_LENGTH),
  }
}
