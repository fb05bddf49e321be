import { test } from 'tap'
import { createRejectedFields, MAX_FIELD_LINES_A_MINUTE } from '../../../src/gateway/apps/rejected-fields.ts'
import { MAX_FIELDS_TOLD } from '../../../src/http/reconciliation.ts'
import { createTelemetry } from '../../../src/std/telemetry.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { startGateway } from '../../fakes/gateway.ts'

function opened() {
  const lines: unknown[] = []
  const clock = fakeClock()
  const telemetry = createTelemetry('info', { write: (line) => lines.push(JSON.parse(line)) })
  return { lines, clock, fields: createRejectedFields(clock, telemetry) }
}
const invalid = (field: string) => ({ code: 'invalid_field', field })

test('for which field events of an app are rejected is counted and told, without what was sent', async (t) => {
  const gateway = await startGateway(t)
  const post = (events: readonly object[]) =>
    gateway.app.inject({
      method: 'POST',
      url: '/v1/events',
      headers: { 'x-headgate-key': 'shop-key', 'content-type': 'application/json' },
      payload: JSON.stringify(events),
    })
  const good = { name: 'a.b', value: 1 }
  const secret = 'hunter2'.repeat(40)
  for (const [events, status] of [
    [[good, { ...good, name: secret }, { value: 1 }, {}], 202],
    [
      [
        { ...good, value: -1 },
        { ...good, value: 1e300 },
      ],
      422,
    ],
    [[{ ...good, name: secret, unit: 7 }, 'no object'], 422],
    [[good], 202],
  ] as const)
    t.equal((await post(events as never)).statusCode, status)
  const lastMs = gateway.clock.nowMs()
  const shop = { app: 'shop', lastMs }
  t.same(gateway.notes.rejectedFields.top(), [
    { ...shop, code: 'invalid_field', field: 'name', events: 2 },
    { ...shop, code: 'missing_field', field: 'name', events: 2 },
    { ...shop, code: 'invalid_field', field: 'value', events: 2 },
  ])
  const counted = { app: 'shop', reason: 'missing_field', field: 'name' }
  t.equal(await gateway.metric('headgate_app_fields_rejected_total', counted), 2)
})

test('each is told in the log at once, and then once a minute with how many there were', async (t) => {
  const { lines, clock, fields } = opened()
  fields.note('shop', [invalid('name'), invalid('name')])
  fields.note('shop', [invalid('name')])
  clock.advance(59_999)
  fields.note('shop', [invalid('name')])
  fields.note('shop', [])
  t.match(lines, [{ app: 'shop', ...invalid('name'), events: 2, msg: 'events are rejected for a field' }])
  t.equal(lines.length, 1)
  clock.advance(1)
  fields.note('shop', [invalid('name')])
  t.match(lines[1], { ...invalid('name'), events: 3 }, 'those since the last line')
})

test('events of one request are counted by field, at one time, and none costs nothing', async (t) => {
  const { lines, clock, fields } = opened()
  let looks = 0
  const nowMs = clock.nowMs.bind(clock)
  clock.nowMs = () => {
    looks++
    return nowMs()
  }
  fields.note('shop', [])
  t.equal(looks, 0)
  fields.note('shop', [invalid('name'), invalid('unit'), invalid('name')])
  t.equal(looks, 2)
  t.match(fields.top(), [
    { field: 'name', events: 2 },
    { field: 'unit', events: 1 },
  ])
  t.match(lines, [
    { field: 'name', events: 2 },
    { field: 'unit', events: 1 },
  ])
})

test('many faults fill neither the log nor an answer', async (t) => {
  const { lines, clock, fields } = opened()
  for (let i = 0; i < 2 * MAX_FIELDS_TOLD; i++) fields.note(`app-${i}`, [invalid('name')])
  fields.note('app-59', [invalid('name')])
  t.equal(fields.top().length, MAX_FIELDS_TOLD)
  t.match(fields.top()[0], { app: 'app-59', events: 2 })
  t.equal(lines.length, MAX_FIELD_LINES_A_MINUTE)
  clock.advance(60_000)
  fields.note('app-59', [invalid('name')])
  t.match(lines.at(-1), { app: 'app-59', events: 3 }, 'the next minute has lines again')
})
