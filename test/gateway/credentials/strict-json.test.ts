import fc from 'fast-check'
import { test } from 'tap'
import { parseStrictJson } from '../../../src/gateway/credentials/strict-json.ts'

test('JSON that every reader reads alike is taken', async (t) => {
  for (const value of [
    {},
    null,
    'a:b',
    { app: 'ios', streams: ['a', 'b'], attestation: { token: 'x' } },
    [{ a: 1 }, { a: 2 }],
    { 'a:b"\\': ':"', b: { a: '\\":' } },
  ]) {
    t.same(parseStrictJson(Buffer.from(JSON.stringify(value))), value)
  }
})

test('JSON of which two readers could make two things is refused', async (t) => {
  for (const [body, message] of [
    ['', 'The body is not JSON.'],
    ['not json', 'The body is not JSON.'],
    ['{"app":"ios"', 'The body is not JSON.'],
    ['{"app":"ios","app":"web"}', 'The body has a key twice.'],
    ['{"app":"ios","\\u0061pp":"web"}', 'The body has a key twice.'],
    ['{"attestation":{"token":"a","token":"b"}}', 'The body has a key twice.'],
    ['{"app":"ios","__proto__":{"x":1}}', 'The body is not JSON.'],
    [`${'['.repeat(9)}${']'.repeat(9)}`, 'The body is nested deeper than 8 levels.'],
    [`${'['.repeat(16_000)}${']'.repeat(16_000)}`, 'The body is nested deeper than 8 levels.'],
    ['{"app":"ios","constructor":{"prototype":{}}}', 'The body is not JSON.'],
    [Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'The body is not UTF-8.'],
  ] as const) {
    t.throws(
      () => parseStrictJson(Buffer.from(body)),
      { code: 'malformed_body', message },
      String(body).slice(0, 40),
    )
  }
})

test('nothing that JSON can say is taken for a key twice', async () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value)
      fc.pre(!/"(__proto__|constructor)"/.test(text))
      return JSON.stringify(parseStrictJson(Buffer.from(text))) === text
    }),
  )
})
