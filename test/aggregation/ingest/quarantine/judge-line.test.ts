import { test } from 'tap'
import { judgeLine } from '../../../../src/aggregation/ingest/quarantine/judge-line.ts'
import { MAX_EVENTS_PER_BODY } from '../../../../src/event/decode/spans.ts'
import { runToEnd } from '../../../../src/std/async/yielding.ts'
import { AppError } from '../../../../src/std/errors.ts'

const least = { name: 'app.start', value: 1 }
const judged = (line: string | Buffer | object) =>
  runToEnd(
    judgeLine(Buffer.from(typeof line === 'string' || Buffer.isBuffer(line) ? line : JSON.stringify(line))),
  )
/** What was wrong, as `reason: detail`. */
const faults = (line: Parameters<typeof judged>[0]) =>
  judged(line).rejected.map(({ reason, detail, events }) => `${events} ${reason}: ${detail}`)

test('a line is an event, or an envelope with what its events share', async (t) => {
  t.same(judged(least), {
    accepted: [{ measurement: least, index: 0 }],
    rejected: [],
    token: undefined,
    candidates: [least],
    ignored: 0,
  })
  t.match(judged(` ${JSON.stringify({ ...least, recordToken: 'a.b.c' })}\r`), { token: 'a.b.c' })
  const envelope = {
    recordToken: 'a.b.c',
    context: { app_version: '7', event_id: 'never', attributes: { plan: 'pro', tier: '1' } },
    events: [least, { ...least, name: '1' }, { ...least, app_version: '8', attributes: { tier: '2' } }],
  }
  t.match(judged(envelope), {
    accepted: [
      { measurement: { ...least, app_version: '7', attributes: { plan: 'pro', tier: '1' } }, index: 0 },
      { measurement: { ...least, app_version: '8', attributes: { plan: 'pro', tier: '2' } }, index: 2 },
    ],
    rejected: [
      {
        reason: 'invalid_field',
        detail: 'name: must be 1 to 128 of A-Z, a-z, 0-9 and _ . : / -, beginning with a letter',
        events: 1,
      },
    ],
    token: 'a.b.c',
  })
  t.match(judged({ events: [], context: {} }), {
    accepted: [],
    rejected: [],
    token: undefined,
    candidates: [],
  })
})

test('what is no event is rejected by name', async (t) => {
  for (const [what, line, expected] of [
    ['half a document', '{"name":"app.start","value', '1 malformed_line: Not valid JSON'],
    ['no UTF-8', Buffer.alloc(22, 0xff), '1 malformed_line: The body is not UTF-8'],
    ['a mebibyte of {', '{'.repeat(1_048_576), '1 malformed_line: The body holds more than 262144 values'],
    [
      'forty levels',
      `{"a":${'['.repeat(40) + ']'.repeat(40)}}`,
      '1 event_too_complex: JSON is nested deeper than 32 levels',
    ],
    ['an array in an array', [[least]], '1 not_an_object: An event must be a JSON object'],
    ['null', `null${' '.repeat(20)}`, '1 not_an_object: An event must be a JSON object'],
    [
      'what no event fits into',
      '{"name":"a","value":}',
      '1 malformed_line: The line is too short to be an event, such as {"name":"a","value":1}',
    ],
    ['no value', { name: 'a', unit: 'ms', weight: 1 }, '1 missing_field: value: is required'],
    ['a ledger', { ...least, name: 'headgate.ledger' }, '1 invalid_field: name: headgate.ledger is reserved'],
    ['events that are none', { events: 5, sent_at: 1_000_000 }, '1 malformed_line: events: must be an array'],
    ['a context that is none', { context: 5, events: [] }, '1 malformed_line: context: must be an object'],
    [
      'an event that is none',
      { context: {}, events: ['x'] },
      '1 not_an_object: An event must be a JSON object',
    ],
  ] as const) {
    const [fault = '', ...others] = faults(line)
    t.ok(fault.startsWith(expected), `${what}: ${fault}`)
    t.same(others, [])
    t.same(judged(line).accepted, [])
  }
})

test('an envelope may bring as many events as a request', async (t) => {
  const { accepted, rejected } = judged({ events: Array(MAX_EVENTS_PER_BODY + 7).fill(least) })
  t.equal(accepted.length, 500)
  t.same(rejected, [{ reason: 'too_many_events', detail: 'A line may bring 500 events.', events: 7 }])
})

test('a bad item of a line costs its neighbours nothing, and several values in a line are several events', async (t) => {
  const good = JSON.stringify(least)
  t.match(judged(`{"events":[${good},{"name":"a","value":NaN},${good}]}`), {
    accepted: [{ index: 0 }, { index: 2 }],
    rejected: [{ reason: 'malformed_line' }],
  })
  t.equal(judged(`${good}${good}`).accepted.length, 2)
})

test('a direct record is put right as a request is', async (t) => {
  const record = { ...least, value: '2', unit: 's', page_route: '~other', attributes: { a: 1, b: null } }
  t.same(judged(record).accepted, [
    {
      measurement: { ...least, value: 2_000, unit: 'ms', page_route: '∼other', attributes: { a: '1' } },
      index: 0,
    },
  ])
})

test('a fault of ours is no fault of the line, which would be lost for it', async (t) => {
  const broken = (error: Error) =>
    Object.assign(Buffer.from(JSON.stringify(least)), {
      toString() {
        throw error
      },
    })
  t.throws(() => runToEnd(judgeLine(broken(new RangeError('of ours')))), {
    name: 'RangeError',
    message: 'of ours',
  })
  t.throws(() => runToEnd(judgeLine(broken(new AppError('internal', 'of ours')))), { code: 'internal' })
})
