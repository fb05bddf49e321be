import { AppError } from '../../../std/errors.ts'
import { NAME_PREFIX, type VendingApp } from '../../apps/vending-apps.ts'
import { sessionPolicy } from './session-policy.ts'

/** What STS is asked for. Nothing in it was written by a client. */
export interface StsSessionRequest {
  readonly roleArn: string
  readonly sessionName: string
  /** The human or device behind the session. It cannot be changed, even by assuming further roles. */
  readonly sourceIdentity: string
  /** Never optional: without one the session may do all that the role may. */
  readonly policy: string
  readonly durationSeconds: number
  readonly externalId: string
  readonly tags: readonly Tag[]
}

export interface Tag {
  readonly Key: string
  readonly Value: string
}

/** Who gets it, for how long. */
export interface SessionFor {
  readonly app: VendingApp
  readonly subjectHash: string
  readonly vendId: string
  readonly durationSeconds: number
  readonly notAfterMs?: number | undefined
}

/** By it the role's own policy holds an app to its stream, and a revocation finds its sessions. */
export const APP_TAG = 'headgate:app'
/** Joins the session to its line in the audit log. */
export const VEND_TAG = 'headgate:vend'

/**
 * The form of session names and source identities:
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
const NAME = /^[A-Za-z0-9_+=,.@-]{2,64}$/

export function sessionRequest({ app, subjectHash, vendId, durationSeconds, notAfterMs }: SessionFor) {
  const { id, roleArn, externalId, stream, kmsKeyArn } = app
  return {
    roleArn,
    sessionName: named(`${id}-${subjectHash}`),
    sourceIdentity: named(subjectHash),
    policy: sessionPolicy({ streamArns: [stream.arn], kmsKeyArn, notAfterMs }),
    durationSeconds,
    externalId,
    tags: [
      { Key: APP_TAG, Value: id },
      { Key: VEND_TAG, Value: vendId },
    ],
  } satisfies StsSessionRequest
}

/** STS would cut nothing off: it refuses, or takes a name that means somebody else. */
function named(name: string): string {
  const full = NAME_PREFIX + name
  if (!NAME.test(full)) throw new AppError('internal', `No session name of ${full.length} characters`)
  return full
}
