import { test } from 'tap'
import type { Attribution } from '../../../../src/aggregation/ingest/quarantine/attribution.ts'
import { createDirectLineBuilder } from '../../../../src/aggregation/ingest/quarantine/direct-lines.ts'
import type { Measurement } from '../../../../src/event/schema/event.ts'
import { parseEventLine } from '../../../../src/event/schema/ndjson.ts'
import { ANN, BOB } from '../../../fakes/aggregation/records.ts'
import { NOON } from '../../../fakes/events.ts'

const least = { name: 'app.start', value: 1 }
const spot = { line: 1, index: 0 }
const anybody: Attribution = { outcome: 'none', subject: undefined }
const of = (subject: string): Attribution => ({ outcome: 'valid', subject })
const builderFor = (id: string, key = 'quarantine/direct-shop/a') =>
  createDirectLineBuilder({ id, isPublic: false, allowQuery: new Set(['q']) }, { key, receivedMs: NOON })
const eventOf = (m: Measurement & object, whose = anybody, at = spot, app = 'shop', key?: string) => {
  const { stored } = builderFor(app, key)(m, whose, at)
  const event = parseEventLine(stored.trimEnd())
  if (event === undefined) throw new Error(`not in the stored form: ${stored}`)
  return event
}

test('a line is stored as the gateway stores it, of the app of the folder', async (t) => {
  const claims = { app_id: 'bank', received_time: 5, country: 'XX', user_agent_name: 'x', device_type: 'bot' }
  t.same(eventOf({ ...least, ...claims }), {
    event_id: eventOf(least).event_id,
    event_time: NOON,
    received_time: NOON,
    app_id: 'shop',
    name: 'app.start',
    value: 1,
    unit: '1',
    weight: 1,
  })
})

test('of anybody there is neither user nor session; of a subject, the user is who was vended to', async (t) => {
  const claims = { ...least, user_id: 'the-queen', session_id: 's-1', page_view_id: 'p-1' }
  const unknown = eventOf(claims)
  t.match(unknown, { user_id: undefined, session_id: undefined, page_view_id: 'p-1' })
  t.match(eventOf(claims, of(ANN)), { user_id: ANN, session_id: 's-1', page_view_id: 'p-1' })
  t.match(eventOf(least, of(ANN)), { user_id: ANN, session_id: undefined })
})

test('ids are names within an app and a subject, and the same for the same object', async (t) => {
  const ids = new Set<string>()
  const own = { ...least, event_id: 'e-1', measurement_id: 'm-1' }
  const elsewhere = { ...spot, index: 1 }
  const other = { ...spot, line: 2 }
  for (const [m, whose, at, app] of [
    [own, anybody, spot, 'shop'],
    [own, of(ANN), spot, 'shop'],
    [own, of(BOB), spot, 'shop'],
    [own, anybody, spot, 'bank'],
    [least, anybody, spot, 'shop'],
    [least, of(ANN), spot, 'shop'],
    [least, anybody, elsewhere, 'shop'],
    [least, anybody, other, 'shop'],
    // Not the name of the event that it would be by its place.
    [{ ...least, event_id: eventOf(least).event_id }, anybody, spot, 'shop'],
  ] as const) {
    const { event_id } = eventOf(m, whose, at, app)
    t.match(event_id, /^[0-9a-f]{32}$/)
    t.equal(eventOf(m, whose, at, app).event_id, event_id)
    ids.add(event_id)
  }
  t.equal(ids.size, 9)
  t.not(
    eventOf(least, anybody, spot, 'shop', 'another').event_id,
    eventOf(least).event_id,
    'of another object',
  )
  t.equal(
    eventOf(own, of(ANN), other).event_id,
    eventOf(own, of(ANN)).event_id,
    'its own id wins over its place',
  )
  const measurements = [anybody, of(ANN), of(BOB)].map((whose) => eventOf(own, whose).measurement_id)
  t.equal(new Set([...measurements, 'm-1', ...ids]).size, 4 + ids.size)
})

test('what is personal is scrubbed, and an implausible time is replaced', async (t) => {
  const page = {
    page_url: 'https://ann@shop.example/a?q=1&card=4111#x',
    exception_message: 'ann@example.com',
  }
  t.match(eventOf({ ...least, ...page }), {
    page_url: 'https://shop.example/a?q=1',
    page_path: '/a',
    exception_message: '[email]',
  })
  for (const [eventTime, stored, clockReplaced] of [
    [NOON - 86_400_000, NOON - 86_400_000, false],
    [NOON - 86_400_001, NOON, true],
    [NOON + 300_001, NOON, true],
    [undefined, NOON, false],
  ] as const) {
    const m = { ...least, ...(eventTime !== undefined && { event_time: eventTime }) }
    t.equal(eventOf(m).event_time, stored)
    t.equal(builderFor('shop')(m, anybody, spot).clockReplaced, clockReplaced)
  }
})

test('rows of one measurement lie a millisecond apart, at most a minute', async (t) => {
  const build = builderFor('shop')
  const timeOf = (measurement_id: string) =>
    Number(parseEventLine(build({ ...least, measurement_id }, anybody, spot).stored)?.received_time) - NOON
  t.same([timeOf('m'), timeOf('m'), timeOf('n'), timeOf('m')], [0, 1, 0, 2])
  for (let i = 0; i < 60_000; i++) build({ ...least, measurement_id: 'm' }, anybody, spot)
  t.same([timeOf('m'), timeOf('m')], [59_999, 59_999])
})
