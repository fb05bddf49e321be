import { test } from 'tap'
import { erasedDigest } from '../../../../src/aggregation/ingest/erase/erasure-target.ts'
import { linePlace, mentionIn } from '../../../../src/aggregation/ingest/erase/mentions.ts'
import { runToEnd } from '../../../../src/std/async/yielding.ts'
import { eventLine, NOON } from '../../../fakes/events.ts'

const mentioned = (...line: Parameters<typeof mentionIn>) => runToEnd(mentionIn(...line))

const target = { app: 'shop', by: 'session', salt: 'salt', digest: erasedDigest('salt', 's-"1"') } as const
const json = JSON.stringify
const GATEWAY = linePlace('dead/gateway/dt=2026-11-22/hr=12/a.ndjson')
const DIRECT = linePlace('quarantine/direct-shop/dt=2026-11-22/hr=12/a.ndjson')
const LETTERS = linePlace('dead/ingest-direct-shop/dt=2026-11-22/hr=12/a.ndjson')
const nested = (depth: number): string =>
  depth === 0 ? json({ a: 's-"1"' }) : json({ a: nested(depth - 1) })

test('an id is found in what was to be JSON, wherever its quotes stand', (t) => {
  const carolina = { ...target, by: 'user', digest: erasedDigest('salt', 'carolina') } as const
  for (const [line, goes] of [
    ['{"v":1,"name":"say "hi",","user_id":"carolina"}', true],
    ["{'user_id': 'carolina'}", true],
    ['{user_id=carolina}', true],
    ['{"user_id": ["carolina"]}', true],
    ['{"user_id": {"id": "carolina"}}', true],
    ['{"USER_ID": "carolina"}', true],
    [json({ reason: 'x', text: '{"name":"a "b","user_id":"carolina"' }), true],
    [json({ reason: 'x', text: 'said carolina' }), false],
    ['{"carolina": 1}', false],
    ['{"app_id":"blog","name":"say "hi",","user_id":"carolina"}', false],
    ['{"name":"say "hi",","user_id":"caroline"}', false],
  ] as const)
    t.equal(mentioned(Buffer.from(line), carolina, GATEWAY) !== undefined, goes, line)
  t.end()
})

test('which lines go', (t) => {
  for (const [what, line, goes] of [
    ['an event of the session', eventLine({ session_id: 's-"1"' }), true],
    ['of another', eventLine({ session_id: 's-2' }), false],
    ['of none', eventLine(), false],
    ['of another app', eventLine({ session_id: 's-"1"', app_id: 'blog' }), false],
    ['one that has the id elsewhere', eventLine({ session_id: 's-2', user_id: 's-"1"' }), false],
    ['a letter that quotes a client', json({ reason: 'x', text: json({ session_id: 's-"1"' }) }), true],
    ['a letter that quotes one that quotes', nested(2), true],
    ['what is quoted too deep', nested(3), false],
    ['a letter that was cut off', `{"text":"{\\"sid\\":\\"s-\\\\\\"1\\\\\\"\\",\\"na`, true],
    ['a letter that was cut off in the id', '{"text":"{\\"sid\\":\\"s-', false],
    ['what is no JSON', `nonsense "s-\\"1\\"" and more`, true],
    ['what is quoted by what is no JSON', '"a\\x" "s-\\"1\\""', true],
    ['the id as a part of a text', json({ text: 'as s-"1" said' }), false],
    ['one of another app', json({ text: json({ app_id: 'blog', session_id: 's-"1"' }) }), false],
    ['one of the app', json({ text: json({ app_id: 'shop', session_id: 's-"1"' }) }), true],
    ['a field that is called so', '{"s-\\"1\\"" : 1}', false],
    ['our reason', json({ reason: 's-"1"', object: 's-"1"', detail: 's-"1"' }), false],
    ['what our words quote', json({ reason: 'x', detail: `its s-1 is no "s-\\"1\\""` }), true],
    ['nothing', '', false],
    ['a number', '7', false],
    ['one that says when it came, and not of what', json({ received_time: NOON, session_id: 's-"1"' }), true],
  ] as const)
    t.equal(mentioned(Buffer.from(line), target, GATEWAY) !== undefined, goes, what)
  const of = { ...target, fromMs: NOON, toMs: NOON + 1 }
  for (const [event_time, goes] of [
    [NOON - 1, false],
    [NOON, true],
    [NOON + 1, false],
  ] as const)
    t.equal(
      mentioned(Buffer.from(eventLine({ event_time, session_id: 's-"1"' })), of, GATEWAY) !== undefined,
      goes,
    )
  for (const [event_time, goes] of [
    [NOON - 1, false],
    [NOON, true],
    ['no time', true],
  ] as const)
    t.equal(
      mentioned(Buffer.from(json({ event_time, session_id: 's-"1"' })), of, GATEWAY) !== undefined,
      goes,
    )
  const told = (value: unknown) =>
    mentioned(
      Buffer.from(json({ ...JSON.parse(eventLine({ session_id: 's-"1"' })), value })),
      target,
      GATEWAY,
    )
  t.match(told(1), { identity: /^[0-9a-f]{32}$/, receivedMs: NOON + 250 })
  t.equal(told(1)?.identity, told(1.000_000_1)?.identity)
  const values = [1, 2, '1e400', 'none', null]
  t.equal(new Set(values.map((value) => told(value)?.identity)).size, values.length)
  for (const id of ['undefined', 'null', '[object Object]', '7']) {
    const ofId = { ...target, digest: erasedDigest('salt', id) }
    for (const [session_id, goes] of [
      [undefined, false],
      [null, false],
      [{}, false],
      [id, true],
      [7, id === '7'],
    ] as const) {
      const line = json({ app_id: 'shop', event_time: NOON, received_time: NOON, session_id })
      t.equal(mentioned(Buffer.from(line), ofId, GATEWAY) !== undefined, goes, `${id} of ${line}`)
    }
  }
  t.end()
})

