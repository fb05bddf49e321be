import { test } from 'tap'
import { invalid, invalidRequest, unknownName } from '../../../src/std/input/invalid.ts'

test('each fault is a sentence that begins with its field, and an entry for programs', async (t) => {
  const error = invalidRequest([
    { field: 'limit', reason: 'must be a whole number' },
    { field: 'a.b', path: ['a', 'b'], reason: 'is not a known field; did you mean "c"?' },
    { field: 'a.from', reason: 'must be an instant' },
    { field: '', reason: 'must be a JSON object.' },
  ])
  t.match(error, {
    code: 'invalid_request',
    message:
      'limit must be a whole number. a.b is not a known field; did you mean "c"? a.from must be an instant. The body must be a JSON object.',
  })
  t.same(error.details, {
    parameter: 'limit',
    errors: [
      { pointer: '#/limit', reason: 'must be a whole number' },
      { pointer: '#/a/b', reason: 'is not a known field; did you mean "c"?' },
      { pointer: '#/a.from', reason: 'must be an instant' },
      { pointer: '#', reason: 'must be a JSON object.' },
    ],
  })
  t.same(Object.keys(invalid('', 'must be a JSON object').details), ['errors'], 'a body is no parameter')
})

test('a name that somebody sent is repeated only where it is nearly one that is known', async (t) => {
  const known = ['from', 'dryRun', 'idempotency_key', 'x'.repeat(65)]
  for (const [name, meant] of [
    ['form', 'from'],
    ['dryRuns', 'dryRun'],
    ['idempotency-keys', 'idempotency_key'],
    ['fr0m', 'from'],
    ['from1', 'from'],
    ['dry.Run', 'dryRun'],
  ] as const)
    t.same(unknownName(name, known), {
      field: name,
      reason: `is not a known field; did you mean "${meant}"? There are ${known.join(', ')}`,
    })
  t.match(
    unknownName('contry', ['app'], (name) => `; did you mean set=${name}?`),
    {
      field: 'contry',
      reason: 'is not a known field; did you mean set=contry? There are app',
    },
  )
  for (const name of [
    'hunter',
    'hunter2',
    'from\n',
    '<b>\u001b[31m',
    'x'.repeat(66),
    'ann@mail.example',
    'über',
    '',
  ])
    t.same(unknownName(name, known), {
      field: `?(${name.length} characters)`,
      reason: `is not a known field; there are ${known.join(', ')}`,
    })
})
