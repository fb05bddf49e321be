import { createHash, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import tap, { type Test, test } from 'tap'
import { startKinesis } from '../fakes/aws/kinesis.ts'
import { STS_SECRET, STS_TOKEN, startSts } from '../fakes/aws/sts.ts'
import { startIssuer } from '../fakes/credentials/issuer.ts'
import { signed, signingKey } from '../fakes/credentials/jws.ts'
import { textsIn, writeUnusable } from '../fakes/files/disk.ts'
import { exchange } from '../fakes/gateway.ts'
import { until } from '../fakes/process/process.ts'
import { configured, launch, type Product } from '../fakes/process/product.ts'
import { leaks } from '../fakes/process/traces.ts'

// Several times what it takes on a machine that runs all the tests at once.
tap.setTimeout(600_000)

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** Known to the process, or sent to it, and never written down: not in the log, not in an answer, not on disk. */
const secrets = {
  'app key': 'hg_pub_PlantedAppKey81722',
  'key of another app': 'hg_pub_PlantedTinyKey55110',
  'unknown key': 'hg_pub_PlantedUnknownKey3390',
  'admin token': 'hg_adm_PlantedOpsToken60233',
  'reading token': 'hg_adm_PlantedReadToken9907',
  'unknown token': 'hg_adm_PlantedWrongToken442',
  JWT: 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.UGxhbnRlZFNpZ25hdHVyZQ',
  cookie: 'PlantedCookie7714',
  'Idempotency-Key': 'PlantedIdempotency4471',
  'AWS access key': 'AKIAPLANTED0ACCESSKEY',
  'AWS secret key': 'PlantedAwsSecret/5521+xyz',
  'IPv4 address': '203.0.113.77',
  'IPv6 address': '2001:db8:77:beef::7a7a',
  'network of the address': '203.0.113.',
  'user agent': 'PlantedAgent/7.7',
  'request header': 'PlantedHeader3312',
  'path of a request': 'PlantedPath2290',
  'query of a request': 'PlantedQuery8841',
  'malformed body': 'PlantedMalformed1177',
  'refused event': 'PlantedRefused9930',
  'ignored field': 'PlantedIgnored6402',
  'body above a limit': 'PlantedOversize4410',
  'body of an admin request': 'PlantedAdminBody7120',
  'password in a URL': 'PlantedPassword2281',
  'query of a URL': 'PlantedUrlQuery6673',
  'fragment of a URL': 'PlantedFragment5538',
  'e-mail address': 'planted.person@mail.example',
  digits: '4929123456781234',
  'card in groups': '4111 1111 1111 1111',
  'card with dashes': '4111\u20131111\u20131111\u20131111',
  'key by its prefix': `sk-proj-${'Planted0'.repeat(4)}`,
  'private key': 'MIIEvPlantedPrivateKey6617',
  'content of a URL': 'PlantedContent9038',
  'password beside its name': 'PlantedAssigned7704',
  'visitor who objects': 'PlantedObjector8820',
} as const

/** Told to operators, so that they see who is refused: in the log and in what /metrics, /reconcile and /query/pipeline answer, and nowhere else. */
const FOREIGN_ORIGIN = 'planted-origin.example'

/** What events carry because somebody wants it kept: on disk and in what queries answer, and nowhere else. */
const contents = { attribute: 'KeptAttribute5521', route: '/kept-route-8812', exception: 'KeptException3317' }

/** What others put into the lake. It is kept as it is, put aside where it is no event; nobody is told of it. */
const foreign = {
  'line of a foreign file': 'ForeignLine7702',
  'bytes of a foreign file': 'ForeignBytes5580',
  'value in a foreign file': 'ForeignValue6613',
}

const everything = { ...secrets, ...contents, ...foreign }

const apps = [
  { id: 'shop', keys: [{ sha256: sha256(secrets['app key']) }], origins: ['https://shop.example'] },
  {
    id: 'tiny',
    keys: [{ sha256: sha256(secrets['key of another app']) }],
    limits: { requestsPerSecond: 1, burst: 1 },
  },
]
const tokens = [
  { name: 'ops', sha256: sha256(secrets['admin token']), scopes: ['read', 'run', 'write'] },
  { name: 'reader', sha256: sha256(secrets['reading token']), scopes: ['read'], apps: ['tiny'] },
]
const listen = { port: 0 }
/** Segments of 2 MiB, which are quickly looked through. */
const journal = { maxBytes: '64MiB' }
const environment = {
  AWS_ACCESS_KEY_ID: secrets['AWS access key'],
  AWS_SECRET_ACCESS_KEY: secrets['AWS secret key'],
}

interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** Every answer as it came, headers and all, by what was asked. */
class Answers {
  readonly places: Record<string, string> = {}
  readonly statuses = new Set<number>()
  #count = 0

  keep(what: string, answer: string): void {
    this.#count += 1
    this.places[`answer ${this.#count}, ${what}`] = answer
  }

  async ask(
    url: string,
    path: string,
    { method = 'GET', headers = {}, body = '' }: Ask = {},
  ): Promise<string> {
    const { hostname: host, port } = new URL(url)
    const length = { 'content-length': `${Buffer.byteLength(body)}` }
    const sent = request({ host, port, path, method, agent: false, headers: { ...length, ...headers } })
    sent.end(body)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    let text = ''
    for await (const chunk of answer) text += chunk
    this.statuses.add(answer.statusCode ?? 0)
    this.keep(`${method} ${path.slice(0, 60)}`, `${answer.rawHeaders.join('\n')}\n\n${text}`)
    return text
  }
}

/** The operations of both documents, so that a route of tomorrow is looked at as well. */
function operations(document: 'gateway' | 'aggregation') {
  const { paths } = JSON.parse(readFileSync(`openapi/${document}.json`, 'utf8')) as {
    paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>
  }
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { parameters = [] }]) => ({
      path,
      method: method.toUpperCase(),
      query: parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
    })),
  )
}

