import fc from 'fast-check'
import { test } from 'tap'
import { MAX_CANDIDATES } from '../../../../src/event/json.ts'
import { judge, MAX_EVENT_BYTES } from '../../../../src/event/verdict.ts'
import { Unreadable } from '../../../../src/gateway/collect/formats/format.ts'
import { native } from '../../../../src/gateway/collect/formats/native.ts'
import { AppError } from '../../../../src/std/errors.ts'

const decode = (body: string | Buffer, contentType?: string) =>
  native.decode({ contentType, headers: {}, query: {}, body: Buffer.from(body) }).candidates

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
const unreadable = new Unreadable('The line cannot be read as JSON')
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
      ['no object', '5', [5]],
      ['an array of anything', '[null,[],"x"]', [null, [], 'x']],
    ] as const) {
      t.strictSame(decode(body, type), candidates, `${shape} as ${type}`)
    }
  }
})

test('a bad line keeps its place among its neighbours', async (t) => {
  t.strictSame(decode(`${json(a)}\n{"name":\n${json(b)}`), [a, unreadable, b])
  t.strictSame(decode(`oops\n${json(b)}`), [unreadable, b], 'also the first')
  const deep = '['.repeat(40) + ']'.repeat(40)
  t.strictSame(decode(`${json(a)}\n${deep}`), [a, unreadable], 'too deep is bad, too')
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
    ['several arrays', '[1]\n[2]', /^Not valid JSON/],
    ['too deep', '{"a":'.repeat(40) + 1 + '}'.repeat(40), 'JSON is nested deeper than 32 levels'],
    ['events is no array', json({ events: a }), 'events: must be an array'],
    ['events is null', json({ events: null, name: 'a', value: 1 }), 'events: must be an array'],
    ['context is no object', json({ context: [], events: [a] }), 'context: must be an object'],
    ['context is null', json({ context: null, events: [a] }), 'context: must be an object'],
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
  const bad = decode(json({ context, events: [{ ...a, attributes: 'x' }] }))
  t.match(
    judge(bad[0]),
    { detail: 'attributes: must be object' },
    'an event’s bad attributes are its own fault',
  )
  const worse = decode(json({ context: { attributes: 'x' }, events: [a] }))
  t.match(judge(worse[0]), { detail: 'attributes: must be object' })
})

test('a context cannot name events, nor bring what is no column', async (t) => {
  const context = { event_id: 'e', measurement_id: 'm', app_id: 'x', colour: 'red', user_id: 'u' }
  t.strictSame(decode(json({ context, events: [a] })), [{ user_id: 'u', ...a }])
})

test('a context’s attributes are bounded, as each event gets a copy', async (t) => {
  const attributes = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']))
  t.equal(decode(json({ context: { attributes: attributes(32) }, events: [a, b] })).length, 2)
  t.equal(
    failure(json({ context: { attributes: attributes(33) }, events: [a, b] })),
    'malformed_body: context.attributes: must not have more than 32 names',
  )
})

test('a form is JSON all the same, or one event in the fields of the pixel', async (t) => {
  const type = 'application/x-www-form-urlencoded;charset=UTF-8'
  t.strictSame(decode(json([a, b]), type), [a, b])
  t.strictSame(decode(`${json(a)}\n${json(b)}`, type), [a, b])
  t.strictSame(decode('name=a&value=1&attributes.plan=pro+plus&page_path=%2Fx', type), [
    { name: 'a', value: 1, page_path: '/x', attributes: { plan: 'pro plus' } },
  ])
  t.equal(failure('', type), 'malformed_body: The body is empty')
  t.match(failure(`name=${'a'.repeat(MAX_EVENT_BYTES)}`, type), /^body_too_large: /)
})

test('a multipart body is read in its first part', async (t) => {
  const type = 'multipart/form-data; boundary=X'
  const part = (content: string, name = 'data') =>
    `--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`
  t.strictSame(decode(`${part(json([a, b]))}--X--\r\n`, type), [a, b])
  t.strictSame(decode(`${part(json(a))}${part(json(b), 'more')}--X--\r\n`, type), [a])
  t.strictSame(decode(`${part(`${json(a)}\r\n${json(b)}`)}--X--`, type), [a, b])
  for (const body of [
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
  const many = MAX_CANDIDATES + 1
  const bodies = [
    `[${'1,'.repeat(MAX_CANDIDATES)}1]`,
    '1\n'.repeat(many),
    `{"events":[${'1,'.repeat(MAX_CANDIDATES)}1]}`,
    `{"context":{"unit":"ms"},"events":[${'1,'.repeat(MAX_CANDIDATES)}1]}`,
  ]
  for (const body of bodies) {
    t.equal(failure(body), 'body_too_large: The body holds more than 2000 events')
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
