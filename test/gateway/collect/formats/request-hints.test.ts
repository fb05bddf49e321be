import { test } from 'tap'
import type { Format } from '../../../../src/gateway/collect/formats/format.ts'
import { native } from '../../../../src/gateway/collect/formats/native.ts'
import { pixel } from '../../../../src/gateway/collect/formats/pixel.ts'
import { createRequestHints } from '../../../../src/gateway/collect/formats/request-hints.ts'
import { webVitals } from '../../../../src/gateway/collect/formats/web-vitals.ts'
import { judgeAll } from '../../../../src/gateway/collect/verdicts.ts'
import { runToEnd } from '../../../../src/std/async/yielding.ts'

const hintsOf = createRequestHints()

/** What the sender of a body is told by the route of a format. */
function told(body: unknown, format: Format = native, contentType = 'application/json') {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const decoded = runToEnd(format.decode({ contentType, headers: {}, query: {}, body: Buffer.from(text) }))
  return hintsOf({ format, decoded, judged: judgeAll(decoded.candidates) })
}

const vital = {
  name: 'LCP',
  value: 1_200,
  id: 'v6-1-2',
  delta: 3,
  rating: 'good',
  navigationType: 'navigate',
}
const VITALS =
  'This looks like metrics of the web-vitals library: send them to /v1/web-vitals, where LCP becomes browser.web_vital.lcp.'
const lines = (...values: readonly object[]) => values.map((value) => JSON.stringify(value)).join('\n')

test('whoever sends the metrics of web-vitals to /v1/events is told their route, and nothing of their fields', async (t) => {
  for (const [what, body] of [
    ['a metric', vital],
    ['a list', [vital, { ...vital, name: 'CLS', value: 0.1 }]],
    ['a metric a line', lines(vital, vital)],
    ['without anything that is no column', { name: 'INP', value: 8, unit: 'ms' }],
    ['one object of several', { LCP: 1_200, CLS: 0.1, page: '/' }],
    ['under a name of its own', { ...vital, name: 'lcp' }],
    ['behind other events', [{ name: 'a', value: 1 }, vital]],
    ['without a value', { name: 'TTFB' }],
  ] as const)
    t.same(told(body), [VITALS], what)
})

test('and whoever sends it to its own route, or sends anything else, is not', async (t) => {
  t.same(told(vital, webVitals), [])
  t.same(told([vital, vital], webVitals), [])
  t.match(told({ ...vital, unit: 'seconds' }, webVitals), [/^unit: LCP is in ms/])
  for (const [what, body] of [
    ['an event', { name: 'checkout.time', value: 3 }],
    ['an event with fields of its own', { name: 'checkout.time', value: 3, id: 7, delta: 1 }],
    ['a name of the same length', { name: 'LCQ', value: 3 }],
    ['names after the first events', [...Array(8).fill({ name: 'a', value: 1 }), { name: 'LCP', value: 1 }]],
    ['a column of another event', { events: [{ name: 'a', value: 1, colour: 'red' }] }],
    ['no event', [5]],
    ['nothing', []],
    ['an object of nothing', {}],
  ] as const)
    t.notMatch(told(body).join(), /looks like/, what)
})

test('a client that speaks another language is told so, on both routes', async (t) => {
  const form = 'application/x-www-form-urlencoded'
  const sentry = lines(
    { event_id: 'a', sent_at: '2026-11-29T12:00:00Z', dsn: 'https://k@sentry.example/1' },
    { type: 'transaction' },
    { transaction: '/' },
  )
  const faro = { meta: { app: { name: 'shop' } }, events: [{ name: 'session_start', domain: 'browser' }] }
  for (const [name, body, format, type] of [
    ['OTLP', { resourceMetrics: [] }, native],
    ['OTLP', { resourceSpans: [{}] }, webVitals],
    ['Grafana Faro', faro, native],
    ['Grafana Faro', { meta: {}, measurements: [{ type: 'web-vitals', values: { lcp: 1 } }] }, webVitals],
    ['the envelope of Sentry', sentry, native],
    ['the envelope of Sentry', { sent_at: 'x', sdk: { name: 'sentry.javascript.browser' } }, native],
    ['Boomerang', 'rt.tstart=1&rt.end=2&t_done=900&u=https%3A%2F%2Fshop.example%2F', native, form],
    ['AWS RUM', { BatchId: 'a', AppMonitorDetails: {}, UserDetails: {}, RumEvents: [] }, native],
    [
      'Snowplow',
      { schema: 'iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4', data: [{}] },
      native,
    ],
    ['a report of a Content Security Policy', { 'csp-report': { 'blocked-uri': 'inline' } }, native],
  ] as const) {
    const [hint = '', ...others] = told(body, format, type)
    t.match(hint, `This looks like ${name}, which no route here takes. An event is {`)
    t.same(others, [], name)
  }
  const taken = told({ ...faro, events: [{ name: 'a', value: 1 }] })
  t.match(taken, [/^"meta" beside "events" was left out/], 'unless it says events that are taken')
  t.equal(taken.length, 1)
})

test('times are looked at once some were replaced, and nobody is told by a picture', async (t) => {
  const decoded = { candidates: [{ name: 'a', value: 1, event_time: 'yesterday' }] }
  const judged = judgeAll(decoded.candidates)
  const built = { batch: { receivedMs: 1_795_867_200_000 }, clocksReplaced: 1 }
  const request = { format: native, decoded, judged, built }
  t.match(hintsOf(request), [/^event_time: is no time with a zone/])
  t.same(hintsOf({ ...request, built: { ...built, clocksReplaced: 0 } }), [])
  t.same(hintsOf({ ...request, format: pixel }), [])
})

test('a list of events under another name, and what is beside the events, is told', async (t) => {
  const event = { name: 'a', value: 1 }
  const under = 'What holds a list is no field of an event; did you mean { "events": [ … ] }?'
  for (const [what, body, hints] of [
    ['a slip', { event: [event] }, [under]],
    ['another name', { sent: 1, metrics: [event] }, [under]],
    [
      'a slip for the context',
      { contexts: {}, events: [event] },
      ['"contexts" beside "events" was left out; did you mean "context"?'],
    ],
    [
      'what all events share',
      { session_id: 's', events: [event] },
      ['"session_id" beside "events" was left out; what all events share goes into "context"'],
    ],
    [
      'what is its own',
      { 'planted text': 1, events: [event] },
      ['What stands beside "events" was left out; what all events share goes into "context"'],
    ],
    ['what may be there', { sent_at: 1, context: {}, events: [event] }, []],
    [
      'what names one event',
      { context: { event_id: 'e', measurement_id: null }, events: [event] },
      ['"event_id" in "context" was left out; it names one event, and goes into that'],
    ],
    [
      'what the context cannot say',
      { context: { url: '/' }, events: [event] },
      ['"url" is no field of an event and was left out; did you mean "page_url"?'],
    ],
  ] as const)
    t.same(told(body), hints, what)
  t.match(
    told({ list: [1], value: 1 }),
    [/^Left out: a field /, /^An event is /],
    'a list of numbers holds no events',
  )
})
