import Type, { type TSchema } from 'typebox'
import { MAX_EVENTS_PER_BODY } from '../../event/decode/spans.ts'
import { MAX_HINTS } from '../../event/hints.ts'
import { Measurement } from '../../event/schema/event.ts'
import { anyRequest, idempotencyKey, problemAnswer } from '../../http/documented.ts'

/** What OpenAPI says of the routes. The bytes themselves are judged by the formats and by event/verdict.ts. */
const rejection = Type.Object({
  index: Type.Integer({ minimum: 0, description: 'Its place in the request, from 0.' }),
  code: Type.String({ description: 'Stable; see docs/errors.md.' }),
  detail: Type.String({ description: 'Names the field and the rule, never the value.' }),
})

const receipt = Type.Object(
  {
    accepted: Type.Integer({ minimum: 1 }),
    rejected: Type.Array(rejection),
    durability: Type.Enum(['journal', 'stream', 'lake', 'memory'], {
      description:
        'Where the accepted events are now: acknowledged by the stream, in a finished file of the lake, synced in the journal on the disk, or in memory. See docs/durability.md.',
    }),
    retrySafe: Type.Optional(
      Type.Boolean({
        const: false,
        description:
          'Only if false: some accepted event had no event_id and the request no Idempotency-Key, so sending it again would store it twice.',
      }),
    ),
    hints: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: MAX_HINTS,
        description:
          'Only if there are any: names of fields that were left out, units that are not converted, values that look like those of another unit, times that were replaced and the route that was meant, each with what to do.',
      }),
    ),
  },
  { description: 'At least one event was accepted.' },
)

const refusals = {
  ...anyRequest,
  400: problemAnswer('The body, a header or the query cannot be read. Do not retry.'),
  401: problemAnswer('No key, alias or Origin leads to an app.'),
  403: problemAnswer('The Origin is not on the list of the app, or two apps are named. Permanent.'),
  413: problemAnswer(
    'Above 1 MiB (64 KiB for beacons), above 4 MiB inflated, or too large once stored: a large context on many events.',
  ),
  415: problemAnswer('Unknown content encoding (see Accept-Encoding) or a content type that is none.'),
  422: problemAnswer(
    'Nothing was accepted; `rejected` says why. Or the Idempotency-Key was sent with another body.',
  ),
  429: problemAnswer('The address or the app is over its limit; see Retry-After.'),
  503: problemAnswer(
    'No room, nothing takes events, or shutting down; see Retry-After. Nothing is acknowledged: send it again, with the same ids.',
  ),
}

const key = Type.String({ description: 'Publishable key of the app.' })
const identity = {
  headers: Type.Object({
    'x-headgate-key': Type.Optional(key),
    'x-api-key': Type.Optional(key),
    'idempotency-key': idempotencyKey(
      'Names the request: sent again under the same key, its events have the same ids. For events without an event_id.',
    ),
  }),
  querystring: Type.Object({ key: Type.Optional(key) }),
}

const body = (schema: TSchema) => ({
  content: {
    'application/json': { schema },
    'application/x-ndjson': { schema: Type.String({ description: 'One event a line.' }) },
    'text/plain': { schema: Type.String({ description: 'The same, from sendBeacon.' }) },
  },
})

const answers = {
  202: { description: 'To senders of JSON.', content: { 'application/json': { schema: receipt } } },
  204: Type.Null({
    description:
      'To beacons: text/plain, form and untyped bodies, `curl -d` without a content type among them. At least one event was accepted; to be told of each, send application/json.',
  }),
  ...refusals,
}

const someEvents = Type.Array(Measurement, { minItems: 1, maxItems: MAX_EVENTS_PER_BODY })
const events = Type.Union([
  Measurement,
  someEvents,
  Type.Object({
    sent_at: Type.Optional(Type.Number({ description: 'Epoch ms on the client clock. Informative.' })),
    context: Type.Optional(Type.Partial(Measurement, { description: 'Fields that the events share.' })),
    events: someEvents,
  }),
])

const metric = Type.Object(
  {
    name: { ...Measurement.properties.name, description: 'CLS, FCP, INP, LCP, TTFB or a name of your own.' },
    value: Measurement.properties.value,
    id: Type.Optional(Type.String({ description: 'The id that the library gave the metric.' })),
    delta: Type.Optional(
      Type.Number({
        description:
          'The change since its last report, by which a report sent twice is told from a value that came back.',
      }),
    ),
  },
  { additionalProperties: true, description: 'As the library made it, and what the page added.' },
)
const metrics = Type.Union([metric, Type.Array(metric, { minItems: 1, maxItems: MAX_EVENTS_PER_BODY })])

export const eventsSchema = {
  operationId: 'sendEvents',
  summary: 'Send measurements',
  description:
    'One event, an array, NDJSON, or an envelope with shared context; up to 500 events and 1 MiB, as gzip, deflate, br, zstd or plain. A 2xx means that every accepted event is durable.',
  tags: ['collect'],
  ...identity,
  body: body(events),
  response: answers,
}

export const webVitalsSchema = {
  operationId: 'sendWebVitals',
  summary: 'Send metrics of the web-vitals library',
  description:
    'The objects that web-vitals hands to its callbacks, one or an array, as sent by its own snippet.',
  tags: ['collect'],
  ...identity,
  body: body(metrics),
  response: answers,
}

export const pixelSchema = {
  operationId: 'pixel',
  summary: 'Send one measurement without script',
  description:
    'Fields of the event as query parameters, up to 8 KiB. Always answers with a transparent pixel: nothing is acknowledged by it, the outcome is counted.',
  tags: ['collect'],
  querystring: Type.Object(
    { key: Type.Optional(key), name: Measurement.properties.name, value: Measurement.properties.value },
    { additionalProperties: true },
  ),
  response: {
    400: anyRequest[400],
    408: anyRequest[408],
    431: anyRequest[431],
    200: {
      description: 'A 1×1 GIF, whatever becomes of the event.',
      content: { 'image/gif': { schema: Type.String({ format: 'binary' }) } },
    },
  },
}
