import fc from 'fast-check'
import { test } from 'tap'
import { candidatesIn, candidatesInShort, UNSCANNED_BYTES } from '../../../src/event/decode/candidates.ts'
import { UnparsedItem } from '../../../src/event/schema/unparsed-item.ts'
import { runToEnd } from '../../../src/std/async/yielding.ts'

const BROKEN = new UnparsedItem('malformed_line', 'The line cannot be read as JSON')
/** Makes a body so long that it is taken apart value by value, and says nothing. */
const FAR = ' '.repeat(UNSCANNED_BYTES)
const MARK = '\ufeff'

/** What a body holds, or the code of what is wrong with it. */
function outcome(body: string | Buffer): unknown {
  try {
    return runToEnd(candidatesIn(Buffer.from(body as string))).candidates
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** The oracle: one call of the parser for each text, and nothing else. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return BROKEN
  }
}

/** Texts of JSON that mislead who looks for brackets, quotes, commas and line ends. */
const misleading = fc.constantFrom(
  '}',
  '{',
  ']',
  '[',
  '},{',
  '"',
  '\\',
  '\\"',
  '\n',
  ',',
  '\u0000',
  'é',
  '🙂',
)
const text = fc
  .array(fc.oneof(misleading, fc.string({ maxLength: 4 })), { maxLength: 6 })
  .map((all) => all.join(''))
const event = fc.record(
  { name: text, value: fc.double(), page_path: text, attributes: fc.dictionary(text, text, { maxKeys: 4 }) },
  { requiredKeys: ['name'] },
)
const deep = fc.nat(40).map((levels) => `${'[{"a":'.repeat(levels)}1${'}]'.repeat(levels)}`)
const whole = fc.oneof(
  event.map((each) => JSON.stringify(each)),
  event.map((each) => JSON.stringify(each, null, ' ')),
  deep.map((inner) => `{"name":"a","x":${inner}}`),
  fc.constant('{}'),
)
/** Closed, so that others may follow; no parser reads them. */
const damaged = fc.constantFrom(
  '{"a":}',
  '{"a":1,}',
  "{'a':1}",
  '{a}',
  '{"a" 1}',
  '{"a":01}',
  '{"a":tru}',
  '{"\\x":1}',
)
const items = fc.array(fc.oneof({ weight: 4, arbitrary: whole }, damaged), { minLength: 1, maxLength: 12 })
const blank = fc.constantFrom('', ' ', '\n', '\r\n', '\t', ' \n\t')

/** With and without so much beside them that no parser sees all at once. */
const lengths = [
  ['short', ''],
  ['long', FAR],
] as const

const allBroken = (values: readonly unknown[]): boolean => values.every((value) => value === BROKEN)

test('an array holds what a parser says of each of its items', async (t) => {
  fc.assert(
    fc.property(items, blank, fc.boolean(), (texts, between, isMarked) => {
      const values = texts.map(parsed)
      const expected = allBroken(values) ? 'malformed_body' : values
      for (const [length, far] of lengths) {
        const body = `${isMarked ? MARK : ''}${between}[${between}${texts.join(`${between},${far}${between}`)}${far}]${between}`
        t.strictSame(outcome(body), expected, length)
      }
    }),
    { numRuns: 100 },
  )
})

test('so does an envelope, whatever stands beside its events', async (t) => {
  const beside = fc.constantFrom(
    '',
    '"sent_at":"}],","x":[[1]],',
    '"context":null,',
    '"events":[5,],',
    '"events":null,',
  )
  fc.assert(
    fc.property(items, blank, beside, beside, (texts, between, before, behind) => {
      const values = texts.map(parsed)
      const expected = allBroken(values) ? 'malformed_body' : values
      for (const [length, far] of lengths) {
        // What stands behind must not be a list of events: of several the last counts.
        const rest = behind.startsWith('"events"') ? '' : behind
        const list = `"events":${between}[${texts.join(`${between},${far}`)}]`
        const body = `{${between}${before}${list}${far}${rest === '' ? '' : `,${rest.slice(0, -1)}`}}`
        t.strictSame(outcome(body), expected, `${length} ${body.slice(0, 200)}`)
      }
    }),
    { numRuns: 100 },
  )
})

