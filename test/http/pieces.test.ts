import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type Test, test } from 'tap'
import { answerHalfOpen } from '../../src/http/half-open.ts'
import { PIECE_BYTES, SENT_AHEAD_A_TURN } from '../../src/http/pieces.ts'
import { PIPELINE_LIMITS, queuePipelines } from '../../src/http/pipelines.ts'
import { readAnswers } from '../fakes/raw-http.ts'

const TINY = 'GET / HTTP/1.1\r\n\r\n'
const MOST_A_PIECE = Math.ceil(PIECE_BYTES / TINY.length)
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

async function listening(t: Test, handler: RequestListener, waiting: number = PIPELINE_LIMITS.waiting) {
  const server = createServer({ requireHostHeader: false }, handler)
  queuePipelines(server, { limits: { ...PIPELINE_LIMITS, waiting }, onRefused: () => {} })
  answerHalfOpen(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { server, port: (server.address() as AddressInfo).port }
}

/** Sends all of it, and its end, and answers what comes back. */
async function exchange(port: number, text: string): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => {})
  socket.end(text)
  await once(socket, 'close')
  return Buffer.concat(chunks)
}

test('of what one connection sent ahead a piece is made into requests, and no more while one waits', async (t) => {
  const { server, port } = await listening(t, () => {}, Number.POSITIVE_INFINITY)
  let heard = 0
  server.on('request', () => heard++)
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(TINY.repeat(20_000))
  await once(server, 'request')
  for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate)
  t.ok(heard > 1 + PIPELINE_LIMITS.atWork && heard <= 1 + MOST_A_PIECE, `${heard} of 20,000`)
})

test('of one address little is made in a turn, and nothing is lost', async (t) => {
  const { server, port } = await listening(t, (_, response) => response.end(), Number.POSITIVE_INFINITY)
  let heard = 0
  let most = 0
  let last = 0
  let isOver = false
  server.on('request', () => heard++)
  const watch = () => {
    most = Math.max(most, heard - last)
    last = heard
    if (!isOver) setImmediate(watch)
  }
  watch()
  const requests = 400
  const connections = 40
  const all = await Promise.all(
    Array.from({ length: connections }, () => exchange(port, TINY.repeat(requests))),
  )
  isOver = true
  t.same(
    all.map((answers) => readAnswers(answers).length),
    Array(connections).fill(requests),
    'each gets its answers, its end notwithstanding',
  )
  // The first request of a connection is not sent ahead.
  t.ok(
    most <= SENT_AHEAD_A_TURN + MOST_A_PIECE + connections,
    `${most} of ${requests * connections} in a turn`,
  )
})

for (const [what, framed] of [
  ['of known length', (body: string) => `content-length: ${body.length}\r\n\r\n${body}`],
  [
    'in chunks',
    (body: string) => `transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  ],
] as const) {
  test(`a body ${what} is whole, and so is what comes behind it`, async (t) => {
    const { port } = await listening(t, async (request, response) => {
      const hash = createHash('sha256')
      for await (const chunk of request) hash.update(chunk)
      response.end(`${request.url} ${hash.digest('hex')}`)
    })
    const bodies = [1, PIECE_BYTES - 1, PIECE_BYTES, 300_000].map((length) =>
      Array.from({ length }, (_, at) => String.fromCharCode(97 + ((at * at) % 26))).join(''),
    )
    const text = bodies.map((body, at) => `POST /${at} HTTP/1.1\r\nhost: a\r\n${framed(body)}`).join('')
    const told = readAnswers(await exchange(port, text)).map(({ body }) => String(body))
    const right = bodies.map((body, at) => `/${at} ${createHash('sha256').update(body).digest('hex')}`)
    t.same(told, right)
  })
}

test('who is told that it sends too much, and has sent on, is not heard further', async (t) => {
  const begun: string[] = []
  const { port } = await listening(t, ({ url }, response) => {
    begun.push(String(url))
    response.statusCode = url === '/2' ? 429 : 200
    setImmediate(() => response.end())
  })
  const paths = Array.from({ length: 60 }, (_, at) => `/${at}`)
  const statuses = readAnswers(await exchange(port, paths.map(get).join(''))).map(({ status }) => status)
  t.same(statuses, [200, 200, 429])
  t.ok(begun.length <= 3 + PIPELINE_LIMITS.atWork, `${begun.length} begun`)
})
