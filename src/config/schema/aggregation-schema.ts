import Type, { type Static } from 'typebox'
import { MAX_VALUE, NAME_FORM, NAME_PATTERN } from '../../event/schema/event.ts'
import { Alert, MAX_ALERTS } from './alert-schema.ts'
import { PUBLIC_X, RecordKey } from './credentials-schema.ts'
import { MAX_OBJECTIVES, Objective } from './objective-schema.ts'
import { Rollup, SETS } from './rollup-schema.ts'
import {
  digest,
  durationMs,
  group,
  host,
  httpUrl,
  literals,
  port,
  segment,
  sizeBytes,
  strict,
  TOKEN_DIGEST,
  toggle,
  variable,
  type Words,
} from './schema-parts.ts'

/** Above all cores of a large machine. Each thread takes memory and a place among those of the machine, used or not. */
const MAX_THREADS = 256

const Token = group({
  name: Type.String({
    description: 'Who it is for; shown in runs and logs.',
    example: 'ops',
    minLength: 1,
    maxLength: 64,
  }),
  sha256: digest({
    holder: 'token',
    description: 'The digest of the token: `headgate key new --token` makes both.',
    example: TOKEN_DIGEST,
  }),
  scopes: Type.Array(
    literals(['read', 'run', 'events', 'write', 'erase'], {
      description: 'Numbers, metrics and books; runs; single events; imports; or erasures.',
    }),
    {
      description:
        '`read` sees numbers, metrics, books and runs; `run` starts and cancels runs, and who waits for one needs both; `events`, beside `read`, sees single events, with their addresses and the ids of their sessions; `write` imports events of the past; `erase` takes the events of a session, a user or a page view out of the lake.',
      example: ['read', 'run'],
      minItems: 1,
    },
  ),
  apps: Type.Optional(
    Type.Array(segment({ description: 'The `id` of an app.' }), {
      description:
        'The only apps of which the token sees anything, imports events, or erases any. `run` does nothing beside it. Left out: all, and what is about all.',
      example: ['shop-web'],
      minItems: 1,
    }),
  ),
})

const threshold = (words: Words) => Type.Number({ minimum: 0, maximum: MAX_VALUE, ...words })

const MetricThresholds = group({
  metric: Type.String({
    description: 'The name of the metric.',
    pattern: NAME_PATTERN,
    form: NAME_FORM,
    example: 'checkout.duration',
  }),
  good: threshold({ description: 'The largest good value, in the unit of the metric.', example: 100 }),
  poor: threshold({
    description: 'The largest value that is not poor, only needs improvement. Above `good`.',
    example: 300,
  }),
})

const Schedule = strict({
  enabled: toggle(true, {
    description:
      'Whether windows are computed by themselves. Without it, only runs that are asked for compute any.',
  }),
  grain: literals(['1m', '5m', '15m', '1h'], {
    description: 'How long a window is: the finest step of every chart.',
    default: '15m',
  }),
  grace: durationMs(120_000, {
    description: 'How long after its end a window waits for events that are on their way.',
    example: '5m',
  }),
  horizon: durationMs(604_800_000, {
    description:
      'How long after its end a *finished* window is opened again, unasked, for rows that come late. Later ones are `tooLate`, and wait for a run with `reprocess: all`. A window that was never finished has none. More than `grace` and `grain` together.',
    example: '30d',
    minimum: 60_000,
  }),
  tick: durationMs(15_000, {
    description: 'How often it is looked for what arrived and what is due.',
    example: '1m',
    minimum: 100,
  }),
})

const Engine = strict({
  kind: literals(['duckdb'], {
    description: 'What computes windows: DuckDB, in a process of its own that is there while it computes.',
    default: 'duckdb',
  }),
  memoryLimit: sizeBytes(2_147_483_648, {
    description: 'How much memory that process may take.',
    example: '512MiB',
    minimum: 134_217_728,
  }),
  threads: Type.Integer({
    description: 'How many cores it may use.',
    example: 4,
    default: 2,
    minimum: 1,
    maximum: MAX_THREADS,
  }),
  timeout: durationMs(1_800_000, {
    description: 'How long the work on one window may take, before it counts as failed and is tried again.',
    example: '1h',
    minimum: 1_000,
  }),
})

