import Type, { type Static } from 'typebox'
import { AppCredentials, GatewayCredentials, RecordKey } from './config/credentials.ts'
import {
  AwsEndpoint,
  DURATION,
  durationMs,
  httpUrl,
  listen,
  literals,
  positive,
  segment,
  sha256,
  sizeBytes,
  strict,
  variable,
} from './config/parts.ts'

/** Of each worker: a journal gives room back a segment at a time, of which it has 32. */
export const MIN_JOURNAL_BYTES = 8_388_608

export const AppConfig = Type.Object(
  {
    id: segment,
    keys: Type.Array(strict({ sha256 }), { default: [], maxItems: 2 }),
    origins: Type.Array(Type.String({ form: 'an origin', example: 'https://shop.example.com' }), {
      default: [],
    }),
    aliases: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { default: [] }),
    keyless: Type.Boolean({ default: false }),
    limits: strict({
      requestsPerSecond: positive(500),
      burst: positive(1_000),
      bytesPerSecond: sizeBytes(5_242_880),
      eventsPerSecond: positive(20_000),
    }),
    privacy: strict({
      ip: literals(['truncate', 'drop'], { default: 'truncate' }),
      gpc: literals(['strip', 'drop', 'ignore'], { default: 'strip' }),
      allowQuery: Type.Array(Type.String({ minLength: 1 }), { default: [] }),
    }),
    /** Left out: the app sends through this gateway only, and is refused credentials. */
    credentials: Type.Optional(AppCredentials),
  },
  { additionalProperties: false },
)

const Stream = strict({
  kind: literals(['lake', 'kinesis'], { default: 'lake' }),
  name: Type.Optional(
    Type.String({
      pattern: '^[a-zA-Z0-9_.-]{1,128}$',
      form: 'the name of a stream: 1 to 128 of letters, digits, and _.-',
      example: 'headgate-events',
    }),
  ),
  ...AwsEndpoint,
})

export const GatewayConfig = strict({
  listen: listen(8080),
  /** Left out: a random name, kept in `dataDir`. */
  instance: Type.Optional(segment),
  /** Processes that share the listener, the limits and the journal's room. */
  workers: Type.Integer({ default: 1, minimum: 1, maximum: 64 }),
  operations: strict({
    listen: Type.Optional(
      Type.Object(
        {
          host: Type.String({ default: '127.0.0.1', minLength: 1, form: 'a host or an address' }),
          port: Type.Integer({ minimum: 0, maximum: 65_535 }),
        },
        { additionalProperties: false },
      ),
    ),
  }),
  trustProxy: Type.Array(Type.String({ form: 'an address or a network', example: '10.0.0.0/8' }), {
    default: [],
  }),
  /** How long a connection may idle: longer than any balancer in front keeps it. */
  keepAlive: durationMs(620_000, 1_000),
  countryHeader: Type.String({
    default: 'cloudfront-viewer-country',
    pattern: '^[a-z0-9-]+$',
    form: 'the name of a header in lower case',
    example: 'cf-ipcountry',
  }),
  limits: strict({
    address: Type.Union(
      [Type.Literal('off'), strict({ requestsPerSecond: positive(50), burst: positive(200) })],
      { default: {} },
    ),
    inflightBytes: sizeBytes(67_108_864),
  }),
  journal: strict({
    maxBytes: sizeBytes(4_294_967_296, MIN_JOURNAL_BYTES),
    /** Whether no later process will find it: at the end, what is left goes to the lake. */
    ephemeral: Type.Boolean({ default: false }),
  }),
  durability: literals(['journal', 'stream', 'memory'], { default: 'journal' }),
  idempotency: strict({
    /**
     * Names the variable with the secret (32 characters and more) by which an Idempotency-Key becomes event ids, the same
     * on all hosts. Left out: a random one, kept in `dataDir`.
     */
    secretEnv: variable,
  }),
  stream: Stream,
  credentials: GatewayCredentials,
})