const planted = {
  'x-forwarded-for': secrets['IPv4 address'],
  forwarded: `for="[${secrets['IPv6 address']}]"`,
  'user-agent': secrets['user agent'],
  cookie: `session=${secrets.cookie}`,
  authorization: `Bearer ${secrets.JWT}`,
  referer: `https://shop.example/?${secrets['request header']}`,
  'x-custom': secrets['request header'],
  'idempotency-key': secrets['Idempotency-Key'],
}
const json = { ...planted, 'content-type': 'application/json', 'x-headgate-key': secrets['app key'] }

/** Every operation, with something planted wherever a request has room for it. */
async function driveAll(answers: Answers, document: 'gateway' | 'aggregation', url: string): Promise<void> {
  const callers = [
    {},
    { authorization: `Bearer ${secrets['unknown token']}`, 'x-headgate-key': secrets['unknown key'] },
    { authorization: `Bearer ${secrets['reading token']}`, origin: `https://${FOREIGN_ORIGIN}` },
    { authorization: `Bearer ${secrets['admin token']}`, 'x-headgate-key': secrets['app key'] },
  ]
  for (const { path, method, query } of operations(document)) {
    const filled = path.replaceAll(/\{\w+\}/g, secrets['path of a request'])
    const pairs = [...query, 'unknown', secrets['query of a request']].map(
      (name) => `${name}=${secrets['query of a request']}`,
    )
    const queries = ['', `?${pairs.join('&')}`, ...pairs.map((pair) => `?${pair}`)]
    for (const caller of callers) {
      for (const asked of queries) {
        const body = method === 'POST' ? `{"${secrets['malformed body']}` : ''
        await answers.ask(url, filled + asked, { method, headers: { ...json, ...caller }, body })
      }
    }
  }
}

/** Files with something planted in the names of columns, in lines that are none, and in URLs of events of the past. */
async function driveImports(answers: Answers, adminUrl: string): Promise<void> {
  const authorization = `Bearer ${secrets['admin token']}`
  const past = { name: 'a.b', value: 1, event_time: '2019-05-06T07:08:09Z' }
  for (const body of [
    `name,value,event_time,${secrets['malformed body']}\n`,
    urls.map((page_url) => `${JSON.stringify({ ...past, page_url })}\n`).join(''),
    JSON.stringify({ ...past, event_time: secrets['e-mail address'] }),
  ])
    await answers.ask(adminUrl, '/imports?app=shop&name=leak', {
      method: 'POST',
      headers: { authorization },
      body,
    })
}

const url = (host: string) =>
  `https://user:${secrets['password in a URL']}@${host}/checkout?t=${secrets['query of a URL']}#${secrets['fragment of a URL']}`
