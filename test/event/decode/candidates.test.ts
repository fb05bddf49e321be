import fc from 'fast-check'
import { test } from 'tap'
import { candidatesIn, UNSCANNED_BYTES } from '../../../src/event/decode/candidates.ts'
import { MAX_OBJECT_NAMES } from '../../../src/event/decode/scan.ts'
import { MAX_CANDIDATES } from '../../../src/event/decode/spans.ts'
import { UnparsedItem } from '../../../src/event/schema/unparsed-item.ts'
import { runToEnd } from '../../../src/std/async/yielding.ts'

const least = { name: 'a', value: 1 }
const good = JSON.stringify(least)
const read = (body: string | Buffer) => runToEnd(candidatesIn(Buffer.from(body as string)))
/** Makes a body so long that it is scanned before it is parsed. */
const padding = JSON.stringify({ name: 'b', value: 2, padding: 'x'.repeat(UNSCANNED_BYTES) })
const wide = (names: number) =>
  `{"name":"a","value":1,${Array.from({ length: names - 2 }, (_, i) => `"k${i}":${i}`).join()}}`
const tooWide = new UnparsedItem('event_too_complex', `An object has more than ${MAX_OBJECT_NAMES} names`)
const deep = `${'['.repeat(60_000)}${']'.repeat(60_000)}`
const tooDeep = new UnparsedItem('event_too_complex', 'JSON is nested deeper than 1024 levels')
const tooLong = new UnparsedItem('event_too_complex', 'A number has more than 64 characters')

test('long and short bodies say the same', async (t) => {
  for (const filler of ['{"name":"b","value":2}', padding]) {
    const b = JSON.parse(filler)
    for (const [shape, body, candidates] of [
      ['an array', `[${good},${filler}]`, [least, b]],
      [
        'an envelope',
        `{"events":[${good},${filler}],"context":{"unit":"s"}}`,
        [
          { ...least, unit: 's' },
          { ...b, unit: 's' },
        ],
      ],
      ['lines', `${good}\n${filler}\n`, [least, b]],
      ['lines of Windows', `${good}\r\n${filler}\r\n`, [least, b]],
      ['one event', filler, [b]],
      ['values that nothing parts', `${good}${filler}${good}`, [least, b, least]],
      [
        'a broken line',
        `${good}\n{\n${filler}`,
        [least, new UnparsedItem('malformed_line', 'The line cannot be read as JSON'), b],
      ],
      ['a broken item', `[${good},{,${filler}]`, undefined],
      ['a marked one', `\ufeff\n [${good},${filler}]`, [least, b]],
    ] as const) {
      if (candidates === undefined)
        t.throws(() => read(body), { code: 'malformed_body', message: /^Not valid JSON/ })
      else t.strictSame(read(body).candidates, candidates, shape)
    }
  }
})

test('line ends around a body and a byte order mark before it change nothing', async (t) => {
  for (const filler of ['{"name":"b","value":2}', padding])
    for (const [shape, body] of [
      ['one event', filler],
      ['an array', `[${good},${filler}]`],
      ['an envelope', `{"events":[${good},${filler}],"context":{"unit":"s"}}`],
      ['lines', `${good}\n${filler}`],
    ] as const)
      for (const [before, after] of [
        ['', '\n'],
        ['', '\r\n'],
        ['', '\r\n\r\n'],
        ['\n', '\n'],
        ['\ufeff', ''],
        ['\ufeff', '\r\n'],
        ['\ufeff\r\n', '\r\n'],
      ] as const)
        t.strictSame(
          read(`${before}${body}${after}`),
          read(body),
          `${shape} in ${JSON.stringify([before, after])}`,
        )
})

