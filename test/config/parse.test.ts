import { createHash } from 'node:crypto'
import { test } from 'tap'
import { environmentNames, isLoopback, parseConfig } from '../../src/config/parse.ts'
import { AppError } from '../../src/std/errors.ts'

const sha = (text: string) => createHash('sha256').update(text).digest('hex')
const faultsOf = (file: unknown, env = {}) => {
  try {
    parseConfig(file, env)
    return []
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return (error.details['faults'] as { path: string; message: string }[]).map(
      ({ path, message }) => `${path}: ${message}`,
    )
  }
}

test('nothing at all is a complete configuration on loopback', async (t) => {
  const config = parseConfig(undefined, {})
  t.same(config.gateway.listen, { host: '127.0.0.1', port: 8080 })
  t.same(config.aggregation.listen, { host: '127.0.0.1', port: 8081 })
  t.same(config.gateway.limits, {
    address: { requestsPerSecond: 50, burst: 200 },
    inflightBytes: 64 * 2 ** 20,
  })
  t.equal(config.gateway.journal.maxBytes, 4 * 2 ** 30)
  t.same(config.gateway.operations, {}, 'the operations listener is off until it is asked for')
  t.equal(config.shutdown.totalMs, 25_000)
  t.ok(Object.isFrozen(config.gateway.listen))
})

test('an app that says nothing gets the documented quotas and privacy', async (t) => {
  const [app] = parseConfig({ apps: [{ id: 'shop-web' }] }, {}).apps
  t.same(app?.limits, {
    requestsPerSecond: 500,
    burst: 1_000,
    bytesPerSecond: 5_242_880,
    eventsPerSecond: 20_000,
  })
  t.same(app?.privacy, { ip: 'truncate', gpc: 'strip', allowQuery: [] })
})

test('durations and sizes are read in their units', async (t) => {
  for (const [text, milliseconds] of [
    ['250ms', 250],
    ['2s', 2_000],
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['30d', 2_592_000_000],
    [1_500, 1_500],
  ] as const) {
    t.equal(
      parseConfig({ aggregation: { schedule: { grace: text, horizon: '60d' } } }, {}).aggregation.schedule
        .grace,
      milliseconds,
    )
  }
  for (const [text, bytes] of [
    ['8388608B', 8_388_608],
    ['64MiB', 67_108_864],
    ['4GiB', 4_294_967_296],
    ['9000KiB', 9_216_000],
  ] as const) {
    t.equal(parseConfig({ gateway: { journal: { maxBytes: text } } }, {}).gateway.journal.maxBytes, bytes)
  }
  t.same(faultsOf({ aggregation: { schedule: { grace: '2 fortnights' } } }), [
    'aggregation.schedule.grace: must be a duration such as 2m, 90s or 1h; it is a text of 12 characters',
  ])
  t.same(faultsOf({ gateway: { limits: { inflightBytes: '5 potatoes' } } }), [
    'gateway.limits.inflightBytes: must be a size such as 64MiB or 512KiB, at least 6MiB; it is a text of 10 characters',
  ])
})

test('the environment wins over the file', async (t) => {
  const env = {
    HEADGATE_GATEWAY_LISTEN_PORT: '9000',
    HEADGATE_DATA_DIR: '/data',
    HEADGATE_AGGREGATION_SCHEDULE_GRACE: '30s',
    HEADGATE_APPS: '[{"id":"a"}]',
    HEADGATE_GATEWAY_LIMITS_ADDRESS: 'off',
    HEADGATE_AWS_REGION: '12',
    HEADGATE_CONFIG: '/etc/headgate.yaml',
    HEADGATE_LOG_LEVEL: undefined,
    PATH: '/bin',
  }
  const config = parseConfig({ gateway: { listen: { port: 1 }, limits: { address: 'nonsense' } } }, env)
  t.equal(config.gateway.listen.port, 9_000)
  t.equal(config.dataDir, '/data')
  t.equal(config.aggregation.schedule.grace, 30_000)
  t.same(
    config.apps.map((app) => app.id),
    ['a'],
  )
  t.equal(config.gateway.limits.address, 'off')
  t.equal(config.aws.region, '12', 'text stays text')
  t.ok(environmentNames().has('HEADGATE_GATEWAY_JOURNAL_MAX_BYTES'))
})

