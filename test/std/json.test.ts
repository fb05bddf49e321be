import { test } from 'tap'
import { asciiJson } from '../../src/std/json.ts'

test('JSON for a header is printable ASCII alone, and reads as what was written', async (t) => {
  for (const [value, text] of [
    [['did you mean "lcp"?'], '["did you mean \\"lcp\\"?"]'],
    ['größe', '"gr\\u00f6\\u00dfe"'],
    ['a\r\nb', '"a\\r\\nb"'],
    ['\u007f\u2028😀', '"\\u007f\\u2028\\ud83d\\ude00"'],
  ] as const) {
    t.equal(asciiJson(value), text)
    t.same(JSON.parse(asciiJson(value)), value)
  }
})
