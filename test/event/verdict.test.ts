import { test } from 'tap'
import { judge, MAX_EVENT_BYTES } from '../../src/event/verdict.ts'

const least = { name: 'checkout.duration', value: 12.5 }

/** What a refusal says, or 'accepted'. */
function verdictOn(candidate: unknown): string {
  const verdict = judge(candidate)
  return verdict.kind === 'accepted' ? 'accepted' : `${verdict.code}: ${verdict.detail}`
}

test('a name and a value are enough', async (t) => {
  t.same(judge(least), { kind: 'accepted', measurement: least, ignored: 0 })
})

test('every field that a client may set is kept', async (t) => {
  const full = {
    ...least,
    event_id: 'e',
    measurement_id: 'm',
    event_time: '2026-11-22T12:00:00Z',
    unit: 'ms',
    weight: 10,
    page_url: 'https://shop.example/a?b',
    http_response_status_code: 200,
    attributes: { plan: 'pro' },
  }
  t.same(judge(full), { kind: 'accepted', measurement: full, ignored: 0 })
})

test('unknown fields and those that only the gateway sets are counted: no line will hold them', async (t) => {
  const candidate = { ...least, app_id: 'other-app', received_time: 1, country: 'XX', colour: 'red' }
  t.same(judge(candidate), { kind: 'accepted', measurement: candidate, ignored: 4 })
})

test('a field that is undefined is absent, neither kept nor counted', async (t) => {
  const verdict = judge({ ...least, unit: undefined })
  t.match(verdict, { kind: 'accepted', measurement: least, ignored: 0 })
})

test('null is absent: many clients write it for what they do not know', async (t) => {
  t.strictSame(judge({ ...least, page_route: null, user_id: null }), {
    kind: 'accepted',
    measurement: least,
    ignored: 0,
  })
  t.equal(verdictOn({ ...least, value: null }), 'missing_field: value: is required')
})

test('keys that reach for a prototype are unknown fields', async (t) => {
  const candidate: unknown = JSON.parse(
    '{"name":"a","value":1,"__proto__":{"unit":"evil"},"constructor":{"prototype":{"unit":"evil"}},"hasOwnProperty":1}',
  )
  const verdict = judge(candidate)
  t.match(verdict, { kind: 'accepted', measurement: { name: 'a', value: 1 }, ignored: 3 })
  t.equal(verdict.kind === 'accepted' && verdict.measurement.unit, undefined)
})

test('what is refused, and what is said of it', async (t) => {
  for (const [candidate, said] of [
    [null, 'not_an_object: An event must be a JSON object'],
    [5, 'not_an_object: An event must be a JSON object'],
    ['text', 'not_an_object: An event must be a JSON object'],
    [[least], 'not_an_object: An event must be a JSON object'],
    [undefined, 'not_an_object: An event must be a JSON object'],
    [{}, 'missing_field: name: is required'],
    [{ value: 1 }, 'missing_field: name: is required'],
    [{ name: 'a' }, 'missing_field: value: is required'],
    [{ name: 'a', value: undefined }, 'missing_field: value: is required'],
    [{ name: 'a', value: null }, 'missing_field: value: is required'],
    [{ name: 'a', value: '1' }, 'invalid_field: value: must be number'],
    [JSON.parse('{"name":"a","value":1e999}'), 'invalid_field: value: must be number'],
    [{ name: 'a', value: Number.NaN }, 'invalid_field: value: must be number'],
    [{ ...least, name: '1st' }, 'invalid_field: name: must match pattern "^[A-Za-z][\\w.:/-]{0,127}$"'],
    [{ ...least, name: 'a\n' }, 'invalid_field: name: must match pattern "^[A-Za-z][\\w.:/-]{0,127}$"'],
    [{ ...least, unit: '' }, 'invalid_field: unit: must not have fewer than 1 characters'],
    [{ ...least, weight: 0 }, 'invalid_field: weight: must be > 0'],
    [{ ...least, weight: 1e7 }, 'invalid_field: weight: must be <= 1000000'],
    [
      { ...least, session_id: 'x'.repeat(129) },
      'invalid_field: session_id: must not have more than 128 characters',
    ],
    [{ ...least, event_time: {} }, 'invalid_field: event_time: must be epoch milliseconds or ISO 8601 text'],
    [{ ...least, event_time: {} }, 'invalid_field: event_time: must be epoch milliseconds or ISO 8601 text'],
    [
      { ...least, http_response_status_code: 200.5 },
      'invalid_field: http_response_status_code: must be integer',
    ],
    [{ ...least, attributes: [] }, 'invalid_field: attributes: must be object'],
    [{ ...least, attributes: { colour: 1 } }, 'invalid_field: attributes.colour: must be string'],
    [{ ...least, attributes: { colour: null } }, 'invalid_field: attributes.colour: must be string'],
    [
      { ...least, attributes: { a: 'x'.repeat(257) } },
      'invalid_field: attributes.a: must not have more than 256 characters',
    ],
  ] as const) {
    t.equal(verdictOn(candidate), said, said)
  }
})

