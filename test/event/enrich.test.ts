import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'tap'
import { enrich, MAX_EVENT_AGE_MS, MAX_EVENT_AHEAD_MS } from '../../src/event/enrich.ts'
import { columns, type Event, Measurement } from '../../src/event/schema/event.ts'
import { eventLine, parseEventLine, sharedEnd } from '../../src/event/schema/ndjson.ts'
import { scrub } from '../../src/event/scrub.ts'
import { scales } from '../../src/event/values/unit.ts'
import { judge } from '../../src/event/verdict.ts'

const receivedMs = Date.UTC(2026, 10, 22, 12)
const least = { name: 'checkout.duration', value: 12.5 }
const stampOf = (more: object) => enrich({ ...least, ...more }, 'id-1', receivedMs).stamp

test('the least measurement gets an id, a time and the defaults', async (t) => {
  t.strictSame(enrich(least, 'id-1', receivedMs), {
    stamp: { event_id: 'id-1', event_time: receivedMs, unit: '1', weight: 1 },
    clockReplaced: false,
  })
})

test('what the client says wins over the defaults, but not over the id', async (t) => {
  t.strictSame(stampOf({ event_id: 'mine', unit: 'ms', weight: 10, page_path: '/a' }), {
    event_id: 'id-1',
    event_time: receivedMs,
    unit: 'ms',
    weight: 10,
    page_path: '/a',
  })
})

test('the page path comes from the page URL when it is not given', async (t) => {
  const pathFrom = (page: object) => stampOf(page).page_path
  t.equal(pathFrom({ page_url: 'https://shop.example/a/b' }), '/a/b')
  t.equal(pathFrom({ page_url: 'https://shop.example' }), '/')
  t.equal(pathFrom({ page_url: 'https://shop.example/a/b', page_path: '/c' }), '/c')
  t.equal(pathFrom({ page_url: '' }), undefined)
  t.equal(pathFrom({}), undefined)
  t.equal(
    pathFrom({ page_path: '~other' }),
    '∼other',
    'what scrubbing laid bare is no value of a rollup’s own',
  )
})

test('the event time is the client’s while plausible, else that of arrival', async (t) => {
  for (const [why, time, expected, clockReplaced] of [
    ['24 h old', receivedMs - MAX_EVENT_AGE_MS, receivedMs - MAX_EVENT_AGE_MS, false],
    ['a millisecond older', receivedMs - MAX_EVENT_AGE_MS - 1, receivedMs, true],
    ['5 min ahead', receivedMs + MAX_EVENT_AHEAD_MS, receivedMs + MAX_EVENT_AHEAD_MS, false],
    ['a millisecond more', receivedMs + MAX_EVENT_AHEAD_MS + 1, receivedMs, true],
    ['fractions are cut off', receivedMs - 0.25, receivedMs - 1, false],
    ['a fraction does not make it plausible', receivedMs - MAX_EVENT_AGE_MS - 0.5, receivedMs, true],
    ['seconds', receivedMs / 1_000, receivedMs, true],
    ['negative', -1, receivedMs, true],
    ['1e308', 1e308, receivedMs, true],
    ['UTC', '2026-11-22T11:00:00.123Z', receivedMs - 3_600_000 + 123, false],
    ['nanoseconds', '2026-11-22T11:00:00.123999999Z', receivedMs - 3_600_000 + 123, false],
    ['another zone', '2026-11-22T12:30:00+01:00', receivedMs - 1_800_000, false],
    ['no seconds', '2026-11-22T11:00Z', receivedMs - 3_600_000, false],
    ['a time of an unnamed zone', '2026-11-22T11:00:00', receivedMs, true],
    ['a date alone', '2026-11-22', receivedMs, true],
    ['no such day', '2026-11-31T11:00:00Z', receivedMs, true],
    ['no such hour', '2026-11-22T25:00:00Z', receivedMs, true],
    ['digits as text', String(receivedMs - 5), receivedMs - 5, false],
    ['seconds as text', String(receivedMs / 1_000), receivedMs, true],
    ['not a number', Number.NaN, receivedMs, true],
    ['without end', '1'.repeat(100_000), receivedMs, true],
    ['no time', 'yesterday', receivedMs, true],
    ['empty', '', receivedMs, true],
  ] as const) {
    const enriched = enrich({ ...least, event_time: time }, 'id-1', receivedMs)
    t.same([enriched.stamp.event_time, enriched.clockReplaced], [expected, clockReplaced], why)
  }
})

