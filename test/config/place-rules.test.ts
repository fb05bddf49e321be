import { test } from 'tap'
import { configWarnings, parseConfig } from '../../src/config/parse.ts'
import { faultsOf } from './faults-of.ts'

const warningsOf = (file: unknown) =>
  configWarnings(parseConfig(file, {})).map(({ path, message }) => `${path}: ${message}`)

test('a listener has a host or an address, and nothing else', async (t) => {
  const places = [
    ['gateway.listen.host', (host: string) => ({ gateway: { listen: { host } } })],
    ['aggregation.listen.host', (host: string) => ({ aggregation: { listen: { host } } })],
    [
      'gateway.operations.listen.host',
      (host: string) => ({ gateway: { operations: { listen: { host, port: 8082 } } } }),
    ],
  ] as const
  for (const [path, at] of places) {
    for (const host of [
      ...['127.0.0.1', '0.0.0.0', '::', '::1', 'fe80::1%eth0', '::ffff:10.0.0.7', 'localhost', '127.1'],
      ...['gateway.internal', 'my_service', 'a-b.example.com.', `${'l'.repeat(63)}.example`],
    ]) {
      t.same(faultsOf(at(host)), [], host)
    }
    for (const [host, why] of [
      ['127.0.0.1:80', 'the port has a key of its own'],
      ['localhost:', 'the port has a key of its own'],
      [':8080', 'the port has a key of its own'],
      ['http://127.0.0.1', 'it is a URL'],
      ['tcp://[::1]:80', 'it is a URL'],
      ['[::1]', 'brackets are for URLs'],
      ['[::1]:80', 'brackets are for URLs'],
      ['300.1.1.1', 'it is neither'],
      ['010.0.0.1', 'it is neither'],
      ['::1::', 'it is neither'],
      ['*', 'it is neither'],
      ['a b', 'it is neither'],
      ['127.0.0.1 ', 'it is neither'],
      ['a..b', 'it is neither'],
      ['10.0.0.0/8', 'it is neither'],
      ['l'.repeat(64), 'it is neither'],
    ] as const) {
      t.same(faultsOf(at(host)), [
        `${path}: must be a host or an address alone, such as 0.0.0.0, ::1 or gateway.internal; ${why}`,
      ])
    }
  }
})

test('a folder is a path, and nothing that only a shell would make one of', async (t) => {
  for (const dataDir of [
    './data',
    '/var/lib/headgate',
    'a~b',
    './~x',
    'caf\u00e9',
    'C:\\data',
    'my data',
    '$5',
  ])
    t.same(faultsOf({ dataDir }), [], dataDir)
  for (const [dataDir, why] of [
    ['~/x', /only a shell knows what ~ stands for: write the whole path$/],
    ['~', /only a shell/],
    ['~ann/x', /only a shell/],
    ['$HOME/x', /variables are not read here/],
    ['$DATA', /variables are not read here/],
    ['file:///var/lib', /it is a URL: write the path alone$/],
    ['/var/lib/headgate\n', /it begins or ends with a blank$/],
    [' data', /it begins or ends with a blank$/],
  ] as const) {
    const [fault, ...more] = faultsOf({ dataDir })
    t.match(fault, /^dataDir: must be a folder, such as \/var\/lib\/headgate; /)
    t.match(fault, why)
    t.same(more, [])
  }
})

test('a region is one, wherever it stands', async (t) => {
  for (const [path, at] of [
    ['aws.region', (region: string) => ({ aws: { region } })],
    ['lake.region', (region: string) => ({ lake: { region } })],
    ['gateway.stream.region', (region: string) => ({ gateway: { stream: { region } } })],
    ['gateway.credentials.region', (region: string) => ({ gateway: { credentials: { region } } })],
  ] as const) {
    for (const region of ['eu-west-1', 'us-gov-east-1', 'auto', 'fr-par'])
      t.same(faultsOf(at(region)), [], region)
    for (const region of ['Frankfurt', 'eu west', 'EU-WEST-1', '*', 'a'.repeat(33)])
      t.same(faultsOf(at(region)), [`${path}: must be a region such as eu-west-1`])
  }
  const lake = { kind: 's3', bucket: 'my-lake' }
  const stream = { kind: 'kinesis', name: 's' }
  const nowhere = 'is not as AWS names its regions (eu-west-1), and no endpoint says where else it is'
  for (const [file, warnings] of [
    [{ lake: { ...lake, region: 'eusc-de-east-1' } }, []],
    [{ lake: { ...lake, region: 'frankfurt' } }, [`lake.region: ${nowhere}`]],
    [{ lake, aws: { region: 'eu-west' } }, [`lake.region: ${nowhere}`]],
    [{ lake: { ...lake, region: 'auto', endpoint: 'https://r2.example' } }, []],
    [{ lake, aws: { endpoint: 'https://r2.example' } }, []],
    [{ gateway: { stream: { ...stream, region: 'eu1' } } }, [`gateway.stream.region: ${nowhere}`]],
    [{ gateway: { stream }, aws: { region: 'eu', endpoint: 'http://127.0.0.1:4566' } }, []],
    [{ aws: { region: 'frankfurt' } }, []],
  ] as const) {
    t.same(warningsOf(file), warnings, JSON.stringify(file))
  }
})

