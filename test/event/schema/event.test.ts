import { test } from 'tap'
import Value from 'typebox/value'
import { columns, EVENT_VERSION, Event, Measurement } from '../../../src/event/schema/event.ts'

test('the stored columns, in storage order, with their types', async (t) => {
  t.equal(EVENT_VERSION, 1)
  t.equal(columns.length, 37)
  t.same(
    columns.filter(({ type }) => type !== 'text').map(({ name, type }) => `${name} ${type}`),
    [
      'event_time bigint',
      'received_time bigint',
      'value double',
      'weight double',
      'http_response_status_code integer',
      'attributes json',
    ],
  )
  t.same(
    columns.filter(({ required }) => required).map(({ name }) => name),
    ['event_id', 'event_time', 'received_time', 'app_id', 'name', 'value', 'unit', 'weight'],
  )
  t.same(
    columns.slice(0, 9).map(({ name }) => name),
    [
      'event_id',
      'measurement_id',
      'event_time',
      'received_time',
      'app_id',
      'name',
      'value',
      'unit',
      'weight',
    ],
    'what every aggregation reads comes first',
  )
})

test('every column is described, as the documentation is rendered from here', async (t) => {
  const bare = columns.filter(({ description }) => description === 'undefined')
  t.same(bare, [])
})

test('a client may set every column but those that only the gateway knows', async (t) => {
  const settable = Object.keys(Measurement.properties)
  t.same(
    columns.map(({ name }) => name).filter((name) => !settable.includes(name)),
    ['received_time', 'app_id', 'device_type', 'user_agent_name', 'user_agent_version', 'os_name', 'country'],
  )
  t.same(Measurement.required, ['name', 'value'])
})

test('an attribute is checked whatever its name, line breaks included', async (t) => {
  const attributes = { 'a\nb': { not: 'text' } }
  t.notOk(Value.Check(Measurement, { name: 'a', value: 1, attributes }))
  t.ok(Value.Check(Measurement, { name: 'a', value: 1, attributes: { 'a\nb': 'text' } }))
})

test('an event without its required columns is none', async (t) => {
  t.notOk(Value.Check(Event, { name: 'a', value: 1 }))
})
