import { awsFaultInWords } from '../../../../std/aws/aws-faults.ts'
import { meaningOf, sdkCodeOf, sdkStatusOf } from '../../../../std/aws/sdk-errors.ts'
import { foreignName } from '../../../../std/foreign-text.ts'
import type { RecordOutcome } from '../stream.ts'

export type RecordFailure = Exclude<RecordOutcome, { readonly kind: 'stored' }>

/**
 * What the status does not tell: Kinesis answers 400 for throttles as well.
 * https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html#API_PutRecords_Errors
 * https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html
 */
const KIND_OF_CODE: Readonly<Record<string, RecordFailure['kind']>> = {
  ProvisionedThroughputExceededException: 'throttled',
  LimitExceededException: 'throttled',
  KMSThrottlingException: 'throttled',
  ThrottlingException: 'throttled',
  InvalidArgumentException: 'poison',
  ValidationException: 'poison',
  SerializationException: 'poison',
  InternalFailure: 'transient',
  InternalFailureException: 'transient',
  // No credentials to be found, so the call was never made.
  CredentialsProviderError: 'misconfigured',
}

const KIND_OF_STATUS: Readonly<Record<number, RecordFailure['kind']>> = {
  408: 'transient',
  // The body as a whole is too large for something on the way.
  413: 'poison',
  429: 'throttled',
}

/** Said of the call, not of a record in it: no record may be blamed for a stream name. */
const BLAMES_THE_STREAM = /'stream(Name|ARN|Id)'/

/**
 * What a call's failure means for its records. Any other 4xx is for an operator: AccessDenied, ResourceNotFound, KMS*,
 * signatures. Expired tokens and clocks that are wrong are among them: nothing was stored, all calls fail alike, and the
 * probe that follows heals by itself if the client has other credentials (std/aws/rotated-credentials.ts), or has learnt the
 * time, by then. What is left is ambiguous (5xx, resets, timeouts): it may have been stored.
 */
export function callFailureOf(error: unknown): RecordFailure {
  const code = sdkCodeOf(error)
  const status = sdkStatusOf(error)
  const kind =
    meaningOf(KIND_OF_CODE, code) ??
    KIND_OF_STATUS[status] ??
    (isRefusal(status) ? 'misconfigured' : 'transient')
  if (kind === 'poison' && error instanceof Error && BLAMES_THE_STREAM.test(error.message)) {
    return failed('misconfigured', code)
  }
  return failed(kind, code)
}

/** What a record's own `ErrorCode` means. Other records of the call were stored, so it is never the configuration. */
export function recordFailureOf(errorCode: string): RecordFailure {
  const code = foreignName(errorCode)
  return failed(meaningOf(KIND_OF_CODE, code) === 'throttled' ? 'throttled' : 'transient', code)
}

const failed = (kind: RecordFailure['kind'], code: string): RecordFailure => ({
  kind,
  code,
  why: awsFaultInWords(code),
})

const isRefusal = (status: number): boolean => status >= 400 && status < 500
