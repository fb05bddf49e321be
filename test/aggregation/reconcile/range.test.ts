import { test } from 'tap'
import { rangeOf } from '../../../src/aggregation/reconcile/range.ts'

const NOW = Date.parse('2026-11-22T12:34:56.789Z')

test('a range is of whole minutes, and by default of the day of which all should have arrived', async (t) => {
  for (const [rule, range, from, to] of [
    ['nothing said', {}, '2026-11-21T12:20Z', '2026-11-22T12:20Z'],
    [
      'minutes as said',
      { from: '2026-11-22T10:00Z', to: '2026-11-22T10:05Z' },
      '2026-11-22T10:00Z',
      '2026-11-22T10:05Z',
    ],
    [
      'parts of minutes belong to it',
      { from: '2026-11-22T10:00:30Z', to: '2026-11-22T10:05:00.001Z' },
      '2026-11-22T10:00Z',
      '2026-11-22T10:06Z',
    ],
    ['epoch milliseconds', { from: '0', to: '1795867200000' }, '1970-01-01T00:00Z', '2026-11-28T12:00Z'],
    ['the day before an end', { to: '2026-11-22' }, '2026-11-21T00:00Z', '2026-11-22T00:00Z'],
    ['no day before the epoch', { to: '1970-01-01T00:01Z' }, '1970-01-01T00:00Z', '1970-01-01T00:01Z'],
  ] as const) {
    t.same(rangeOf(range, NOW), { fromMs: Date.parse(from), toMs: Date.parse(to) }, rule)
  }
})

test('what is no range is refused, naming the field', async (t) => {
  t.throws(() => rangeOf({ from: 'yesterday' }, NOW), { code: 'invalid_request', message: /^from must be/ })
  t.throws(() => rangeOf({ to: '2026-11-22T10:00' }, NOW), { message: /^to must be/ })
  t.throws(() => rangeOf({ from: '2026-11-22', to: '2026-11-22' }, NOW), {
    message: /^from .* must be before to/,
  })
  t.throws(
    () => rangeOf({ from: `${NOW}` }, NOW),
    { code: 'invalid_request', message: /unless it is given, to is a quarter of an hour ago/ },
    'not all has arrived yet',
  )
})