const DimensionName = literals([
  'page_route',
  'country',
  'device_type',
  'user_agent_name',
  'os_name',
  'app_version',
  'environment',
  'navigation_type',
  'network_effective_type',
])

const Rollup = Type.Object(
  {
    id: segment,
    sets: Type.Array(
      Type.Object(
        { name: segment, dimensions: Type.Array(DimensionName, { maxItems: 3 }) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 20 },
    ),
    maxMetrics: positive(500),
    maxValues: positive(500),
  },
  { additionalProperties: false },
)

export const AggregationConfig = strict({
  listen: listen(8081),
  tokens: Type.Array(
    Type.Object(
      {
        name: Type.String({ minLength: 1, maxLength: 64 }),
        sha256,
        scopes: Type.Array(literals(['read', 'run']), { minItems: 1 }),
        apps: Type.Optional(Type.Array(segment)),
      },
      { additionalProperties: false },
    ),
    { default: [] },
  ),
  gatewayUrl: Type.Optional(httpUrl),
  gatewayTokenEnv: variable,
  engine: strict({
    kind: literals(['duckdb'], { default: 'duckdb' }),
    memoryLimit: sizeBytes(2_147_483_648, 134_217_728),
    threads: positive(2),
    timeout: durationMs(1_800_000, 1_000),
  }),
  schedule: strict({
    enabled: Type.Boolean({ default: true }),
    grain: literals(['1m', '5m', '15m', '1h'], { default: '15m' }),
    grace: durationMs(120_000),
    /** How long after its end a window that is finished is opened again, unasked, for rows that come late. */
    horizon: durationMs(604_800_000, 60_000),
    tick: durationMs(15_000, 100),
  }),
  rollups: Type.Array(Rollup, { default: [], maxItems: 16 }),
  /** By which record tokens are believed; several while one takes over from another. */
  recordKeys: Type.Array(RecordKey, { default: [], maxItems: 8 }),
  stores: Type.Array(strict({ kind: literals(['local'], { default: 'local' }) }), {
    default: [{}],
    minItems: 1,
  }),
  cache: strict({ kind: literals(['memory'], { default: 'memory' }), maxBytes: sizeBytes(67_108_864) }),
})

const LakeConfig = strict({
  kind: literals(['fs', 's3'], { default: 'fs' }),
  bucket: Type.Optional(Type.String({ form: 'the name of a bucket', example: 'my-lake' })),
  /** Begins every key; no segment of it begins with a dot. */
  prefix: Type.Optional(
    Type.String({
      pattern: '^([A-Za-z0-9_=~-][A-Za-z0-9._=~-]*(/|$))+$',
      form: 'folders without a slash before them, none of which begins with a dot',
      example: 'headgate/prod/',
    }),
  ),
  ...AwsEndpoint,
  forcePathStyle: Type.Boolean({ default: false }),
  maxTempBytes: sizeBytes(17_179_869_184, 1_048_576),
})

export const Config = strict({
  dataDir: Type.String({ default: './data', minLength: 1, form: 'a folder', example: '/var/lib/headgate' }),
  logLevel: literals(['trace', 'debug', 'info', 'warn', 'error', 'silent'], { default: 'info' }),
  gateway: GatewayConfig,
  lake: LakeConfig,
  aggregation: AggregationConfig,
  apps: Type.Array(AppConfig, { default: [], maxItems: 10_000 }),
  aws: strict(AwsEndpoint),
  shutdown: strict({
    totalMs: durationMs(25_000, 1_000),
    waitMs: Type.Optional(Type.Integer({ ...DURATION, minimum: 0 })),
    drainMs: durationMs(15_000),
  }),
})

export type Config = Static<typeof Config>
export type AppConfig = Static<typeof AppConfig>
export type GatewayConfig = Static<typeof GatewayConfig>
export type AggregationConfig = Static<typeof AggregationConfig>
export type CredentialsConfig = Static<typeof AppCredentials>
export type IssuerConfig = CredentialsConfig['issuers'][number]
export type TokenConfig = AggregationConfig['tokens'][number]
