import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { answerHalfOpen, HALF_OPEN_TIMEOUT_MS, knockWhenHalfOpen } from '../../src/http/half-open.ts'
import { QUERY_DEADLINE_MS } from '../../src/http/query-pool.ts'
import { createServer as createOurs } from '../../src/http/server.ts'
import { quietTelemetry } from '../../src/std/telemetry.ts'
import { readAnswers, sendBytes } from '../fakes/raw-http.ts'

const text = (bytes: Buffer) => readAnswers(bytes).map(({ body }) => String(body))
const get = (path: string, version = '1.1') => `GET ${path} HTTP/${version}\r\nHost: a\r\n\r\n`

/** A listener of ours whose `/held` is answered when `release` is called. */
async function ours(t: Test) {
  const app = createOurs([], quietTelemetry().log)
  t.teardown(() => app.close())
  let release = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  app.get('/held', async () => {
    await released
    return 'held'
  })
  app.get('/now', async () => 'now')
  app.post('/body', async ({ body }) => body)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { server: app.server, port: (app.server.address() as AddressInfo).port, release }
}

test('who ends its side before the answer gets it, and then the end', async (t) => {
  const { server, port, release } = await ours(t)
  const connected = once(server, 'connection')
  const sender = sendBytes(t, port, get('/held'))
  sender.end()
  const [socket] = await connected
  await once(socket, 'end')
  t.equal(sender.said(), '')
  release()
  t.same(text(await sender.closed), ['held'])
})

test('so does who sent several ahead, each of them', async (t) => {
  const { port, release } = await ours(t)
  const sender = sendBytes(t, port, get('/held') + get('/now').repeat(100))
  sender.end()
  release()
  t.same(text(await sender.closed), ['held', ...Array(100).fill('now')])
})

for (const [what, first, statuses] of [
  ['nothing', '', []],
  ['half a head', 'GET /now HT', [400]],
  [
    'half a body',
    'POST /body HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nabc',
    [400],
  ],
  [
    'half a body, behind a whole request',
    `${get('/now')}POST /body HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nabc`,
    [200, 400],
  ],
] as const) {
  test(`who ends its side after ${what} is not waited for`, async (t) => {
    const { port } = await ours(t)
    const sender = sendBytes(t, port, first)
    sender.end()
    t.same(
      readAnswers(await sender.closed).map(({ status }) => status),
      statuses,
    )
  })
}

test('a connection kept alive ends with its sender', async (t) => {
  const { port } = await ours(t)
  const sender = sendBytes(t, port, get('/now'))
  await once(sender.socket, 'data')
  sender.end()
  t.same(text(await sender.closed), ['now'])
})

test('one in which nothing moves is not held for ever, and for longer than any answer takes', async (t) => {
  t.ok(HALF_OPEN_TIMEOUT_MS > 2 * QUERY_DEADLINE_MS)
  const server = createServer(() => {})
  answerHalfOpen(server, 1)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const sender = sendBytes(t, (server.address() as AddressInfo).port, get('/never'))
  sender.end()
  t.equal(String(await sender.closed), '')
})

/** As often as there was time. */
const KNOCKS = /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)+$/

/** Knocks wherever it is asked, and tells of each request. */
async function knocking(t: Test) {
  const server = createServer((request, response) => {
    knockWhenHalfOpen(request, response)
    asked.emit(response)
  })
  answerHalfOpen(server)
  const asked = { emit: (_response: ServerResponse) => {} }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const next = () => new Promise<ServerResponse>((resolve) => (asked.emit = resolve))
  return { port: (server.address() as AddressInfo).port, next }
}

test('who left is noticed while the answer is worked at', async (t) => {
  const { port, next } = await knocking(t)
  const begun = next()
  const sender = sendBytes(t, port, get('/query'))
  const response = await begun
  const closed = once(response, 'close')
  sender.socket.destroy()
  await closed
  t.notOk(response.writableEnded)
})

test('who only ended its side is asked, and answered', async (t) => {
  const { port, next } = await knocking(t)
  const begun = next()
  const sender = sendBytes(t, port, get('/query'))
  sender.end()
  const response = await begun
  await once(sender.socket, 'data')
  t.match(sender.said(), KNOCKS)
  response.end('fine')
  t.match(
    String(await sender.closed),
    /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)+HTTP\/1\.1 200 OK\r\n[\s\S]*fine/,
  )
})

test('a query that begins behind the end of its sender is known to', async (t) => {
  const server = createServer()
  answerHalfOpen(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const asked = once(server, 'request')
  const sender = sendBytes(t, (server.address() as AddressInfo).port, get('/first'))
  sender.end()
  const [request, response] = await asked
  if (!request.socket.readableEnded) await once(request.socket, 'end')
  knockWhenHalfOpen(request, response)
  await once(sender.socket, 'data')
  t.match(sender.said(), KNOCKS)
  response.end('fine')
  await sender.closed
})

test('an answer under way is not broken into, and HTTP/1.0 knows no such word', async (t) => {
  const { port, next } = await knocking(t)
  for (const version of ['1.0', '1.1']) {
    const begun = next()
    const sender = sendBytes(t, port, get('/query', version))
    const response = await begun
    if (version === '1.1') response.write('a')
    const ended = once(response.req.socket, 'end')
    sender.end()
    await ended
    response.end('b')
    t.notMatch(String(await sender.closed), ' 100 ', version)
  }
})
