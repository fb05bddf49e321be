import { test } from 'tap'
import { eventsIn, isEnvelope, sharing } from '../../src/event/envelope.ts'

const least = { name: 'a', value: 1 }

test('an envelope is an object with events', async (t) => {
  for (const [value, expected] of [
    [{ events: [] }, true],
    [{ events: 5 }, true],
    [least, false],
    [[{ events: [] }], false],
    [null, false],
    ['events', false],
  ] as const) {
    t.equal(isEnvelope(value), expected, JSON.stringify(value))
  }
  t.same(eventsIn({ events: [least, 5] }), [least, 5])
  t.throws(() => eventsIn({ events: {} }), { code: 'malformed_body', message: 'events: must be an array' })
})

test('a context sets what all events share, and never what tells them apart', async (t) => {
  t.equal(sharing({})(least), least)
  const withContext = sharing({
    context: { unit: 'ms', event_id: 'x', measurement_id: 'x', app_id: 'x', attributes: { a: '1', b: '1' } },
  })
  t.same(withContext(least), { ...least, unit: 'ms', attributes: { a: '1', b: '1' } })
  t.same(withContext({ unit: 's', attributes: { b: '2' } }), { unit: 's', attributes: { a: '1', b: '2' } })
  t.equal(withContext('x'), 'x')
  t.throws(() => sharing({ context: [] }), { message: 'context: must be an object' })
  const attributes = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, '']))
  t.throws(() => sharing({ context: { attributes } }), { message: /^context.attributes: must not have more/ })
})
