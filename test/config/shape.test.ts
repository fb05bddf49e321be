import * as fc from 'fast-check'
import { test } from 'tap'
import Type, { type TSchema } from 'typebox'
import Value from 'typebox/value'
import { configWarnings, parseConfig, startWarnings } from '../../src/config/parse.ts'
import { Config } from '../../src/config/schema/config-schema.ts'
import { shape } from '../../src/config/shape.ts'
import { expected, told } from '../../src/std/input/expectation.ts'
import { inUnits, measured } from '../../src/std/input/quantities.ts'
import { faultsOf } from './faults-of.ts'

/** Words of validators, which nobody who writes a configuration should have to read. */
const RAW =
  /must (match pattern|have required|NOT|not have|be (string|integer|number|boolean|object|array|equal))|schema|undefined|\[object/

const issuer = { issuer: 'https://id.example', audience: 'beacons', jwksUri: 'https://id.example/keys' }
const credentials = { roleArn: 'arn:aws:iam::111122223333:role/vended', externalId: 'headgate/prod' }

test('what was wrong is said with its key, its form, what is expected and an example', async (t) => {
  for (const [file, fault] of [
    [{ gateway: { workers: 1.5 } }, 'gateway.workers: must be a whole number, from 1 to 64; it is 1.5'],
    [
      { gateway: { journal: { ephemeral: 'yes' } } },
      'gateway.journal.ephemeral: must be true or false; it is a text of 3 characters',
    ],
    [{ gateway: { stream: 5 } }, 'gateway.stream: must be a group of keys; it is 5'],
    [
      { gateway: { trustProxy: 'loopback' } },
      'gateway.trustProxy: must be a list; it is a text of 8 characters. Example: ["10.0.0.0/8"]',
    ],
    [
      { gateway: { trustProxy: [true] } },
      'gateway.trustProxy.0: must be an address or a network, such as 10.0.0.0/8; it is true',
    ],
    [
      { gateway: { trustProxy: [null] } },
      'gateway.trustProxy.0: must be an address or a network, such as 10.0.0.0/8; it is empty',
    ],
    [
      { gateway: { limits: { address: 5 } } },
      'gateway.limits.address: must be "off" or a group of keys; it is 5',
    ],
    [
      { gateway: { limits: { address: { burst: 0 } } } },
      'gateway.limits.address.burst: must be a whole number, at least 1; it is 0',
    ],
    [
      { gateway: { durability: 'jornal' } },
      'gateway.durability: must be one of journal, stream, memory; did you mean "journal"?',
    ],
    [
      { gateway: { listen: { host: '' } } },
      'gateway.listen.host: must be a host or an address, such as 0.0.0.0; it is an empty text',
    ],
    [
      { shutdown: { totalMs: '2 minutes' } },
      'shutdown.totalMs: must be a duration such as 2m, 90s or 1h, at least 1s; it is a text of 9 characters',
    ],
    [
      { shutdown: { totalMs: [] } },
      'shutdown.totalMs: must be a duration such as 2m, 90s or 1h, at least 1s; it is a list',
    ],
    [
      { lake: { maxTempBytes: {} } },
      'lake.maxTempBytes: must be a size such as 64MiB or 512KiB, at least 1MiB; it is a group of keys',
    ],
    [
      { apps: [{}] },
      'apps.0.id: is missing: it must be 1 to 64 of a-z, 0-9, hyphen and underscore, beginning with a letter or digit, such as shop-web',
    ],
    [
      {
        apps: [
          {
            id: 'a',
            keys: Array(3)
              .fill(0)
              .map((_, i) => ({ sha256: `${i}`.repeat(64) })),
          },
        ],
      },
      'apps.0.keys: must be a list, at most 2 entries; it has 3',
    ],
    [
      {
        gateway: { credentials: { region: 'eu-west-1', subjectKeyEnv: 'KEY' } },
        apps: [{ id: 'a', credentials: { ...credentials, issuers: [{ ...issuer, requiredClaims: 5 }] } }],
      },
      'apps.0.credentials.issuers.0.requiredClaims: must be claims by name, each a text, a number, true or false, such as {"tenant":"acme"}; it is 5',
    ],
    [{ aggregation: { stores: [] } }, 'aggregation.stores: must be a list, at least 1 entry; it has 0'],
    [
      { tokens: [] },
      /^tokens: is not a known key here; did you mean "aggregation\.tokens"\? It must be a list, /,
    ],
    [
      { aggregation: { tokens: [{ name: 'a', sha256: 'ab'.repeat(32), scopes: ['read'], token: 'x' }] } },
      'aggregation.tokens.0.token: is not a known key: the token itself belongs in no file, only its SHA-256, in aggregation.tokens.0.sha256',
    ],
    [
      { apps: [{ id: 'a', keys: [{ sha256: 'ab'.repeat(32), appKey: 'x' }] }] },
      'apps.0.keys.0.appKey: is not a known key: the key itself belongs in no file, only its SHA-256, in apps.0.keys.0.sha256',
    ],
    [
      { apps: [{ id: 'a', keys: [{ sha256: 'ab'.repeat(32), apps: 'x' }] }] },
      'apps.0.keys.0.apps: is not a known key; apps.0.keys.0 takes sha256',
    ],
    [
      { durabilty: 'stream' },
      'durabilty: is not a known key here; did you mean "gateway.durability"? It must be one of journal, stream, memory',
    ],
    [{ gatway: {} }, 'gatway: is not a known key; did you mean "gateway"? It must be a group of keys'],
    [
      { gateway: { listen: { prot: 9000 } } },
      'gateway.listen.prot: is not a known key; did you mean "gateway.listen.port"? It must be a whole number, from 0 to 65535, such as 80',
    ],
    [
      { shutdown: { totlaMs: '1m' } },
      'shutdown.totlaMs: is not a known key; did you mean "shutdown.totalMs"? It must be a duration such as 2m, 90s or 1h, at least 1s',
    ],
    [
      { gateway: { trustProxie: [] } },
      'gateway.trustProxie: is not a known key; did you mean "gateway.trustProxy"? It must be a list, such as ["10.0.0.0/8"]',
    ],
    [
      { shutdown: { xyzzy: 1 } },
      'shutdown.xyzzy: is not a known key; shutdown takes totalMs, waitMs, drainMs',
    ],
    [{ xyzzy: 1 }, /^xyzzy: is not a known key; at the top takes dataDir, /],
    [JSON.parse('{"__proto__":1}'), /^__proto__: is not a known key/],
    ['text', 'the file: must be a group of keys; it is a text of 4 characters'],
  ] as const) {
    const [first, ...more] = faultsOf(file)
    t.match(first?.replace(/^: /, 'the file: '), fault)
    t.same(more, [], String(first))
  }
})

test('shapes and rules are both looked at, and rules only where the shape is right', async (t) => {
  const scopes = ['admin']
  const tokens = [
    { name: 'a', sha256: 'a'.repeat(64), scopes, apps: ['shop'] },
    { name: 'a', sha256: 'b'.repeat(64), scopes: ['read'], apps: ['shpo'] },
  ]
  t.same(faultsOf({ apps: [{ id: 'shop' }], aggregation: { tokens } }), [
    'aggregation.tokens.0.scopes.0: must be one of read, run, events, write, erase; it is a text of 5 characters',
    'aggregation.tokens.1.name: token name "a" is used twice (first at aggregation.tokens.0.name)',
    'aggregation.tokens.1.apps: names no app: "shpo"; did you mean "shop"?',
  ])
  const trustProxy = [true, '10.0.0.0/33', 'proxy.internal', 'loopback']
  t.match(faultsOf({ gateway: { trustProxy, listen: { port: 9 } }, aggregation: { listen: { port: 9 } } }), [
    /trustProxy\.0/,
    /trustProxy\.1/,
    /trustProxy\.2/,
    /trustProxy\.3/,
    /aggregation\.listen\.port/,
  ])
  for (const [rule, file, faults] of [
    [
      'an id that is wrong is nobody whom tokens could name',
      { apps: [{ id: 'Shop!' }], aggregation: { tokens: tokens.slice(1) } },
      1,
    ],
    ['a total that is wrong says nothing of the drain', { shutdown: { totalMs: 'soon', drainMs: '2m' } }, 1],
    [
      'workers that are none say nothing of the journal',
      { gateway: { workers: 999, journal: { maxBytes: '8MiB' } } },
      1,
    ],
    ['a kind that is none says nothing of the bucket', { lake: { kind: 'gcs', bucket: 'my-lake' } }, 1],
    [
      'a grain that is none says nothing of the horizon',
      { aggregation: { schedule: { grain: '2h', horizon: '1h', grace: '1h' } } },
      1,
    ],
    [
      'a group that is none says nothing of what is in it',
      { apps: 5, gateway: 5, aggregation: 5, lake: 5, shutdown: 5, aws: 5 },
      6,
    ],
    ['nor does a list of what is no app', { apps: [null, 5, 'x', []] }, 4],
  ] as const) {
    t.equal(faultsOf(file).length, faults, `${rule}: ${faultsOf(file).join('\n')}`)
  }
})

test('however many there are, all are told', async (t) => {
  const apps = Array.from({ length: 50 }, (_, i) => ({ id: `NOT OK ${i}` }))
  t.equal(faultsOf({ apps }).length, 50)
})

test('settings by which nothing would ever be computed are faults', async (t) => {
  const schedule = (more: object) => faultsOf({ aggregation: { schedule: more } })
  t.same(schedule({ horizon: '17m', grace: '2m' }), [
    'aggregation.schedule.horizon: must be more than grace (2m) and grain (15m) together: a window would be over before it is due',
  ])
  t.same(schedule({ horizon: '18m', grace: '2m' }), [])
  t.match(schedule({ horizon: '61m', grace: '90s', grain: '1h' }), [/grace \(90s\) and grain \(1h\)/])
  for (const [path, file] of [
    ['aggregation.schedule.tick', { aggregation: { schedule: { tick: '30d' } } }],
    ['aggregation.engine.timeout', { aggregation: { engine: { timeout: '30d' } } }],
    ['shutdown.totalMs', { shutdown: { totalMs: '30d' } }],
    ['shutdown.waitMs', { shutdown: { waitMs: '30d' } }],
  ] as const) {
    t.same(faultsOf(file), [`${path}: must be at most 24d: no timer counts further`])
  }
})

test('what can work, but hardly as it was meant, is a warning', async (t) => {
  const token = (more: object) => ({ name: 't', sha256: 'ab'.repeat(32), scopes: ['read'], ...more })
  const app = { id: 'shop', keys: [{ sha256: 'cd'.repeat(32) }] }
  for (const [rule, file, paths] of [
    ['nothing', {}, []],
    [
      'run beside apps',
      { apps: [app], aggregation: { tokens: [token({ scopes: ['read', 'run'], apps: ['shop'] })] } },
      ['aggregation.tokens.0.scopes'],
    ],
    [
      'events without read',
      { apps: [app], aggregation: { tokens: [token({ scopes: ['run', 'events'] })] } },
      ['aggregation.tokens.0.scopes'],
    ],
    [
      'events beside read',
      { apps: [app], aggregation: { tokens: [token({ scopes: ['read', 'events'] })] } },
      [],
    ],
    ['run alone is fine', { apps: [app], aggregation: { tokens: [token({ scopes: ['run'] })] } }, []],
    ['apps alone are fine', { apps: [app], aggregation: { tokens: [token({ apps: ['shop'] })] } }, []],
    ['apps that nobody can look at', { apps: [app] }, ['aggregation.tokens']],
    [
      'an app that nobody can reach',
      { apps: [{ id: 'shop' }], aggregation: { tokens: [token({ scopes: ['run'] })] } },
      ['apps.0'],
    ],
    [
      'a proxy that is everybody',
      { gateway: { trustProxy: ['10.0.0.0/8', '0.0.0.0/0', '::/0', '0.0.0.0/1', '192.0.2.1', 'fd00::/8'] } },
      ['gateway.trustProxy.1', 'gateway.trustProxy.2', 'gateway.trustProxy.3'],
    ],
  ] as const) {
    t.same(
      configWarnings(parseConfig(file, {})).map(({ path }) => path),
      paths,
      rule,
    )
  }
})

test('a horizon that ends before the gateway stops taking events is a warning with both and the remedy', async (t) => {
  const warnings = (horizon: string) =>
    configWarnings(parseConfig({ aggregation: { schedule: { horizon } } }, {}))
  t.same(warnings('2h'), [
    {
      path: 'aggregation.schedule.horizon',
      message:
        'is 2h, and the gateway takes events that are up to 1d old: those that come later are not counted until a run with "reprocess": "all"; 1d or more takes them in',
    },
  ])
  t.equal(warnings('1439m').length, 1)
  t.same(warnings('24h'), [])
})

test('a check warns of what a start would refuse, where it may be another than here', async (t) => {
  const secret = { gateway: { idempotency: { secretEnv: 'OUR_SECRET' } } }
  for (const [rule, file, env, warnings] of [
    ['nothing', {}, {}, []],
    [
      'loopback',
      { gateway: { listen: { host: '::1' } }, aggregation: { listen: { host: 'localhost' } } },
      {},
      [],
    ],
    [
      'everybody, without an app',
      { gateway: { listen: { host: '0.0.0.0' } } },
      {},
      ['gateway.listen.host: no start listens on 0.0.0.0 while there are no apps, but on loopback only'],
    ],
    [
      'the same of the private listener',
      { aggregation: { listen: { host: '10.0.0.7' } } },
      {},
      ['aggregation.listen.host: no start listens on 10.0.0.7 while there are no apps, but on loopback only'],
    ],
    ['with an app', { apps: [{ id: 'a' }], gateway: { listen: { host: '0.0.0.0' } } }, {}, []],
    [
      'a secret that is not here',
      secret,
      {},
      [
        'gateway.idempotency.secretEnv: the variable OUR_SECRET is not set here; where Headgate starts it must be',
      ],
    ],
    ['an empty one', secret, { OUR_SECRET: '' }, [/OUR_SECRET is not set/]],
    ['one that is', secret, { OUR_SECRET: 'x'.repeat(32) }, []],
    [
      'of the gateway elsewhere',
      { aggregation: { gatewayTokenEnv: 'TOKEN' } },
      {},
      [/^aggregation.*TOKEN is not/],
    ],
    [
      'a short one',
      { ...secret, aggregation: { gatewayTokenEnv: 'TOKEN' } },
      { OUR_SECRET: 'planted-changeme', TOKEN: ' planted-secret ' },
      [
        'gateway.idempotency.secretEnv: must name a variable with, blanks around it aside, at least 32 characters',
        'aggregation.gatewayTokenEnv: must name a variable with, blanks around it aside, at least 16 characters',
      ],
    ],
    ['a token of 16', { aggregation: { gatewayTokenEnv: 'TOKEN' } }, { TOKEN: 'x'.repeat(16) }, []],
    [
      'the name of another',
      { aggregation: { gatewayTokenEnv: 'TOKEN' } },
      { TOKEN: '$HEADGATE_GATEWAY_TOKEN' },
      [/holds the name of another one, which nothing expanded/],
    ],
  ] as const) {
    const told = startWarnings(parseConfig(file, env), env).map(({ path, message }) => `${path}: ${message}`)
    t.notMatch(told.join(' '), 'planted', 'what it is is not said')
    t.equal(told.length, warnings.length, rule)
    t.match(told, warnings, rule)
  }
})

const value = fc.oneof(
  ...[
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.constant([]),
    fc.constant({}),
  ],
  fc.constantFrom('off', '15m', '64MiB', 'fs', 'read', 'a', 'https://a.example'),
)

/** Something at the place of each schema now and then, of the right form or not. */
function some(schema: TSchema): fc.Arbitrary<unknown> {
  if (Type.IsObject(schema)) {
    const entries = Object.entries(schema.properties).map(([key, inner]) => [key, some(inner)] as const)
    return fc.oneof(
      { weight: 9, arbitrary: fc.record(Object.fromEntries(entries), { requiredKeys: [] }) },
      value,
    )
  }
  if (Type.IsArray(schema))
    return fc.oneof({ weight: 4, arbitrary: fc.array(some(schema.items), { maxLength: 2 }) }, value)
  return value
}

test('no value is thrown over, taken that the schema refuses, or told in the words of a validator', async (t) => {
  let refused = 0
  await fc.assert(
    fc.property(some(Config), (input) => {
      const faults = faultsOf(input)
      refused += faults.length > 0 ? 1 : 0
      const nowhere = { sources: new Map() }
      const shaped = shape(Config, input, '', nowhere)
      const isTaken = shaped.faults.length > 0 || Value.Check(Config, shaped.value)
      return isTaken && faults.every((fault) => !RAW.test(fault))
    }),
    { numRuns: 300 },
  )
  t.ok(refused > 0)
})

test('units are read and said', async (t) => {
  for (const [measure, text, amount] of [
    ['duration', '250ms', 250],
    ['duration', '2 m', 120_000],
    ['duration', '1d', 86_400_000],
    ['bytes', '4GiB', 4_294_967_296],
    ['bytes', '0B', 0],
  ] as const) {
    t.equal(measured(measure, text), amount)
  }
  for (const text of ['', 'soon', '5', '-5m', '1.5h', '5M', '5 potatoes', '5mm', `${'9'.repeat(20)}m`]) {
    t.equal(measured('duration', text), undefined, text)
  }
  for (const [measure, amount, text] of [
    ['duration', 0, '0ms'],
    ['duration', 90_000, '90s'],
    ['duration', 86_400_000, '1d'],
    ['bytes', 4_294_967_296, '4GiB'],
    ['bytes', 1_000, '1000B'],
    ['bytes', 0, '0B'],
  ] as const) {
    t.equal(inUnits(measure, amount), text)
  }
})

/** Every schema inside another. */
function* within(schema: TSchema): Generator<TSchema> {
  yield schema
  if (Type.IsObject(schema)) for (const inner of Object.values(schema.properties)) yield* within(inner)
  if (Type.IsArray(schema)) yield* within(schema.items)
  if (Type.IsUnion(schema)) for (const inner of schema.anyOf) yield* within(inner)
}

test('whatever has a pattern says in words what it takes, with an example that it takes', async (t) => {
  const patterned = [...within(Config)].filter((schema) => 'pattern' in schema)
  t.ok(patterned.length > 15)
  for (const schema of patterned) {
    const { form, example } = told(schema)
    t.type(form, 'string', JSON.stringify(schema))
    if (example !== undefined) t.equal(Value.Check(schema, example), true, expected(schema))
  }
})

test('what is not in the schema today is put into words as well', async (t) => {
  const nowhere = { sources: new Map() }
  const schema = Type.Object({
    flag: Type.Boolean(),
    count: Type.Integer(),
    least: Type.Integer({ minimum: 5 }),
    ratio: Type.Number(),
    either: Type.Union([Type.Literal('off'), Type.Integer()]),
  })
  const given = { flag: 'x', count: 'xy', least: {}, ratio: [], either: {} }
  const { value, faults } = shape(schema, given, '', nowhere)
  t.same(value, { flag: false, count: 0, least: 5, ratio: '', either: '' })
  t.same(
    faults.map(({ path, message }) => `${path}: ${message}`),
    [
      'flag: must be true or false; it is a text of 1 character',
      'count: must be a whole number; it is a text of 2 characters',
      'least: must be a whole number, at least 5; it is a group of keys',
      'ratio: must be a number; it is a list',
      'either: must be "off" or a whole number; it is a group of keys',
    ],
  )
})

test('a rollup without numbers of a whole app is warned of, as the dashboard has nothing to draw', async (t) => {
  const route = { name: 'route', dimensions: ['page_route'] }
  const whole = { name: 'app', dimensions: [] }
  const warnings = (...rollups: object[][]) =>
    configWarnings(
      parseConfig({ aggregation: { rollups: rollups.map((sets, i) => ({ id: `r${i}`, sets })) } }, {}),
    ).map(({ path }) => path)
  t.same(warnings([route]), ['aggregation.rollups'])
  t.same(warnings([{ name: 'all', dimensions: [] }, route]), ['aggregation.rollups'], 'of another name')
  t.same(warnings([route], [route]), ['aggregation.rollups'], 'once')
  t.same(warnings([whole, route]), [])
  t.same(warnings([route], [whole]), [], 'in another rollup')
  t.same(warnings(), [], 'by default')
})

test('thresholds of a name that no web vital is stored under, or in seconds, are a warning', async (t) => {
  const warnings = (metric: string, good: number, poor: number) =>
    configWarnings(parseConfig({ aggregation: { thresholds: [{ metric, good, poor }] } }, {})).map(
      ({ path, message }) => `${path.replace('aggregation.thresholds.0', '')}: ${message}`,
    )
  const name = (vital: string) =>
    `.metric: is no name that the web vital is stored under; did you mean "browser.web_vital.${vital}"?`
  const seconds = (vital: string, meant: string) =>
    `: browser.web_vital.${vital} is in ms, and these look like seconds; did you mean ${meant}?`
  for (const [metric, [good, poor], said] of [
    ['checkout.duration', [1, 2], []],
    ['shop.lcp', [1, 2], []],
    ['browser.web_vital.lcp', [2_000, 4_000], []],
    ['browser.web_vital.cls', [0.1, 0.2], []],
    ['browser.web_vital.fcp', [1.8, 3], [seconds('fcp', 'good: 1800, poor: 3000')]],
    ['browser.web_vital.ttfb', [0, 0.8], [seconds('ttfb', 'good: 0, poor: 800')]],
    ['LCP', [2_000, 4_000], [name('lcp')]],
    ['browser.web_vital.LCP', [2_000, 4_000], [name('lcp')]],
    ['web-vitals.CLS', [0.1, 0.2], [name('cls')]],
    ['inp', [0.2, 0.5], [name('inp'), seconds('inp', 'good: 200, poor: 500')]],
  ] as const)
    t.same(warnings(metric, good, poor), said, metric)
})

test('a dimension is told apart from the set that is called nearly so, and none is there twice', async (t) => {
  const faults = (...dimensions: string[]) =>
    faultsOf({ aggregation: { rollups: [{ id: 'r', sets: [{ name: 's', dimensions }] }] } })
  t.match(faults('route'), [/dimensions\.0: must be one of page_route, .*; did you mean "page_route"\?/])
  t.match(faults('device'), [/; did you mean "device_type"\?/])
  t.match(faults('contry'), [/; did you mean "country"\?/])
  t.match(faults('name'), [/; it is a text of 4 characters/])
  t.match(faults('country', 'page_route', 'country'), [
    /^aggregation\.rollups\.0\.sets\.0\.dimensions\.2: dimension "country" is used twice \(first at .*dimensions\.0\)$/,
  ])
})
