import { test } from 'tap'
import { AppError } from '../../src/std/errors.ts'
import { isProgrammerError } from '../../src/std/programming-errors.ts'

const coded = (code: string, cause?: unknown) => Object.assign(new Error('failed', { cause }), { code })
const named = (name: string) => Object.assign(new Error('failed'), { name })

test('what an operator can mend is told from a mistake of ours', async (t) => {
  for (const [what, error, wanted] of [
    ['a full disk', coded('ENOSPC'), false],
    ['nobody listens', coded('ECONNREFUSED'), false],
    ['a name that is not known', coded('ENOTFOUND'), false],
    ['a certificate that is over', coded('CERT_HAS_EXPIRED'), false],
    ['a certificate of another host', coded('ERR_TLS_CERT_ALTNAME_INVALID'), false],
    ['no HTTP', coded('HPE_INVALID_CONSTANT'), false],
    ['an answer of AWS', Object.assign(named('AccessDenied'), { $metadata: {} }), false],
    ['no credentials', named('CredentialsProviderError'), false],
    ['a deadline', AbortSignal.abort(named('TimeoutError')).reason, false],
    [
      'no JSON',
      new AppError('lake_failed', 'no JSON', { cause: new SyntaxError('Unexpected token') }),
      false,
    ],
    [
      'no JSON, behind what says where',
      new AppError('internal', 'x', {
        cause: new AppError('lake_failed', 'x', { cause: new SyntaxError('x') }),
      }),
      false,
    ],
    ['what we refuse', new AppError('issuer_unavailable', 'The issuer answered 500.'), false],
    ['with its cause', new AppError('lake_failed', 'failed', { cause: coded('EACCES') }), false],
    ['damage', new AppError('internal', 'is damaged', { details: { damaged: true } }), false],
    ['a case that was forgotten', new AppError('internal', 'Unexpected case: x'), true],
    ['a mistake in our words', new AppError('lake_failed', 'failed', { cause: new TypeError('x') }), true],
    ['a text that we read ourselves', new SyntaxError('Unexpected token'), true],
    ['behind an error of nobody', new Error('broken', { cause: new SyntaxError('x') }), true],
    ['a misuse of Node', coded('ERR_INVALID_ARG_TYPE'), true],
    ['a misuse of Fastify', coded('FST_ERR_DUPLICATED_ROUTE'), true],
    [
      'a misuse with a cause',
      new AppError('internal', 'x', { cause: coded('FST_ERR_REP_ALREADY_SENT') }),
      true,
    ],
    ['a file that is closed', coded('EBADF'), true],
    ['what no system takes', coded('EINVAL'), true],
    ['no misuse by its beginning alone', coded('EINVALID'), false],
    ['a plain error', new Error('broken'), true],
    ['with a code of ours that is none', coded('journal_full'), true],
    ['undefined', undefined, true],
    ['a text', 'text', true],
  ] as const)
    t.equal(isProgrammerError(error), wanted, what)
})
