import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { SENT_AHEAD_LIMITS } from '../../src/http/address-turns.ts'
import { answerHalfOpen } from '../../src/http/half-open.ts'
import {
  PIPELINE_LIMITS,
  type PipelineLimits,
  type PipelineOptions,
  queuePipelines,
} from '../../src/http/pipelines.ts'
import { endBehind, MAX_LINGER_BYTES, UNREAD_LINGER_MS } from '../../src/http/unread.ts'
import { type RawAnswer, readAnswer, readAnswers } from '../fakes/raw-http.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function listening(t: Test, handler: Handler, limits: Partial<PipelineLimits> = {}) {
  const server = createServer(handler)
  const refused: string[] = []
  queuePipelines(server, {
    limits: { ...PIPELINE_LIMITS, ...limits },
    onRefused: ({ url }, code) => refused.push(`${url} ${code}`),
  })
  let heard = 0
  server.on('request', () => heard++)
  const port = await portOf(t, server)
  return {
    /** So many requests more have been heard, whether they wait or not. */
    async hears(count: number): Promise<void> {
      const all = heard + count
      while (heard < all) await once(server, 'request')
    },
    refused,
    join: () => join(t, port),
  }
}

async function portOf(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

function join(t: Test, port: number) {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const answers: RawAnswer[] = []
  let unread: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    unread = Buffer.concat([unread, chunk])
    for (let answer = readAnswer(unread); answer; answer = readAnswer(unread)) {
      answers.push(answer)
      unread = unread.subarray(answer.length)
    }
  })
  const closed = once(socket, 'close')
  return {
    socket,
    answers,
    closed,
    async answered(count: number): Promise<readonly RawAnswer[]> {
      while (answers.length < count) await once(socket, 'data')
      return answers
    },
  }
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const paths = (name: string, count: number) => Array.from({ length: count }, (_, i) => `/${name}/${i}`)
const texts = (answers: readonly RawAnswer[]) => answers.map(({ body }) => String(body))
const echo: Handler = (request, response) => {
  setImmediate(() => response.end(request.url))
}

test('a thousand requests sent ahead are answered in their order, few at work at a time', async (t) => {
  let atWork = 0
  let most = 0
  const server = await listening(t, (request, response) => {
    most = Math.max(most, ++atWork)
    response.once('close', () => atWork--)
    echo(request, response)
  })
  const { socket, answered } = server.join()
  const all = paths('all', 1_000)
  socket.write(all.map(get).join(''))
  t.same(texts(await answered(1_000)), all)
  t.ok(most <= 1 + PIPELINE_LIMITS.atWork, `${most}, with the one they came behind`)
  socket.write(get('/later'))
  t.equal(texts(await answered(1_001)).at(-1), '/later', 'the connection is read again')
})

test('what is answered at once stands in line as well', async (t) => {
  let round = 0
  let isOver = false
  const count = () => {
    round++
    if (!isOver) setImmediate(count)
  }
  count()
  const begun = new Map<number, number>()
  const server = await listening(t, (request, response) => {
    begun.set(round, (begun.get(round) ?? 0) + 1)
    response.end(request.url)
  })
  const { socket, answered } = server.join()
  const all = paths('all', 1_000)
  socket.write(all.map(get).join(''))
  t.same(texts(await answered(1_000)), all)
  isOver = true
  const most = Math.max(...begun.values())
  t.ok(most <= 1 + 2 * PIPELINE_LIMITS.aRound, `${most} of them in one round of the loop`)
})

