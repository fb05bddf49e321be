import { test } from 'tap'
import { instant } from '../../src/std/instant.ts'

const T0 = Date.UTC(2026, 10, 22, 12)
const MIN = 60_000

test('instants are epoch ms, or ISO 8601 with a zone', async (t) => {
  for (const [value, ms] of [
    [0, 0],
    [T0, T0],
    [`${T0}`, T0],
    ['2026-11-22T12:00Z', T0],
    ['2026-11-22T12:00:00Z', T0],
    ['2026-11-22T12:00:00.000Z', T0],
    ['2026-11-22T17:30:00+05:30', T0],
    ['2026-11-22', T0 - 12 * 60 * MIN],
  ] as const) {
    t.equal(instant('from', value), ms, `${value}`)
  }
})

test('other instants are refused, naming the field', async (t) => {
  for (const value of [
    '',
    'now',
    '2026-11-22T12:00:00',
    '2026-13-01',
    '22.11.2026',
    -1,
    1.5,
    8.64e15,
    '1969-12-31',
  ]) {
    t.throws(() => instant('to', value), { code: 'invalid_request', message: /^to must be/ }, `${value}`)
  }
})
