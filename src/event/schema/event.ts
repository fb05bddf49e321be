import Type, { type Static, type TSchema } from 'typebox'

/**
 * First seam: one flat row per measurement. Names are the OpenTelemetry attributes with `.` as `_`, metric names follow
 * web-vitals and the W3C timing specifications, units are UCUM, durations are milliseconds.
 * Everything that reads or stores an event (wire check, NDJSON line, Parquet columns, DDL, docs) is rendered from here.
 */
export const EVENT_VERSION = 1

/**
 * Longest id, in characters (UTF-16 units). Ours: ids are UUIDs or hashes, and never cut, as that would make two things
 * one.
 */
export const MAX_ID_CHARS = 128
/** Longest free text, likewise. Ours: texts are dimensions, and cut. */
export const MAX_TEXT_CHARS = 256
/** De facto longest URL that browsers and proxies agree on, in characters. */
export const MAX_URL_CHARS = 2_048
export const NAME_PATTERN = '^[A-Za-z][\\w.:/-]{0,127}$'
/** The same in words. */
export const NAME_FORM = '1 to 128 of A-Z, a-z, 0-9 and _ . : / -, beginning with a letter'
/** Longest unit, likewise. Ours: those of UCUM have a few characters. */
export const MAX_UNIT_CHARS = 64
/** What a rollup can add up exactly, for any number of events: micro-units in an integer of 128 bits. */
export const MAX_VALUE = 1_000_000_000_000
/** How many events one may stand for, where a client sends a sample of them. Ours. */
export const MAX_WEIGHT = 1_000_000
/** RFC 9110, 15: a status has three digits. */
export const MAX_STATUS = 999
/** Exception text kept, in bytes. Ours: the beginning tells what went wrong. */
export const MAX_EXCEPTION_BYTES = 1_024
/** Attributes kept of an event. Ours: OpenTelemetry keeps 128, and each makes every copy of the event longer. */
export const MAX_ATTRIBUTES = 32
/** Longest name of one. Ours: what is longer is no name. */
export const MAX_ATTRIBUTE_NAME_CHARS = 64
/** Longest value of one, as of any other text. */
export const MAX_ATTRIBUTE_VALUE_CHARS = 256

const id = (description: string) => Type.String({ minLength: 1, maxLength: MAX_ID_CHARS, description })
const text = (description: string) => Type.String({ maxLength: MAX_TEXT_CHARS, description })
/** Text that scrubbing cuts to its limit, instead of a reason to reject the event. */
const cut = (description: string) => Type.String({ description })
const byGateway = (description: string) => Type.String({ description, readOnly: true })

/** In storage order: the columns that every aggregation reads come first. */
export const Event = Type.Object({
  event_id: id('Names this row, the same in every delivery of it; with app_id the dedup key.'),
  measurement_id: Type.Optional(
    id('The thing measured. Of several rows with one id in a window the last that was sent counts.'),
  ),
  event_time: Type.Integer({
    description: 'Epoch ms: the client clock while plausible, else received_time.',
  }),
  received_time: Type.Integer({
    description:
      'Epoch ms on the gateway clock; rows of one measurement are in the order in which they were sent.',
    readOnly: true,
  }),
  app_id: byGateway('The app whose key, alias or origin admitted the event.'),
  name: Type.String({
    pattern: NAME_PATTERN,
    description: `Metric name, such as browser.web_vital.lcp: ${NAME_FORM}.`,
  }),
  value: Type.Number({ description: 'From 0 to 10¹², in `unit`.' }),
  unit: Type.String({
    minLength: 1,
    maxLength: MAX_UNIT_CHARS,
    description: 'UCUM: ms, By, 1, {view}. Default 1. Other units of time and size become ms and By.',
  }),
  weight: Type.Number({
    exclusiveMinimum: 0,
    maximum: MAX_WEIGHT,
    description:
      'How many occurrences the row stands for: 1, or 1 / sampling rate. Counted in steps of 0.001, and as no less.',
  }),
  page_url: Type.Optional(cut('The page, without query (but allowed names), fragment and userinfo.')),
  page_path: Type.Optional(cut('Path of page_url; derived from it when absent.')),
  page_route: Type.Optional(text('Low-cardinality route template, such as /products/:id.')),
  page_view_id: Type.Optional(id('One page view. Stripped under Global Privacy Control.')),
  navigation_type: Type.Optional(text('web-vitals: navigate, reload, back-forward, prerender, restore, …')),
  referrer: Type.Optional(cut('Scrubbed like page_url.')),
  session_id: Type.Optional(id('Stripped under Global Privacy Control.')),
  user_id: Type.Optional(id('Stripped under Global Privacy Control.')),
  url_full: Type.Optional(cut('The request or resource measured, not the page. Scrubbed like page_url.')),
  resource_type: Type.Optional(text('W3C PerformanceResourceTiming.initiatorType.')),
  http_request_method: Type.Optional(text('OpenTelemetry http.request.method.')),
  http_response_status_code: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: MAX_STATUS,
      description: 'OpenTelemetry http.response.status_code.',
    }),
  ),
  error_type: Type.Optional(text('OpenTelemetry error.type.')),
  exception_type: Type.Optional(text('OpenTelemetry exception.type.')),
  exception_message: Type.Optional(cut('At most 1 KiB; cleaned as prose (docs/events.md).')),
  exception_stacktrace: Type.Optional(cut('At most 1 KiB; cleaned as prose (docs/events.md).')),
  device_type: Type.Optional(byGateway('desktop, mobile, tablet, bot or other, from the user agent.')),
  user_agent_name: Type.Optional(byGateway('Browser, from the user agent.')),
  user_agent_version: Type.Optional(byGateway('Its major version.')),
  os_name: Type.Optional(byGateway('Operating system, from the user agent.')),
  network_effective_type: Type.Optional(text('W3C NetInfo: slow-2g, 2g, 3g, 4g.')),
  language: Type.Optional(text('BCP 47 tag.')),
  country: Type.Optional(byGateway('ISO 3166-1 alpha-2, from a trusted edge.')),
  app_version: Type.Optional(text('OpenTelemetry service.version.')),
  environment: Type.Optional(text('OpenTelemetry deployment.environment.name.')),
  sdk_name: Type.Optional(text('What sent it, such as web-vitals.')),
  sdk_version: Type.Optional(text('Its version.')),
  attributes: Type.Optional(
    // The pattern of a record's keys is `^.*$` by default: a line break in a name would leave its value unchecked.
    Type.Record(
      Type.String({ pattern: '^[\\s\\S]*$' }),
      Type.String({ maxLength: MAX_ATTRIBUTE_VALUE_CHARS }),
      {
        maxProperties: MAX_ATTRIBUTES,
        propertyNames: { minLength: 1, maxLength: MAX_ATTRIBUTE_NAME_CHARS },
        description: 'Custom dimensions.',
      },
    ),
  ),
})
export type Event = Static<typeof Event>

