import { test } from 'tap'
import { createLook, HIDES, MANY_COLONS } from '../../../src/event/privacy/tells.ts'

const lists = [
  ['@', '%00'],
  ['eyJ', 'token~'],
  ['key~', '.000.'],
  ['data:', '\\u'],
  ['::', MANY_COLONS],
  ['0"0', '0000000000000'],
  ['monkey~'],
  [HIDES],
]
const look = createLook(lists)

test('a look tells of which lists the text has something', async (t) => {
  for (const [text, ...found] of [
    [''],
    ['plain words, /a/route/:id and C:\\app'],
    ['ann@mail', 0],
    ['ann%40mail', 0],
    ['100% of %2F'],
    ['xEYJx', 1],
    ['token'],
    ['token)'],
    ...[...'"\'= \t\n:%\\\u00a0é'].map((end) => [`Token${end}`, 1] as const),
    ['monkeys'],
    ['monkey=', 2, 6],
    ['turkey=', 2],
    ['1.234.5', 2],
    ['1.23.4'],
    ['DATA:x \\u0040', 3],
    ['a::b', 4],
    ['1:2:3:4:5:6:7', 4],
    ['1:2:3:4:5:12345:6:7:8:9'],
    ['app.js:1:2 app.js:3:4 app.js:5:6'],
    ['1234567890123', 5],
    ['123456789012'],
    ['1234 5', 5],
    ['1234\u00b75', 5],
    ['1234:5678'],
    ['@ eyJ', 0, 1],
    ['token\u200b', 7],
    ['\u200btoken', 7],
    ['3\ufe0f\u20e3', 7],
    ['\u{1d7ce}', 7],
    ['\u{1fbf0}', 7],
    ['❤\ufe0f \u{1f914} 👩\u200d💻 می\u200cخواهم ❤\ufe0f'],
    ['é\u200c@', 0, 7],
    ['1é\u200d\u200d2', 7],
    ['1\u00a0\ufe0f2', 7],
  ] as const) {
    const bits = found.reduce<number>((sum, at) => sum + 2 ** at, 0)
    t.equal(look(text, text.length), bits, JSON.stringify(text))
  }
})