test('1e308 is a number like any other: what a rollup can hold is the rollup’s to say', async (t) => {
  t.equal(verdictOn({ name: 'a', value: 1e308 }), 'accepted')
})

test('attributes are bounded in number and in the length of their names', async (t) => {
  const attributes = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']))
  t.equal(verdictOn({ ...least, attributes: attributes(32) }), 'accepted')
  t.equal(
    verdictOn({ ...least, attributes: attributes(33) }),
    'invalid_field: attributes: must not have more than 32 names',
  )
  for (const name of ['', 'k'.repeat(65)]) {
    t.equal(
      verdictOn({ ...least, attributes: { [name]: 'v' } }),
      'invalid_field: attributes: names must have 1 to 64 characters',
    )
  }
})

test('attributes in hostile numbers are refused before any of them is looked at', async (t) => {
  let looks = 0
  const attributes = Object.defineProperties(
    {},
    Object.fromEntries(
      Array.from({ length: 33 }, (_, i) => [`k${i}`, { enumerable: true, get: () => ++looks }] as const),
    ),
  )
  const candidate = { ...least, attributes }
  t.equal(verdictOn(candidate), 'invalid_field: attributes: must not have more than 32 names')
  t.equal(looks, 0)
})

test('an attribute’s name is repeated bounded and harmless', async (t) => {
  const said = verdictOn({ ...least, attributes: { [`<b>\u001b[31m\u202e/~${'x'.repeat(200)}`]: 1 } })
  t.match(said, /^invalid_field: attributes\.[\w.:?-]+: must be string$/)
  t.ok(said.length < 120)
})

test('an event whose texts alone exceed the limit is too large', async (t) => {
  const text = (chars: number) => ({ name: 'a', value: 1, exception_message: 'x'.repeat(chars - 1) })
  t.equal(verdictOn(text(MAX_EVENT_BYTES)), 'accepted', 'the name and the message make exactly 64 KiB')
  t.equal(verdictOn(text(MAX_EVENT_BYTES + 1)), 'event_too_large: The event has more than 65536 bytes')
  t.equal(
    verdictOn({ ...least, unknown: 'x'.repeat(MAX_EVENT_BYTES * 2) }),
    'accepted',
    'what is left out is not counted',
  )
})

test('no client may send what gateways tell of themselves', async (t) => {
  t.equal(
    verdictOn({ ...least, name: 'headgate.ledger' }),
    'invalid_field: name: headgate.ledger is reserved',
  )
  t.equal(verdictOn({ ...least, name: 'headgate.ledgers' }), 'accepted')
})

test('which rule was broken is looked for only when somebody asks', async (t) => {
  const candidate = { ...least, unit: 5 }
  t.same(judge(candidate, false), { kind: 'refused', code: 'invalid_field', detail: 'A field is not valid' })
  t.match(judge(candidate), { code: 'invalid_field', detail: /^unit: must be string/ })
})