test('all faults are reported at once, each with its path', async (t) => {
  const faults = faultsOf(
    {
      gateway: { listen: { port: 70_000 }, durabilty: 'journal' },
      apps: [{ id: 'Not OK' }],
      lake: { kind: 'ftp' },
    },
    { HEADGATE_GATEWAY_LISTEN_PROT: '1' },
  )
  t.same(faults.sort(), [
    'HEADGATE_GATEWAY_LISTEN_PROT: names no key of the configuration; did you mean "HEADGATE_GATEWAY_LISTEN_PORT"?',
    'apps.0.id: must be 1 to 64 of a-z, 0-9, hyphen and underscore, beginning with a letter or digit, such as shop-web; it is a text of 6 characters',
    'gateway.durabilty: is not a known key; did you mean "gateway.durability"? It must be one of journal, stream, memory',
    'gateway.listen.port: must be a whole number, from 0 to 65535; it is 70000',
    'lake.kind: must be one of fs, s3; it is a text of 3 characters',
  ])
  const keys = ['a', 'b', 'c'].map((key) => ({ sha256: sha(key) }))
  const dimensions = ['country', 'os_name', 'device_type', 'page_route']
  const rollups = [{ id: 'r', sets: [{ name: 's', dimensions }] }]
  t.match(
    faultsOf({ apps: [{ id: 'a', keys }], aggregation: { rollups } }),
    [/^aggregation\.rollups\.0\.sets\.0\.dimensions: .* 3 /, /^apps\.0\.keys: .* 2 /],
    'two keys for rotation, three dimensions in a set',
  )
  t.same(faultsOf(['no', 'object']), [': must be a group of keys; it is a list'])
  for (const [file, path] of [
    [{ dataDir: 'a\0b' }, 'dataDir'],
    [{ lake: { kind: 's3', bucket: 'a\0b' } }, 'lake.bucket'],
    [{ gateway: { listen: { host: 'local\0host' } } }, 'gateway.listen.host'],
    [{ gateway: { stream: { region: '\0' } } }, 'gateway.stream.region'],
    [{ aggregation: { gatewayUrl: 'http://a/\0' } }, 'aggregation.gatewayUrl'],
    [{ gateway: { limits: { address: 'off\0' } } }, 'gateway.limits.address'],
    [{ logLevel: 'info\0' }, 'logLevel'],
    [{ apps: [{ id: 'a', aliases: ['\0'] }] }, 'apps.0.aliases.0'],
  ] as const) {
    t.match(faultsOf(file), [
      /must be .*; it holds the character U\+0000, which no path, name or address can$/,
    ])
    t.match(faultsOf(file), [new RegExp(`^${path.replaceAll('.', '\\.')}: `)])
  }
  t.throws(() => parseConfig({ dataDir: '' }, {}), { code: 'bad_configuration', message: /^1 fault in/ })
  t.throws(() => parseConfig({ dataDir: '', logLevel: 1 }, {}), { message: /^2 faults in/ })
})

