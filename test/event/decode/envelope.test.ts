import { test } from 'tap'
import { isEnvelope, eventsIn as stepsTo } from '../../../src/event/decode/envelope.ts'
import type { JsonObject } from '../../../src/event/schema/json-object.ts'
import { UnparsedItem } from '../../../src/event/schema/unparsed-item.ts'
import { runToEnd } from '../../../src/std/async/yielding.ts'

const eventsIn = (envelope: JsonObject) => runToEnd(stepsTo(envelope))

const least = { name: 'a', value: 1 }

test('an envelope is an object with events', async (t) => {
  for (const [value, expected] of [
    [{ events: [] }, true],
    [{ events: 5 }, true],
    [{ events: null }, true],
    [{ events: null, name: null }, true],
    [{ events: null, name: 'a' }, false],
    [least, false],
    [[{ events: [] }], false],
    [null, false],
    ['events', false],
  ] as const) {
    t.equal(isEnvelope(value), expected, JSON.stringify(value))
  }
})

test('what it holds are its events, or it is unparsed', async (t) => {
  t.same(eventsIn({ events: [least, 5] }), [least, 5])
  t.same(eventsIn({ events: null }), [])
  t.strictSame(eventsIn({ events: {} }), new UnparsedItem('malformed_line', 'events: must be an array'))
  t.strictSame(
    eventsIn({ context: [], events: [] }),
    new UnparsedItem('malformed_line', 'context: must be an object'),
  )
})

test('a context sets what all events share, and never what tells them apart', async (t) => {
  const context = {
    unit: 'ms',
    event_id: 'x',
    measurement_id: 'x',
    app_id: 'x',
    attributes: { a: '1', b: '1' },
  }
  t.same(eventsIn({ context, events: [least, { unit: 's', attributes: { b: '2' } }, 'x'] }), [
    { ...least, unit: 'ms', attributes: { a: '1', b: '1' } },
    { unit: 's', attributes: { a: '1', b: '2' } },
    'x',
  ])
})

test('a context is read once for all, and what breaks a rule is left for each verdict to name', async (t) => {
  const context = {
    page_route: '~x',
    app_version: 2,
    unit: {},
    attributes: { a: 1, b: null, c: {} },
  }
  t.same(eventsIn({ context, events: [least] }), [
    { ...least, page_route: '∼x', app_version: '2', unit: {}, attributes: { a: '1' } },
  ])
})
