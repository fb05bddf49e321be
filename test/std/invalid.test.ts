import { test } from 'tap'
import { invalid, invalidRequest, printable } from '../../src/std/invalid.ts'

test('each fault is a sentence that begins with its field, and an entry for programs', async (t) => {
  const error = invalidRequest([
    { field: 'limit', reason: 'must be a whole number' },
    { field: 'a.b', reason: 'is not a known field; did you mean "c"?' },
    { field: '', reason: 'must be a JSON object.' },
  ])
  t.match(error, {
    code: 'invalid_request',
    message:
      'limit must be a whole number. a.b is not a known field; did you mean "c"? The body must be a JSON object.',
  })
  t.same(error.details, {
    parameter: 'limit',
    errors: [
      { pointer: '#/limit', reason: 'must be a whole number' },
      { pointer: '#/a/b', reason: 'is not a known field; did you mean "c"?' },
      { pointer: '#', reason: 'must be a JSON object.' },
    ],
  })
  t.same(Object.keys(invalid('', 'must be a JSON object').details), ['errors'], 'a body is no parameter')
})

test('a name that somebody sent is repeated where it can be nothing but a name', async (t) => {
  for (const name of ['form', 'dryRuns', 'min_n', 'idempotency-key']) t.equal(printable(name), name)
  for (const name of ['<b>\u001b[31m', 'hunter2', 'x'.repeat(33), 'ann@mail.example', 'über'])
    t.equal(printable(name), `?(${name.length} characters)`)
  t.equal(printable(''), '?(0 characters)')
})