test('what the shape cannot say is checked by rules', async (t) => {
  const app = (id: string, more = {}) => ({ id, ...more })
  for (const [rule, file, faults] of [
    [
      'app ids are unique',
      { apps: [app('a'), app('a')] },
      ['apps.1.id: app id "a" is used twice (first at apps.0.id)'],
    ],
    [
      'a key belongs to one app',
      { apps: [app('a', { keys: [{ sha256: sha('k') }] }), app('b', { keys: [{ sha256: sha('k') }] })] },
      ['apps.1.keys.0: this key is used twice (first at apps.0.keys.0)'],
    ],
    [
      'an alias leads to one app',
      { apps: [app('a', { aliases: ['x'] }), app('b', { aliases: ['x'] })] },
      ['apps.1.aliases.0: alias "x" is used twice (first at apps.0.aliases.0)'],
    ],
    [
      'a metric has thresholds once, the good below the poor',
      {
        aggregation: {
          thresholds: [
            { metric: 'm', good: 1, poor: 2 },
            { metric: 'm', good: 2, poor: 2 },
          ],
        },
      },
      [
        'aggregation.thresholds.1.metric: metric "m" is used twice (first at aggregation.thresholds.0.metric)',
        'aggregation.thresholds.1.poor: must be more than good, which is 2',
      ],
    ],
    [
      'keyless needs an origin',
      { apps: [app('a', { keyless: true })] },
      ['apps.0.keyless: needs at least one origin'],
    ],
    [
      'one origin in two keyless apps is ambiguous',
      {
        apps: [
          app('a', { keyless: true, origins: ['https://x.example'] }),
          app('b', { keyless: true, origins: ['https://X.example'] }),
        ],
      },
      [
        'apps.1.origins.0: the origin "https://X.example" of a keyless app is used twice (first at apps.0.origins.0)',
      ],
    ],
    [
      'one origin in two apps with keys is fine',
      { apps: [app('a', { origins: ['https://x.example'] }), app('b', { origins: ['https://x.example'] })] },
      [],
    ],
    [
      'trustProxy takes networks, never a count or a boolean',
      {
        gateway: {
          trustProxy: [
            '10.0.0.0/8',
            '::1',
            'true',
            '1',
            '10.0.0.0/33',
            '10.0.0.0/8/8',
            'fd00::/129',
            '10.0.0.0/x',
          ],
        },
      },
      [2, 3, 4, 5, 6, 7].map(
        (i) => `gateway.trustProxy.${i}: must be an address or a CIDR such as 10.0.0.0/8`,
      ),
    ],
    [
      'kinesis needs a stream and a place',
      { gateway: { stream: { kind: 'kinesis' } } },
      [
        'gateway.stream.name: is required for kinesis: the name of a stream such as headgate-events',
        'gateway.stream.region: is required for kinesis (or aws.region), such as eu-west-1',
      ],
    ],
    [
      'aws.region will do',
      { gateway: { stream: { kind: 'kinesis', name: 's' } }, aws: { region: 'eu-west-1' } },
      [],
    ],
    [
      'a lake in S3 needs a bucket',
      { lake: { kind: 's3' } },
      ['lake.bucket: is required for s3: the name of a bucket such as my-lake'],
    ],
    [
      'and a place',
      { lake: { kind: 's3', bucket: 'my-lake' } },
      ['lake.region: is required for s3 (or aws.region), such as eu-west-1'],
    ],
    [
      'which may be an endpoint',
      {
        lake: {
          kind: 's3',
          bucket: 'my.lake-1',
          prefix: 'a=1/b.c~d/',
          endpoint: 'http://127.0.0.1:9000',
          forcePathStyle: true,
        },
      },
      [],
    ],
    [
      'a bucket without its kind would leave events on this disk',
      { lake: { bucket: 'my-lake' } },
      ['lake.bucket: is for lake.kind "s3": events would stay on this disk'],
    ],
    ...['my', 'My-lake', 'my_lake', '-my', 'my-', 'my..lake', '10.0.0.1', 'xn--lake', 'l'.repeat(64)].map(
      (bucket) =>
        [
          `${bucket} is no bucket name`,
          { lake: { kind: 's3', bucket, region: 'eu-west-1' } },
          [
            'lake.bucket: must be a bucket name: 3 to 63 of a-z, 0-9, dot and hyphen, beginning and ending with a letter or digit, such as my-lake',
          ],
        ] as const,
    ),
    [
      'a directory bucket lists otherwise',
      { lake: { kind: 's3', bucket: 'lake--euw1-az1--x-s3', region: 'eu-west-1' } },
      ['lake.bucket: must be a general purpose bucket'],
    ],
    ...['/a', 'a//b', '../a', 'a/..', 'a b', ''].map(
      (prefix) =>
        [
          `"${prefix}" is no prefix`,
          { lake: { kind: 's3', bucket: 'my-lake', region: 'eu-west-1', prefix } },
          [
            `lake.prefix: must be folders without a slash before them, none of which begins with a dot, such as headgate/prod/; it is ${prefix === '' ? 'an empty text' : `a text of ${prefix.length} characters`}`,
          ],
        ] as const,
    ),
    [
      'token names are unique and their apps exist',
      {
        aggregation: {
          tokens: [
            { name: 'ops', sha256: sha('t'), scopes: ['read'], apps: ['nobody'] },
            { name: 'ops', sha256: sha('u'), scopes: ['run'] },
          ],
        },
      },
      [
        'aggregation.tokens.0.apps: names no app: "nobody"',
        'aggregation.tokens.1.name: token name "ops" is used twice (first at aggregation.tokens.0.name)',
      ],
    ],
    [
      'rollups and their sets are unique',
      {
        aggregation: {
          rollups: ['r', 'r'].map((id) => ({
            id,
            sets: ['s', 's'].map((name) => ({ name, dimensions: [] })),
          })),
        },
      },
      [
        'aggregation.rollups.0.sets.1: set "s" is used twice (first at aggregation.rollups.0.sets.0)',
        'aggregation.rollups.1.id: rollup id "r" is used twice (first at aggregation.rollups.0.id)',
        'aggregation.rollups.1.sets.1: set "s" is used twice (first at aggregation.rollups.1.sets.0)',
      ],
    ],
    [
      'the aggregation is told public keys, and no private one',
      { aggregation: { recordKeys: [{ kty: 'OKP', crv: 'Ed25519', x: 'a'.repeat(43), d: 'PlantedKey' }] } },
      ['aggregation.recordKeys.0.d: is not a known key; aggregation.recordKeys.0 takes kty, crv, x, kid'],
    ],
    [
      'the two listeners differ',
      { gateway: { listen: { port: 9 } }, aggregation: { listen: { port: 9 } } },
      ['aggregation.listen.port: must differ from gateway.listen.port; both are 9'],
    ],
    [
      'port 0 means any port, twice',
      { gateway: { listen: { port: 0 } }, aggregation: { listen: { port: 0 } } },
      [],
    ],
    [
      'the drain fits into the shutdown',
      { shutdown: { totalMs: 2_000, drainMs: 3_000 } },
      ['shutdown.drainMs: must not exceed shutdown.totalMs, which is 2s'],
    ],
  ] as const) {
    t.same(faultsOf(file), faults, rule)
  }
})

