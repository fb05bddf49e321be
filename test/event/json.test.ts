import fc from 'fast-check'
import { test } from 'tap'
import {
  decodeText,
  fewEnough,
  isObject,
  MAX_CANDIDATES,
  MAX_JSON_CONTAINERS,
  MAX_JSON_DEPTH,
  parseJson,
} from '../../src/event/json.ts'
import { AppError } from '../../src/std/errors.ts'

/** Code and message of the AppError that `work` throws. */
function failure(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`
    throw error
  }
  return 'none'
}

const nested = (depth: number, inner = '1') => '[{"a":'.repeat(depth / 2) + inner + '}]'.repeat(depth / 2)

test('a body is UTF-8, with or without a byte order mark', async (t) => {
  t.equal(decodeText(Buffer.from('{"ä":"😀"}')), '{"ä":"😀"}')
  t.equal(decodeText(Buffer.from('\ufeff{}')), '{}')
  t.equal(decodeText(Buffer.from('\ufeff\ufeff')), '\ufeff', 'only the first is a mark')
  t.equal(decodeText(Buffer.alloc(0)), '')
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xaf]]) {
    t.equal(
      failure(() => decodeText(Buffer.from(bytes))),
      'malformed_body: The body is not UTF-8',
    )
  }
})

test('any JSON parses as JSON.parse has it', async (t) => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      if (!/"(__proto__|constructor)"/.test(text)) t.strictSame(parseJson(text), JSON.parse(text))
    }),
    { numRuns: 50 },
  )
})

test('of a repeated key the last counts', async (t) => {
  t.same(parseJson('{"value":1,"v\\u0061lue":2,"value":3}'), { value: 3 })
})

test('keys that reach for a prototype are removed, however deep and however written', async (t) => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['{"a":1,"__proto__":{"polluted":true}}', { a: 1 }],
    ['{"a":1,"\\u005f_proto__":{"polluted":true}}', { a: 1 }],
    ['[{"b":{"constructor":{"prototype":{"polluted":true}}}}]', [{ b: {} }]],
    ['{"constructor":"a word like any other"}', { constructor: 'a word like any other' }],
    ['{"a":"__proto__"}', { a: '__proto__' }],
  ]
  for (const [text, value] of cases) {
    const parsed = parseJson(text)
    t.strictSame(parsed, value, text)
    t.notOk(Object.hasOwn(Object(parsed), '__proto__'))
  }
  t.notHas({}, { polluted: true })
})

test('what does not parse is said with its place, never with its content', async (t) => {
  t.equal(
    failure(() => parseJson('{"secret" 1}')),
    'malformed_body: Not valid JSON at position 10',
  )
  for (const text of [
    '',
    '{',
    'secret',
    '{"a":secret}',
    '[1,]',
    '{"a":1}\n{"b":2}',
    '\u0000',
    'NaN',
    "{'a':1}",
  ]) {
    t.match(
      failure(() => parseJson(text)),
      /^malformed_body: Not valid JSON( at position \d+)?$/,
    )
  }
})

test('nesting is bounded', async (t) => {
  t.ok(parseJson(nested(MAX_JSON_DEPTH)))
  t.ok(parseJson(nested(MAX_JSON_DEPTH, '"[[[[{{{{"')), 'brackets in text are no nesting')
  const tooDeep = 'malformed_body: JSON is nested deeper than 32 levels'
  t.equal(
    failure(() => parseJson(nested(MAX_JSON_DEPTH, '[]'))),
    tooDeep,
  )
  t.equal(
    failure(() => parseJson(nested(60_000))),
    tooDeep,
    'and takes no stack',
  )
  const tooMany = 'malformed_body: JSON has more than 65536 objects and arrays'
  t.equal(
    failure(() => parseJson('['.repeat(4_000_000))),
    tooMany,
    'nor the time to parse it',
  )
  t.equal(
    failure(() => parseJson(`[${'{},'.repeat(MAX_JSON_CONTAINERS)}1]`)),
    tooMany,
  )
  t.ok(parseJson(`[${'{},'.repeat(MAX_JSON_CONTAINERS - 1)}1]`))
})

test('candidates are bounded', async (t) => {
  const items = Array.from({ length: MAX_CANDIDATES }, () => 1)
  t.equal(fewEnough(items), items)
  t.equal(
    failure(() => fewEnough([...items, 1])),
    'body_too_large: The body holds more than 2000 events',
  )
})

test('an object is neither null nor an array', async (t) => {
  t.same([{}, [], null, 'a', 1, undefined].map(isObject), [true, false, false, false, false, false])
})
