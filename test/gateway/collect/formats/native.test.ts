import fc from 'fast-check'
import { test } from 'tap'
import { MAX_CANDIDATES } from '../../../../src/event/decode/spans.ts'
import { UnparsedItem } from '../../../../src/event/schema/unparsed-item.ts'
import { judge, MAX_EVENT_BYTES } from '../../../../src/event/verdict.ts'
import { native } from '../../../../src/gateway/collect/formats/native.ts'
import { runToEnd } from '../../../../src/std/async/yielding.ts'
import { AppError } from '../../../../src/std/errors.ts'

const decode = (body: string | Buffer, contentType?: string) =>
  runToEnd(native.decode({ contentType, headers: {}, query: {}, body: Buffer.from(body) })).candidates

/** Code and message of the AppError that decoding throws. */
function failure(body: string | Buffer, contentType?: string): string {
  try {
    decode(body, contentType)
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`
    throw error
  }
  return 'none'
}

const a = { name: 'a', value: 1 }
const b = { name: 'b', value: 2 }
const unparsed = new UnparsedItem('malformed_line', 'The line cannot be read as JSON')
const json = (value: unknown) => JSON.stringify(value)

test('the shape of a body decides, whatever its content type says', async (t) => {
  t.equal(native.name, 'native')
  for (const type of [
    'application/json',
    'text/plain;charset=UTF-8',
    'application/x-ndjson',
    'image/gif',
    undefined,
  ]) {
    for (const [shape, body, candidates] of [
      ['one event', json(a), [a]],
      ['one event, pretty-printed', JSON.stringify(a, null, 2), [a]],
      ['an array', json([a, b]), [a, b]],
      ['an array, pretty-printed', `\n ${JSON.stringify([a, b], null, 2)}\n`, [a, b]],
      ['an empty array', '[]', []],
      ['NDJSON', `${json(a)}\n${json(b)}\n`, [a, b]],
      ['NDJSON with Windows line ends and blank lines', `${json(a)}\r\n\r\n \n${json(b)}\r\n`, [a, b]],
      ['an envelope', json({ sent_at: 1, events: [a, b] }), [a, b]],
      ['an empty envelope', json({ events: [] }), []],
      ['a byte order mark', `\ufeff${json(a)}`, [a]],
      ['a byte order mark on each line', `\ufeff${json(a)}\n\ufeff${json(b)}`, [a, b]],
      ['values that nothing parts', `${json(a)}${json(b)}`, [a, b]],
      ['values parted by blanks', `${json(a)} \t${json(b)}`, [a, b]],
      ['old Macintosh line ends', `${json(a)}\r${json(b)}\r`, [a, b]],
      ['record separators (RFC 7464)', `\u001e${json(a)}\n\u001e${json(b)}\n`, [a, b]],
      [
        'values that are pretty-printed',
        `${JSON.stringify(a, null, 2)}\n${JSON.stringify(b, null, 2)}`,
        [a, b],
      ],
      ['several values in a line', `${json(a)}${json(b)}\n${json(a)}`, [a, b, a]],
      ['an array a line', `${json([a, b])}\n${json([a])}`, [a, b, a]],
      [
        'an envelope a line',
        `${json({ events: [a] })}\n${json({ context: { unit: 's' }, events: [b] })}`,
        [a, { ...b, unit: 's' }],
      ],
      ['padding', `${json(a)}\u0000\u0000`, [a]],
      ['an envelope without events', json({ context: {}, events: null }), []],
      ['an event whose events are null', json({ ...a, events: null }), [{ ...a, events: null }]],
      ['an envelope without context', json({ context: null, events: [a] }), [a]],
      ['events twice: the last counts', `{"events":[${json(a)}],"events":[${json(b)}]}`, [b]],
      ['no object', '5', [5]],
      ['an array of anything', '[null,[],"x"]', [null, [], 'x']],
    ] as const) {
      t.strictSame(decode(body, type), candidates, `${shape} as ${type}`)
    }
  }
})

test('a bad line keeps its place among its neighbours', async (t) => {
  t.strictSame(decode(`${json(a)}\n{"name":\n${json(b)}`), [a, unparsed, b])
  t.strictSame(decode(`oops\n${json(b)}`), [unparsed, b], 'also the first')
  t.strictSame(decode(`${json(a)}\n{"name":"c}\n${json(b)}`), [a, unparsed, b], 'a quote that was forgotten')
  t.strictSame(decode(`${json(a)}\n{"name":[}\n${json(b)}`), [a, unparsed, b], 'a bracket that was forgotten')
  t.strictSame(decode(`${json(a)}\n{"a":1}}\n${json(b)}`), [a, unparsed, b], 'a bracket too many')
  t.strictSame(decode(`${json(a)}\n{"name":\n}\n${json(b)}`), [a, unparsed, unparsed, b], 'two halves')
  t.strictSame(decode(`${json(a)}\noops ${json(a)}\n5\n${json(b)}`), [a, unparsed, 5, b], 'a word before it')
  t.strictSame(decode(`${json(a)}\n{"events":5}\n${json(b)}`), [
    a,
    new UnparsedItem('malformed_line', 'events: must be an array'),
    b,
  ])
  const latin1 = Buffer.from('{"name":"caf\u00e9","value":1}', 'latin1')
  const lines = (...parts: readonly (string | Buffer)[]) =>
    Buffer.concat(parts.map((part) => Buffer.from(part as string)))
  t.strictSame(decode(lines(json(a), '\n', latin1, '\n', json(b))), [a, unparsed, b], 'no UTF-8')
})

test('a bad item keeps its place among its neighbours', async (t) => {
  const items = (bad: string) => [
    [`[${json(a)},${bad},${json(b)}]`, 'array'],
    [`{"context":null,"events":[${json(a)},${bad},${json(b)}]}`, 'envelope'],
    [`{"events" : [ ${json(a)} , ${bad} , ${json(b)} ] , "sent_at" : 1 }`, 'envelope with blanks'],
  ]
  for (const bad of [
    '{"name":"a","value":NaN}',
    '{"value":Infinity}',
    "{'name':'a'}",
    '{"name":}',
    '{"a":1,}',
    'undefined',
    '',
  ]) {
    for (const [body = '', shape] of items(bad)) {
      t.strictSame(decode(body), [a, unparsed, b], `${shape}: ${bad}`)
    }
  }
  const latin1 = (text: string) => Buffer.from(text, 'latin1')
  for (const [body = ''] of items('{"name":"caf\u00e9","value":1}')) {
    t.strictSame(decode(latin1(body)), [a, unparsed, b])
  }
})

test('a body of which nothing can be read is malformed', async (t) => {
  for (const [why, body, message] of [
    ['empty', '', 'The body is empty'],
    ['blank', ' \r\n\t', 'The body is empty'],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'The body is not UTF-8'],
    ['no JSON', 'hello', /^Not valid JSON/],
    ['cut short', '{"name":"a","val', /^Not valid JSON/],
    ['cut short while pretty-printed', '{\n "name": "a",\n "value":', /^Not valid JSON/],
    ['an array cut short', `[${json(a)},\n${json(b)}`, /^Not valid JSON/],
    ['only broken items', '[{"a":NaN},{]', /^Not valid JSON/],
    ['an envelope of only broken items', '{"events":[{"a":NaN}]}', /^Not valid JSON/],
    ['an envelope that is broken', '{"context":NaN,"events":[{}]}', /^Not valid JSON/],
    ['an array that is not closed well', '[1}', /^Not valid JSON/],
    ['an array with something behind it', '[1] x', /^Not valid JSON/],
    ['events is no array', json({ events: a }), 'events: must be an array'],
    ['context is no object', json({ context: [], events: [a] }), 'context: must be an object'],
  ] as const) {
    t.match(
      failure(body),
      message instanceof RegExp ? /^malformed_body: Not valid JSON/ : `malformed_body: ${message}`,
      why,
    )
  }
})

test('a context holds defaults: the event’s own fields win, attributes merge', async (t) => {
  const context = { session_id: 's', unit: 'ms', attributes: { plan: 'pro', region: 'eu' } }
  const events = [a, { ...b, unit: 's', attributes: { region: 'us' } }, 'no object']
  t.strictSame(decode(json({ context, events })), [
    { session_id: 's', unit: 'ms', attributes: { plan: 'pro', region: 'eu' }, ...a },
    { session_id: 's', ...b, unit: 's', attributes: { plan: 'pro', region: 'us' } },
    'no object',
  ])
})

test('attributes that are no object cost neither the event nor those of the other side', async (t) => {
  const plan = { plan: 'pro' }
  for (const none of ['x', '', '{"a":1}', [1], 5, true]) {
    for (const [where, common, own, attributes, ignored] of [
      ['in an event', undefined, none, {}, 1],
      ['in an event, beside a context', plan, none, plan, 1],
      ['in a context', none, undefined, {}, 0],
      ['in a context, beside an event', none, plan, plan, 0],
    ] as const) {
      const events = [{ ...a, attributes: own }]
      const [event] = decode(json({ context: { attributes: common }, events }))
      t.match(judge(event), { kind: 'accepted', measurement: { attributes }, ignored }, where)
    }
  }
  const [event] = decode(json({ context: { attributes: plan }, events: [{ ...a, attributes: [] }] }))
  t.same(
    judge(event),
    { kind: 'accepted', measurement: { ...a, attributes: plan }, ignored: 0 },
    'as PHP has it',
  )
})

test('a context cannot name events, nor bring what is no column', async (t) => {
  const context = { event_id: 'e', measurement_id: 'm', app_id: 'x', colour: 'red', user_id: 'u' }
  t.strictSame(decode(json({ context, events: [a] })), [{ user_id: 'u', ...a }])
})

test('what is null is absent: neither a default nor anything that hides one', async (t) => {
  const context = { page_route: '/checkout', unit: null, attributes: { plan: 'pro', tier: null } }
  const events = [
    { ...a, page_route: null, attributes: null },
    { ...a, attributes: { plan: null, region: 'eu' } },
    { ...a, page_route: '/', attributes: {} },
  ]
  t.strictSame(decode(json({ context, events })), [
    { page_route: '/checkout', attributes: { plan: 'pro' }, ...a },
    { page_route: '/checkout', attributes: { plan: 'pro', region: 'eu' }, ...a },
    { page_route: '/', attributes: { plan: 'pro' }, ...a },
  ])
  t.strictSame(decode(json({ context: { attributes: null }, events: [a] })), [a])
  t.strictSame(decode(json({ context: {}, events: [null, a] })), [null, a])
})

test('of the attributes of a context and an event too many are no fault of either: the event’s own come first', async (t) => {
  const attributes = (name: string, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${i}`, i]))
  const [candidate] = decode(
    json({
      context: { attributes: attributes('c', 40) },
      events: [{ ...a, attributes: attributes('e', 30) }],
    }),
  )
  const verdict = judge(candidate)
  const kept = verdict.kind === 'accepted' ? Object.keys(verdict.measurement.attributes ?? {}) : []
  t.same(kept, [...Object.keys(attributes('e', 30)), 'c0', 'c1'])
})

test('a context cannot reach for a prototype', async (t) => {
  const [candidate] = decode(
    `{"context":{"__proto__":{"unit":"s"},"attributes":{"__proto__":"x"}},"events":[{"name":"a","value":1,"__proto__":{"unit":"h"}}]}`,
  )
  t.strictSame(judge(candidate), { kind: 'accepted', measurement: { ...a, attributes: {} }, ignored: 0 })
})

test('a form is JSON all the same, or one event in the fields of the pixel', async (t) => {
  const type = 'application/x-www-form-urlencoded;charset=UTF-8'
  t.strictSame(decode(json([a, b]), type), [a, b])
  t.strictSame(decode(`${json(a)}\n${json(b)}`, type), [a, b])
  t.strictSame(decode('name=a&value=1&attributes.plan=pro+plus&page_path=%2Fx', type), [
    { name: 'a', value: '1', page_path: '/x', attributes: { plan: 'pro plus' } },
  ])
  t.equal(failure('', type), 'malformed_body: The body is empty')
  t.strictSame(decode('name=a&value=1&event_time=2026-11-22T12:00:00+01:00', type), [
    { name: 'a', value: '1', event_time: '2026-11-22T12:00:00+01:00' },
  ])
  t.match(failure(`name=a${'&a'.repeat(1_024)}`, type), /^body_too_large: A form of more than 1024 fields/)
  t.match(failure(`name=${'a'.repeat(MAX_EVENT_BYTES)}`, type), /^body_too_large: /)
})

test('a multipart body is read in each part that holds JSON', async (t) => {
  const type = 'multipart/form-data; boundary=X'
  const part = (content: string, name = 'data') =>
    `--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`
  t.strictSame(decode(`${part(json([a, b]))}--X--\r\n`, type), [a, b])
  t.strictSame(decode(`${part(json(a))}${part(json(b), 'more')}--X--\r\n`, type), [a, b])
  t.strictSame(
    decode(`${part('pro', 'plan')}${part(json([a, b]))}${part(`\ufeff ${json(a)}`)}--X--`, type),
    [a, b, a],
    'whatever stands before and between',
  )
  t.strictSame(decode(`${part(json({ events: [a] }))}${part(json({ events: [b] }))}--X--`, type), [a, b])
  const [whole, broken] = decode(`${part(json(a))}${part('{"name":')}--X--`, type)
  t.strictSame(whole, a, 'a part that cannot be read is one by itself')
  t.match(broken, UnparsedItem)
  t.strictSame(decode(`${part(`${json(a)}\r\n${json(b)}`)}--X--`, type), [a, b])
  t.strictSame(
    decode(`${part('a', 'name')}${part('1', 'value')}${part('pro', 'attributes.plan')}--X--\r\n`, type),
    [{ name: 'a', value: '1', attributes: { plan: 'pro' } }],
  )
  const noName = `--X\r\nContent-Type: application/json\r\n\r\n${json(a)}\r\n--X--`
  t.strictSame(decode(noName, type), [a])
  t.match(failure(`${part('x').repeat(1_025)}--X--`, type), /^body_too_large: /)
  t.equal(failure('', type), 'malformed_body: The body is empty')
  for (const body of [
    `--${'X'.repeat(80)}\r\n\r\n{}\r\n--${'X'.repeat(80)}--`,
    '--X',
    '--X\r\nContent-Disposition: form-data',
    part(json(a)),
    '--X--\r\n',
    'a\r\n\r\nb',
  ]) {
    t.equal(failure(body, type), 'malformed_body: The multipart body has no complete part')
  }
  t.match(failure(`${part('plain text')}--X--`, type), /^malformed_body: Not valid JSON/)
})

test('a body of too many events is refused as a whole', async (t) => {
  for (const body of [
    `[${'1,'.repeat(MAX_CANDIDATES)}1]`,
    '{}\n'.repeat(MAX_CANDIDATES + 1),
    '1\n'.repeat(MAX_CANDIDATES + 1),
    `${'[1]'.repeat(MAX_CANDIDATES)}[1]`,
    `{"events":[${'1,'.repeat(MAX_CANDIDATES)}1]}`,
    `{"events":[${'NaN,'.repeat(MAX_CANDIDATES)}1]}`,
    `{"context":{"unit":"ms"},"events":[${'1,'.repeat(MAX_CANDIDATES)}1]}`,
  ]) {
    t.equal(failure(body), 'body_too_large: The body holds more than 2000 events', body.slice(0, 20))
  }
  t.equal(decode(`${json(a)}\n\n`.repeat(MAX_CANDIDATES)).length, MAX_CANDIDATES, 'blank lines are no events')
})

test('whatever the bytes, candidates come out or an AppError', async (t) => {
  const types = fc.constantFrom(
    'application/json',
    'multipart/form-data',
    'application/x-www-form-urlencoded',
  )
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((body) => Buffer.from(body)),
    fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\n', '\r\n', '1', 'a', '--X') }),
  )
  fc.assert(
    fc.property(bytes, types, (body, type) => {
      t.match(failure(body, type), /^(none|malformed_body: .+)$/)
    }),
    { numRuns: 300 },
  )
})
