import { meaningOf, sdkCodeOf, sdkStatusOf } from '../std/aws/sdk-errors.ts'
import { AppError } from '../std/errors.ts'

/** What the failure of a call says: `transient` may be gone at the next attempt, `final` needs an operator. */
export type S3Failure = 'absent' | 'exists' | 'transient' | 'final'

/** What the status does not tell. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const KIND_OF_CODE: Readonly<Record<string, S3Failure>> = {
  NoSuchKey: 'absent',
  // The answer to a HEAD, which has no body that could say more.
  NotFound: 'absent',
  PreconditionFailed: 'exists',
  // Two conditional writes met, or one met a delete: S3 asks to try again.
  ConditionalRequestConflict: 'transient',
  OperationAborted: 'transient',
  // The name of a new bucket is not known everywhere yet.
  TemporaryRedirect: 'transient',
  // The body did not arrive, or not as it was sent.
  RequestTimeout: 'transient',
  IncompleteBody: 'transient',
  BadDigest: 'transient',
  XAmzContentChecksumMismatch: 'transient',
  // The SDK has set its clock right by this answer, and its credentials are renewed before the next.
  RequestTimeTooSkewed: 'transient',
  ExpiredToken: 'transient',
  NotImplemented: 'final',
  // More than belongs into the object: it is not read.
  EFBIG: 'final',
  // Also said of one object of many, without a status.
  AccessDenied: 'final',
  // These come from the local disk, not from the network.
  ENOSPC: 'final',
  EDQUOT: 'final',
  EROFS: 'final',
  EACCES: 'final',
  EIO: 'final',
  ENOENT: 'final',
}

/**
 * What a code that is not listed means, by the status. Without one there was no answer: a reset, a timeout, or a name
 * that does not resolve.
 */
function kindOfStatus(status: number): S3Failure {
  const refusal = status >= 300 && status < 500 && status !== 408 && status !== 429
  return refusal ? 'final' : 'transient'
}

export function s3FailureOf(error: unknown): S3Failure {
  if (error instanceof AppError) return 'final'
  return meaningOf(KIND_OF_CODE, sdkCodeOf(error)) ?? kindOfStatus(sdkStatusOf(error))
}