test('in an ECS task, whose disk nobody finds again, two defaults differ', async (t) => {
  const ecs = { ECS_CONTAINER_METADATA_URI_V4: 'http://169.254.170.2/v4/x' }
  const inForce = (file: object, env: Record<string, string>) => {
    const { gateway, shutdown } = parseConfig(file, env)
    return [gateway.journal.ephemeral, shutdown.totalMs]
  }
  t.same(inForce({}, {}), [false, 25_000])
  t.same(inForce({}, ecs), [true, 110_000])
  t.same(inForce({ gateway: { journal: { maxBytes: '1GiB' } }, shutdown: { drainMs: 1 } }, ecs), [
    true,
    110_000,
  ])
  t.same(inForce({ gateway: { journal: { ephemeral: false } }, shutdown: { totalMs: '30s' } }, ecs), [
    false,
    30_000,
  ])
  t.same(inForce({}, { ...ecs, HEADGATE_GATEWAY_JOURNAL_EPHEMERAL: 'false' }), [false, 110_000])
  const faulty = { gateway: 'all', shutdown: null }
  t.throws(
    () => inForce(faulty, ecs),
    /gateway: must be a group of keys; it is a text of 3 characters\n {2}shutdown: must be a group of keys; it is empty/,
  )
})

test('on Fargate, where no task gets the disk of another, an answer waits for the stream', async (t) => {
  const fargate = { AWS_EXECUTION_ENV: 'AWS_ECS_FARGATE' }
  const inForce = (file: object, env: Record<string, string>) => parseConfig(file, env).gateway.durability
  t.equal(inForce({}, {}), 'journal')
  t.equal(inForce({}, { AWS_EXECUTION_ENV: 'AWS_ECS_EC2' }), 'journal')
  t.equal(inForce({}, fargate), 'stream')
  t.equal(inForce({ gateway: { workers: 2 } }, fargate), 'stream')
  t.equal(inForce({ gateway: { durability: 'journal' } }, fargate), 'journal')
  t.equal(inForce({}, { ...fargate, HEADGATE_GATEWAY_DURABILITY: 'memory' }), 'memory')
})

test('loopback is what other machines cannot reach', async (t) => {
  for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', '::1']) t.equal(isLoopback(host), true, host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.com']) t.equal(isLoopback(host), false, host)
})
