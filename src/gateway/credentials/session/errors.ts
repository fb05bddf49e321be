import { meaningOf, sdkCodeOf, sdkRequestIdOf, sdkStatusOf } from '../../../std/aws/sdk-errors.ts'
import type { AssumeRoleOutcome, StsRefusal } from './sts-sessions.ts'

type RefusalKind = Exclude<AssumeRoleOutcome['kind'], 'minted'>

/**
 * What the status does not tell: STS answers 400 for throttles as well. Names with and without `Exception` are both in
 * use. https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
 */
const KIND_OF_CODE: Readonly<Record<string, RefusalKind>> = {
  Throttling: 'throttled',
  ThrottlingException: 'throttled',
  TooManyRequestsException: 'throttled',
  RequestLimitExceeded: 'throttled',
  RequestThrottled: 'throttled',
  SlowDown: 'throttled',
  // These speak of the gateway's own credentials, which are renewed before the next call.
  ExpiredToken: 'transient',
  ExpiredTokenException: 'transient',
  // The SDK has set its clock right by this answer.
  RequestExpired: 'transient',
  // There are none to be found, so the call was never made.
  CredentialsProviderError: 'misconfigured',
}

/** What a failed call means for the next one. The message is for nobody: it names principals and roles. */
export function stsRefusalOf(error: unknown): { readonly kind: RefusalKind } & StsRefusal {
  const code = sdkCodeOf(error)
  const status = sdkStatusOf(error)
  return {
    kind: meaningOf(KIND_OF_CODE, code) ?? kindOfStatus(status),
    code,
    status,
    requestId: sdkRequestIdOf(error),
  }
}

/** Without a status there was no answer: resets, timeouts, names that do not resolve. */
function kindOfStatus(status: number): RefusalKind {
  if (status === 429) return 'throttled'
  return status >= 400 && status < 500 && status !== 408 ? 'misconfigured' : 'transient'
}
