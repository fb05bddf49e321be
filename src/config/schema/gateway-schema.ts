import Type, { type Static } from 'typebox'
import { LARGEST_REQUEST_BYTES } from '../../event/schema/largest-request.ts'
import { GatewayCredentials } from './credentials-schema.ts'
import {
  awsEndpoint,
  durationMs,
  group,
  host,
  literals,
  port,
  positive,
  segment,
  sizeBytes,
  strict,
  toggle,
  variable,
} from './schema-parts.ts'

/** The smallest journal of a worker: room is given back a segment at a time, and a journal has 32. */
export const MIN_JOURNAL_BYTES = 8_388_608

/** Whoever asks more often than any browser does is slowed down, whatever they send. */
const AddressLimit = strict({
  requestsPerSecond: positive(50, {
    description:
      'Requests, and bytes as requests: 128 KiB of a body for one, as it comes and once more as it is inflated. Beacons and batches of 500 events cost nothing beside their request.',
    example: 100,
  }),
  burst: positive(200, {
    description: 'How many may come at once, after a time without any.',
    example: 500,
  }),
})

const Stream = strict({
  kind: literals(['lake', 'kinesis'], {
    description:
      'Where events go: files in the lake, which this gateway writes itself (each 2 s or 32 MiB; with lake.kind `s3` in durability `stream` each second or 8 MiB), or Amazon Kinesis, behind which Firehose writes them.',
    default: 'lake',
  }),
  name: Type.Optional(
    Type.String({
      description: 'The Kinesis stream. Required for `kinesis`.',
      pattern: '^[a-zA-Z0-9_.-]{1,128}$',
      form: 'the name of a stream: 1 to 128 of letters, digits, and _.-',
      example: 'headgate-events',
    }),
  ),
  ...awsEndpoint('Kinesis', 'that of `aws.region`'),
})

export const GatewayConfig = strict({
  listen: strict({
    host: host({
      description: 'The address that beacons reach. Loopback only, without apps of your own.',
      example: '0.0.0.0',
    }),
    port: port({ description: 'The public port.', default: 8080, example: 80 }),
  }),
  instance: Type.Optional(
    segment({
      description:
        'The name of this gateway in the lake, where several may write: what Kinesis could not take lies below `raw/fallback-<instance>/`. Left out: a random one, kept in `dataDir`.',
      example: 'blue-1',
    }),
  ),
  workers: Type.Integer({
    description:
      'Processes that take requests; `--workers` wins over it. They share the listener, the limits and the room of the journal: [operations](operations.md).',
    example: 4,
    default: 1,
    minimum: 1,
    maximum: 64,
  }),
  operations: strict({
    listen: Type.Optional(
      group({
        host: host({ description: 'The private address of `headgate gateway`.', example: '10.0.0.7' }),
        port: port({
          description:
            'Where `headgate gateway` answers `/metrics` and `/reconcile`. Required beside `host`; without `listen` they are answered nowhere. `headgate serve` answers them on `aggregation.listen`.',
          example: 8082,
        }),
      }),
    ),
  }),
  trustProxy: Type.Array(Type.String({ form: 'an address or a network', example: '10.0.0.0/8' }), {
    description:
      'The load balancers in front. Only from these, `X-Forwarded-For` and `countryHeader` say anything; without them limits, networks and audit lines mean the balancer, not the sender.',
    example: ['10.0.0.0/8'],
    default: [],
  }),
  keepAlive: durationMs(620_000, {
    description:
      'How long a connection may idle. Longer than a balancer in front keeps one (Google Cloud 600 s, AWS 60 s unless set), or requests meet connections that were just closed.',
    example: '75s',
    minimum: 1_000,
  }),
  countryHeader: Type.String({
    description: 'Which header of a trusted proxy names the country of the sender, by two letters.',
    default: 'cloudfront-viewer-country',
    pattern: '^[a-z0-9-]+$',
    form: 'the name of a header in lower case',
    example: 'cf-ipcountry',
  }),
  limits: strict({
    address: Type.Union([Type.Literal('off'), AddressLimit], {
      description:
        'What one address (IPv6: a /64) may send. Many users behind one share it, and so do all of a balancer that is not in `trustProxy`. What is above it is a debt: answered 429 until it is paid. Who asks from this machine itself, without a proxy between, is not held to it. `off` where whatever is in front limits senders.',
      example: 'off',
      default: {},
    }),
    inflightBytes: sizeBytes(67_108_864, {
      description:
        'Memory for all requests that are not answered yet; one address has a quarter of it, one app a half, and neither less than 6 MiB, nor does a worker.',
      example: '128MiB',
      minimum: LARGEST_REQUEST_BYTES,
    }),
  }),
  journal: strict({
    maxBytes: sizeBytes(4_294_967_296, {
      description:
        'Room on the disk for events that wait for the stream. When it is full, requests are refused (503) and nothing is lost. At least 8 MiB for each worker.',
      example: '20GiB',
      minimum: MIN_JOURNAL_BYTES,
    }),
    ephemeral: toggle(false, {
      description:
        'Whether no later process will find the journal: what is not delivered at the end then goes to the lake. In an ECS task `true` by default; say `false` where `dataDir` is on a volume that the next task mounts.',
    }),
  }),
  durability: literals(['journal', 'stream', 'memory'], {
    description:
      'What a 2xx waits for: the journal on the local disk; Kinesis or a finished file in the lake (the default on Fargate); or nothing, for development. See [durability](durability.md).',
    default: 'journal',
  }),
  idempotency: strict({
    secretEnv: variable({
      description:
        'The variable with the secret (32 characters and more) by which an `Idempotency-Key` becomes event ids, the same on all hosts. Left out: a random one, kept in `dataDir`. A key is for one request and its repetitions: of two bodies under one key, on two hosts, one alone is counted. See [the event](events.md).',
      example: 'IDEMPOTENCY_SECRET',
    }),
  }),
  stream: Stream,
  credentials: GatewayCredentials,
})

export type GatewayConfig = Static<typeof GatewayConfig>
