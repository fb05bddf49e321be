import { test } from 'tap'
import { columns, type Event } from '../../../src/event/schema/event.ts'
import { eventLine, linesToBytes, parseEventLine, sharedEnd } from '../../../src/event/schema/ndjson.ts'

const least: Event = {
  event_id: 'e1',
  event_time: 1_795_384_242_843,
  received_time: 1_795_384_242_900,
  app_id: 'shop-web',
  name: 'browser.web_vital.lcp',
  value: 1234.5,
  unit: 'ms',
  weight: 1,
}

const lineOf = (event: Event) => eventLine(event, event, sharedEnd(event))

test('a line is the version, the event’s own columns in storage order, those of its request, and a newline', async (t) => {
  t.equal(
    lineOf({ ...least, attributes: { plan: 'pro', b: 'c' }, measurement_id: 'm1' }),
    '{"v":1,"event_id":"e1","measurement_id":"m1","event_time":1795384242843,"name":"browser.web_vital.lcp",' +
      '"value":1234.5,"unit":"ms","weight":1,"attributes":{"plan":"pro","b":"c"},' +
      '"received_time":1795384242900,"app_id":"shop-web"}\n',
  )
})

test('every column is written', async (t) => {
  const values = { text: 'x', json: { a: 'b' }, bigint: 7, integer: 200, double: 1.5 }
  const all = columns.map(({ name, type }) => [name, values[type]])
  const full: Event = Object.fromEntries(all)
  const line = lineOf(full)
  t.same(Object.keys(JSON.parse(line)).sort(), ['v', ...columns.map(({ name }) => name)].sort())
  t.same(JSON.parse(line), { v: 1, ...full })
})

test('each column has one source: what a client says of its request is not written', async (t) => {
  const claimed = { name: 'a', value: 1, app_id: 'other', country: 'XX', event_time: 'now', unit: 'By' }
  const stamp = { event_id: 'e2', event_time: 7, unit: 'ms', weight: 2 }
  t.equal(
    eventLine(claimed, stamp, sharedEnd({ received_time: 9, app_id: 'shop-web', device_type: 'bot' })),
    '{"v":1,"event_id":"e2","event_time":7,"name":"a","value":1,"unit":"ms","weight":2,' +
      '"received_time":9,"app_id":"shop-web","device_type":"bot"}\n',
  )
})

test('what is no column, or undefined, is not written', async (t) => {
  const event = { ...least, secret: 'x', page_url: undefined } as unknown as Event
  t.equal(lineOf(event), lineOf(least))
})

test('any text is written so that it reads back the same', async (t) => {
  const texts = [
    '',
    'a"b\\c',
    'Zürich 漢字 😀',
    '\u2028\u2029\u00a0',
    '</script>',
    '\ufefe\uff00\ufffe\uffff',
  ]
  for (const text of texts) {
    const event = { ...least, page_route: text, attributes: { [text]: text } }
    const line = lineOf(event)
    t.same(JSON.parse(line), { v: 1, ...event })
    t.equal(line.indexOf('\n'), line.length - 1, 'one line')
  }
})

test('half a character becomes the replacement character: some readers refuse a file for it', async (t) => {
  const line = lineOf({
    ...least,
    page_route: 'a\ud800b',
    user_id: '\udc00😀',
    attributes: { '\ud83d': 'x\udfff' },
  })
  t.notMatch(line, /\\ud/i)
  t.match(JSON.parse(line), {
    page_route: 'a\ufffdb',
    user_id: '\ufffd😀',
    attributes: { '\ufffd': 'x\ufffd' },
  })
})

test('a control character becomes the replacement character, but where a stack trace has lines', async (t) => {
  const all = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).join('')
  const kept = all.replace(/\p{Cc}/gu, '\ufffd')
  const trace = 'Error: a\r\n\tat b (c.js:1:2)\n\u001b[31m\u009b\r\ud800'
  const line = lineOf({
    ...least,
    page_route: all,
    exception_message: 'two\nlines\t',
    exception_stacktrace: trace,
    attributes: { 'a\u0001': '1', 'a\u0002': '2', b: 'c\n' },
  })
  t.notMatch(line, /\\u/, 'no escape of six bytes')
  t.match(JSON.parse(line), {
    page_route: kept,
    exception_message: 'two\ufffdlines\ufffd',
    exception_stacktrace: 'Error: a\n\tat b (c.js:1:2)\n\ufffd[31m\ufffd\ufffd\ufffd',
    attributes: { 'a\ufffd': '2', b: 'c\ufffd' },
  })
  t.equal(line.split('"a\ufffd"').length, 2, 'a name is written once')
})

test('a mark of the byte order becomes it too, wherever it stands: many readers take one off the beginning', async (t) => {
  const line = lineOf({
    ...least,
    event_id: '\ufeffe',
    page_route: '\ufeff~other',
    app_version: '\ufeff\ufeff1',
    unit: 'm\ufeffs',
    exception_message: '\ufeff',
    exception_stacktrace: '\ufeffError\n\ufeffat',
    attributes: { '\ufeffa': '\ufeff/b', a: '/b' },
  })
  t.match(JSON.parse(line), {
    event_id: '\ufffde',
    page_route: '\ufffd~other',
    app_version: '\ufffd\ufffd1',
    unit: 'm\ufffds',
    exception_message: '\ufffd',
    exception_stacktrace: '\ufffdError\n\ufffdat',
    attributes: { '\ufffda': '\ufffd/b', a: '/b' },
  })
  t.notMatch(line, /\ufeff|\\ufeff/)
})