/** What an event that does not say it is taken to say, wherever it comes in. */
export const DEFAULTS = { unit: '1', weight: 1 } as const satisfies Partial<Event>

export type ColumnName = keyof Event

const {
  app_id,
  received_time,
  device_type,
  user_agent_name,
  user_agent_version,
  os_name,
  country,
  ...settable
} = Event.properties

/**
 * What a client may send: `name` and `value` at least. Columns that only the gateway sets, and unknown fields, are ignored
 * and counted.
 */
export const Measurement = Type.Object({
  ...Type.Partial(Type.Object(settable)).properties,
  name: Event.properties.name,
  value: Type.Number({ minimum: 0, maximum: MAX_VALUE, description: 'From 0 to 10¹², in `unit`.' }),
  event_time: Type.Optional(
    Type.Union([Type.Number(), Type.String()], {
      description:
        'Epoch ms or ISO 8601 with a zone. An implausible one is replaced by the time of arrival, never refused.',
    }),
  ),
})
export type Measurement = Static<typeof Measurement>

/** Columns of which only the gateway knows, the same for all events of a request. */
const shared = Type.Object({
  received_time,
  app_id,
  device_type,
  user_agent_name,
  user_agent_version,
  os_name,
  country,
})
export type Shared = Static<typeof shared>
export const isShared = (name: ColumnName): name is keyof Shared => name in shared.properties

/** Columns that a client may set and the gateway completes: ids, times, defaults. */
const stamp = Type.Pick(Event, ['event_id', 'event_time', 'unit', 'weight', 'page_path'])
export type Stamp = Static<typeof stamp>
export const isStamped = (name: ColumnName): name is keyof Stamp => name in stamp.properties

export type ColumnType = 'text' | 'bigint' | 'integer' | 'double' | 'json'
export interface Column {
  readonly name: ColumnName
  readonly type: ColumnType
  readonly required: boolean
  readonly description: string
}

type Described = TSchema & { readonly description?: string }
const epochMs: readonly string[] = ['event_time', 'received_time']

/** The storage form of each column, for Parquet and DDL. Times stay BIGINT epoch ms: no engine's time zone can touch them. */
export const columns: readonly Column[] = Object.entries<Described>(Event.properties).map(
  ([name, schema]) => ({
    name: name as ColumnName,
    type: storageType(name, schema),
    required: Event.required.includes(name as never),
    description: String(schema.description),
  }),
)

function storageType(name: string, schema: TSchema): ColumnType {
  if (epochMs.includes(name)) return 'bigint'
  if (Type.IsNumber(schema)) return 'double'
  if (Type.IsInteger(schema)) return 'integer'
  return Type.IsString(schema) ? 'text' : 'json'
}