test('a line end in the text of an item breaks that item, and none of its neighbours', async (t) => {
  const broken = new UnparsedItem('malformed_line', 'The line cannot be read as JSON')
  for (const lineEnd of ['\n', '\r\n', '\n\n', '\\\n', '\n}]\n']) {
    const bad = `{"name":"a","value":1,"exception_stacktrace":"Error${lineEnd} at f"}`
    for (const filler of ['{"name":"b","value":2}', padding]) {
      const b = JSON.parse(filler)
      const [array, envelope] = [`[${good},${bad},${filler}]`, `{"events":[${good},${bad},${filler}],"x":1}`]
      for (const body of [array, envelope, ` ${array}\n`])
        t.strictSame(read(body).candidates, [least, broken, b], JSON.stringify(lineEnd))
      t.strictSame(
        read(`${good}\n${filler}\n{"name":"a${lineEnd}`).candidates.slice(0, 2),
        [least, b],
        'lines',
      )
    }
  }
  t.throws(() => read(`[${good},{"name":"a,\n"value":1},\n${good}]`), { code: 'malformed_body' })
})

test('what must not be parsed is refused by itself, wherever it stands', async (t) => {
  for (const [bad, unparsed] of [
    [wide(MAX_OBJECT_NAMES + 1), tooWide],
    [wide(50_000), tooWide],
    [`{"name":"a","value":1,"entries":[${wide(5_000)}]}`, tooWide],
    [`{"name":"a","value":${'9'.repeat(500_000)}}`, tooLong],
    [`{"name":"a","value":1,"x":[0.${'9'.repeat(64)}]}`, tooLong],
    [`{"name":"a","value":1,"x":${deep}}`, tooDeep],
    [deep, tooDeep],
  ] as const) {
    t.strictSame(read(`[${good},${bad},${padding},${good}]`).candidates, [
      least,
      unparsed,
      JSON.parse(padding),
      least,
    ])
    t.strictSame(read(`{"context":{},"events":[${good},${bad},${padding}]}`).candidates, [
      least,
      unparsed,
      JSON.parse(padding),
    ])
    t.strictSame(read(`${good}\n${bad}\n${padding}`).candidates, [least, unparsed, JSON.parse(padding)])
    const isScanned = bad.length > UNSCANNED_BYTES || unparsed === tooDeep
    if (isScanned) t.strictSame(read(bad).candidates, [unparsed], 'also if it is alone')
  }
})

test('names, numbers and levels have bounds only in bodies that are looked through', async (t) => {
  const refused = (body: string) =>
    read(body).candidates.filter((each) => each instanceof UnparsedItem).length
  const far = ' '.repeat(UNSCANNED_BYTES)
  for (const [what, body, count] of [
    ['one event of 2,000 names', wide(2_000), 0],
    ['several in an array', `[${wide(2_000)},${wide(3)}]`, 0],
    ['NDJSON', `${wide(2_000)}\n${wide(3)}\n`, 0],
    ['with blanks around it', `${far}${wide(2_000)}${far}`, 0],
    ['a long name and a long number', `{"${'n'.repeat(2_000)}":${'1'.repeat(100)}}`, 0],
    ['in a long body', `[${wide(2_000)},${far}${wide(3)}]`, 1],
    ['1,024 names there', `[${wide(1_024)},${far}${wide(1_025)}]`, 1],
    ['beside eight brackets', `[${wide(2_000)},{"x":[[[[[[[[1]]]]]]]]}]`, 1],
    ['one behind the other', wide(2_000) + wide(3), 1],
    ['beside what cannot be read', `${wide(2_000)}\n${wide(3)}\n{"name"\n`, 2],
  ] as const) {
    t.equal(refused(body), count, what)
  }
})

test('what is wrong with the rest of an envelope concerns all of it', async (t) => {
  for (const rest of [
    `"context":${wide(2_000)}`,
    `"sent_at":${'1'.repeat(100)}`,
    '"a',
    '"a":1,',
    '"a":[1}',
  ]) {
    const body = `{"events":[${good},${padding}],${rest}}`
    const outcome = (() => {
      try {
        return read(body).candidates
      } catch (error) {
        return error
      }
    })()
    t.ok(
      outcome instanceof Error || (outcome as unknown[]).every((value) => value instanceof UnparsedItem),
      rest.slice(0, 20),
    )
  }
  const names = Array.from({ length: MAX_OBJECT_NAMES }, (_, i) => `"k${i}":1`).join()
  t.strictSame(read(`{${names},"events":[${good},${padding}]}`).candidates, [tooWide])
  t.throws(() => read(Buffer.from(`{"events":[${good}],"a":"\u00e9"}`, 'latin1')), {
    code: 'malformed_body',
    message: 'The body is not UTF-8',
  })
})

