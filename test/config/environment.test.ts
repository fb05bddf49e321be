import { test } from 'tap'
import Type from 'typebox'
import { environmentNames, parseConfig } from '../../src/config/parse.ts'
import { faultsOf } from './faults-of.ts'

/** As a person is told them. */
function faultLines(env: Record<string, string>): string {
  try {
    parseConfig({}, env)
    return ''
  } catch (error) {
    return String(error)
  }
}

test('what an orchestrator sets for a service of our name is no fault, and changes nothing', async (t) => {
  const quiet = parseConfig({}, {})
  for (const [who, env] of [
    [
      'Kubernetes, a service "headgate"',
      {
        HEADGATE_SERVICE_HOST: '10.0.0.1',
        HEADGATE_SERVICE_PORT: '8080',
        HEADGATE_SERVICE_PORT_HTTP: '8080',
        HEADGATE_SERVICE_PORT_HTTP_PUBLIC: '8080',
        HEADGATE_PORT: 'tcp://10.0.0.1:8080',
        HEADGATE_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
        HEADGATE_PORT_8080_TCP_PROTO: 'tcp',
        HEADGATE_PORT_8080_TCP_PORT: '8080',
        HEADGATE_PORT_8080_TCP_ADDR: '10.0.0.1',
      },
    ],
    [
      'a service "headgate-gateway"',
      {
        HEADGATE_GATEWAY_SERVICE_HOST: '10.0.0.1',
        HEADGATE_GATEWAY_SERVICE_PORT_HTTP: '8080',
        HEADGATE_GATEWAY_PORT: 'tcp://[fd00::1]:8080',
        HEADGATE_GATEWAY_PORT_53_UDP: 'udp://10.0.0.1:53',
        HEADGATE_GATEWAY_PORT_9_SCTP_ADDR: '10.0.0.1',
      },
    ],
    [
      'a service whose variable is the name of a key',
      { HEADGATE_GATEWAY_LISTEN_PORT: 'tcp://10.0.0.1:8080', HEADGATE_AGGREGATION_LISTEN_SERVICE_HOST: 'x' },
    ],
    [
      'docker run --link',
      {
        HEADGATE_PORT: 'tcp://172.17.0.5:8080',
        HEADGATE_NAME: '/web/headgate',
        HEADGATE_ENV_HEADGATE_DATA_DIR: '/data',
        HEADGATE_2_NAME: '/web/headgate_2',
        HEADGATE_2_ENV_PATH: '/bin',
      },
    ],
  ] as const) {
    t.same(parseConfig({}, env), quiet, who)
  }
})

test('variables that the configuration names for its secrets, or the command line, are no faults', async (t) => {
  const gateway = { credentials: { subjectKeyEnv: 'HEADGATE_SUBJECT_KEY', recordKeyEnv: 'HEADGATE_RECORD' } }
  const aggregation = { gatewayTokenEnv: 'HEADGATE_GATEWAY_TOKEN' }
  const secrets = { HEADGATE_SUBJECT_KEY: 'a', HEADGATE_RECORD: 'b', HEADGATE_GATEWAY_TOKEN: 'c' }
  t.same(faultsOf({ gateway, aggregation }, secrets), [])
  t.equal(faultsOf({}, secrets).length, 3, 'which are faults where nobody names them')
  const byVariable = { HEADGATE_AGGREGATION_GATEWAY_TOKEN_ENV: 'HEADGATE_SECRET', HEADGATE_SECRET: 'x' }
  t.same(faultsOf({}, byVariable), [], 'named by a variable')
  t.same(faultsOf({}, { HEADGATE_OPS: 'x' }, ['HEADGATE_OPS']), [], 'named by --token-env')
  t.same(faultsOf({}, { HEADGATE_TOKEN: 'x', HEADGATE_CONFIG: 'y', HEADGATE_WORKER: '1' }), [])
})

test('a key that is twice in the JSON of a variable is a fault', async (t) => {
  const twice = (name: string) => [`${name}: has a key twice in its JSON`]
  const id = '"id":"shop","origins":[]'
  t.same(faultsOf({}, { HEADGATE_APPS: `[{${id}}]`, HEADGATE_DATA_DIR: '{"a":1,"a":2}' }), [])
  t.same(faultsOf({}, { HEADGATE_APPS: `[{${id},${id}}]` }), twice('HEADGATE_APPS'))
  const listen = '{"port":1,"host":"::1","p\\u006frt":2}'
  t.same(faultsOf({}, { HEADGATE_GATEWAY_LISTEN: listen }), twice('HEADGATE_GATEWAY_LISTEN'))
})