test('others have their turn between those sent ahead', async (t) => {
  const begun: string[] = []
  const server = await listening(t, (request, response) => {
    begun.push(String(request.url))
    response.end(request.url)
  })
  const clients = { one: server.join(), other: server.join(), neighbour: server.join() }
  const { one, other, neighbour } = clients
  for (const [name, client] of Object.entries(clients)) {
    client.socket.write(get(`/${name}`))
    await client.answered(1)
  }
  one.socket.write(paths('one', 1_000).map(get).join(''))
  other.socket.write(paths('other', 1_000).map(get).join(''))
  await Promise.all([one.answered(2), other.answered(2)])
  neighbour.socket.write(get('/neighbour'))
  await neighbour.answered(2)
  await Promise.all([one.answered(1_001), other.answered(1_001)])
  const at = begun.lastIndexOf('/neighbour')
  t.ok(at < begun.length / 2, `begins as number ${at}`)
  const first = Math.max(begun.indexOf('/one/1'), begun.indexOf('/other/1'))
  const behind = begun.slice(first).filter((path) => path !== '/neighbour')
  const turns = behind.slice(0, 20).map((path) => path.split('/')[1])
  t.same(new Set(turns), new Set(['one', 'other']))
  t.notOk(
    turns.some((turn, i) => turn === turns[i + 1]),
    'in turn',
  )
})

test('everybody is begun, however many have one request waiting', async (t) => {
  const server = await listening(t, echo, { aRound: 2 })
  const clients = Array.from({ length: 9 }, () => server.join())
  for (const { socket } of clients) socket.write(get('/first') + get('/second'))
  const answers = await Promise.all(clients.map(({ answered }) => answered(2)))
  t.same(answers.map(texts), Array(9).fill(['/first', '/second']))
})

test('of who sends too many ahead one is refused, and none behind it is heard', async (t) => {
  const begun: string[] = []
  const limits = { atWork: 2, waiting: 5 }
  const server = await listening(
    t,
    (request, response) => {
      begun.push(String(request.url))
      echo(request, response)
    },
    limits,
  )
  const fitting = server.join()
  fitting.socket.write(paths('fits', 6).map(get).join(''))
  t.same(texts(await fitting.answered(6)), paths('fits', 6))

  begun.length = 0
  const tooMany = server.join()
  tooMany.socket.write(paths('many', 500).map(get).join(''))
  await tooMany.closed
  const { answers } = tooMany
  t.same(texts(answers).slice(0, -1), paths('many', 6))
  t.same(begun, paths('many', 6))
  const refusal = answers.at(-1)
  t.equal(refusal?.status, 429)
  t.same(refusal?.headers.get('connection'), ['close'])
  t.same(refusal?.headers.get('retry-after'), ['1'])
  t.match(JSON.parse(String(refusal?.body)), { code: 'address_limit', status: 429 })
  t.same(server.refused, ['/many/6 address_limit'], 'told once')
})

test('what waits behind an answer that ends the connection is not begun', async (t) => {
  const begun: string[] = []
  const server = await listening(
    t,
    (request, response) => {
      begun.push(String(request.url))
      // As whoever lingers does, for what is still being sent to be read.
      if (request.url === '/end') request.socket.destroySoon = () => request.socket.end()
      if (request.url === '/end') response.setHeader('connection', 'close')
      response.setHeader('content-length', String(request.url).length)
      echo(request, response)
    },
    { atWork: 1 },
  )
  const client = server.join()
  client.socket.write(get('/first') + get('/end') + get('/late'))
  await client.closed
  t.same(texts(client.answers), ['/first', '/end'])
  t.same(begun, ['/first', '/end'])
})

const body = 'x'.repeat(25_000)
const long = `POST /long HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const chunked = 'POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n'
/** Of the second no more is begun before it is answered. */
const atWork = get('/first') + get('/second')

for (const [what, ahead, heldBytes] of [
  ['a body counts', long, 40_000],
  ['one of unknown length counts as what is read at a time', chunked, 80_000],
] as const) {
  test(`what waits of all connections is bounded: ${what}`, async (t) => {
    const held: ServerResponse[] = []
    let isOpen = false
    let leaver: Socket | undefined
    const handler: Handler = (request, response) => {
      if (request.url === '/forever') leaver = request.socket
      else if (isOpen) response.end('fine')
      else held.push(response)
    }
    const server = await listening(t, handler, { atWork: 1, heldBytes })
    const statuses = async (client: ReturnType<typeof join>) =>
      (await client.answered(3)).map(({ status }) => status)
    const leaving = server.join()
    leaving.socket.write(get('/forever') + get('/forever') + ahead)
    await server.hears(3)
    const late = server.join()
    late.socket.write(atWork + long)
    await server.hears(3)
    isOpen = true
    for (const response of held) response.end('fine')
    t.same(await statuses(late), [200, 200, 429])
    await late.closed
    // On this side, as nothing is read of it that could tell.
    leaver?.destroy()
    await leaving.closed
    const next = server.join()
    next.socket.write(atWork + long)
    t.same(await statuses(next), [200, 200, 200])
  })
}

const head = (path: string, bytes: number) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`
const TINY = 'GET / HTTP/1.1\r\n\r\n'

