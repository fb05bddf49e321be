import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'tap'
import { answerWithProblems } from '../../src/http/problems.ts'
import { createServer, refuseMalformed, refuseWhileClosing } from '../../src/http/server.ts'
import { createTelemetry } from '../../src/std/telemetry.ts'
import { exchange } from '../fakes/gateway.ts'

function start(t: { teardown(f: () => unknown): void }, level: 'debug' | 'info' = 'info') {
  const lines: string[] = []
  const { log } = createTelemetry(level, { write: (line) => lines.push(line) })
  const app = createServer([], log)
  t.teardown(() => app.close())
  answerWithProblems(app, log)
  refuseWhileClosing(app)
  refuseMalformed(app)
  app.get('/things/:id', async () => 'fine')
  return { app, lines }
}

test('every answer forbids caching and sniffing', async (t) => {
  const { app } = start(t)
  for (const url of ['/things/1', '/nowhere', '/%zz']) {
    const { headers } = await app.inject(url)
    t.equal(headers['cache-control'], 'no-store', url)
    t.equal(headers['x-content-type-options'], 'nosniff', url)
  }
})

test('a path that cannot be decoded, and an endless parameter, are unknown paths and are not quoted', async (t) => {
  const { app } = start(t)
  for (const url of ['/things/%zz', `/things/${'x'.repeat(513)}`]) {
    const answer = await app.inject(url)
    t.equal(answer.statusCode, 404)
    t.equal(answer.json().code, 'not_found')
    t.notMatch(answer.body, /zz|xx/)
  }
  t.equal((await app.inject(`/things/${'x'.repeat(512)}`)).statusCode, 200)
  t.equal((await app.inject('/things/1/')).statusCode, 200, 'a slash more is the same path')
})

test('the access log holds the route pattern, never the URL, and only at debug', async (t) => {
  const debug = start(t, 'debug')
  await debug.app.inject('/things/secret?token=secret')
  await debug.app.inject('/secret')
  t.same(
    debug.lines.map((line) => JSON.parse(line)).map(({ route, method, status }) => [method, route, status]),
    [
      ['GET', '/things/:id', 200],
      ['GET', 'none', 404],
    ],
  )
  t.notMatch(debug.lines.join(''), 'secret')
  const info = start(t)
  await info.app.inject('/things/1')
  t.same(info.lines, [])
})