test('any other is a fault that says what was meant', async (t) => {
  for (const [name, value, meant] of [
    ['HEADGATE_GATEWAY_LISTEN_PROT', '1', 'did you mean "HEADGATE_GATEWAY_LISTEN_PORT"?'],
    ['HEADGATE_DATADIR', '/data', 'did you mean "HEADGATE_DATA_DIR"?'],
    ['HEADGATE_GATEWAY_DURABILTY', 'journal', 'did you mean "HEADGATE_GATEWAY_DURABILITY"?'],
    ['HEADGATE_XYZZY', '1', '`headgate config print` shows the keys'],
    [
      'HEADGATE_PORT',
      '8080',
      'did you mean "HEADGATE_GATEWAY_LISTEN_PORT" or "HEADGATE_GATEWAY_OPERATIONS_LISTEN_PORT" or "HEADGATE_AGGREGATION_LISTEN_PORT"?',
    ],
    ['HEADGATE_AWS_REGON', 'eu', 'did you mean "HEADGATE_AWS_REGION"?'],
    [
      'HEADGATE_GATEWAY_PORT',
      '9000',
      'did you mean "HEADGATE_GATEWAY_LISTEN_PORT" or "HEADGATE_GATEWAY_OPERATIONS_LISTEN_PORT"?',
    ],
    ['HEADGATE_TRUST_PROXY', '[]', 'did you mean "HEADGATE_GATEWAY_TRUST_PROXY"?'],
    ['HEADGATE_S3_BUCKET', 'a', 'did you mean "HEADGATE_LAKE_BUCKET"?'],
    ['HEADGATE_CONFIG_FILE', 'a', '`headgate config print` shows the keys'],
    ['HEADGATE_CONFG', 'a', 'did you mean "HEADGATE_CONFIG"?'],
    ['HEADGATE_TOKENS', '[]', 'did you mean "HEADGATE_AGGREGATION_TOKENS"?'],
    ['HEADGATE_(+', '[]', '`headgate config print` shows the keys'],
    ['HEADGATE_DESCRIPTION', 'x', '`headgate config print` shows the keys'],
    ['HEADGATE_', '1', '`headgate config print` shows the keys'],
    ['HEADGATE_NAME', 'shop', ''],
    ['HEADGATE_ENV_X', 'no link', ''],
  ] as const) {
    const [fault = '', ...more] = faultsOf({}, { [name]: value })
    t.same(more, [])
    t.equal(fault.startsWith(`${name}: names no key of the configuration`), true, name)
    t.equal(fault.endsWith(meant), true, fault)
  }
})

test('a fault of a value from a variable names the variable and the key', async (t) => {
  const message = faultLines
  t.match(
    message({ HEADGATE_GATEWAY_LISTEN_PORT: 'abc' }),
    /^ {2}HEADGATE_GATEWAY_LISTEN_PORT \(gateway\.listen\.port\): must be a whole number, from 0 to 65535; it is a text of 3 characters\. Example: HEADGATE_GATEWAY_LISTEN_PORT=80$/m,
  )
  t.match(
    message({ HEADGATE_APPS: '[{id:x}]' }),
    /HEADGATE_APPS \(apps\): must be a list, .*, as JSON; .*: keys and texts need double quotes\. Example: HEADGATE_APPS='\[\{"id":"shop-web".*\}\]'$/m,
  )
  t.match(
    message({ HEADGATE_GATEWAY_LISTEN: 'abc' }),
    /HEADGATE_GATEWAY_LISTEN \(gateway\.listen\): must be a group of keys as JSON, such as \{"a":1\}, or set by a variable for each: HEADGATE_GATEWAY_LISTEN_HOST, HEADGATE_GATEWAY_LISTEN_PORT$/m,
  )
  t.match(message({ HEADGATE_AWS: '{region:eu}' }), /_AWS_ENDPOINT; it cannot be read as JSON: keys and/)
  t.match(message({ HEADGATE_GATEWAY: '1' }), /HEADGATE_GATEWAY_LISTEN, .* and \d+ more$/m)
  t.match(
    message({ HEADGATE_GATEWAY_JOURNAL_EPHEMERAL: 'yes' }),
    /true or false; .*\. Example: \S+=(true|false)$/m,
  )
  t.match(message({ HEADGATE_APPS: '[{"id":"X!"}]' }), /HEADGATE_APPS \(apps\.0\.id\): must be 1 to 64/)
  const list = / Example: HEADGATE_GATEWAY_TRUST_PROXY='\["10\.0\.0\.0\/8"\]'$/
  for (const value of ['10.0.0.0/8', '10.0.0.0/8,10.1.0.0/16', 'true'])
    t.match(message({ HEADGATE_GATEWAY_TRUST_PROXY: value }), list, value)
  t.match(message({ HEADGATE_LOG_LEVEL: 'loud' }), /\. Example: HEADGATE_LOG_LEVEL=info$/)
  t.match(
    message({ HEADGATE_APPS: '[{"id":"a","keys":1}]' }),
    /apps\.0\.keys\): [^']* Example: \[[^']*$/,
    'once, of what is wrong',
  )
})

