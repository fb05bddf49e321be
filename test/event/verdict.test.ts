import { test } from 'tap'
import { UnparsedItem } from '../../src/event/schema/unparsed-item.ts'
import { judge, MAX_DEPTH, type Verdict } from '../../src/event/verdict.ts'

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

test('what is rejected, and what is said of it', async (t) => {
  for (const [candidate, said] of [
    [null, 'not_an_object: An event must be a JSON object'],
    [5, 'not_an_object: An event must be a JSON object'],
    ['text', 'not_an_object: An event must be a JSON object'],
    [[least], 'not_an_object: An event must be a JSON object'],
    [undefined, 'not_an_object: An event must be a JSON object'],
    [{}, 'missing_field: name and value: are required'],
    [{ value: 1 }, 'missing_field: name: is required'],
    [{ value: 1, name: null }, 'missing_field: name: is required'],
    [{ name: 'a' }, 'missing_field: value: is required'],
    [{ name: 'a', value: undefined }, 'missing_field: value: is required'],
    [{ name: 'a', value: null }, 'missing_field: value: is required'],
    [JSON.parse('{"name":"a","value":1e999}'), 'invalid_field: value: must be a number, such as 187.5'],
    [{ name: 'a', value: Number.NaN }, 'invalid_field: value: must be a number, such as 187.5'],
    [
      { ...least, name: '1st' },
      'invalid_field: name: must be 1 to 128 of A-Z, a-z, 0-9 and _ . : / -, beginning with a letter',
    ],
    [
      { ...least, name: 'a\n' },
      'invalid_field: name: must be 1 to 128 of A-Z, a-z, 0-9 and _ . : / -, beginning with a letter',
    ],
    [
      { ...least, weight: 0 },
      'invalid_field: weight: must be a number above 0 and at most 1000000, such as 10',
    ],
    [
      { ...least, weight: 1e7 },
      'invalid_field: weight: must be a number above 0 and at most 1000000, such as 10',
    ],
    [
      { ...least, session_id: 'x'.repeat(129) },
      'invalid_field: session_id: must be a text of at most 128 characters',
    ],
    [
      { ...least, event_time: {} },
      'invalid_field: event_time: must be epoch milliseconds (1795867200000), or ISO 8601 with a time zone (2026-11-28T12:00:00Z)',
    ],
    [
      { ...least, http_response_status_code: 200.5 },
      'invalid_field: http_response_status_code: must be a whole number from 0 to 999, such as 200',
    ],
    [
      { ...least, http_response_status_code: 1_000 },
      'invalid_field: http_response_status_code: must be a whole number from 0 to 999, such as 200',
    ],
    [
      { ...least, http_response_status_code: '2e9' },
      'invalid_field: http_response_status_code: must be a whole number from 0 to 999, such as 200',
    ],
    [{ ...least, value: true }, 'invalid_field: value: must be a number, such as 187.5'],
    [{ ...least, value: [1] }, 'invalid_field: value: must be a number, such as 187.5'],
    [{ ...least, value: '12 ms' }, 'invalid_field: value: must be a number, such as 187.5'],
    [{ ...least, value: '1'.repeat(65) }, 'invalid_field: value: must be a number, such as 187.5'],
    [{ ...least, name: 5 }, 'invalid_field: name: must be a text, such as checkout'],
    [{ ...least, event_id: {} }, 'invalid_field: event_id: must be a text, such as checkout'],
    [{ ...least, page_route: ['/a'] }, 'invalid_field: page_route: must be a text, such as checkout'],
    [{ ...least, unit: {} }, 'invalid_field: unit: must be a text, such as checkout'],
  ] as const) {
    t.equal(verdictOn(candidate), said, said)
  }
})

/** The measurement that a candidate is taken for, and how many of its fields are left out. */
function taken(fields: object): Extract<Verdict, { kind: 'accepted' }> {
  const verdict = judge({ ...least, ...fields })
  if (verdict.kind === 'rejected') throw new Error(verdict.detail)
  return verdict
}

test('what is accepted can be counted: values lie between 0 and 10^12, in their unit', async (t) => {
  const rejected = "invalid_field: value: must lie between 0 and 1000000000000, in the event's unit"
  for (const [value, unit, said] of [
    [0, 'ms', 'accepted'],
    [-0, 'ms', 'accepted'],
    [1e12, '1', 'accepted'],
    [2_147_483_648, 'By', 'accepted'],
    [1e-12, '1', 'accepted'],
    [1e12 + 1, '1', rejected],
    [-0.1, 'ms', rejected],
    [-564, 'ms', rejected],
    [1e308, undefined, rejected],
    ['-1', 'ms', rejected],
    [1e18, 'ns', 'accepted'],
    [1.1e18, 'ns', rejected],
    [1.1e15, 'us', rejected],
    [1e9, 's', 'accepted'],
    [1e9 + 1, 's', rejected],
    [-1, 'ns', rejected],
    [1e308, 'd', rejected],
    [932, 'GiBy', rejected],
  ] as const) {
    t.equal(verdictOn({ name: 'a', value, unit }), said, `${value} ${unit}`)
  }
})