/** One fault each, for rules that only hold beside another. */
const urls = [
  `https://shop.example/checkout?t=${secrets['query of a URL']}`,
  `https://shop.example/checkout#${secrets['fragment of a URL']}`,
  `https://user:${secrets['password in a URL']}@shop.example/checkout`,
  `user:${secrets['password in a URL']}@shop.example/checkout`,
  `//shop.example?${secrets['query of a URL']}`,
  `/checkout#${secrets['fragment of a URL']}`,
  `data:text/plain,${secrets['fragment of a URL']}`,
  `https://shop.example/checkout%3Ft=${secrets['query of a URL']}`,
  `https://shop.example/checkout;jsessionid=${secrets['query of a URL']}/a`,
  `https://shop.example/to/https://u:${secrets['password in a URL']}@h/a`,
  `https://shop.example/users/${secrets['e-mail address']}`,
  `https://shop.example/verify/${secrets.JWT}`,
  `https://shop.example/verify/${secrets['key by its prefix']}`,
  `https://shop.example/pay/${secrets['card with dashes']}`,
]
/** Texts of the kinds that programs write, each with something in it that nobody wants kept. */
const prose = [
  `mail ${secrets['e-mail address']} or ${encodeURIComponent(secrets['e-mail address'])} call ${secrets.digits}`,
  `GET ${url('api.example')} failed, ${secrets['card in groups']} refused`,
  `at f (https://cdn.example/app.js?t=${secrets['query of a URL']}:1:2)`,
  `/reset?token=${secrets['query of a URL']} //x/y#${secrets['fragment of a URL']}`,
  `{"next":"/a?b=${secrets['query of a URL']}","password":"${secrets['password beside its name']}"}`,
  `to=${encodeURIComponent(url('api.example'))} /a;jsessionid=${secrets['query of a URL']}`,
  `from ${secrets['IPv4 address']}:8080 by [${secrets['IPv6 address']}]:443`,
  `Authorization: Bearer ${secrets.JWT}`,
  `key ${secrets['AWS access key']}, password=${secrets['password beside its name']}`,
  `key ${secrets['key by its prefix']}, card ${secrets['card with dashes']}`,
  `gateway/${secrets['IPv4 address']}:443 [::ffff:${secrets['IPv4 address']}]:443`,
  `/a\\u003ft=${secrets['query of a URL']} /a&quest;t=${secrets['query of a URL']}`,
  `data:text/html,<b>${secrets['content of a URL']}</b>`,
  `-----BEGIN PRIVATE KEY-----\\n${secrets['private key']}`,
]
const personal = `${contents.exception} ${prose.join('\n')}`
const visit = {
  name: 'page.duration',
  value: 12.5,
  unit: 'ms',
  page_url: url('shop.example'),
  page_path: `/checkout?t=${secrets['query of a URL']}`,
  page_route: `${contents.route}?t=${secrets['query of a URL']}`,
  error_type: secrets['e-mail address'],
  exception_type: `Failed /a?b=${secrets['query of a URL']}`,
  app_version: `1.2 ${secrets['card in groups']}`,
  language: prose[1],
  navigation_type: prose[7],
  referrer: url('search.example'),
  url_full: url('api.example'),
  exception_message: personal,
  exception_stacktrace: personal,
  attributes: {
    note: contents.attribute,
    link: url('partner.example'),
    who: secrets['e-mail address'],
    card: secrets.digits,
    [secrets['e-mail address']]: 'a name is a text, too',
    ...Object.fromEntries(prose.map((text, i) => [`prose${i}`, text])),
  },
  [secrets['ignored field']]: secrets['ignored field'],
  app_id: secrets['ignored field'],
  country: secrets['ignored field'],
}
const objector = {
  name: 'page.duration',
  value: 3,
  session_id: secrets['visitor who objects'],
  user_id: secrets['visitor who objects'],
  page_view_id: secrets['visitor who objects'],
  event_id: secrets['visitor who objects'],
  attributes: { note: secrets['visitor who objects'] },
}
const vital = {
  name: 'LCP',
  value: 1234.5,
  id: 'v6-1-2',
  navigationURL: url('shop.example'),
  attribution: { url: url('cdn.example'), target: contents.attribute },
  note: `${secrets['e-mail address']} ${secrets.digits}`,
}

