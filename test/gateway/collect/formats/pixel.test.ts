import { test } from 'tap'
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

test('a plus that nobody encoded is a space by now, and one again in a time', async (t) => {
  for (const [arrived, meant] of [
    ['2026-11-22T12:00:00 01:00', '2026-11-22T12:00:00+01:00'],
    ['2026-11-22T12:00:00 0100', '2026-11-22T12:00:00+0100'],
    ['2026-11-22T12:00:00 01', '2026-11-22T12:00:00+01'],
    ['2026-11-22 12:00:00Z', '2026-11-22 12:00:00Z'],
    ['2026-11-22T12:00:00-01:00', '2026-11-22T12:00:00-01:00'],
  ] as const) {
    t.match(decode({ name: 'a', value: '1', event_time: arrived }), [{ event_time: meant }])
  }
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