test('a request that reaches a closing server on an open connection is sent elsewhere', async (t) => {
  const { app } = start(t)
  let release = () => {}
  const entered = new Promise<void>((resolve) => {
    app.get('/slow', () => {
      resolve()
      return new Promise((done) => {
        release = () => done('finished')
      })
    })
  })
  const closing = new Promise<void>((resolve) => {
    app.addHook('preClose', async () => resolve())
  })
  await app.listen({ port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
  await entered
  const closed = app.close()
  await closing
  const refused = once(app.server, 'request')
  socket.write('GET /things/1 HTTP/1.1\r\nHost: a\r\n\r\n')
  await refused
  release()
  let answers = ''
  for await (const data of socket) answers += data
  await closed
  t.match(answers, /^HTTP\/1\.1 200 OK[\s\S]+finished/, 'what was in flight is finished')
  t.match(answers, /HTTP\/1\.1 503 [\s\S]+urn:headgate:problem:shutting_down/)
  t.match(answers, /HTTP\/1\.1 503 [\s\S]+connection: close/i)
  t.match(answers, /retry-after: \d+/i)
})

test('what is no HTTP is answered with a problem, and the connection is closed', async (t) => {
  const { app } = start(t)
  await app.listen({ port: 0 })
  const { port } = app.server.address() as AddressInfo
  const garbage = await exchange(port, ['SECRET nonsense\r\n\r\n'])
  t.match(garbage, /^HTTP\/1\.1 400 Bad Request\r\n/)
  t.match(garbage, /content-type: application\/problem\+json[\s\S]+"code":"invalid_request"/)
  t.notMatch(garbage, 'SECRET')
  const huge = await exchange(port, [`GET / HTTP/1.1\r\nHost: a\r\nX-Huge: ${'x'.repeat(70_000)}\r\n\r\n`])
  t.match(huge, /^HTTP\/1\.1 431 [\s\S]+"code":"header_too_large"/)
  const large = await exchange(port, [
    `GET /things/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Large: ${'x'.repeat(60_000)}\r\n\r\n`,
  ])
  t.match(large, /^HTTP\/1\.1 200 OK/, 'headers up to 64 KiB pass')
})

test('what Node would answer by itself, bare, is answered in our words or not minded', async (t) => {
  const { app } = start(t)
  await app.listen({ port: 0 })
  const { port } = app.server.address() as AddressInfo
  const get = (version: string, ...lines: string[]) =>
    exchange(port, [
      `${[`GET /things/1 HTTP/${version}`, ...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`,
    ])
  const hostless = await get('1.1')
  t.match(hostless, /^HTTP\/1\.1 400 [\s\S]+cache-control: no-store[\s\S]+"code":"invalid_request"/)
  t.match(hostless, /"detail":"A request needs a Host header\."/)
  t.match(await get('1.0'), /^HTTP\/1\.1 200 OK/, 'HTTP/1.0 has none')
  for (const version of ['1.0', '1.1']) {
    const twice = await get(version, 'Host: a', 'HOST: b')
    t.match(twice, /^HTTP\/1\.1 400 [\s\S]+"code":"invalid_request"/)
    t.match(twice, /"detail":"Host was sent more than once\."/)
  }
  for (const coding of ['chunked', 'gzip, chunked']) {
    const answers = await exchange(port, [
      `GET /things/1 HTTP/1.0\r\nConnection: keep-alive\r\ntransfer-ENCODING: ${coding}\r\n\r\n0\r\n\r\n`,
      'GET /things/1 HTTP/1.1\r\nHost: a\r\n\r\n',
    ])
    t.match(
      answers,
      /^HTTP\/1\.1 400 [\s\S]+connection: close[\s\S]+"detail":"HTTP\/1\.0 knows no Transfer-Encoding\."/,
    )
    t.notMatch(answers, /200 OK/, 'where its body ends nobody knows, so nothing is read behind it')
  }
  t.match(await get('1.1', 'Host: a', 'Expect: the-unexpected'), /^HTTP\/1\.1 200 OK/)
  t.match(await get('1.1', 'Host: a', 'Expect: 100-continue'), /^HTTP\/1\.1 200 OK/, 'nothing is to come')
})

test('a Host that is none is refused, as another server would read another host from it', async (t) => {
  const { app } = start(t)
  await app.listen({ port: 0 })
  const { port } = app.server.address() as AddressInfo
  const get = (version: string, host: string) =>
    exchange(port, [`GET /things/1 HTTP/${version}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`])
  for (const host of [
    ...['', 'a', 'a.example.com', 'A-b_c.example', 'a:', 'a:0', 'a:80', 'a:65535', '127.0.0.1:8080', 'a.'],
    ...['[::1]', '[::1]:8080', '[::ffff:1.2.3.4]', 'a%20b', "!$&'()*+,;=~", 'x'.repeat(60_000)],
  ]) {
    t.match(await get('1.1', host), /^HTTP\/1\.1 200 OK/, host.slice(0, 99))
  }
  for (const host of [
    ...[
      'a b',
      'a, b',
      'u@a',
      'u:p@a',
      'a:99999',
      'a:65536',
      'a:000080',
      'a:b',
      'a:-1',
      'a:8 0',
      'a:80:80',
      'a/b',
      '/',
    ],
    ...[
      'a?b',
      'a#b',
      'http://a',
      '[::1',
      '::1',
      '[a]b',
      '[u]',
      '[]',
      'a[::1]',
      'a%2',
      'a%zz',
      '<a>',
      '"a"',
      'a\\b',
    ],
    ...['a|b', 'a^b', '{a}', 'ä', 'a\tb', `${'x'.repeat(60_000)}@`, `${'%20'.repeat(20_000)}%`],
  ]) {
    for (const version of ['1.0', '1.1']) {
      const answer = await get(version, host)
      t.match(answer, /^HTTP\/1\.1 400 [\s\S]+connection: close/, host.slice(0, 99))
      t.match(answer, /"detail":"Host is no name or address with or without a port\."/)
    }
  }
  const inTurn: string[] = []
  for (const host of ['a', 'a', 'a b', 'a b', 'a']) inTurn.push((await get('1.1', host)).slice(9, 12))
  t.same(inTurn, ['200', '200', '400', '400', '200'], 'whatever the request before it named')
})

test('a body where nobody reads one is not waited for', async (t) => {
  const { app } = start(t)
  await app.listen({ port: 0 })
  const { port } = app.server.address() as AddressInfo
  const chunked = ['Transfer-Encoding: chunked', '1\r\n{\r\n0\r\n\r\n'] as const
  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    for (const path of ['/things/1', '/nowhere']) {
      for (const [framing, body] of [chunked, ['Content-Length: 1', '{']] as const) {
        for (const type of ['Content-Type: application/json', 'X-Type: none']) {
          const head = [`${method} ${path} HTTP/1.1`, 'Host: a', type, framing, 'Connection: close']
          const answer = await exchange(port, [`${head.join('\r\n')}\r\n\r\n${body}`])
          t.match(answer, /^HTTP\/1\.1 (?:200|404|405) /, `${method} ${path} ${framing} ${type}`)
        }
      }
    }
  }
})

test('half a request is given up after the header timeout', async (t) => {
  const { app } = start(t)
  // The real limits, counted faster: the clock of Node's own check cannot be turned by hand.
  app.server.headersTimeout = 1
  app.server.requestTimeout = 1
  await app.listen({ port: 0 })
  const { port } = app.server.address() as AddressInfo
  t.match(await exchange(port, ['GET /things/1 HTTP/1.1\r\nHost: a\r\n']), /^HTTP\/1\.1 408 /)
})