export const AggregationConfig = strict({
  listen: strict({
    host: host({
      description: 'The private address: dashboard, queries, runs. It speaks no TLS; put what does in front.',
      example: '10.0.0.7',
    }),
    port: port({ description: 'The private port.', default: 8081, example: 9081 }),
  }),
  tokens: Type.Array(Token, {
    description: 'Who may ask. Without any, nobody can open the dashboard.',
    example: [{ name: 'ops', sha256: TOKEN_DIGEST, scopes: ['read', 'run'] }],
    default: [],
  }),
  gatewayUrl: Type.Optional(
    httpUrl({
      description:
        '`gateway.operations.listen` of a gateway in another process, which `headgate aggregation` asks for its state.',
      example: 'http://10.0.0.7:8082',
    }),
  ),
  gatewayTokenEnv: variable({
    description: 'The variable with the token (scope `read`) by which `gatewayUrl` is asked.',
    example: 'GATEWAY_TOKEN',
  }),
  engine: Engine,
  schedule: Schedule,
  join: toggle(false, {
    description:
      'Whether the small objects that an hour of arrivals leaves in the lake become a few large ones, some hours later, beside all else ([operations](operations.md#joined-objects)). New, and so only where you ask for it.',
    example: true,
  }),
  rollups: Type.Array(Rollup, {
    description:
      'What is computed of each window. Left out: every metric, for the whole app and by route, country, device, browser, os, release, navigation, route-device, and web vitals by target ([queries](queries.md)).',
    example: [{ id: 'default', sets: SETS }],
    default: [],
    maxItems: 16,
  }),
  thresholds: Type.Array(MetricThresholds, {
    description:
      'What is good and what is poor of metrics of your own: series tell the shares ([queries](queries.md#shares-good-and-poor)), and the dashboard rates by them. Web vitals have theirs, which an entry here replaces.',
    example: [{ metric: 'checkout.duration', good: 100, poor: 300 }],
    default: [],
    maxItems: 500,
  }),
  objectives: Type.Array(Objective, {
    description:
      'What is promised of metrics: that so much of all that is measured in a time is at or below a value. `/query/objectives` tells what is left of each ([queries](queries.md#objectives-what-may-be-bad)).',
    example: [
      { id: 'checkout', app: 'shop-web', metric: 'checkout.duration', at: 300, share: 0.95, window: '28d' },
    ],
    default: [],
    maxItems: MAX_OBJECTIVES,
  }),
  alerts: Type.Array(Alert, {
    description:
      'What is worth a look where it goes on: `/alerts` tells the state of each ([queries](queries.md#alerts-what-goes-on)). Nobody is told unasked.',
    example: [
      { id: 'slow-checkout', app: 'shop-web', metric: 'checkout.duration', when: 'p75 > 300', for: '3 of 4' },
    ],
    default: [],
    maxItems: MAX_ALERTS,
  }),
  recordKeys: Type.Array(RecordKey, {
    description:
      'By which record tokens are believed: the public half, as JWK, of the key that `gateway.credentials.recordKeyEnv` names. Several while one takes over from another: [operations](operations.md).',
    example: [{ kty: 'OKP', crv: 'Ed25519', x: PUBLIC_X }],
    default: [],
    maxItems: 8,
  }),
  stores: Type.Array(
    strict({
      kind: literals(['local'], { description: 'Beside the data, below `dataDir`.', default: 'local' }),
    }),
    {
      description: 'Where finished windows are published for queries.',
      example: [{ kind: 'local' }],
      default: [{}],
      minItems: 1,
    },
  ),
  cache: strict({
    kind: literals(['memory'], { description: 'Where answers to queries are kept.', default: 'memory' }),
    maxBytes: sizeBytes(67_108_864, {
      description: 'How much of them is kept; the least recently used go first.',
      example: '256MiB',
    }),
  }),
})

export type AggregationConfig = Static<typeof AggregationConfig>