test('what is no group is a fault, whatever variables its keys have', async (t) => {
  const threads = { HEADGATE_AGGREGATION_ENGINE_THREADS: '2' }
  const broken = { HEADGATE_AGGREGATION_ENGINE: '{timeout: "2h"}' }
  const engine =
    /^ {2}HEADGATE_AGGREGATION_ENGINE \(aggregation\.engine\): must be a group of keys as JSON, .* double quotes$/m
  t.match(faultLines({ ...broken, ...threads }), engine)
  t.match(faultLines({ ...threads, ...broken }), engine, 'in any order')
  const both = faultLines({ ...broken, HEADGATE_AGGREGATION_ENGINE_THREADS: 'x' })
  t.match(both, engine)
  t.match(both, /^AppError: 2 faults .*^ {2}HEADGATE_AGGREGATION_ENGINE_THREADS \(/ms, 'and so is its key')
  const port = { HEADGATE_GATEWAY_LISTEN_PORT: '8080' }
  const none = 'must be a group of keys; it is a text of 3 characters'
  t.same(faultsOf({ gateway: { listen: 'abc' } }, port), [`gateway.listen: ${none}`])
  t.same(faultsOf({ gateway: 'abc' }, port), [`gateway: ${none}`], 'two groups above it')
  t.same(faultsOf({ gateway: null }, port), [], 'of what is empty nothing is lost')
})

test('every key that is no group is shown by an example that has its form', async (t) => {
  const lines = [...environmentNames()]
    .filter(([, { schema }]) => !Type.IsObject(schema))
    .map(([variable]) => [variable, String(faultLines({ [variable]: '' }))] as const)
  const wrong = lines.filter(([, line]) => line.includes('must be '))
  t.ok(wrong.length > 50, `${wrong.length} keys are looked at`)
  const others = lines.filter((each) => !wrong.includes(each)).map(([variable]) => variable)
  t.same(others, ['HEADGATE_LAKE_BUCKET'], 'of any other an empty text is wrong by its form')
  for (const [variable, line] of wrong) {
    const [, example = ''] = /\. Example: (.*)$/m.exec(line) ?? []
    const [name, text = ''] = example.split(/=(.*)/s)
    t.equal(name, variable, line)
    const value = text.replace(/^'(.*)'$/s, '$1')
    t.notMatch(
      faultLines({ [variable]: value }),
      new RegExp(`${variable} .* must be `),
      `${variable}=${value}`,
    )
  }
})

test('a key of its own wins over that of its group, in any order, and is named by its fault', async (t) => {
  const group = { HEADGATE_GATEWAY_LISTEN: '{"port":1,"host":"127.0.0.1"}' }
  for (const env of [
    { HEADGATE_GATEWAY_LISTEN_PORT: '2', ...group },
    { ...group, HEADGATE_GATEWAY_LISTEN_PORT: '2' },
  ])
    t.equal(parseConfig({}, env).gateway.listen.port, 2)
  t.match(
    faultLines({ HEADGATE_GATEWAY_LISTEN_PORT: 'x', ...group }),
    /^ {2}HEADGATE_GATEWAY_LISTEN_PORT \(/m,
  )
})
