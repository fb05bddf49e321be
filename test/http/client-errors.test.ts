import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { type Test, test } from 'tap'
import { answerClientError } from '../../src/http/client-errors.ts'
import { createServer } from '../../src/http/server.ts'
import { quietTelemetry } from '../../src/std/telemetry.ts'
import { header, readAnswers, sendBytes } from '../fakes/raw-http.ts'

test('what a socket breaks has a status of its own', async (t) => {
  for (const [code, status] of [
    ['ERR_HTTP_REQUEST_TIMEOUT', 408],
    ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
    ['HPE_HEADER_OVERFLOW', 431],
    ['HPE_INVALID_METHOD', 400],
  ] as const) {
    const socket = new PassThrough()
    answerClientError(Object.assign(new Error(), { code }), socket as never)
    const [answer] = await once(socket, 'data')
    t.match(String(answer), new RegExp(`^HTTP/1\\.1 ${status} `), code)
  }
})

test('a request that does not arrive in time is answered 408', async (t) => {
  const socket = new PassThrough()
  answerClientError(Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket as never)
  const [answer] = await once(socket, 'data')
  t.match(String(answer), /^HTTP\/1\.1 408 Request Timeout\r\n[\s\S]+connection: close[\s\S]+"slow_request"/)
  t.match(String(answer), /cache-control: no-store/)
})

test('an error without a code is treated like any other that is no HTTP', async (t) => {
  const socket = new PassThrough()
  answerClientError(new Error('odd'), socket as never)
  const [answer] = await once(socket, 'data')
  t.match(String(answer), /^HTTP\/1\.1 400 /)
})

test('a connection that is gone already gets nothing', async (t) => {
  const socket = new PassThrough()
  socket.end()
  answerClientError(Object.assign(new Error(), { code: 'ECONNRESET' }), socket as never)
  t.ok(socket.destroyed)
  t.equal(socket.read(), null)
})

/** Answers `/now` at once, `/later` when `release` says so, and `/body` with how much of one there was. */
async function listening(t: Test) {
  const app = createServer([], quietTelemetry().log)
  t.teardown(() => app.close())
  let release = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  let later = () => {}
  const asked = new Promise<void>((resolve) => (later = resolve))
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.get('/now', async () => 'now')
  app.get('/later', async () => {
    later()
    await released
    return 'later'
  })
  app.post('/body', async ({ raw }) => {
    let bytes = 0
    for await (const chunk of raw) bytes += chunk.length
    return `${bytes}`
  })
  app.post('/head', async (_request, reply) => reply.code(401).send('no'))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { server: app.server, port: (app.server.address() as AddressInfo).port, release, asked }
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const chunked = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`

const told = (bytes: Buffer) =>
  readAnswers(bytes).map(({ status, body }) => (status === 200 ? String(body) : status))

for (const [rule, text, answers] of [
  ['alone', 'garbage\r\n\r\n', [400]],
  ['behind a request', `${get('/now')}garbage\r\n\r\n`, ['now', 400]],
  [
    'behind two that are not answered yet',
    `${get('/later')}${get('/now')}garbage\r\n\r\n`,
    ['later', 'now', 400],
  ],
  ['in a body, of which it is the answer', chunked('/body', '1\r\na\r\nno'), [400]],
  [
    'in a body, behind others',
    `${get('/later')}${get('/now')}${chunked('/body', '1\r\na\r\nno')}`,
    ['later', 'now', 400],
  ],
  [
    'in a body that was not waited for',
    `${get('/later')}${chunked('/head', '1\r\na\r\nno')}`,
    ['later', 400],
  ],
] as const) {
  test(`what is no HTTP is answered in its turn, and ends the connection: ${rule}`, async (t) => {
    const { port, release, asked } = await listening(t)
    const exchange = sendBytes(t, port, text)
    if (text.includes('/later')) {
      await asked
      exchange.write('more\r\n\r\n')
      t.equal(exchange.said(), '', 'nothing overtakes')
      release()
    }
    t.same(told(await exchange.closed), answers)
  })
}

test('what comes behind the fault is not answered', async (t) => {
  const { server, port, release, asked } = await listening(t)
  const faults: unknown[] = []
  let second = () => {}
  const again = new Promise<void>((resolve) => (second = resolve))
  server.on('clientError', (error) => {
    if (faults.push(error) === 2) second()
  })
  const exchange = sendBytes(t, port, `${get('/later')}garbage\r\n\r\n`)
  await asked
  exchange.write('more\r\n\r\n')
  await again
  release()
  t.same(told(await exchange.closed), ['later', 400])
})

test('who sends too much ahead is refused where nobody counts it', async (t) => {
  const { port } = await listening(t)
  const exchange = sendBytes(t, port, 'GET /now HTTP/1.1\r\nHost:a\r\n\r\n'.repeat(2_048))
  t.equal(told(await exchange.closed).at(-1), 429)
})

test('who goes while an answer is owed gets nothing more', async (t) => {
  const { port, asked, release } = await listening(t)
  const exchange = sendBytes(t, port, `${get('/later')}garbage\r\n\r\n`)
  await asked
  exchange.reset()
  release()
  await exchange.closed
  t.equal(exchange.said(), '')
})

const TUNNEL = 'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n'

test('a CONNECT is refused in its turn, and ends the connection', async (t) => {
  const { port, release, asked } = await listening(t)
  const answers = readAnswers(await sendBytes(t, port, `${TUNNEL}\x16\x03 more`).closed)
  t.same(
    answers.map((answer) => [
      answer.status,
      header(answer, 'connection'),
      JSON.parse(String(answer.body)).code,
    ]),
    [[400, 'close', 'invalid_request']],
  )

  const exchange = sendBytes(t, port, `${get('/later')}${TUNNEL}`)
  await asked
  exchange.write('more')
  t.equal(exchange.said(), '', 'nothing overtakes')
  release()
  t.same(told(await exchange.closed), ['later', 400])
})

test('who asked for a tunnel and goes breaks nothing', async (t) => {
  const { port, asked, release, server } = await listening(t)
  const connected = once(server, 'connect')
  const exchange = sendBytes(t, port, `${get('/later')}${TUNNEL}`)
  await asked
  const [{ socket }] = await connected
  const broken = new Promise((resolve) => socket.once('close', resolve))
  exchange.reset()
  await broken
  release()
  t.same(told(await sendBytes(t, port, `${get('/now')}garbage\r\n\r\n`).closed), ['now', 400])
})

test('what else Node would hand over, or answer by itself, is a request like any other', async (t) => {
  const { port } = await listening(t)
  for (const asks of ['Upgrade: websocket', 'Upgrade: h2c', 'Expect: something']) {
    const head = `HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\n${asks}\r\n`
    t.same(told(await sendBytes(t, port, `GET /now ${head}\r\n`).closed), ['now'], asks)
    const post = `POST /body ${head}Content-Length: 4\r\n\r\nbody`
    t.same(told(await sendBytes(t, port, post).closed), ['4'], asks)
  }
})
