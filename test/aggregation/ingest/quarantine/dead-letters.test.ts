import { test } from 'tap'
import {
  createDeadLetters,
  MAX_DEAD_LETTERS,
  MAX_LETTERS_A_LINE,
} from '../../../../src/aggregation/ingest/quarantine/dead-letters.ts'

const fault = { reason: 'malformed_line', detail: 'Not valid JSON', events: 1 } as const
const line = (text: string, number = 1) => ({ number, bytes: Buffer.from(text), isTooLong: false })
const told = (letters: ReturnType<typeof createDeadLetters>) =>
  String(letters.body() ?? '')
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text))

test('a dead letter has the reason, the place, and nothing personal', async (t) => {
  const letters = createDeadLetters()
  t.equal(letters.body(), undefined)
  letters.add(
    fault,
    line('{"user":"ann@example.com","tel":"0041791234567","recordToken":"eyJhb.eyJz.c2ln"', 3),
  )
  letters.add({ reason: 'broken_object', detail: 'The object breaks off', events: 1 })
  t.same(told(letters), [
    { ...fault, line: 3, text: '{"user":"[email]","tel":"[digits]","recordToken":"[token]"' },
    { reason: 'broken_object', detail: 'The object breaks off', events: 1 },
  ])
  t.ok(String(letters.body()).endsWith('}\n'))
})

test('a mebibyte of { leaves a kibibyte, and bytes that are no text leave no harm', async (t) => {
  const letters = createDeadLetters()
  letters.add(fault, line('{'.repeat(1_048_576)))
  letters.add(fault, { number: 2, bytes: Buffer.from([0x41, 0xff]), isTooLong: false })
  const [first, second] = told(letters)
  t.equal(first.text, '{'.repeat(1_024))
  t.equal(second.text, 'A\ufffd')
})

test('of what moves a cursor only the ends of lines and tabs stay, and what ends a line on Windows is none of it', async (t) => {
  const letters = createDeadLetters()
  letters.add(fault, line('{"a":1,\r\n\t"b":\r\u001b[31m\u0085\r'))
  t.equal(told(letters)[0].text, '{"a":1,\n\t"b":\ufffd\ufffd[31m\ufffd')
})

test('of a flood of lines the first are told, the others counted, and what is of the object told besides', async (t) => {
  const letters = createDeadLetters()
  for (let i = 0; i < MAX_DEAD_LETTERS; i++) letters.add(fault, line('x', i))
  letters.add(fault, line('x', MAX_DEAD_LETTERS))
  letters.add({ ...fault, reason: 'event_too_large', events: 20 }, line('x', MAX_DEAD_LETTERS))
  letters.add(fault, line('x', MAX_DEAD_LETTERS + 1))
  const own = { reason: 'broken_object', detail: 'The object breaks off', events: 1 } as const
  letters.add(own)
  t.same(told(letters)[MAX_DEAD_LETTERS - 1], {
    ...fault,
    line: MAX_DEAD_LETTERS - 1,
    text: 'x',
  })
  t.same(told(letters).slice(MAX_DEAD_LETTERS), [
    own,
    { reason: 'malformed_line', events: 2 },
    { reason: 'event_too_large', events: 20 },
  ])
  t.same(
    [...letters.counts],
    [
      ['malformed_line', MAX_DEAD_LETTERS + 2],
      ['event_too_large', 20],
      ['broken_object', 1],
    ],
  )
})

test('what a line says is told once, and of its many faults only the first', async (t) => {
  const letters = createDeadLetters()
  const flood = line(`\u0001${'x'.repeat(1_000)}`, 7)
  for (let i = 0; i < MAX_LETTERS_A_LINE + 5; i++) letters.add(fault, flood)
  letters.add(fault, line('next', 8))
  const [first, second, ...others] = told(letters)
  t.same(first, { ...fault, line: 7, text: `\ufffd${'x'.repeat(1_000)}` })
  t.same(second, { ...fault, line: 7 })
  t.same(others.slice(MAX_LETTERS_A_LINE - 2), [
    { ...fault, line: 8, text: 'next' },
    { reason: 'malformed_line', events: 5 },
  ])
})