test('a URL can be read', async (t) => {
  for (const url of ['http://a:99999', 'http://[::1', 'http://:80', 'https://a b']) {
    const such = 'must be a'
    for (const [path, file] of [
      ['aws.endpoint', { aws: { endpoint: url } }],
      ['lake.endpoint', { lake: { endpoint: url } }],
      ['gateway.stream.endpoint', { gateway: { stream: { endpoint: url } } }],
      ['gateway.credentials.endpoint', { gateway: { credentials: { endpoint: url } } }],
      ['aggregation.gatewayUrl', { aggregation: { gatewayUrl: url } }],
    ] as const) {
      const [fault, ...more] = faultsOf(file)
      t.ok(fault?.startsWith(`${path}: ${such}`), `${url}: ${fault}`)
      t.match(fault, /such as https?:\/\//)
      t.same(more, [])
    }
  }
  t.same(faultsOf({ aws: { endpoint: 'http://[::1]:4566' } }), [])
})

test('settings that say another thing than they do are told', async (t) => {
  for (const [file, warnings] of [
    [{ gateway: { trustProxy: ['10.0.0.5', '10.0.0.0/8', '172.16.0.0/12', 'fd00::/8', '10.0.0.5/32'] } }, []],
    [
      { gateway: { trustProxy: ['10.0.0.5/8', '172.31.255.255/12', 'fe80::1%eth0', 'fe80::1%eth0/64'] } },
      [
        'gateway.trustProxy.0: is taken as 10.0.0.0/8: is that what was meant?',
        'gateway.trustProxy.1: is taken as 172.16.0.0/12: is that what was meant?',
        'gateway.trustProxy.2: is taken as fe80::1: is that what was meant?',
        'gateway.trustProxy.3: is taken as fe80::1/64: is that what was meant?',
      ],
    ],
    [
      { gateway: { stream: { name: 'x' } } },
      [
        'gateway.stream.name: is for gateway.stream.kind "kinesis": events go to the lake, and not to that stream',
      ],
    ],
    [
      { lake: { kind: 's3', bucket: 'my-lake', region: 'eu-west-1', maxTempBytes: '127MiB' } },
      [
        'lake.maxTempBytes: is less than one object of Firehose may have (128MiB), and what does not fit is never computed',
      ],
    ],
    [{ lake: { kind: 's3', bucket: 'my-lake', region: 'eu-west-1', maxTempBytes: '128MiB' } }, []],
    [{ lake: { maxTempBytes: '1MiB' } }, []],
  ] as const) {
    t.same(warningsOf(file), warnings)
  }
})

test('a variable that is no list is shown one', async (t) => {
  t.same(faultsOf({}, { HEADGATE_GATEWAY_TRUST_PROXY: '1' }), [
    `gateway.trustProxy: must be a list; it is 1. Example: HEADGATE_GATEWAY_TRUST_PROXY='["10.0.0.0/8"]'`,
  ])
})

test('what could never compute or take a beacon is a fault, with a form and an example', async (t) => {
  const token = { name: 'ops', sha256: 'ab'.repeat(32), scopes: ['read'] }
  for (const [file, faults] of [
    [
      { aggregation: { engine: { threads: 100_000 } } },
      ['aggregation.engine.threads: must be a whole number, from 1 to 256; it is 100000'],
    ],
    [
      { gateway: { limits: { inflightBytes: 1 } } },
      ['gateway.limits.inflightBytes: must be a size such as 64MiB or 512KiB, at least 6MiB; it is 1'],
    ],
    [
      { apps: {} },
      [/^apps: must be a list, at most 10000 entries; it is a group of keys\. Example: \[\{"id"/],
    ],
    [
      { apps: [{ id: 'a', origins: 'https://a.example' }] },
      [
        'apps.0.origins: must be a list; it is a text of 17 characters. Example: ["https://shop.example.com"]',
      ],
    ],
    [
      { aggregation: { tokens: [{ ...token, scopes: 'read' }] } },
      [
        'aggregation.tokens.0.scopes: must be a list, at least 1 entry; it is a text of 4 characters. Example: ["read","run"]',
      ],
    ],
    [
      { aggregation: { tokens: [{ ...token, apps: [] }] } },
      ['aggregation.tokens.0.apps: must be a list, at least 1 entry; it has 0'],
    ],
  ] as const) {
    t.match(faultsOf(file), faults)
    t.equal(faultsOf(file).length, faults.length)
  }
})