test('a metric is one series: known units of time become ms, and those of size By', async (t) => {
  for (const [value, unit, stored, as] of [
    [1_500_000_000, 'ns', 1_500, 'ms'],
    [1, 'ns', 0.000001, 'ms'],
    [564, 'us', 0.564, 'ms'],
    [564, '\u00b5s', 0.564, 'ms'],
    [564, '\u03bcs', 0.564, 'ms'],
    [2.002, 's', 2_002, 'ms'],
    [0.1, 's', 100, 'ms'],
    [1.1, 's', 1_100, 'ms'],
    ['2.5', 's', 2_500, 'ms'],
    [0.3, 'min', 18_000, 'ms'],
    [1.1, 'h', 3_960_000, 'ms'],
    [0.7, 'd', 60_480_000, 'ms'],
    [0.3, 'kBy', 300, 'By'],
    [4.35, 'MBy', 4_350_000, 'By'],
    [1.005, 'GBy', 1_005_000_000, 'By'],
    [1.1, 'KiBy', 1_126.4, 'By'],
    [2, 'MiBy', 2_097_152, 'By'],
    [1, 'GiBy', 1_073_741_824, 'By'],
    [1_234.5999999940395, 'ms', 1_234.5999999940395, 'ms'],
    [5, 'By', 5, 'By'],
    [5, 'S', 5, 'S'],
    [5, 'Ms', 5, 'Ms'],
    [5, 'KBy', 5, 'KBy'],
    [5, 'sec', 5, 'sec'],
    [5, '{view}', 5, '{view}'],
    [5, '1', 5, '1'],
    [5, 'constructor', 5, 'constructor'],
  ] as const) {
    const { measurement } = taken({ value, unit })
    t.same([measurement.value, measurement.unit], [stored, as], `${value} ${unit}`)
  }
})

test('numbers are read where they are texts, and texts where they are numbers', async (t) => {
  for (const [field, sent, stored] of [
    ['value', '187', 187],
    ['value', '1234.50', 1_234.5],
    ['value', '1e3', 1_000],
    ['weight', '2.5', 2.5],
    ['http_response_status_code', '200', 200],
    ['page_route', 7, '7'],
    ['app_version', 1.5, '1.5'],
    ['environment', false, 'false'],
    ['page_url', 7, '7'],
    ['user_id', 42, '42'],
    ['event_id', -1, '-1'],
    ['user_id', 1.5, '1.5'],
    ['user_id', true, 'true'],
    ['session_id', Number.MAX_SAFE_INTEGER, '9007199254740991'],
    ['page_route', 2 ** 53, '9007199254740992'],
    ['page_route', 1e21, '1e+21'],
    ['unit', 1, '1'],
  ] as const) {
    t.strictSame(taken({ [field]: sent }).measurement, { ...least, [field]: stored }, `${field}: ${sent}`)
  }
})

test('a number whose digits are no longer those that were sent is left out, and counted', async (t) => {
  for (const [field, sent] of [
    ['user_id', '12345678901234567890'],
    ['session_id', '9007199254740992'],
    ['event_id', '-9007199254740993'],
    ['measurement_id', '1e30'],
    ['page_view_id', '1e999'],
    ['page_route', '1e999'],
    ['unit', '-1e999'],
  ] as const) {
    const verdict = taken({ [field]: JSON.parse(sent) })
    t.strictSame(verdict, { kind: 'accepted', measurement: least, ignored: 1 }, `${field}: ${sent}`)
  }
})

test('nothing is said by null, nor by an empty id or unit', async (t) => {
  for (const field of ['event_id', 'measurement_id', 'page_view_id', 'session_id', 'user_id', 'unit']) {
    t.strictSame(taken({ [field]: '' }), { kind: 'accepted', measurement: least, ignored: 0 }, field)
  }
  for (const field of [
    'event_time',
    'weight',
    'unit',
    'page_url',
    'page_route',
    'session_id',
    'attributes',
  ]) {
    t.strictSame(taken({ [field]: null }), { kind: 'accepted', measurement: least, ignored: 0 }, field)
  }
  t.strictSame(
    taken({ attributes: [] }),
    { kind: 'accepted', measurement: least, ignored: 0 },
    'as PHP has it',
  )
  t.strictSame(taken({ page_route: '' }).measurement, { ...least, page_route: '' }, 'an empty text is a text')
})

test('a text may be as long as it is: scrubbing cuts it', async (t) => {
  const text = 'x'.repeat(100_000)
  const long = { ...least, exception_stacktrace: text, page_route: text, unit: text, attributes: { text } }
  t.strictSame(taken(long).measurement, long)
})

