import t from 'tap'
import { s3FailureOf } from '../../src/lake/s3-errors.ts'
import { sdkCodeOf } from '../../src/std/aws/sdk-errors.ts'
import { AppError } from '../../src/std/errors.ts'

/** As the SDK throws it. */
const answer = (name: string, httpStatusCode: number) =>
  Object.assign(new Error('secret'), { name, $metadata: { httpStatusCode } })
const system = (code: string) => Object.assign(new Error('connect 10.1.2.3'), { name: 'TimeoutError', code })

t.test('what a failure says of the next attempt', async (t) => {
  for (const [error, failure, code] of [
    [answer('NoSuchKey', 404), 'absent', 'NoSuchKey'],
    [answer('NotFound', 404), 'absent', 'NotFound'],
    [answer('PreconditionFailed', 412), 'exists', 'PreconditionFailed'],
    [answer('NoSuchBucket', 404), 'final', 'NoSuchBucket'],
    [answer('constructor', 503), 'transient', 'constructor'],
    [answer('AccessDenied', 403), 'final', 'AccessDenied'],
    [answer('InvalidAccessKeyId', 403), 'final', 'InvalidAccessKeyId'],
    [answer('AuthorizationHeaderMalformed', 400), 'final', 'AuthorizationHeaderMalformed'],
    [answer('NotImplemented', 501), 'final', 'NotImplemented'],
    [answer('SlowDown', 503), 'transient', 'SlowDown'],
    [answer('InternalError', 500), 'transient', 'InternalError'],
    [answer('TooManyRequests', 429), 'transient', 'TooManyRequests'],
    [answer('Unknown', 408), 'transient', 'Unknown'],
    [answer('RequestTimeout', 400), 'transient', 'RequestTimeout'],
    [answer('BadDigest', 400), 'transient', 'BadDigest'],
    [answer('ConditionalRequestConflict', 409), 'transient', 'ConditionalRequestConflict'],
    [answer('RequestTimeTooSkewed', 403), 'transient', 'RequestTimeTooSkewed'],
    [answer('ExpiredToken', 400), 'transient', 'ExpiredToken'],
    [system('ECONNRESET'), 'transient', 'ECONNRESET'],
    [system('ENOTFOUND'), 'transient', 'ENOTFOUND'],
    [system('ETIMEDOUT'), 'transient', 'ETIMEDOUT'],
    [Object.assign(answer('AnswerTooLarge', 403), { $metadata: {} }), 'transient', 'AnswerTooLarge'],
    [system('ENOSPC'), 'final', 'ENOSPC'],
    [system('ENOENT'), 'final', 'ENOENT'],
    [Object.assign(new Error('x'), { code: 20 }), 'transient', 'Error'],
    [Object.assign(new Error('x'), { $metadata: {} }), 'transient', 'Error'],
    [new AppError('lake_failed', 'no room'), 'final', 'lake_failed'],
    ['no error at all', 'transient', 'unknown'],
  ] as const) {
    t.strictSame([s3FailureOf(error), sdkCodeOf(error)], [failure, code], `${code}`)
  }
})