const privacy = { allowQuery: new Set(['q']), stripIds: false }
const shared = { received_time: receivedMs, app_id: 'shop-web', device_type: 'desktop' }

/** The line that a candidate becomes; undefined when it is rejected. */
function lineOf(candidate: unknown, stripIds: boolean): { event: Event; line: string } | undefined {
  const verdict = judge(candidate)
  if (verdict.kind === 'rejected') return undefined
  const clean = scrub(verdict.measurement, { ...privacy, stripIds }, (id) => `salted-${id.length}`)
  const { stamp } = enrich(clean, clean.event_id ?? 'made-up', receivedMs)
  const known = columns.filter(({ name }) => name in Measurement.properties).map(({ name }) => name)
  const measured = known.flatMap((name) => {
    const value = clean[name as keyof Measurement]
    return value === undefined ? [] : [[name, value]]
  })
  const event = { ...Object.fromEntries(measured), ...stamp, ...shared }
  return { event, line: eventLine(clean, stamp, sharedEnd(shared)) }
}

/** Any JSON, and objects that come close to a measurement: known names with right and wrong values. */
/** Without control characters and U+FEFF, which are stored as U+FFFD. */
const printable = (text: string) => text.replace(/[\p{Cc}\ufeff]/gu, ' ')
const anyText = fc.string({ unit: 'binary', maxLength: 40 }).map(printable)
const nearly = fc.record(
  {
    ...Object.fromEntries(columns.map(({ name }) => [name, fc.oneof(anyText, fc.jsonValue())])),
    name: fc.oneof(fc.constant('browser.web_vital.lcp'), anyText),
    value: fc.oneof(fc.double(), fc.nat(), fc.nat().map(String), anyText),
    event_time: fc.oneof(fc.integer({ min: receivedMs - 1e8, max: receivedMs + 1e6 }), anyText),
    weight: fc.oneof(fc.double({ min: 0, max: 2e6 }), fc.constant(1)),
    http_response_status_code: fc.oneof(fc.constant(200), fc.jsonValue()),
    attributes: fc.oneof(fc.dictionary(anyText, anyText, { noNullPrototype: true }), fc.jsonValue()),
  },
  { requiredKeys: [] },
)
const valid = fc.record(
  {
    ...Object.fromEntries(
      columns.flatMap(({ name, type }) =>
        type === 'text'
          ? [[name, fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }).map(printable)]]
          : [],
      ),
    ),
    name: fc.constant('browser.web_vital.lcp'),
    value: fc.double({ min: 0, max: 1e12, noNaN: true }),
    event_time: fc
      .oneof(fc.double(), anyText)
      .filter((time) => typeof time === 'string' || Number.isFinite(time)),
    attributes: fc.dictionary(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 32 }).map(printable),
      anyText,
      {
        maxKeys: 8,
        noNullPrototype: true,
      },
    ),
    unknown: fc.jsonValue(),
  },
  { requiredKeys: ['name', 'value'] },
)

test('whatever is sent is rejected, or becomes exactly one line that reads back as the event', async (t) => {
  const allowed = new Set<string>(['v', ...columns.map(({ name }) => name)])
  let lines = 0
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), nearly, valid), fc.boolean(), (candidate, stripIds) => {
      const built = lineOf(candidate, stripIds)
      if (built === undefined) return
      lines++
      const { event, line } = built
      const parsed = JSON.parse(line)
      assert.equal(line.indexOf('\n'), line.length - 1, 'one line')
      assert.deepEqual(
        Object.keys(parsed).filter((key) => !allowed.has(key)),
        [],
        'only columns',
      )
      // Adding 0 makes -0, which is not told from 0 in a line, a plain 0.
      if (scales.has((candidate as Event).unit)) return
      assert.equal(parsed.value, Number((candidate as Event).value) + 0, 'the value as sent')
      assert.equal(Buffer.from(line).toString(), line, 'well-formed')
      assert.deepStrictEqual(parseEventLine(line), { ...event, value: event.value + 0 })
    }),
    { numRuns: 1_000 },
  )
  t.ok(lines > 200, 'a fair part of them was accepted')
})
