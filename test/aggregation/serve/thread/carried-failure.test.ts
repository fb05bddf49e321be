import { test } from 'tap'
import { damaged } from '../../../../src/aggregation/rollup/stores/store.ts'
import { carried, errorOf } from '../../../../src/aggregation/serve/thread/carried-failure.ts'
import { AppError } from '../../../../src/std/errors.ts'

/** As messages between threads are. */
const there = (error: unknown): Error => errorOf(structuredClone(carried(error)))

const disk = Object.assign(new Error('EACCES: permission denied, open /x'), { code: 'EACCES' })

test('an error arrives as it left: its class, code, words, place, details and cause', (t) => {
  for (const error of [
    new AppError('query_too_large', 'The range is too long.'),
    new AppError('invalid_request', 'tz is none', { details: { fields: [{ field: 'tz' }] } }),
    new AppError('queries_busy', 'Come again.', { retryAfterMs: 2_000 }),
    new AppError('storage_denied', 'It stays as it is', { cause: disk }),
    damaged('a.rollup', 'it has no header'),
    disk,
    new TypeError('x is not a function'),
  ]) {
    const arrived = there(error)
    t.equal(arrived.constructor, error.constructor, error.message)
    t.same({ ...arrived }, { ...error })
    t.equal(arrived.message, error.message)
    t.equal(arrived.stack, error.stack)
    t.same(arrived.cause, error.cause)
  }
  t.end()
})

test('what has no copy stays behind: the words of a cause and of its cause arrive', (t) => {
  const handle = Object.assign(new RangeError('the handle is closed'), {
    handle: () => {},
    code: Symbol('none'),
  })
  const broken = new TypeError('it cannot be read', { cause: { toString: () => 'a thing', close: () => {} } })
  for (const error of [
    new AppError('internal', 'It failed', { cause: new Error('below', { cause: handle }) }),
    new Error('it failed', { cause: new Error('below', { cause: handle }) }),
  ]) {
    const below = there(error).cause as Error
    t.equal(below.message, 'below')
    t.match(below.cause, { message: 'the handle is closed', constructor: RangeError, code: undefined })
  }
  t.match(there(broken).cause, { message: 'a thing' })
  t.end()
})

test('what is no error arrives as one', (t) => {
  t.match(there('thrown by somebody else'), { message: 'thrown by somebody else' })
  t.end()
})