const NEVER = Number.POSITIVE_INFINITY

const ANY_WAIT = { ...PIPELINE_LIMITS, waiting: NEVER }
const ONE_WAITS = { limits: { ...PIPELINE_LIMITS, waiting: 1 } }

/** However much is sent ahead, unless the options say otherwise. */
async function serving(t: Test, handler: Handler, options: Partial<PipelineOptions> = {}) {
  const server = createServer({ requireHostHeader: false }, handler)
  const sentAhead = { ...SENT_AHEAD_LIMITS, burst: NEVER }
  queuePipelines(server, { sentAhead, onRefused: () => {}, ...options })
  answerHalfOpen(server)
  return { server, port: await portOf(t, server) }
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

test('of one address one connection is read in a round, and nothing is lost', async (t) => {
  const { server, port } = await serving(t, (_, response) => response.end(), { limits: ANY_WAIT })
  await exchange(port, get('/ahead').repeat(2))
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
  t.ok(most <= 2 * requests + connections, `${most} of ${requests * connections} in a round`)
})

for (const [what, framed] of [
  ['of known length', (body: string) => `content-length: ${body.length}\r\n\r\n${body}`],
  [
    'in chunks',
    (body: string) => `transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  ],
] as const) {
  test(`a body ${what} is whole, and so is what comes behind it`, async (t) => {
    const { port } = await serving(t, async (request, response) => {
      const hash = createHash('sha256')
      for await (const chunk of request) hash.update(chunk)
      response.end(`${request.url} ${hash.digest('hex')}`)
    })
    const bodies = [1, 4_096 - 1, 4_096, 300_000].map((length) =>
      Array.from({ length }, (_, at) => String.fromCharCode(97 + ((at * at) % 26))).join(''),
    )
    const text = bodies.map((body, at) => `POST /${at} HTTP/1.1\r\nhost: a\r\n${framed(body)}`).join('')
    const told = readAnswers(await exchange(port, text)).map(({ body }) => String(body))
    const right = bodies.map((body, at) => `/${at} ${createHash('sha256').update(body).digest('hex')}`)
    t.same(told, right)
  })
}

test('who is told that it sends too much, and has sent on, is not heard further, and told so', async (t) => {
  const begun: string[] = []
  const { port } = await serving(t, ({ url }, response) => {
    begun.push(String(url))
    response.statusCode = url === '/a/2' ? 429 : 200
    setImmediate(() => response.end(url))
  })
  const answers = readAnswers(await exchange(port, paths('a', 60).map(get).join('')))
  const last = answers.pop()
  t.equal(last?.status, 429)
  t.same(last?.headers.get('connection'), ['close'])
  t.equal(answers[2]?.status, 429)
  t.ok(begun.length <= 3 + PIPELINE_LIMITS.atWork, `${begun.length} begun`)
  t.same(texts(answers), begun, 'whatever was begun is answered')
  t.notOk(answers.some(({ headers }) => headers.get('connection')?.includes('close')))
})

test('who is told that it sends too much, and waits for that, is heard as before', async (t) => {
  let status = 429
  const server = await listening(t, (_, response) => {
    response.statusCode = status
    setImmediate(() => response.end())
  })
  const client = server.join()
  client.socket.write(get('/').repeat(2))
  await client.answered(2)
  status = 200
  client.socket.write(get('/'))
  await client.answered(3)
  status = 200
  client.socket.write(get('/').repeat(3))
  await client.closed
  t.same(
    client.answers.map(({ status }) => status),
    [429, 429, 200, 200, 429],
    'but for what it sends ahead next',
  )
  t.same(server.refused, ['/ address_limit'])
})

test('who goes on sending behind the end that it was told of can read why', async (t) => {
  const { port } = await serving(t, (_, response) => setImmediate(() => response.end()), ONE_WAITS)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  const write = (text: string) =>
    new Promise<void>((done, fail) => {
      socket.write(text, (error) => (error ? fail(error) : done()))
    })
  // More than fits into what lies between: the other side has to read on for it to be written.
  await write(get('/').repeat(4) + head('/more', 1_500_000))
  await write('x'.repeat(1_500_000))
  if (!socket.readableEnded) await once(socket, 'end')
  const closed = once(socket, 'close')
  socket.end()
  await closed
  t.same(
    readAnswers(Buffer.concat(chunks)).map(({ status }) => status),
    [200, 200, 429],
  )
})

for (const [what, ahead, more] of [
  ['of a body without end', head('/more', 1_000_000_000), 'x'.repeat(MAX_LINGER_BYTES + 1_000_000)],
  ['of requests without end', '', TINY.repeat(MAX_LINGER_BYTES / 1_024 + 100)],
] as const) {
  test(`whoever sends on gets so much read, and no more: ${what}`, async (t) => {
    const { server, port } = await serving(t, (_, response) => setImmediate(() => response.end()), ONE_WAITS)
    const connected = once(server, 'connection')
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    socket.resume()
    const beganMs = performance.now()
    socket.write(get('/').repeat(4) + ahead)
    const [accepted] = await connected
    await once(accepted, 'finish')
    socket.write(more)
    await once(accepted, 'close')
    t.ok(performance.now() - beganMs < UNREAD_LINGER_MS, 'it ends before its time')
  })
}

/** What can go on without anybody doing anything has gone on. */
async function quiet(): Promise<void> {
  for (let round = 0; round < 300; round++) await new Promise((resolve) => setImmediate(resolve))
}

test('what nobody takes is not made', async (t) => {
  const answer = Buffer.alloc(4_194_304)
  let begun = 0
  const { port } = await serving(t, (_, response) => {
    begun++
    response.end(answer)
  })
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.pause()
  await once(socket, 'connect')
  socket.write(get('/').repeat(200))
  await quiet()
  // What one round begins before the first answer is seen to lie there, and what the kernel holds.
  t.ok(begun > 0 && begun <= 1 + PIPELINE_LIMITS.aRound + 4, `${begun} begun`)
  let bytes = 0
  socket.on('data', ({ length }) => (bytes += length))
  socket.resume()
  while (bytes < 200 * answer.length) await once(socket, 'data')
  t.equal(begun, 200, 'as it is taken, it is')
})

test('of an address of which so many requests wait no more is read, until they are answered', async (t) => {
  const held: ServerResponse[] = []
  let isOpen = false
  const { server, port } = await serving(
    t,
    (_, response) => {
      if (isOpen) response.end()
      else held.push(response)
    },
    { limits: ANY_WAIT },
  )
  let heard = 0
  server.on('request', () => heard++)
  const requests = 400
  const connections = 40
  const most = SENT_AHEAD_LIMITS.unanswered + requests + connections
  const answers = Array.from({ length: connections }, () => exchange(port, TINY.repeat(requests)))
  while (heard < SENT_AHEAD_LIMITS.unanswered) await once(server, 'request')
  await quiet()
  t.ok(heard <= most, `${heard} of them`)
  isOpen = true
  for (const response of held) response.end()
  t.same(
    (await Promise.all(answers)).map((bytes) => readAnswers(bytes).length),
    Array(connections).fill(requests),
  )
})

/** An address may send a hundred requests ahead, and then one a millisecond, of a clock that stands. */
async function metered(t: Test) {
  let nowMs = 1_000
  const { server, port } = await serving(t, (_, response) => response.end(), {
    sentAhead: { aRound: 64, unanswered: NEVER, aSecond: 1_000, burst: 100 },
    monotonicMs: () => nowMs,
  })
  const heard: string[] = []
  server.on('request', ({ url }) => heard.push(String(url)))
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { port, heard, pass }
}

test('an address is read as often as it may send ahead, and who sends nothing ahead is read all the same', async (t) => {
  const { port, heard, pass } = await metered(t)
  const [polite, one, other] = [join(t, port), join(t, port), join(t, port)]
  polite.socket.write(get('/polite'))
  await polite.answered(1)
  one.socket.write(get('/one').repeat(150))
  await one.answered(150)

  // Forty-nine too many, or as many milliseconds.
  other.socket.write(get('/other').repeat(150))
  const late = join(t, port)
  late.socket.write(get('/late'))
  for (let count = 2; count < 12; count++) {
    polite.socket.write(get('/polite'))
    await polite.answered(count)
  }
  await quiet()
  t.equal(heard.filter((url) => url === '/polite').length, 11)
  t.notOk(heard.includes('/other'), 'what has sent nothing yet waits')
  t.notOk(heard.includes('/late'), 'and so does who comes then')
  pass(1_000)
  t.equal((await other.answered(150)).length, 150)
  pass(1_000)
  t.equal((await late.answered(1)).length, 1)
})

test('who sent ahead and let that be paid for is read like one who never did', async (t) => {
  const { port, heard, pass } = await metered(t)
  const [reformed, rude] = [join(t, port), join(t, port)]
  reformed.socket.write(get('/reformed').repeat(20))
  await reformed.answered(20)
  rude.socket.write(get('/rude').repeat(150))
  await rude.answered(150)

  reformed.socket.write(get('/reformed'))
  await quiet()
  t.equal(heard.length, 170, 'it waits while it owes')
  pass(1_000)
  await reformed.answered(21)

  rude.socket.write(get('/rude').repeat(150))
  await rude.answered(300)
  for (let count = 22; count < 32; count++) {
    reformed.socket.write(get('/reformed'))
    await reformed.answered(count)
  }
  rude.socket.write(get('/rude'))
  await quiet()
  t.equal(heard.filter((url) => url === '/rude').length, 300, 'who owes waits')
})

test('what an address owes is remembered when it has left', async (t) => {
  let nowMs = 1_000
  const sentAhead = { ...SENT_AHEAD_LIMITS, aSecond: 1_000, burst: 100 }
  const { server, port } = await serving(t, (_, response) => response.end(), {
    sentAhead,
    monotonicMs: () => nowMs,
  })
  let heard = 0
  server.on('request', () => heard++)
  const one = join(t, port)
  one.socket.write(get('/one').repeat(150))
  await one.answered(150)
  nowMs += 50
  one.socket.end()
  await one.closed

  const next = join(t, port)
  next.socket.write(get('/next').repeat(60))
  await next.answered(60)
  const last = join(t, port)
  last.socket.write(get('/last'))
  await quiet()
  t.equal(heard, 210)
  nowMs += 1_000
  t.equal((await last.answered(1)).length, 1)
})

test('a connection that closes makes no stack for each request that waits', async (t) => {
  const { server, port } = await serving(t, () => {})
  const errors: Promise<Error>[] = []
  const errorOf = (request: IncomingMessage) =>
    new Promise<Error>((resolve) => request.once('error', resolve))
  server.on('request', (request: IncomingMessage) => errors.push(errorOf(request)))
  const { stackTraceLimit } = Error
  const socket = connect(port, '127.0.0.1')
  socket.write(get('/').repeat(20))
  await once(server, 'request')
  socket.resetAndDestroy()
  const stacks = (await Promise.all(errors)).map(({ stack }) => stack)
  t.equal(stacks.length, 20)
  t.same(new Set(stacks), new Set(['Error: aborted']))
  t.equal(Error.stackTraceLimit, stackTraceLimit, 'others have theirs')
})

test('what stands behind the end that was told of is parsed no faster than it may', async (t) => {
  const { server, port } = await serving(t, ({ socket }) => endBehind(socket), {
    sentAhead: { ...SENT_AHEAD_LIMITS, unanswered: NEVER, burst: 100 },
    monotonicMs: () => 1_000,
  })
  let heard = 0
  server.on('request', () => heard++)
  const { socket } = join(t, port)
  socket.write(get('/').repeat(20_000))
  await once(server, 'request')
  await quiet()
  const inARead = 65_536 / get('/').length
  t.ok(heard > 100 && heard <= 101 + 2 * inARead, `${heard} of 20,000`)
})
