import { test } from 'tap'
import { instant, rangeFrom } from '../../../src/std/input/instant.ts'

const T0 = Date.UTC(2026, 10, 22, 12)
const MIN = 60_000
const DAY = 1_440 * MIN

test('instants are epoch ms, or ISO 8601 with a zone', async (t) => {
  for (const [value, ms] of [
    [0, 0],
    ['0', 0],
    [T0, T0],
    [`${T0}`, T0],
    ['100000000000', 100_000_000_000],
    ['2026-11-22T12:00Z', T0],
    ['2026-11-22t12:00z', T0],
    ['2026-11-22T12:00:00Z', T0],
    ['2026-11-22T12:00:00.000Z', T0],
    ['2026-11-22T12:00:00.5Z', T0 + 500],
    ['2026-11-22T12:00:00.123456+00:00', T0 + 123],
    ['2026-11-22T12:00:00.999999999Z', T0 + 999],
    ['2026-11-22T17:30:00+05:30', T0],
    ['2026-11-22T17:30:00+0530', T0],
    ['2026-11-22T07:00:00-05:00', T0],
    ['2026-11-22T12:50:00.000000+00:50', T0],
    ['2026-11-22', T0 - DAY / 2],
    ['2024-02-29', Date.UTC(2024, 1, 29)],
    ['2000-02-29', Date.UTC(2000, 1, 29)],
    ['1970-01-01T00:00:00Z', 0],
    ['9999-12-31T23:59:59.999Z', 253_402_300_799_999],
    ['253402300799999', 253_402_300_799_999],
  ] as const) {
    t.equal(instant('from', value), ms, `${value}`)
  }
})

test('other instants are refused, naming the field and giving an example', async (t) => {
  for (const value of [
    '',
    'now',
    '2026-11-22T12:00:00',
    '2026-11-22T12:00:00 00:00',
    '2026-11-22 12:00:00Z',
    '2026-11-22T12Z',
    '2026-11-22T12:00:00.Z',
    '2026-11-22T12:00:00.1234567890Z',
    '22.11.2026',
    '+2026-11-22',
    '+012026-11-22',
    '１７９５８６７２０００００',
    '-1',
    -1,
    1.5,
    '1e12',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '9'.repeat(17),
  ]) {
    const expected = { code: 'invalid_request', message: /^to must be .*2026-11-28T12:00:00Z/ }
    t.throws(() => instant('to', value), expected, `${value}`)
  }
})

test('a day that no calendar has, or a time that no clock shows, is refused and not taken for another', async (t) => {
  for (const value of [
    '2026-02-29',
    '2100-02-29',
    '2026-02-30',
    '2026-02-30T00:00Z',
    '2026-04-31',
    '2026-06-31',
    '2026-09-31',
    '2026-11-31',
    '2026-01-32',
    '2026-01-00',
    '2026-00-01',
    '2026-13-01',
    '2026-11-22T24:00Z',
    '2026-11-22T24:00:00Z',
    '2026-11-22T12:60Z',
    '2016-12-31T23:59:60Z',
    '2026-11-22T12:00+24:00',
    '2026-11-22T12:00+05:60',
  ]) {
    t.throws(() => instant('at', value), { message: /^at must be / }, value)
  }
})

test('years have four digits, and begin with 1970', async (t) => {
  for (const value of [
    '1969-12-31',
    '0000-01-01',
    '0099-12-31',
    '1970-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '253402300800000',
    999_999_999_990_000,
    8.64e15,
  ]) {
    const expected = { code: 'invalid_request', message: 'to must be in the years 1970 to 9999.' }
    t.throws(() => instant('to', value), expected, `${value}`)
  }
})

test('a date without hyphens, a year and epoch seconds are not taken for 1970', async (t) => {
  for (const [value, message] of [
    ['20261128', /a date has hyphens, 2026-11-28/],
    [20_261_128, /a date has hyphens/],
    ['2026', /a date has hyphens/],
    ['5', /must be epoch milliseconds/],
    ['1795867200', /look like epoch seconds: multiply by 1000/],
    [1_795_867_200, /epoch seconds/],
    ['99999999999', /epoch seconds/],
  ] as const) {
    t.throws(() => instant('from', value), {
      code: 'invalid_request',
      message,
      details: { parameter: 'from' },
    })
  }
})

test('a range begins before it ends', async (t) => {
  t.same(rangeFrom(T0, T0 + 1), { fromMs: T0, toMs: T0 + 1 })
  for (const toMs of [T0, T0 - DAY]) {
    t.throws(() => rangeFrom(T0, toMs), {
      code: 'invalid_request',
      message: `from (2026-11-22T12:00:00.000Z) must be before to (${new Date(toMs).toISOString()}).`,
    })
  }
})
