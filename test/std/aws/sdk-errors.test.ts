import t from 'tap'
import { sdkCodeOf, sdkStatusOf } from '../../../src/std/aws/sdk-errors.ts'

t.test('an error of an SDK has a code, and the status of an answer if there was one', async (t) => {
  const made = (more: object) => Object.assign(new Error('words'), more)
  for (const [error, code, status] of [
    [made({ name: 'AccessDenied', $metadata: { httpStatusCode: 403 } }), 'AccessDenied', 403],
    [made({ name: 'TimeoutError', code: 'ECONNRESET', $metadata: {} }), 'ECONNRESET', 0],
    [made({ code: 20 }), 'Error', 0],
    ['words', 'unknown', 0],
    [undefined, 'unknown', 0],
  ] as const) {
    t.strictSame([sdkCodeOf(error), sdkStatusOf(error)], [code, status], code)
  }
})