test('in one go a short body says what it says in steps, or nothing', async (t) => {
  const short = (body: string): unknown => {
    try {
      return candidatesInShort(Buffer.from(body))?.candidates
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  const context = fc.constantFrom('', '"context":{"unit":"s"},', '"context":null,')
  fc.assert(
    fc.property(items, context, fc.boolean(), (texts, said, isMarked) => {
      const mark = isMarked ? MARK : ''
      const [first = ''] = texts
      for (const body of [`[${texts.join()}]`, `{${said}"events":[${texts.join()}]}`, first]) {
        const atOnce = short(`${mark}${body} `)
        const isJson = parsed(body) !== BROKEN && body.length < 4_000 && !body.includes('[[[[[[[[')
        t.strictSame(atOnce, isJson ? outcome(body) : undefined, body)
      }
    }),
    { numRuns: 100 },
  )
  for (const [what, body, expected] of [
    ['nothing', ' ', 'malformed_body'],
    ['a context that is none', '{"context":1,"events":[{}]}', 'malformed_body'],
    ['more events than are taken', `[${'1,'.repeat(2_000)}1]`, 'body_too_large'],
    ['lines', '{"name":"a"}\n{"name":"b"}', undefined],
    ['what is nested deep', '['.repeat(2_000) + ']'.repeat(2_000), undefined],
    ['what is not short', `{"name":"a"}${' '.repeat(4_096)}`, undefined],
  ] as const) {
    t.strictSame(short(body), expected, what)
  }
})

test('so do lines', async (t) => {
  const lines = fc.array(
    fc.oneof({ weight: 4, arbitrary: event.map((each) => JSON.stringify(each)) }, damaged),
    { minLength: 2, maxLength: 12 },
  )
  fc.assert(
    fc.property(lines, fc.constantFrom('\n', '\r\n', '\n\n', ' \n'), (texts, lineEnd) => {
      const values = texts.map(parsed)
      const expected = allBroken(values) ? 'malformed_body' : values
      for (const [length, far] of lengths) {
        t.strictSame(outcome(texts.join(`${lineEnd}${far}`) + lineEnd), expected, length)
      }
    }),
    { numRuns: 100 },
  )
})

test('wherever a body breaks off, long and short ones say the same', async (t) => {
  const tricky = '{"name":"a]}\\",[{\\\\","value":[1,{"b":[]}],"c":"\\n🙂"}'
  for (const form of [
    (far: string) => `[${tricky},${far}${tricky}]`,
    (far: string) => `{"context":{"unit":"s"},"events":[${tricky},${far}${tricky}],"x":"]}"}`,
    (far: string) => `${tricky}\n${far}${tricky}\n`,
    (far: string) => `${far}${tricky}${tricky}`,
    (far: string) => `${MARK}${far}${tricky}`,
  ]) {
    const [short, long] = [Buffer.from(form('')), Buffer.from(form(FAR))]
    // From the end backwards, as what was put between stands before.
    for (let missing = 0; missing < Buffer.byteLength(tricky); missing++) {
      const cut = short.subarray(0, short.length - missing)
      const said = outcome(long.subarray(0, long.length - missing))
      t.strictSame(said, outcome(cut), String(cut))
    }
  }
})

test('a context is put into the events that are judged, and no further', async (t) => {
  const envelope = `{"context":{"unit":"s"},"events":[${'{"name":"a"},'.repeat(299)}{"name":"a"}]}`
  for (const [form, body] of [
    ['one envelope', `{"context":{"unit":"s"},"events":[${'{"name":"a"},'.repeat(599)}{"name":"a"}]}`],
    ['two of them', `${envelope}\n${envelope}`],
  ] as const) {
    const candidates = outcome(body) as readonly { readonly unit?: string }[]
    t.equal(candidates.length, 600, form)
    t.same(candidates.map(({ unit }) => unit).lastIndexOf('s'), 499, form)
  }
})

test('two bodies that are taken apart by turns are as each alone', async (t) => {
  const one = `[${Array.from({ length: 9 }, (_, i) => `{"name":"a${i}"}`).join()},${FAR}{"a":}]`
  const other = `{"events":[{"name":"b"}],"x":"${FAR}"}`
  const works = [one, other, one].map((body) => candidatesIn(Buffer.from(body)))
  const results: unknown[] = []
  while (results.filter((each) => each !== undefined).length < works.length) {
    for (const [i, work] of works.entries()) {
      const step = work.next()
      if (step.done === true) results[i] ??= step.value?.candidates
    }
  }
  t.strictSame(results, [outcome(one), outcome(other), outcome(one)])
})

test('others have a turn at each value, once to find and once to parse it', async (t) => {
  const steps = (body: string) => {
    let count = 0
    for (const _ of candidatesIn(Buffer.from(body))) count++
    return count
  }
  const events = Array.from(
    { length: 500 },
    (_, i) => `{"name":"a","value":${i},"padding":"${'x'.repeat(300)}"}`,
  )
  for (const [form, body] of [
    ['an array', `[${events.join()}]`],
    ['an envelope', `{"events":[${events.join()}]}`],
    ['lines', events.join('\n')],
    ['lines of which one is broken', [...events, '{'].join('\n')],
  ] as const) {
    const count = steps(body)
    t.ok(count >= 2 * (events.length - 1), `${form}: ${count}`)
  }
  const merged = `{"context":{"unit":"s"},"events":[${'{},'.repeat(499)}{}]}`
  t.ok(steps(merged) >= 500 / 16 - 1, 'and now and then while a context is put into each')
  t.equal(steps(`[${events[0]},${events[1]}]`), 0, 'but what is short is parsed at once')
})
