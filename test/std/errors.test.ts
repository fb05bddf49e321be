import { test } from 'tap'
import { AppError, unreachable } from '../../src/std/errors.ts'

test('an error carries a code and nothing that was not given', async (t) => {
  const error = new AppError('overloaded', 'Too much.')
  t.match(error, { name: 'AppError', code: 'overloaded', message: 'Too much.', details: {} })
  t.equal(error.retryAfterMs, undefined)
  t.notOk('cause' in error)
})

test('an error keeps its cause, its time to wait and its details', async (t) => {
  const cause = new Error('disk')
  const error = new AppError('journal_full', 'Full.', { cause, retryAfterMs: 5, details: { held: 1 } })
  t.equal(error.cause, cause)
  t.equal(error.retryAfterMs, 5)
  t.same(error.details, { held: 1 })
})

test('a case outside a closed union is our own fault', async (t) => {
  t.throws(() => unreachable('surprise' as never), { code: 'internal', message: 'Unexpected case: surprise' })
})
