import { meaningOf } from './sdk-errors.ts'

const ADDRESS = 'check the network, and the region and the endpoint of the configuration'
const NOBODY = `nobody answers there; ${ADDRESS}`
const NOT_KNOWN = 'the credentials are not known there; check them, the region and the endpoint'
const EXPIRED = 'the credentials have expired; renew them'
const DENIED =
  'the credentials may not do this; give their role the policy of docs/iam, with the name that is configured'
const ELSEWHERE = 'it is in another region; correct the region of the configuration'

/**
 * What an operator can mend of what a call to S3 or Kinesis came to.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 * https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html
 */
const WORDS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket; make it, or correct lake.bucket',
  ResourceNotFoundException:
    'there is no such stream; make it, or correct gateway.stream.name and its region',
  AccessDenied: DENIED,
  AccessDeniedException: DENIED,
  AllAccessDisabled: DENIED,
  KMSAccessDeniedException: 'the credentials may not use the key of KMS; allow it in their policy',
  KMSDisabledException: 'the key of KMS is disabled; enable it',
  KMSNotFoundException: 'there is no such key of KMS; correct that of the stream',
  InvalidAccessKeyId: NOT_KNOWN,
  SignatureDoesNotMatch: NOT_KNOWN,
  InvalidSignatureException: NOT_KNOWN,
  UnrecognizedClientException: NOT_KNOWN,
  InvalidClientTokenId: NOT_KNOWN,
  ExpiredToken: EXPIRED,
  ExpiredTokenException: EXPIRED,
  CredentialsProviderError:
    'no credentials come; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role',
  RequestTimeTooSkewed: 'the clock of this machine is wrong; set it',
  PermanentRedirect: ELSEWHERE,
  AuthorizationHeaderMalformed: ELSEWHERE,
  SlowDown: 'it is asked too often; it is tried again',
  ProvisionedThroughputExceededException: 'the stream has too few shards; give it more',
  ECONNREFUSED: NOBODY,
  EHOSTUNREACH: NOBODY,
  ENETUNREACH: NOBODY,
  ETIMEDOUT: NOBODY,
  TimeoutError: NOBODY,
  ENOTFOUND: `that name is not known; ${ADDRESS}`,
  EAI_AGAIN: 'names cannot be looked up; check the DNS of this machine',
}

/** `NoSuchBucket: there is no such bucket; make it, …`, or the code alone. */
export function awsFaultInWords(code: string): string {
  const words = meaningOf(WORDS, code)
  return words === undefined ? code : `${code}: ${words}`
}
