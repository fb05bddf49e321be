import { test } from 'tap'
import { expectation } from '../../src/std/expectation.ts'

test('what was expected, in words', async (t) => {
  for (const [fault, words] of [
    [{ message: 'must be integer', params: { type: 'integer' } }, 'must be integer'],
    [{ message: 'must be string' }, 'must be string'],
    [
      { message: 'must be equal to one of the allowed values', params: { allowedValues: ['q', 'n'] } },
      'must be one of q, n',
    ],
  ] as const) {
    t.equal(expectation(fault), words)
  }
})