test('a stack trace is written as JSON writes it, whatever stands in its lines', async (t) => {
  const traces = ['', 'a', '\n', 'a\n\nb\n', 'a "b"\nc', 'a\\n\nb', "it's\n漢字", '\ta\n', '\n😀', '\n\u2028']
  const lines = traces.map((exception_stacktrace) => lineOf({ ...least, exception_stacktrace }))
  t.same(
    lines.map((line) => /,"exception_stacktrace":(".*"),"received_time"/s.exec(line)?.[1]),
    traces.map((trace) => JSON.stringify(trace)),
  )
})

test('numbers are written as JSON has them', async (t) => {
  for (const [value, written] of [
    [0, '0'],
    [-0, '0'],
    [1e21, '1e+21'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
  ] as const) {
    t.ok(lineOf({ ...least, value }).includes(`"value":${written},`), written)
  }
})

test('attributes named like a part of a prototype are data', async (t) => {
  const attributes: Record<string, string> = JSON.parse('{"__proto__":"p","constructor":"c"}')
  t.ok(lineOf({ ...least, attributes }).includes(`,"attributes":{"__proto__":"p","constructor":"c"},`))
})

test('a stored line reads back as the event', async (t) => {
  const event: Event = {
    ...least,
    page_path: '/a',
    http_response_status_code: 200,
    attributes: { plan: 'pro' },
  }
  t.strictSame(parseEventLine(lineOf(event)), event)
})

test('what is no event of this version does not read back', async (t) => {
  const { event_id, ...nameless } = least
  for (const [why, line] of [
    ['no JSON', '{"v":1,'],
    ['no object', '[]'],
    ['null', 'null'],
    ['no version', JSON.stringify(least)],
    ['another version', JSON.stringify({ v: 2, ...least })],
    ['a column is missing', JSON.stringify({ v: 1, ...nameless })],
    ['a column of another type', JSON.stringify({ v: 1, ...least, value: '1' })],
    ['empty', ''],
  ] as const) {
    t.equal(parseEventLine(line), undefined, why)
  }
})

test('columns of a later minor version are left out when read', async (t) => {
  t.strictSame(parseEventLine(JSON.stringify({ v: 1, ...least, colour: 'red' })), least)
})

test('of a request that is a little larger than all before, nothing is cut off', async (t) => {
  // The first here to ask for bytes: the scratch is small, and grows with the last piece of some.
  for (let count = 1; count < 300; count++) {
    const lines = Array<string>(count).fill(`"${count} ${'x'.repeat(1_000)}"\n`)
    if (!linesToBytes(lines).equals(Buffer.from(lines.join('')))) t.fail(`${count} lines`)
  }
  const long = Array.from({ length: 10 }, (_, i) => `"${'é'.repeat(300_000 * (i + 1))}"\n`)
  for (const text of long) {
    const lines = [`"${'y'.repeat(20_000)}"\n`, text.slice(0, 16_000), text.slice(16_000)]
    t.ok(linesToBytes(lines).equals(Buffer.from(lines.join(''))), `${text.length} characters`)
  }
})

test('lines become the bytes of their text, however many and in whatever script', async (t) => {
  const small = ['{"a":1}\n']
  const wide = Array.from({ length: 3_000 }, (_, i) => `{"a":"Zürich 漢字 😀 ${i}"}\n`)
  for (const [rule, lines] of [
    ['none', []],
    ['one', small],
    ['some that make a piece', Array<string>(3_000).fill('{"a":1}\n')],
    ['more than there was room for so far', [...wide, ...wide, ...wide]],
    ['one that is longer than a piece', [`"${'é'.repeat(100_000)}"\n`, ...small]],
    ['few again', small],
  ] as const) {
    t.equal(linesToBytes(lines).toString(), lines.join(''), rule)
  }
})

test('lines of more bytes than wanted are refused, however they get there', async (t) => {
  for (const [rule, lines] of [
    ['short ones', Array<string>(1_000).fill('é'.repeat(500))],
    ['in one piece', ['é'.repeat(500_000)]],
    ['the last', ['x'.repeat(999_999), 'é']],
  ] as const) {
    const { length } = Buffer.from(lines.join(''))
    t.equal(linesToBytes(lines, length).length, length, rule)
    t.throws(() => linesToBytes(lines, length - 1), { code: 'stored_too_large' }, rule)
  }
})

test('the bytes of lines are not written over by those that follow', async (t) => {
  const lines = (text: string) => Array<string>(3_000).fill(`${text}\n`)
  const [first, second] = [linesToBytes(lines('first')), linesToBytes(lines('other'))]
  t.equal(String(first), lines('first').join(''))
  t.equal(String(second), lines('other').join(''))
})
