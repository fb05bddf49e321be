import { test } from 'tap'
import { asciiJson, hasKeyTwice } from '../../src/std/json.ts'

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

test('a key that is twice in one object is found, at any depth and however it is written', async (t) => {
  for (const [json, isTwice] of [
    ['{"a":1,"a":1}', true],
    ['{"a":1,"\\u0061":1}', true],
    ['[[{"b":{"a":{},"a":[]}}]]', true],
    ['{"__proto__":1,"__proto__":2}', true],
    ['{"a":1,"A":1,"":{"a":1}}', false],
    ['[{"a":1},{"a":1}]', false],
    ['{"a:b":"\\":","c\\\\":":"}', false],
    ['{"__proto__":{"constructor":null}}', false],
    [`${'['.repeat(4_000)}${']'.repeat(4_000)}`, false],
    ['":"', false],
    ['null', false],
  ] as const) {
    t.equal(hasKeyTwice(json, JSON.parse(json)), isTwice, json.slice(0, 99))
  }
})