test('a byte that is no UTF-8 costs its own item, wherever that stands', async (t) => {
  const broken = new UnparsedItem('malformed_line', 'The line cannot be read as JSON')
  const bad = Buffer.from('{"name":"\xe9","value":1}', 'latin1')
  for (const [before, between, after] of [
    ['[', ',', ']'],
    ['{"events":[', ',', ']}'],
    ['', '\n', '\n'],
    ['', '', ''],
  ] as const) {
    const parts = [before, good, between, bad, between, good, after].map((part) =>
      Buffer.from(part as string),
    )
    t.strictSame(read(Buffer.concat(parts)).candidates, [least, broken, least], `${before}${between}${after}`)
  }
})

test('a body that is an envelope of nothing, or of too much, is refused as a whole', async (t) => {
  t.throws(() => read('{"events":5}'), { code: 'malformed_body', message: 'events: must be an array' })
  t.throws(() => read('{"events":[],"context":5}'), { code: 'malformed_body' })
  for (const many of [`[${'1,'.repeat(MAX_CANDIDATES)}1]`, '1\n'.repeat(MAX_CANDIDATES + 1)])
    t.throws(() => read(many), { code: 'body_too_large' })
  t.throws(() => read(`[${wide(150_000)}]`), { code: 'body_too_large', message: /of what is no event$/ })
})

test('of several members of one name the last counts, as it does to JSON.parse, whatever the length', async (t) => {
  const list = `[${good}]`
  const other = '[{"name":"c","value":3}]'
  const notAnArray = { code: 'malformed_body', message: 'events: must be an array' }
  for (const filler of ['""', JSON.stringify('x'.repeat(UNSCANNED_BYTES))]) {
    for (const [members, says] of [
      [`"events":${list},"events":${other}`, other],
      [`"events":5,"events":${list}`, list],
      [`"events":null,"events":${list}`, list],
      [`"events":${other},"\\u0065vents":${list}`, list],
      [`"events":${other},"\\u0065\\u0076\\u0065\\u006E\\u0074\\u0073":${list}`, list],
      [`"\\u0065vents":${other},"events":${list}`, list],
      [`"events":${list},"\\u0045vents":${other},"\\nevents":${other}`, list],
      [`"events":${list},"events":null,"name":"a","value":1`, undefined],
      [`"events":${list},"events":5`, notAnArray],
      [`"events":${list},"events":{"0":${good}}`, notAnArray],
      [`"events":${list},"events":"${'x'.repeat(10)}"`, notAnArray],
      [`"events":${list},"\\u0065vents":true`, notAnArray],
      [`"context":{"unit":"s"},"context":{},"events":${list}`, list],
      [`"context":{},"events":${list},"context":5`, { code: 'malformed_body' }],
    ] as const) {
      const body = `{"filler":${filler},${members}}`
      if (typeof says === 'object') t.throws(() => read(body), says, members)
      else if (says === undefined) t.match(read(body).candidates, [least], members)
      else t.strictSame(read(body).candidates, JSON.parse(says), members)
    }
  }
})

test('the token of a record stands beside its events', async (t) => {
  t.match(read(`{"recordToken":"t","events":[${good}]}`).root, { recordToken: 't' })
  t.match(read(`{"recordToken":"t","events":[${good},NaN]}`).root, { recordToken: 't' })
  t.match(read(`{"recordToken":"t","name":"a"}`).root, { recordToken: 't' })
  t.equal(read(`${good}${good}`).root, undefined)
})

const PARTS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  '\\',
  ':',
  ',',
  '\n',
  ' ',
  '1',
  'null',
  '"events"',
  good,
  '\ufeff',
  '\u0000',
]

test('whatever the bytes, there are candidates or the body is refused, and as many with a space more', async (t) => {
  const outcome = (body: string) => {
    try {
      return read(body).candidates.length
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...PARTS), { maxLength: 12 }), (parts) => {
      const found = outcome(parts.join(''))
      t.ok(typeof found === 'number' || found === 'malformed_body', String(found))
      t.equal(outcome(`${parts.join('')} `), found)
    }),
    { numRuns: 2_000 },
  )
})