test('no value of a dimension begins as those of a rollup’s own do', async (t) => {
  for (const [sent, stored] of [
    ['~other', '∼other'],
    ['~unknown', '∼unknown'],
    ['~', '∼'],
    ['~~', '∼~'],
    ['a~b', 'a~b'],
  ] as const) {
    for (const field of [
      'page_route',
      'app_version',
      'environment',
      'navigation_type',
      'network_effective_type',
      'error_type',
      'language',
    ]) {
      t.same(taken({ [field]: sent }).measurement, { ...least, [field]: stored })
    }
    t.same(taken({ attributes: { plan: sent } }).measurement, { ...least, attributes: { plan: stored } })
  }
  for (const field of ['page_path', 'page_url', 'referrer']) {
    t.same(taken({ [field]: '~other' }).measurement, { ...least, [field]: '∼other' })
  }
})

test('attributes are decoration: for none of them is an event rejected', async (t) => {
  for (const [attributes, kept, ignored] of [
    [{ a: '1' }, { a: '1' }, 0],
    [{ a: 3, b: true, c: 1.5, d: -1 }, { a: '3', b: 'true', c: '1.5', d: '-1' }, 0],
    [{ a: null, b: 'x' }, { b: 'x' }, 0],
    [{ a: undefined, b: 'x' }, { b: 'x' }, 0],
    [{ a: { b: 1 }, c: [1], d: 'x' }, { d: 'x' }, 2],
    [{ a: Number.POSITIVE_INFINITY, b: 'x' }, { b: 'x' }, 1],
    [{ '': 'v', ['k'.repeat(65)]: 'v', ['k'.repeat(64)]: 'v' }, { ['k'.repeat(64)]: 'v' }, 2],
    [JSON.parse('{"__proto__":"x","constructor":"y","prototype":"z","b":"c"}'), { b: 'c' }, 3],
    [JSON.parse('{"__proto__":{"a":"x"}}'), {}, 1],
    [{ a: '' }, { a: '' }, 0],
    [{}, {}, 0],
    ['x', {}, 1],
    ['', {}, 1],
    ['{"a":1}', {}, 1],
    [[1, 2], {}, 1],
    [5, {}, 1],
    [true, {}, 1],
  ] as const) {
    const { measurement, ignored: left } = taken({ attributes })
    t.strictSame({ ...measurement.attributes }, kept)
    t.equal(Object.getPrototypeOf(measurement.attributes), Object.prototype)
    t.equal(left, ignored, JSON.stringify(attributes))
  }
})

test('of too many attributes the first are kept', async (t) => {
  const attributes = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']))
  t.match(taken({ attributes: attributes(32) }), { measurement: { attributes: attributes(32) }, ignored: 0 })
  for (const count of [33, 5_000]) {
    const { measurement, ignored } = taken({ attributes: attributes(count) })
    t.same(measurement.attributes, attributes(32))
    t.equal(ignored, count - 32)
  }
})

test('a field that nobody reads may hold anything, but not to any depth', async (t) => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: [nested(levels - 2)] })
  t.equal(verdictOn({ ...least, entries: nested(MAX_DEPTH - 2), none: null }), 'accepted')
  t.equal(
    verdictOn({ ...least, entries: nested(MAX_DEPTH) }),
    'event_too_complex: JSON is nested deeper than 32 levels',
  )
})

test('what could not be parsed says so itself', async (t) => {
  t.equal(verdictOn(new UnparsedItem('malformed_line', 'No JSON')), 'malformed_line: No JSON')
})

test('no client may send what gateways tell of themselves', async (t) => {
  t.equal(
    verdictOn({ ...least, name: 'headgate.ledger' }),
    'invalid_field: name: headgate.ledger is reserved',
  )
  t.equal(verdictOn({ ...least, name: 'headgate.ledgers' }), 'accepted')
})

test('two ids stay two: what cannot be stored of them is written out', async (t) => {
  const stored = (event_id: unknown) => {
    const verdict = judge({ name: 'a', value: 1, event_id })
    return verdict.kind === 'accepted' ? verdict.measurement.event_id : verdict.detail
  }
  for (const [sent, is] of [
    ['a\u0001', 'a\\u0001'],
    ['a\u0002\n', 'a\\u0002\\u000a'],
    ['a\ud800', 'a\\ud800'],
    ['\ufeffa\ufeff', '\\ufeffa\\ufeff'],
    ['a\udfff\u0085', 'a\\udfff\\u0085'],
    ['\u{1f600} a\u00e9', '\u{1f600} a\u00e9'],
    ['\n'.repeat(21), '\\u000a'.repeat(21)],
    ['\n'.repeat(22), 'event_id: must be a text of at most 128 characters'],
  ] as const) {
    t.equal(stored(sent), is, JSON.stringify(sent))
  }
})