test('what a place says of its lines', (t) => {
  const ofShop = json({ app_id: 'shop', received_time: NOON, session_id: 's-2', a: 's-"1"' })
  const ofBlog = json({ app_id: 'blog', received_time: NOON, session_id: 's-"1"' })
  for (const [what, line, gateway, direct, letters] of [
    ['a column of an event is believed where events are judged', ofShop, false, true, false],
    ['whose it is the folder says', ofBlog, false, true, false],
    ['whose it is the folder of letters says', json({ text: ofBlog }), false, true, true],
    ['nothing of it', json({ session_id: 's-2' }), false, false, false],
  ] as const)
    t.same(
      [GATEWAY, DIRECT, LETTERS].map((place) => mentioned(Buffer.from(line), target, place) !== undefined),
      [gateway, direct, letters],
      what,
    )
  t.end()
})

test('an id may be a number', (t) => {
  const ofNumber = (id: string) => ({ ...target, by: 'user', digest: erasedDigest('salt', id) }) as const
  for (const [id, line, goes] of [
    ['4711', json({ user_id: 4711 }), true],
    ['4711', '{"events":[{"user_id" : 4711}]}', true],
    ['4711', json({ text: json({ user_id: 4711, session_id: 'x' }) }), true],
    ['4711', '{"user_id":4711.0}', true],
    ['4711.0', '{"user_id":4711.0}', true],
    ['12345678901234567890', '{"user_id":12345678901234567890', true],
    ['-7', '{"user_id":-7}', true],
    ['4711', json({ user_id: 47110 }), false],
    ['4711', json({ value: 4711, session_id: 4711 }), false],
  ] as const)
    t.equal(mentioned(Buffer.from(line), ofNumber(id), DIRECT) !== undefined, goes, line)
  t.end()
})

test('whatever a line holds, others have their turn between any two of its texts', (t) => {
  const many = 20_000
  for (const [what, line] of [
    ['texts', json(Array.from({ length: many }, (_, at) => `${at}`))],
    ['numbers', `[${'{"session_id":1},'.repeat(many)}0]`],
    ['words of what is no JSON', `[${'a '.repeat(many)}`],
    ['apps', `[${'{"app_id":"blog"},'.repeat(many)}0]`],
    ['texts in a text', json({ text: json(Array.from({ length: many }, (_, at) => `${at}`)) })],
  ] as const) {
    const work = mentionIn(Buffer.from(line), target, GATEWAY)
    let turns = 0
    while (work.next().done !== true) turns += 1
    t.ok(turns >= many, `${what}: ${turns}`)
  }
  t.end()
})
