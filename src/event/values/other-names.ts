import { plain } from '../../std/input/did-you-mean.ts'
import type { Measurement } from '../schema/event.ts'

/**
 * What beacons and libraries of others call what these columns hold (Boomerang, OpenTelemetry, Datadog, analytics), and our
 * own /v1/web-vitals, without separators. Only to tell whoever uses one: nothing is taken for a column by it, as `time` is a duration as often.
 */
const OTHER_NAMES = {
  name: 'metric metricname metrickey event eventname eventtype type',
  value: 'duration durationms elapsed latency responsetime val amount measurement count',
  event_time: 'timestamp ts time datetime date when occurredat createdat starttime @timestamp',
  unit: 'uom',
  weight: 'sample samplerate sampling samplingrate samplingfactor',
  page_url: 'url href location documenturl pagelocation navigationurl',
  page_path: 'path pathname',
  page_route: 'route page view screen template',
  url_full: 'requesturl resourceurl',
  session_id: 'session sid',
  user_id: 'user uid userkey',
  page_view_id: 'viewid pageid',
  http_request_method: 'method verb httpmethod',
  http_response_status_code: 'status statuscode httpstatus',
  exception_message: 'message errormessage',
  exception_stacktrace: 'stack stacktrace',
  network_effective_type: 'effectivetype connection connectiontype',
  language: 'lang locale',
  app_version: 'version release build',
  environment: 'env stage deployment',
  attributes: 'tags labels dimensions properties props meta metadata extra custom data params',
} as const satisfies Partial<Record<keyof Measurement, string>>

const columnOf: ReadonlyMap<string, string> = new Map(
  Object.entries(OTHER_NAMES).flatMap(([column, names]) => names.split(' ').map((name) => [name, column])),
)

/** How a query or a form says an attribute, `attributes.plan`: in JSON they are one object. */
const ATTRIBUTE = /^attributes\./

/** The column that others call so, in whatever spelling. */
export const columnCalled = (name: string): string | undefined =>
  ATTRIBUTE.test(name) ? 'attributes' : columnOf.get(plain(name))

/** What to know of a column that others have in another form. */
const FORMS: Readonly<Record<string, string>> = { weight: ', which is 1 / rate' }

/** The question that ends a hint. */
export const meantColumn = (column: string): string => `did you mean "${column}"${FORMS[column] ?? ''}?`
