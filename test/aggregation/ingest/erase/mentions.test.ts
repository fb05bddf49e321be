import { test } from 'tap'
import { erasedDigest } from '../../../../src/aggregation/ingest/erase/erasure-target.ts'
import { mentionIn } from '../../../../src/aggregation/ingest/erase/mentions.ts'
import { eventLine, NOON } from '../../../fakes/events.ts'

const target = { app: 'shop', by: 'session', salt: 'salt', digest: erasedDigest('salt', 's-"1"') } as const
const json = JSON.stringify
const nested = (depth: number): string =>
  depth === 0 ? json({ a: 's-"1"' }) : json({ a: nested(depth - 1) })

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
    ['nothing', '', false],
    ['a number', '7', false],
  ] as const)
    t.equal(mentionIn(Buffer.from(line), target) !== undefined, goes, what)
  const of = { ...target, fromMs: NOON, toMs: NOON + 1 }
  for (const [event_time, goes] of [
    [NOON - 1, false],
    [NOON, true],
    [NOON + 1, false],
  ] as const)
    t.equal(mentionIn(Buffer.from(eventLine({ event_time, session_id: 's-"1"' })), of) !== undefined, goes)
  for (const [event_time, goes] of [
    [NOON - 1, false],
    [NOON, true],
    ['no time', true],
  ] as const)
    t.equal(mentionIn(Buffer.from(json({ event_time, session_id: 's-"1"' })), of) !== undefined, goes)
  t.same(mentionIn(Buffer.from(eventLine({ session_id: 's-"1"' })), target), { receivedMs: NOON + 250 })
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
      t.equal(mentionIn(Buffer.from(line), ofId) !== undefined, goes, `${id} of ${line}`)
    }
  }
  t.end()
})
