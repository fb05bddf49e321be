import { createHmac } from 'node:crypto'

/** 22 characters of base64url are 132 bits: enough that nobody meets another, short enough for names of sessions. */
const HASH_CHARS = 22

/** The session tag that says for which app a session is; the vended role's policy reads the stream's name from it. */
export const APP_TAG = 'headgate:app'

export interface SubjectName {
  readonly issuer: string
  readonly subject: string
}

/**
 * A person in names, logs and CloudTrail: always the same, and nobody's who does not hold the pepper. An issuer is a
 * URL, which holds no bar, so no two people have the same text.
 */
export function subjectHash(pepper: string, { issuer, subject }: SubjectName): string {
  return createHmac('sha256', pepper).update(`${issuer}|${subject}`).digest('base64url').slice(0, HASH_CHARS)
}

/** The SourceIdentity of every session of the subject: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
export const sourceIdentityOf = (hash: string): string => `headgate-${hash}`
