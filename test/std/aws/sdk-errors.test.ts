import t from 'tap'
import { meaningOf, sdkCodeOf, sdkRequestIdOf, sdkStatusOf } from '../../../src/std/aws/sdk-errors.ts'
import { foreignName } from '../../../src/std/foreign-text.ts'

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

t.test('what a service calls something is cut, and cleaned of all that names do not have', async (t) => {
  const long = 'x'.repeat(65)
  for (const [given, name] of [
    ['ProvisionedThroughputExceededException', 'ProvisionedThroughputExceededException'],
    ['AWS.SimpleQueueService.NonExistentQueue', 'AWS.SimpleQueueService.NonExistentQueue'],
    ['com.amazonaws.kinesis#LimitExceeded', 'com.amazonaws.kinesis#LimitExceeded'],
    ['7a62c49f-347e-4fc4-9331-6e8eEXAMPLE', '7a62c49f-347e-4fc4-9331-6e8eEXAMPLE'],
    ['Odd"\n\u2028 {} ', 'Odd???????'],
    ['x'.repeat(64), 'x'.repeat(64)],
    [long, `${'x'.repeat(64)}…`],
    ['', ''],
  ] as const)
    t.equal(foreignName(given), name, `as ${name}`)
  t.equal(sdkCodeOf(Object.assign(new Error('words'), { name: long })), `${'x'.repeat(64)}…`)
  t.equal(sdkRequestIdOf({ $metadata: { requestId: 'a\nb' } }), 'a?b')
  t.equal(sdkRequestIdOf(new Error('words')), undefined)
})

t.test('a code means what a table says, and nothing that every object has', async (t) => {
  const meanings = { SlowDown: 'throttled' }
  t.equal(meaningOf(meanings, 'SlowDown'), 'throttled')
  for (const code of ['constructor', '__proto__', 'toString', 'Other'])
    t.equal(meaningOf(meanings, code), undefined, code)
})
