import { problems } from '../../../src/http/problems.ts'

/** One limit, as whoever meets it needs it told. Its number and its source stand in the code, and only there. */
export interface Limit {
  readonly what: string
  /** Below `src/`: the file, and the name of the constant in it. */
  readonly at: readonly [file: string, name: string]
  /** What happens beyond it, or below it where it is a least one. */
  readonly beyond: string
  /** The unit, where the name of the constant does not say it (BYTES, MS, SECONDS, CHARS). */
  readonly unit?: string
}

/** What a whole request ends in. */
export const ends = (code: keyof typeof problems): string => `${problems[code].status} \`${code}\``
/** What an event ends in; the others of its request are taken. */
const rejected = (code: string): string => `the event is rejected: \`${code}\``

const scan = 'event/decode/scan.ts'
const event = 'event/schema/event.ts'

export const requestLimits: readonly Limit[] = [
  {
    what: 'A body, as it is sent',
    at: ['gateway/collect/body.ts', 'MAX_WIRE_BYTES'],
    beyond: ends('body_too_large'),
  },
  {
    what: 'The same of a beacon (`text/plain`, a form, no type)',
    at: ['gateway/collect/body.ts', 'MAX_BEACON_BYTES'],
    beyond: ends('body_too_large'),
  },
  {
    what: 'A body, inflated',
    at: ['gateway/collect/codecs.ts', 'MAX_INFLATED_BODY_BYTES'],
    beyond: ends('body_too_large'),
  },
  {
    what: 'Compressions, one around the other',
    at: ['gateway/collect/inflate.ts', 'MAX_LAYERS'],
    beyond: 'it is not inflated any further, and cannot be read',
    unit: 'layers',
  },
  {
    what: 'Frames of a body in Zstandard',
    at: ['gateway/collect/codecs.ts', 'MAX_FRAMES'],
    beyond: ends('malformed_body'),
    unit: 'frames',
  },
  {
    what: 'Names in `Content-Encoding`',
    at: ['gateway/collect/codings.ts', 'MAX_CODINGS'],
    beyond: `${ends('unsupported_encoding')}, unless the body says by itself what it is`,
    unit: 'names',
  },
  {
    what: 'The URL of a pixel',
    at: ['gateway/collect/body.ts', 'MAX_PIXEL_URL_BYTES'],
    beyond: `${ends('uri_too_long')}, which a pixel does not show`,
  },
  {
    what: 'Request line and headers',
    at: ['http/client-errors.ts', 'MAX_HEADER_BYTES'],
    beyond: ends('header_too_large'),
  },
  {
    what: 'Time for the headers',
    at: ['http/server.ts', 'HEADERS_TIMEOUT_MS'],
    beyond: ends('slow_request'),
  },
  {
    what: 'Time for headers and body',
    at: ['http/server.ts', 'REQUEST_TIMEOUT_MS'],
    beyond: ends('slow_request'),
  },
  {
    what: 'The least speed of a body, in bytes a second',
    at: ['gateway/collect/memory-budget.ts', 'LEAST_BYTES_PER_SECOND'],
    beyond: `${ends('slow_request')}, after the time below`,
  },
  {
    what: 'The longest pause of a body, and the time before its speed is asked',
    at: ['gateway/collect/memory-budget.ts', 'GRACE_MS'],
    beyond: ends('slow_request'),
  },
  {
    what: 'Events of a request',
    at: ['event/decode/spans.ts', 'MAX_EVENTS_PER_BODY'],
    beyond: `those behind them are rejected: \`too_many_events\``,
    unit: 'events',
  },
  {
    what: 'Events of a body that are looked at',
    at: ['event/decode/spans.ts', 'MAX_CANDIDATES'],
    beyond: ends('body_too_large'),
    unit: 'events',
  },
  {
    what: 'Rejections that an answer lists',
    at: ['gateway/collect/verdicts.ts', 'MAX_REJECTIONS_LISTED'],
    beyond: 'the others are counted',
    unit: 'rejections',
  },
  {
    what: 'Sentences in `hints`',
    at: ['event/hints.ts', 'MAX_HINTS'],
    beyond: 'the others are not told',
    unit: 'sentences',
  },
  {
    what: 'What the events of a request take, as they are stored',
    at: ['gateway/journal/journal.ts', 'MAX_BATCH_BYTES'],
    beyond: ends('stored_too_large'),
  },
  {
    what: 'The same, as so many times the inflated body',
    at: ['event/schema/growth.ts', 'MOST_GROWTH'],
    beyond: `${ends('stored_too_large')}, with the two below on top`,
    unit: 'times',
  },
  {
    what: '… and for the request',
    at: ['event/schema/growth.ts', 'ROOM_BYTES'],
    beyond: 'as above',
  },
  {
    what: '… and for each event',
    at: ['event/schema/growth.ts', 'ROOM_BYTES_AN_EVENT'],
    beyond: 'as above',
  },
  {
    what: 'An `Idempotency-Key`',
    at: ['std/input/idempotency-key.ts', 'MAX_KEY_CHARS'],
    beyond: ends('invalid_request'),
  },
  {
    what: 'How long a process remembers one',
    at: ['gateway/collect/identity/idempotency.ts', 'REMEMBERED_MS'],
    beyond: 'a repetition has the same ids, and the time of its own arrival',
  },
  {
    what: 'Time until an answer, in mode `stream`',
    at: ['gateway/journal/stream/stream-journal.ts', 'ANSWER_MS'],
    beyond: ends('sinks_unavailable'),
  },
]

