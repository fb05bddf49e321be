import fc from 'fast-check'
import { test } from 'tap'
import {
  afterBlanks,
  createScan,
  MAX_BODY_NAMES,
  MAX_BODY_VALUES,
  MAX_DISTINCT_NAMES,
  MAX_LEVELS,
  MAX_NAME_BYTES,
  MAX_NUMBER_BYTES,
  MAX_OBJECT_NAMES,
  UNCLOSED,
} from '../../../src/event/decode/scan.ts'

/** Where the value that a text begins with ends, and what is wrong with it. */
function scanned(text: string) {
  const bytes = Buffer.from(text)
  const scan = createScan(bytes)
  return { to: scan.value(0, bytes.length), fault: scan.fault }
}

const members = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `"k${from + i}":1`).join()

test('a value ends where a parser says that it does', async (t) => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom('', ' ', ',', ']', '}', '\n{'), (json, behind) => {
      t.same(scanned(json + behind), { to: Buffer.byteLength(json), fault: undefined }, json)
    }),
    { numRuns: 300 },
  )
})

test('a value that nothing ends has no end', async (t) => {
  for (const text of ['', ' ', '{', '[1,2', '{"a":"b', '"abc', '"abc\\"', '"abc\\', '{"a":[}', '"a\n"']) {
    t.equal(scanned(text).to, UNCLOSED, text)
  }
})

test('each bound holds at its number, and not one below it', async (t) => {
  for (const [what, within, beyond, fault] of [
    [
      'names of one object',
      `{${members(MAX_OBJECT_NAMES)}}`,
      `{${members(MAX_OBJECT_NAMES + 1)}}`,
      'An object has more than 1024 names',
    ],
    [
      'names of an object inside',
      `[{"a":{${members(MAX_OBJECT_NAMES)}},"b":1}]`,
      `[{"a":{${members(MAX_OBJECT_NAMES + 1)}},"b":1}]`,
      'An object has more than 1024 names',
    ],
    [
      'a name',
      `{"${'x'.repeat(MAX_NAME_BYTES - 2)}":1}`,
      `{"${'x'.repeat(MAX_NAME_BYTES - 1)}":1}`,
      'A name has more than 1024 bytes',
    ],
    [
      'a number',
      `[${'1'.repeat(MAX_NUMBER_BYTES)}]`,
      `[${'1'.repeat(MAX_NUMBER_BYTES + 1)}]`,
      'A number has more than 64 characters',
    ],
    [
      'levels',
      `${'['.repeat(MAX_LEVELS)}${']'.repeat(MAX_LEVELS)}`,
      `${'['.repeat(MAX_LEVELS + 1)}${']'.repeat(MAX_LEVELS + 1)}`,
      'JSON is nested deeper than 1024 levels',
    ],
  ] as const) {
    t.same(scanned(within), { to: Buffer.byteLength(within), fault: undefined }, what)
    t.same(scanned(beyond), { to: Buffer.byteLength(beyond), fault }, what)
  }
})

test('objects beside one another have names of their own, and a text may be long', async (t) => {
  t.equal(scanned(`[${`{${members(MAX_OBJECT_NAMES)}},`.repeat(3)}1]`).fault, undefined)
  t.equal(scanned(`{"a":"${'x'.repeat(100_000)}"}`).fault, undefined)
  t.equal(scanned('{"a":"b:c,d:{[\\":"}').fault, undefined)
})

test('what lies very deep is counted together', async (t) => {
  const deep = (inner: string) => `${'['.repeat(100)}${inner}${']'.repeat(100)}`
  t.equal(scanned(deep('1')).fault, undefined)
  const wide = `{${members(600)}}`
  t.equal(scanned(deep(`${wide},${wide}`)).fault, 'An object has more than 1024 names')
})

test('a body is bounded in all its names and values', async (t) => {
  const objects = (distinct: number) =>
    `[${Array.from({ length: 66 }, (_, i) => `{${members(1_000, (i * 1_000) % distinct)}}`).join()}]`
  t.throws(() => scanned(objects(2_000)), {
    code: 'body_too_large',
    message: `The body holds more than ${MAX_BODY_NAMES} names`,
  })
  t.throws(() => scanned(objects(66_000)), {
    code: 'body_too_large',
    message: `The body holds more than ${MAX_DISTINCT_NAMES} different names`,
  })
  t.equal(scanned(objects(16_000).slice(0, 500_000)).fault, undefined)
  for (const many of ['1,', '[', '{},']) {
    t.throws(() => scanned(`[${many.repeat(MAX_BODY_VALUES)}`), {
      code: 'body_too_large',
      message: `The body holds more than ${MAX_BODY_VALUES} values`,
    })
  }
})

test('every control character is blank between values', async (t) => {
  const bytes = Buffer.from('\u0000\u001e \r\n\t{')
  t.equal(afterBlanks(bytes, 0, bytes.length), 6)
  t.equal(afterBlanks(bytes, 0, 3), 3)
})
