import { test } from 'tap'
import { momentIn } from '../../../../src/event/values/moment.ts'
import { judge } from '../../../../src/event/verdict.ts'
import { pixel } from '../../../../src/gateway/collect/formats/pixel.ts'
import { runToEnd } from '../../../../src/std/async/yielding.ts'

const decode = (query: Record<string, string>) =>
  runToEnd(pixel.decode({ contentType: undefined, headers: {}, query, body: Buffer.alloc(0) })).candidates

test('a query becomes one measurement, its numbers read', async (t) => {
  t.equal(pixel.name, 'pixel')
  const [candidate] = decode({
    key: 'pk_1',
    name: 'email.opened',
    value: '1',
    weight: '2.5',
    http_response_status_code: '200',
    event_time: '1795384242843',
    page_path: '/mails/7',
    'attributes.campaign': 'spring',
    'attributes.price': '12',
    colour: 'red',
  })
  t.match(judge(candidate), {
    kind: 'accepted',
    measurement: {
      name: 'email.opened',
      value: 1,
      weight: 2.5,
      http_response_status_code: 200,
      event_time: 1_795_384_242_843,
      page_path: '/mails/7',
      attributes: { campaign: 'spring', price: '12' },
    },
    ignored: 1,
  })
})

test('a time may be ISO 8601', async (t) => {
  const [candidate] = decode({ name: 'a', value: '1', event_time: '2026-11-22T12:00:00Z' })
  t.match(candidate, { event_time: '2026-11-22T12:00:00Z' })
})

const NOON = Date.UTC(2026, 10, 22, 12)

test('a plus that nobody encoded is a space by now, and one again in each spelling of a time', async (t) => {
  for (const written of [
    ...[
      '2026-11-22T13:00:00+01:00',
      '2026-11-22T13:00:00+0100',
      '2026-11-22T13:00:00+01',
      '2026-11-22T13:00+01:00',
    ],
    ...[
      '2026-11-22T13+01',
      '20261122T130000+0100',
      '2026-11-22 13:00:00.000+01:00',
      '2026-11-22 13:00:00 +01:00',
    ],
    ...['2026-W47-7T13:00:00+01:00', '+002026-11-22T12:00:00Z', '+002026-11-22T13:00:00+01:00'],
    ...['2026-11-22 13:00:00 UTC+1', '2026-11-22T17:30:00+05:30', '2026-11-22T13:00:00+01:00:00'],
    // Java: ZonedDateTime, and Date in a zone without a name.
    ...['2026-11-22T13:00+01:00[Europe/Paris]', '2026-11-22T13:00+01:00[GMT+01:00]'],
    ...['2026-11-22T13:00:00+01:00[Europe/Paris][u-ca=iso8601]', 'Sun Nov 22 13:00:00 GMT+01:00 2026'],
    // JavaScript: String(date).
    ...['Sun Nov 22 2026 14:00:00 GMT+0200 (CEST)', 'Sun Nov 22 2026 14:00:00 GMT+0200'],
    ...['Sun Nov 22 2026 14:00:00 GMT+0200 (Central European Summer Time)'],
    ...['Sun Nov 22 2026 14:00:00 GMT+0200 (GMT+02:00)'],
    // Go: Time.String, and its clock reading.
    ...[
      '2026-11-22 13:00:00 +0100 CET',
      '2026-11-22 13:00:00.000000001 +0100 CET m=+0.012',
      '2026-11-22 12:00:00 +0000 UTC',
    ],
    // Mail, RFC 850, Ruby, .NET, and epoch milliseconds as some print them.
    ...['Sun, 22 Nov 2026 13:00:00 +0100', 'Sun, 22 Nov 2026 13:00:00 +0100 (CET)', '22 Nov 26 13:00 +0100'],
    ...['Sunday, 22-Nov-26 13:00:00 +0100', 'Sun Nov 22 13:00:00 +0100 2026', '2026-11-22 13:00:00 +0100'],
    ...[`/Date(${NOON}+0100)/`, '1.7953488e+12', `+${NOON}`],
    // Without a plus of its own.
    ...['Sun Nov 22 12:00:00 UTC 2026', 'Sun Nov 22 12:00:00 GMT 2026', 'Sunday, 22-Nov-26 12:00:00 GMT'],
    ...['Sun, 22 Nov 2026 12:00:00 GMT', '2026-11-22 12:00:00Z', '2026-11-22T11:00:00-01:00'],
    ...['Sun Nov 22 2026 07:00:00 GMT-0500 (EST)', 'Sun, 22 Nov 2026 07:00:00 EST'],
  ]) {
    const query = Object.fromEntries(new URLSearchParams(`event_time=${written}`))
    const [{ event_time }] = decode(query) as [{ event_time: string }]
    t.equal(momentIn(event_time), NOON, `${written}, as ${event_time}`)
    t.equal(momentIn(written), NOON, `${written}, encoded`)
  }
})

test('a time in which no plus makes a moment stays as it came', async (t) => {
  for (const event_time of [
    ...['2026-11-22 12:00:00', '2026-11-22 12:00', '22 Nov 2026', 'Sun Nov 22 12:00:00 2026', '12 00', ' '],
    ...[
      '2026-11-22T12:00:00 99:00',
      'half past 5',
      '1795348800 000',
      `${'1 '.repeat(60)}2026-11-22T12:00:00 01:00`,
    ],
  ])
    t.same(decode({ event_time }), [{ event_time }])
})

test('only decimal numbers are numbers', async (t) => {
  for (const [text, value] of [
    ['0', 0],
    ['-1.5', 'invalid_field'],
    ['1.5', 1.5],
    ['+1.', 1],
    ['.5', 0.5],
    ['1e3', 1_000],
    ['1E-3', 0.001],
  ] as const) {
    const [candidate] = decode({ name: 'a', value: text })
    const verdict = judge(candidate)
    t.equal(verdict.kind === 'accepted' ? verdict.measurement.value : verdict.code, value, text)
  }
  for (const text of ['', ' ', '1 ', '0x10', '1,5', 'Infinity', 'NaN', '1e', '.', '1_000']) {
    const [candidate] = decode({ name: 'a', value: text })
    t.match(
      judge(candidate),
      { code: 'invalid_field', detail: 'value: must be a number, such as 187.5' },
      `'${text}'`,
    )
  }
  t.match(judge(decode({ name: 'a', value: '1e999' })[0]), { code: 'invalid_field' })
})

test('an empty query is a candidate that misses its name', async (t) => {
  t.same(decode({}), [{}])
  t.match(judge(decode({})[0]), { code: 'missing_field' })
})

test('names that reach for a prototype are data', async (t) => {
  const query: Record<string, string> = JSON.parse('{"__proto__":"x","attributes.__proto__":"y"}')
  const [candidate] = decode({ ...query, name: 'a', value: '1' })
  t.same(Object.getPrototypeOf(candidate), Object.prototype)
  const verdict = judge(candidate)
  t.match(verdict, { kind: 'accepted', ignored: 2 })
  t.notOk(verdict.kind === 'accepted' && Object.hasOwn(verdict.measurement.attributes ?? {}, '__proto__'))
})