export const eventLimits: readonly Limit[] = [
  {
    what: 'An event, as it is sent and as it is stored',
    at: ['event/verdict.ts', 'MAX_EVENT_BYTES'],
    beyond: rejected('event_too_large'),
  },
  {
    what: 'Levels of an event',
    at: ['event/verdict.ts', 'MAX_DEPTH'],
    beyond: rejected('event_too_complex'),
    unit: 'levels',
  },
  { what: 'A value', at: [event, 'MAX_VALUE'], beyond: rejected('invalid_field'), unit: '' },
  { what: 'A weight', at: [event, 'MAX_WEIGHT'], beyond: rejected('invalid_field'), unit: '' },
  { what: 'A status', at: [event, 'MAX_STATUS'], beyond: rejected('invalid_field'), unit: '' },
  { what: 'An id', at: [event, 'MAX_ID_CHARS'], beyond: rejected('invalid_field') },
  { what: 'A text', at: [event, 'MAX_TEXT_CHARS'], beyond: 'it is cut, and ends with `…`' },
  { what: 'A unit', at: [event, 'MAX_UNIT_CHARS'], beyond: 'it is cut, and ends with `…`' },
  { what: 'A URL', at: [event, 'MAX_URL_CHARS'], beyond: 'it is cut' },
  { what: 'A text of an exception', at: [event, 'MAX_EXCEPTION_BYTES'], beyond: 'it is cut' },
  {
    what: 'Attributes',
    at: [event, 'MAX_ATTRIBUTES'],
    beyond: 'those behind them are left out, and counted',
    unit: 'attributes',
  },
  {
    what: 'The name of an attribute',
    at: [event, 'MAX_ATTRIBUTE_NAME_CHARS'],
    beyond: 'it is left out, and counted',
  },
  { what: 'The value of an attribute', at: [event, 'MAX_ATTRIBUTE_VALUE_CHARS'], beyond: 'it is cut' },
  {
    what: 'How old an event is',
    at: ['event/enrich.ts', 'MAX_EVENT_AGE_MS'],
    beyond: 'its time is replaced by that of its arrival, and counted',
  },
  {
    what: 'How far ahead its clock is',
    at: ['event/enrich.ts', 'MAX_EVENT_AHEAD_MS'],
    beyond: 'its time is replaced by that of its arrival, and counted',
  },
]

/** What holds for a body that is looked through before it is parsed. */
export const shapeLimits: readonly Limit[] = [
  {
    what: 'A body that is parsed without that',
    at: ['event/decode/candidates.ts', 'UNSCANNED_BYTES'],
    beyond: 'it has the limits below',
  },
  {
    what: 'Names of an object',
    at: [scan, 'MAX_OBJECT_NAMES'],
    beyond: rejected('event_too_complex'),
    unit: 'names',
  },
  { what: 'A name', at: [scan, 'MAX_NAME_BYTES'], beyond: rejected('event_too_complex') },
  {
    what: 'A number, as it is written',
    at: [scan, 'MAX_NUMBER_BYTES'],
    beyond: rejected('event_too_complex'),
  },
  { what: 'Levels', at: [scan, 'MAX_LEVELS'], beyond: rejected('event_too_complex'), unit: 'levels' },
  { what: 'Names in all', at: [scan, 'MAX_BODY_NAMES'], beyond: ends('body_too_large'), unit: 'names' },
  {
    what: 'Names that differ',
    at: [scan, 'MAX_DISTINCT_NAMES'],
    beyond: ends('body_too_large'),
    unit: 'names',
  },
  { what: 'Values in all', at: [scan, 'MAX_BODY_VALUES'], beyond: ends('body_too_large'), unit: 'values' },
  { what: 'One value that is refused', at: [scan, 'MAX_SKIPPED_BYTES'], beyond: ends('body_too_large') },
]