/** Everything a gateway may be sent that it does not take, or takes only in part. */
async function driveGateway(answers: Answers, gatewayUrl: string): Promise<void> {
  let requests = 0
  /** Each under a key of its own: under one that is known another body is refused unread. */
  const post = (body: string | Buffer, headers: object = {}, path = '/v1/events') => {
    requests += 1
    const key = { 'idempotency-key': `${secrets['Idempotency-Key']}-${requests}` }
    return answers.ask(gatewayUrl, path, { method: 'POST', headers: { ...json, ...key, ...headers }, body })
  }
  const refused = secrets['refused event']
  const malformed = secrets['malformed body']
  const oversize = secrets['body above a limit']

  await post(JSON.stringify(visit))
  await post(JSON.stringify([visit, visit]), {
    'content-type': 'text/plain',
    'x-api-key': secrets['app key'],
  })
  await post(gzipSync(JSON.stringify({ context: visit, events: [{ name: 'a', value: 1 }] })))
  await post(
    urls
      .flatMap((one) => ['page_url', 'page_path', 'referrer', 'url_full'].map((field) => ({ [field]: one })))
      .map((fields) => JSON.stringify({ name: 'a', value: 1, ...fields }))
      .join('\n'),
  )
  await post(JSON.stringify(objector), { 'sec-gpc': '1' })
  await post(JSON.stringify(vital), {}, '/v1/web-vitals')
  await post(`name=a&value=1&page_url=${encodeURIComponent(url('shop.example'))}`, {
    'content-type': 'application/x-www-form-urlencoded',
  })
  await post(
    JSON.stringify([
      { name: refused, value: refused },
      { name: `bad ${refused}`, value: 1 },
      { name: 'a', value: 1, unit: [refused] },
      { name: 'a', value: 1, event_id: refused.repeat(10) },
      { name: 'a', value: 1, weight: refused },
      { name: 'a', value: 1, attributes: { note: [refused] } },
      { name: 'a', value: 1, page_route: { [refused]: refused } },
      refused,
      [refused],
    ]),
  )
  for (const body of [
    `{"name":"${malformed}`,
    `${malformed}`,
    `{"events":"${malformed}"}`,
    `{"events":[],"context":"${malformed}"}`,
    `{"name":"a","value":${malformed}}\n{"name":"a","value":1}\n"${malformed}"`,
    Buffer.concat([Buffer.from(`{"name":"${malformed}`), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
    `${`{"${malformed}":`.repeat(40)}1${'}'.repeat(40)}`,
    Buffer.concat([gzipSync('x').subarray(0, 10), Buffer.from(malformed)]),
  ]) {
    await post(body)
    await post(body, { 'content-type': `multipart/form-data; boundary=${malformed}` })
    await post(body, { 'content-encoding': malformed })
    await post(body, { 'content-encoding': 'gzip', 'content-type': malformed })
    await post(body, {}, '/v1/web-vitals')
  }
  await post(oversize.repeat(60_000))
  await post(oversize.repeat(5_000), { 'content-type': 'text/plain' })
  await post(gzipSync(oversize.repeat(300_000)))
  const names = Array.from({ length: 1_100 }, (_, i) => [`${oversize}${i}`, oversize])
  await post(JSON.stringify({ ...visit, ...Object.fromEntries(names) }))
  await post(JSON.stringify(Array(2_001).fill(oversize)))
  await post('{}', { origin: `https://${FOREIGN_ORIGIN}` })
  await post('{}', { 'x-headgate-key': `${secrets['app key']},${secrets['app key']}` })
  await post('{}', { 'x-headgate-key': secrets['unknown key'] })
  await post('{}', { 'x-api-key': secrets['key of another app'] })
  const tiny = { 'x-headgate-key': secrets['key of another app'] }
  for (let i = 0; i < 3; i++) await post(JSON.stringify({ name: 'a', value: 1 }), tiny)

  const get = (path: string, method = 'GET', headers: object = {}) =>
    answers.ask(gatewayUrl, path, { method, headers: { ...planted, ...headers } })
  const pixel = `/v1/pixel.gif?key=${secrets['app key']}&name=a&value=1`
  await get(`${pixel}&page_url=${encodeURIComponent(url('shop.example'))}`)
  await get(`${pixel}&value=${secrets['query of a request']}`)
  await get(`${pixel}&attributes.a=${oversize.repeat(600)}`)
  await get(`${pixel}&key=${secrets['unknown key']}`, 'HEAD')
  for (const path of [
    `/${secrets['path of a request']}`,
    `/%zz${secrets['path of a request']}`,
    '/metrics',
  ]) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'])
      await get(`${path}?token=${secrets['admin token']}`, method)
  }
  await get('/v1/events', 'OPTIONS', {
    origin: `https://${FOREIGN_ORIGIN}`,
    'access-control-request-method': 'POST',
    'access-control-request-headers': secrets['request header'],
  })
  for (const [what, raw] of [
    ['nonsense', `${secrets['path of a request']} nonsense\r\n\r\n`],
    ['a huge header', `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${secrets['request header'].repeat(5_000)}\r\n\r\n`],
    [
      'two lengths',
      `POST /v1/events?key=${secrets['app key']} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n${malformed}`,
    ],
  ] as const) {
    answers.keep(what, await exchange(Number(new URL(gatewayUrl).port), [raw]))
  }
  // One address, until it is over its limit.
  const flood = { ...planted, 'x-forwarded-for': secrets['IPv6 address'] }
  for (let i = 0; i < 220; i++)
    await answers.ask(gatewayUrl, `/${secrets['path of a request']}`, { headers: flood })
}

/** What operators may get wrong, with a token that may do everything. */
async function driveAggregation(answers: Answers, adminUrl: string): Promise<void> {
  const sent = secrets['body of an admin request']
  const headers = { ...json, authorization: `Bearer ${secrets['admin token']}` }
  const post = (body: string, more: object = {}) =>
    answers.ask(adminUrl, '/aggregations/run', { method: 'POST', headers: { ...headers, ...more }, body })
  for (const body of [
    `{"rollups":["${sent}"]}`,
    `{"reprocess":"${sent}"}`,
    `{"from":"${sent}"}`,
    `{"at":"${sent}","from":1}`,
    `{"rollups":[{"${sent}":1}]}`,
    `["${sent}"]`,
    `"${sent}"`,
    `{"from":"${sent}`,
    `{"__proto__":{"${sent}":1}}`,
  ]) {
    await post(body)
    await post(body, { 'content-type': `text/${sent}` })
  }
  await post(`{"dryRun":true}`, { 'idempotency-key': secrets['Idempotency-Key'].repeat(20) })
  await post(`{"from":"${sent.repeat(70_000)}"}`)
  for (const path of [
    '/',
    '/dashboard',
    `/dashboard/${secrets['path of a request']}`,
    '/dashboard/dashboard.js',
  ]) {
    await answers.ask(adminUrl, `${path}?token=${secrets['admin token']}`, { headers: planted })
  }
}

interface LeakRun {
  readonly id: string
  readonly state: string
  readonly retryAt?: string
}

/** Runs until the end or the first retry, and asks what was noted of it. Resolves with the state. */
async function run(answers: Answers, adminUrl: string, body: object): Promise<string> {
  const headers = { ...json, authorization: `Bearer ${secrets['admin token']}` }
  const started = await answers.ask(adminUrl, '/aggregations/run', {
    method: 'POST',
    headers: { ...headers, 'idempotency-key': `${secrets['Idempotency-Key']}-${Object.keys(body).join()}` },
    body: JSON.stringify(body),
  })
  const { id } = JSON.parse(started) as LeakRun
  const state = await until(`the end of run ${id}`, async () => {
    const now = JSON.parse(await answers.ask(adminUrl, `/aggregations/runs/${id}`, { headers })) as LeakRun
    return now.retryAt !== undefined || ['succeeded', 'failed'].includes(now.state) ? now.state : undefined
  })
  await answers.ask(adminUrl, `/aggregations/runs/${id}/log`, { headers })
  return state
}

/** A folder of the lake where others may write. */
async function foreignFolder(dataDir: string): Promise<string> {
  const now = new Date().toISOString()
  const folder = join(dataDir, `lake/raw/foreign/dt=${now.slice(0, 10)}/hr=${now.slice(11, 13)}`)
  await mkdir(folder, { recursive: true })
  return folder
}

async function plantForeignFiles(folder: string): Promise<void> {
  const { 'line of a foreign file': line, 'bytes of a foreign file': bytes } = foreign
  const time = Date.now()
  const event = {
    v: 1,
    event_id: line,
    event_time: time,
    received_time: time,
    app_id: 'shop',
    name: 'a',
    value: 1,
  }
  const lines = [
    line,
    `{"v":1,"event_id":"${line}`,
    JSON.stringify({ ...event, value: line }),
    JSON.stringify({ ...event, event_time: line }),
    JSON.stringify({ ...event, v: line, attributes: line }),
  ]
  await writeFile(join(folder, 'lines.ndjson'), `${lines.join('\n')}\n`)
  await writeFile(
    join(folder, 'broken.ndjson.gz'),
    Buffer.concat([gzipSync(line).subarray(0, 12), Buffer.from(bytes)]),
  )
  await writeFile(join(folder, 'broken.parquet'), `PAR1${bytes}PAR1`)
}

/** What a process said and answered, against all that must not be there; what it keeps, against what must not be kept. */
async function inspect(t: Test, product: Product, answers: Answers, dataDir: string): Promise<void> {
  t.same(leaks(everything, { 'what it said': product.said(), ...answers.places }), [])
  t.same(leaks({ ...secrets, origin: FOREIGN_ORIGIN }, await textsIn(dataDir)), [], 'on disk')
  const told = Object.entries(answers.places).filter(
    ([what]) => !/\/(?:metrics|reconcile|query\/pipeline)/.test(what),
  )
  t.same(
    leaks({ origin: FOREIGN_ORIGIN }, Object.fromEntries(told)),
    [],
    'an origin is told to operators only',
  )
}

test('what is looked for is found in whatever form it comes to light', async (t) => {
  const said = `before ${secrets['AWS secret key']} after`
  for (const form of [
    said,
    said.toUpperCase(),
    encodeURIComponent(said),
    JSON.stringify(Buffer.from(said)),
    Buffer.from(said).toString('hex'),
    ...['', 'x', 'xy'].map((before) => Buffer.from(before + said).toString('base64')),
  ]) {
    t.match(leaks(secrets, { form }), [{ what: 'AWS secret key', where: 'form' }], form)
  }
  t.same(leaks(secrets, { form: 'before and after' }), [])
})

test('a process at its most talkative tells nobody what it was told', async (t) => {
  const dir = t.testdir()
  const dataDir = join(dir, 'data')
  const file = await configured(dir, {
    dataDir,
    logLevel: 'trace',
    gateway: { listen, trustProxy: ['127.0.0.0/8'], journal },
    aggregation: { listen, tokens, schedule: { tick: '200ms' } },
    apps,
  })
  const serve = launch(t, { args: ['serve', '-c', file], env: environment })
  const [gatewayUrl, adminUrl] = [await serve.url('gateway'), await serve.url('aggregation')]
  const answers = new Answers()
  // Before its address is over its limit.
  await answers.ask(gatewayUrl, '/v1/events', {
    method: 'PUT',
    headers: json,
    body: secrets['malformed body'],
  })
  await driveAll(answers, 'gateway', gatewayUrl)
  await driveGateway(answers, gatewayUrl)
  const authorization = `Bearer ${secrets['admin token']}`
  await until('everything to be delivered', async () => {
    const text = await answers.ask(adminUrl, '/reconcile', { headers: { authorization } })
    return (JSON.parse(text) as { backlog: { events: number } }).backlog.events === 0 || undefined
  })
  const folder = await foreignFolder(dataDir)
  await plantForeignFiles(folder)
  t.equal(await run(answers, adminUrl, {}), 'succeeded')
  await writeUnusable(join(folder, 'unusable.parquet'), foreign['value in a foreign file'], Date.now())
  t.equal(await run(answers, adminUrl, { reprocess: 'all' }), 'succeeded', 'it is set aside')
  await driveAll(answers, 'aggregation', adminUrl)
  await driveAggregation(answers, adminUrl)
  await driveImports(answers, adminUrl)
  await inspect(t, serve, answers, dataDir)

  t.same(
    [200, 202, 204, 302, 400, 401, 403, 404, 405, 413, 415, 422, 429].filter(
      (one) => !answers.statuses.has(one),
    ),
    [],
    'everything that can happen to a request has happened',
  )
  t.match(serve.said(), /"route":"\/v1\/events","status":202/, 'it does talk')
  const disk = await textsIn(dataDir)
  const kept = leaks({ contents: contents.attribute }, disk).map(({ where }) => where.replace(/\/.*/, ''))
  t.same([...new Set(kept)].sort(), ['journal', 'lake'], 'what is kept is found, so what is not would be')
  const others = leaks(foreign, disk).map(({ what }) => what)
  t.same([...new Set(others)].sort(), Object.keys(foreign).sort(), 'and what others wrote')
  t.equal(await serve.end('SIGTERM'), 0)
  t.same(leaks(everything, { 'what it said': serve.said() }), [], 'nor in its last words')
})

test('a gateway in front of Kinesis keeps what the service says to itself', async (t) => {
  const kinesis = await startKinesis(t)
  const message = secrets['ignored field']
  kinesis.faults.push(
    { kind: 'partial', ratio: 1, codes: ['InternalFailure'] },
    { kind: 'error', status: 500, type: 'InternalFailure', message },
    { kind: 'reset', when: 'before' },
    { kind: 'error', status: 400, type: 'AccessDeniedException', message },
  )
  kinesis.shardsLie = { kind: 'error', status: 400, type: 'SignatureDoesNotMatch', message }
  kinesis.poison = (data) => data.includes('poison')
  const dir = t.testdir()
  const dataDir = join(dir, 'data')
  const file = await configured(dir, {
    dataDir,
    logLevel: 'info',
    gateway: {
      listen,
      journal,
      operations: { listen },
      stream: { kind: 'kinesis', name: 'events', region: 'eu-west-1', endpoint: kinesis.endpoint },
    },
    aggregation: { tokens },
    apps,
  })
  const gateway = launch(t, { args: ['gateway', '-c', file], env: environment })
  const [gatewayUrl, operationsUrl] = [await gateway.url('gateway'), await gateway.url('operations')]
  const answers = new Answers()
  const authorization = `Bearer ${secrets['admin token']}`
  for (const [error_type, outcome] of [
    ['none', 'delivered'],
    ['poison', 'deadLettered'],
  ] as const) {
    const body = JSON.stringify({ ...visit, error_type })
    const headers = { ...json, 'idempotency-key': `${secrets['Idempotency-Key']}-${error_type}` }
    await answers.ask(gatewayUrl, '/v1/events', { method: 'POST', headers, body })
    await until(`an event to be ${outcome}`, async () => {
      const text = await answers.ask(operationsUrl, '/reconcile', { headers: { authorization } })
      return (JSON.parse(text) as Record<typeof outcome, number>)[outcome] === 1 || undefined
    })
  }
  await answers.ask(operationsUrl, '/metrics', { headers: { authorization } })
  for (const path of ['/metrics', '/reconcile', `/${secrets['path of a request']}`])
    await answers.ask(operationsUrl, `${path}?token=${secrets['admin token']}`, { headers: planted })
  await driveGateway(answers, gatewayUrl)
  await inspect(t, gateway, answers, dataDir)
  const stream = String(Buffer.concat([...(await kinesis.records('events'))]))
  t.match(leaks(contents, { stream }), { length: 3 }, 'what is kept has arrived')
  t.same(leaks({ ...secrets, origin: FOREIGN_ORIGIN }, { stream }), [], 'in the stream')
  t.match(gateway.said(), /misconfigured[\s\S]*became a dead letter/, 'it does talk')
  t.match(
    leaks(contents, await textsIn(join(dataDir, 'lake/dead'))),
    { length: 3 },
    'in the dead letter as well',
  )
  await gateway.end('SIGKILL')

  const asking = await configured(dir, {
    dataDir,
    logLevel: 'debug',
    aggregation: { listen, tokens, gatewayUrl: operationsUrl, gatewayTokenEnv: 'PLANTED_TOKEN' },
  })
  const env = { ...environment, PLANTED_TOKEN: secrets['admin token'], HEADGATE_APPS: JSON.stringify(apps) }
  const aggregation = launch(t, { args: ['aggregation', '-c', asking], env })
  const adminUrl = await aggregation.url('aggregation')
  await driveAll(answers, 'aggregation', adminUrl)
  t.equal(await run(answers, adminUrl, {}), 'succeeded')
  await inspect(t, aggregation, answers, dataDir)
  t.equal(await aggregation.end('SIGTERM'), 0)
})

test('a gateway that vends tells nobody to whom, nor what', async (t) => {
  const [sts, idp, key] = [await startSts(t), await startIssuer(t), signingKey('planted-kid')]
  idp.publish(key)
  const message = 'PlantedStsMessage6632'
  const [subject, tokenId] = ['planted.subject@mail.example', 'PlantedJti5519']
  const iat = Math.floor(Date.now() / 1_000)
  const claims = { iss: idp.url, aud: 'headgate', sub: subject, jti: tokenId, iat, exp: iat + 600 }
  const token = signed({ alg: 'ES256', kid: key.kid }, claims, key)
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const hidden = {
    ...secrets,
    'access token': token,
    'signature of the token': token.split('.')[2] ?? '',
    subject,
    'id of the token': tokenId,
    'what STS says': message,
    'secret of a session': STS_SECRET,
    'token of a session': STS_TOKEN,
    'subject key': 'PlantedSubjectKey8830-0123456789abcdef',
    'record key': String(jwk.d),
  }
  const credentials = {
    roleArn: 'arn:aws:iam::111122223333:role/headgate-vended',
    externalId: 'headgate/prod',
    issuers: [{ issuer: idp.url, audience: 'headgate', jwksUri: idp.jwksUri }],
  }
  const dir = t.testdir()
  const dataDir = join(dir, 'data')
  const file = await configured(dir, {
    dataDir,
    logLevel: 'trace',
    gateway: {
      ...{ listen, journal, operations: { listen }, trustProxy: ['127.0.0.0/8'] },
      credentials: {
        ...{
          region: 'eu-west-1',
          endpoint: sts.endpoint,
          subjectKeyEnv: 'SUBJECT_KEY',
          recordKeyEnv: 'RECORD_KEY',
        },
        limits: { addressPerMinute: 1_000 },
      },
    },
    aggregation: { tokens: tokens.slice(0, 1) },
    apps: [{ ...apps[0], credentials, privacy: { ip: 'drop' } }],
  })
  const env = { ...environment, SUBJECT_KEY: hidden['subject key'], RECORD_KEY: JSON.stringify(jwk) }
  const gateway = launch(t, { args: ['gateway', '-c', file], env })
  const [gatewayUrl, operationsUrl] = [await gateway.url('gateway'), await gateway.url('operations')]
  const [answers, given] = [new Answers(), new Answers()]
  const authorization = `Bearer ${token}`
  const vend = (into: Answers, body: string, headers = {}) =>
    into.ask(gatewayUrl, '/v1/credentials', {
      method: 'POST',
      headers: { ...json, authorization, ...headers },
      body,
    })
  const contain = (into: Answers, app: string, headers = {}) =>
    into.ask(gatewayUrl, `/v1/container-credentials/${app}`, {
      headers: { ...planted, authorization, ...headers },
    })

  await vend(given, '{"app":"shop"}')
  await contain(given, 'shop')
  t.match(
    leaks(hidden, given.places).map(({ what }) => what),
    ['secret of a session', 'token of a session'],
    'an answer has what it must have, and nothing else',
  )
  for (const [code, status] of [
    ['Throttling', 400],
    ['InternalFailure', 500],
    ['InternalFailure', 500],
    ['AccessDenied', 403],
  ] as const) {
    sts.faults.push({ kind: 'error', code, status, message })
  }
  for (let i = 0; i < 4; i++) await vend(answers, '{"app":"shop"}')
  for (const body of [
    `{"app":"${secrets['malformed body']}"}`,
    `{"app":"shop","${secrets['ignored field']}":1}`,
    `{"app":"shop","streams":["${secrets['refused event']}"]}`,
    `{"${secrets['malformed body']}`,
    secrets['body above a limit'].repeat(5_000),
    `{"app":"shop","attestation":{"kind":"${secrets['ignored field']}"}}`,
  ]) {
    await vend(answers, body)
    await vend(answers, body, { 'content-encoding': secrets['request header'] })
    await vend(answers, body, { 'content-type': secrets['request header'] })
  }
  for (const caller of [
    { authorization: `Bearer ${secrets.JWT}` },
    { authorization: secrets['unknown token'] },
    { 'x-headgate-key': secrets['unknown key'] },
    { origin: `https://${FOREIGN_ORIGIN}` },
  ]) {
    await vend(answers, '{"app":"shop"}', caller)
    await contain(answers, 'shop', caller)
    await contain(answers, secrets['path of a request'], caller)
  }
  await driveAll(answers, 'gateway', gatewayUrl)
  await answers.ask(gatewayUrl, '/v1/credentials', {
    method: 'PUT',
    headers: json,
    body: secrets['malformed body'],
  })
  for (let i = 0; i < 15; i++) await vend(answers, '{"app":"shop"}')
  const admin = { authorization: `Bearer ${secrets['admin token']}` }
  const metrics = await answers.ask(operationsUrl, '/metrics', { headers: admin })
  t.match(metrics, /headgate_credentials_total\{app="shop",outcome="vended"\} [2-9]/)
  t.match(metrics, /headgate_credentials_total\{app="shop",outcome="subject_limit"\}/)
  t.same(
    [400, 401, 403, 405, 413, 415, 429, 502, 503].filter((one) => !answers.statuses.has(one)),
    [],
    'everything that can happen to a request has happened',
  )
  t.equal(await gateway.end('SIGTERM'), 0)
  t.match(gateway.said(), /"event":"credentials\.vended".*"sub":"[\w-]{22}"/, 'it does talk')
  t.same(leaks(hidden, { 'what it said': gateway.said(), ...answers.places }), [])
  t.same(leaks(hidden, await textsIn(dataDir)), [], 'on disk')
})

test('commands tell what is configured and what is wrong with it, and no secret', async (t) => {
  const dir = t.testdir({ data: { lake: {} } })
  const dataDir = join(dir, 'data')
  const digests = Object.fromEntries(
    [...apps.flatMap(({ keys }) => keys), ...tokens].map(({ sha256: digest }, i) => [`digest ${i}`, digest]),
  )
  const secret = secrets['admin token']
  const good = { dataDir, apps, aggregation: { tokens }, logLevel: 'trace' }
  const endpoint = `https://user:${secrets['password in a URL']}@127.0.0.1`
  // Where nobody listens, whatever else runs on this machine.
  const none = {
    gateway: { listen: { port: 1 } },
    aggregation: { ...good.aggregation, listen: { port: 2 } },
  }
  for (const [what, config, args, code] of [
    ['what is in force', good, ['config', 'print'], 0],
    ['what is valid', good, ['config', 'check'], 0],
    ['who is ready', { ...good, ...none }, ['health'], 1],
    ['a run', good, ['aggregate', '--reprocess', 'all'], 0],
    ['a run that cannot be', good, ['aggregate', '--rollup', secret], 2],
    ['a token in place of its digest', { apps: [{ id: 'a', keys: [{ sha256: secret }] }] }, ['serve'], 2],
    ['a token under another name', { aggregation: { tokens: [{ name: 'a', token: secret }] } }, ['serve'], 2],
    ['a password in an address', { aggregation: { gatewayUrl: endpoint } }, ['config', 'print'], 2],
    ['another', { aws: { endpoint } }, ['config', 'print'], 2],
    ['and another', { gateway: { stream: { endpoint } } }, ['config', 'print'], 2],
  ] as const) {
    const file = await configured(dir, config)
    const command = launch(t, { args: [...args, '-c', file], env: environment })
    t.equal(await command.ended, code, what)
    t.not(command.said(), '', `${what}: said`)
    t.same(leaks({ ...everything, ...digests }, { said: command.said() }), [], what)
  }
  for (const [name, text] of [
    ['broken.json', `{"aggregation":{"tokens":[{"sha256":"${secret}"},]}}`],
    ['short.json', secret],
    ['broken.yaml', `aggregation:\n  tokens:\n    - sha256: "${secret}\n  a: b: c\n`],
    ['alias.yaml', `aggregation: *${secret}\n`],
  ] as const) {
    await writeFile(join(dir, name), text)
    const command = launch(t, { args: ['config', 'check', '-c', join(dir, name)] })
    t.equal(await command.ended, 2, name)
    t.match(command.said(), /is not valid (JSON|YAML)/, name)
    t.same(leaks(secrets, { said: command.said() }), [], name)
  }
  const faulty = { HEADGATE_AGGREGATION_TOKENS: `[{"sha256":"${secret}"`, HEADGATE_SECRET: secret }
  const command = launch(t, { args: ['config', 'check'], env: faulty })
  t.equal(await command.ended, 2, 'a variable')
  t.match(command.said(), /HEADGATE_SECRET: names no key of the configuration/)
  t.same(leaks(secrets, { said: command.said() }), [], 'a variable')
})