export const credentialLimits: readonly Limit[] = [
  {
    what: 'An access token',
    at: ['gateway/credentials/tokens/token-claims.ts', 'MAX_TOKEN_BYTES'],
    beyond: ends('invalid_token'),
  },
  {
    what: 'Its `sub`',
    at: ['gateway/credentials/tokens/token-claims.ts', 'MAX_SUBJECT_LENGTH'],
    beyond: ends('invalid_token'),
    unit: 'characters',
  },
  {
    what: 'Its `kid`',
    at: ['gateway/credentials/tokens/jwk.ts', 'MAX_KEY_ID_LENGTH'],
    beyond: ends('invalid_token'),
    unit: 'characters',
  },
  {
    what: 'Its age, unless the issuer has a `maxAgeMinutes`',
    at: ['gateway/credentials/tokens/tokens.ts', 'MAX_AGE_MINUTES'],
    beyond: ends('invalid_token'),
    unit: 'minutes',
  },
  {
    what: 'How far its clock may be off',
    at: ['gateway/credentials/tokens/tokens.ts', 'SKEW_SECONDS'],
    beyond: ends('invalid_token'),
  },
  {
    what: 'What is left of it, at least, where credentials end with it',
    at: ['gateway/credentials/authorize.ts', 'MIN_LIFE_MS'],
    beyond: ends('invalid_token'),
  },
  {
    what: 'A request',
    at: ['gateway/credentials/routes.ts', 'MAX_BODY_BYTES'],
    beyond: ends('body_too_large'),
  },
  {
    what: 'Levels of a request',
    at: ['gateway/credentials/strict-json.ts', 'MAX_DEPTH'],
    beyond: ends('malformed_body'),
    unit: 'levels',
  },
  {
    what: 'A request for a challenge',
    at: ['gateway/credentials/attest/routes.ts', 'MAX_CHALLENGE_BODY_BYTES'],
    beyond: ends('body_too_large'),
  },
  {
    what: 'An attestation or an assertion, in base64',
    at: ['gateway/credentials/attest/attestation-claim.ts', 'MAX_ATTESTATION_LENGTH'],
    beyond: ends('invalid_request'),
    unit: 'characters',
  },
  {
    what: 'A session, at most',
    at: ['config/schema/credentials-schema.ts', 'MAX_SESSION_SECONDS'],
    beyond: 'the configuration is refused',
  },
  {
    what: 'A session, at least',
    at: ['config/schema/credentials-schema.ts', 'MIN_SESSION_SECONDS'],
    beyond: 'the configuration is refused',
  },
  {
    what: 'A challenge lives',
    at: ['gateway/credentials/attest/challenges.ts', 'CHALLENGE_LIFE_MS'],
    beyond: ends('attestation_failed'),
  },
  {
    what: 'An enrolment of a device lives',
    at: ['gateway/credentials/attest/app-attest.ts', 'ENROLMENT_LIFE_MS'],
    beyond: `${ends('attestation_failed')}: the app attests a new key`,
  },
  {
    what: 'A proof of a device is checked for',
    at: ['gateway/credentials/attest/attestation.ts', 'VERIFY_TIMEOUT_MS'],
    beyond: `${ends('attestation_unavailable')}, or narrower limits, as the app's configuration says`,
  },
  {
    what: 'STS is asked for',
    at: ['gateway/credentials/vend.ts', 'DEADLINE_MS'],
    beyond: ends('sts_failed'),
  },
  {
    what: '… and is left alone, for an app whose role it refuses',
    at: ['gateway/credentials/limits/circuit-breaker.ts', 'OPEN_MS'],
    beyond: `one request may try; until then ${ends('sts_failed')}`,
  },
  {
    what: 'An issuer may be out of reach',
    at: ['gateway/credentials/tokens/jwks.ts', 'STALE_IF_ERROR_MS'],
    beyond: ends('issuer_unavailable'),
  },
  {
    what: 'A key that an issuer withdrew is taken for',
    at: ['gateway/credentials/tokens/jwks.ts', 'JWKS_MAX_AGE_MS'],
    beyond: 'it is not taken any more',
  },
]
