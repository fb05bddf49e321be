import { readdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { GRACE_MS, REQUEST_BYTES } from '../../src/gateway/collect/memory-budget.ts'
import { CROWDED_CONNECTIONS, MAX_CONNECTIONS } from '../../src/http/connections.ts'
import { PIPELINE_LIMITS } from '../../src/http/pipelines.ts'
import { HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from '../../src/http/server.ts'
import { startGateway } from '../fakes/gateway.ts'
import { eventsNamed, post, start, until } from '../fakes/process/process.ts'
import { exchangeBytes, header, type RawAnswer, readAnswers } from '../fakes/raw-http.ts'

/**
 * What strangers may make a gateway hold: 400 MB at worst, of which a fresh one that serves both modules holds 120. It holds
 * more of itself where its coverage is measured.
 */
const GROWTH_LIMIT_BYTES = 280_000_000
/** Descriptors that the two processes need for anything but the connections of a test. */
const OTHER_FILES = 500
/** What the buffers of both ends of a connection may hold that nobody reads. */
const ON_THE_WAY_BYTES = 16 * 1_048_576

const unlimited = { requestsPerSecond: 1e6, burst: 1e6, bytesPerSecond: 1e9, eventsPerSecond: 1e7 }
const headgate = await start(t, { appMore: { limits: unlimited } })
const port = Number(new URL(headgate.gatewayUrl).port)

const rssBytes = () => 1_024 * Number(/VmRSS:\s+(\d+)/.exec(ofProcess('status'))?.[1])
const ofProcess = (file: string) => readFileSync(`/proc/${headgate.child.pid}/${file}`, 'utf8')
const freshBytes = rssBytes()
const grownMegabytes = () => Math.round((rssBytes() - freshBytes) / 1e6)
const filesOpen = () => readdirSync(`/proc/${headgate.child.pid}/fd`).length
const filesAllowed = (limits: string) => Number(/Max open files\s+(\d+)/.exec(limits)?.[1])

const head = (lines: readonly string[], target = 'POST /v1/events') =>
  [
    `${target} HTTP/1.1`,
    'Host: a',
    'Content-Type: application/json',
    `X-Headgate-Key: ${headgate.key}`,
    ...lines,
  ]
    .map((line) => `${line}\r\n`)
    .join('')
const event = (id: string) => JSON.stringify(eventsNamed(id, 1))
const whole = (id: string) => `${head([`Content-Length: ${event(id).length}`])}\r\n${event(id)}`
/** Events that were answered with a 202. */
let acknowledged = 0
const say = (text: string) => exchangeBytes(port, Buffer.from(text, 'latin1'))

/** Whoever behaves is served, whatever else goes on. */
async function othersAreServed(t: Test, name: string): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: 5 }, (_, i) => post(headgate, eventsNamed(`${name}-${i}`, 2))),
  )
  t.same(
    answers.map(({ status }) => status),
    [202, 202, 202, 202, 202],
    'others are served',
  )
  acknowledged += 2 * answers.length
  t.ok(grownMegabytes() < GROWTH_LIMIT_BYTES / 1e6, `by ${grownMegabytes()} MB`)
}

function isProblem(t: Test, answer: RawAnswer | undefined, code: string, what: string): void {
  t.match(answer && JSON.parse(`${answer.body}`), { code }, what)
  t.equal(answer && header(answer, 'cache-control'), 'no-store', what)
}

interface Watched {
  readonly socket: Socket
  /** Everything that was answered, once the server has closed. */
  readonly closed: Promise<string>
}

function watch(first = ''): Promise<Watched> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1')
    const closed = new Promise<string>((done) => socket.once('close', () => done(text)))
    socket.on('data', (data) => {
      text += data
    })
    socket.on('error', () => {})
    socket.once('connect', () => {
      if (first !== '') socket.write(first)
      resolve({ socket, closed })
    })
  })
}

/** So many connections, one after the other, each with its first words said and, if there is one, its answer heard. */
async function crowd(count: number, first = ''): Promise<readonly Watched[]> {
  const crowded: Watched[] = []
  while (crowded.length < count) {
    const more = Array.from({ length: Math.min(250, count - crowded.length) }, async () => {
      const watched = await watch(first)
      if (first !== '') await new Promise((resolve) => watched.socket.once('data', resolve))
      return watched
    })
    crowded.push(...(await Promise.all(more)))
  }
  return crowded
}

t.test('ten thousand idle connections: others are served, and idle ones make room', async (t) => {
  const ours = filesAllowed(readFileSync('/proc/self/limits', 'utf8'))
  const allowed = Math.min(ours, filesAllowed(ofProcess('limits'))) - OTHER_FILES
  if (allowed < MAX_CONNECTIONS) t.comment(`only ${allowed} connections: no more files may be open here`)
  const held = await crowd(
    Math.min(CROWDED_CONNECTIONS - 100, allowed),
    'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n',
  )
  await othersAreServed(t, 'idle')
  t.ok(filesOpen() > held.length, `${held.length} are kept alive`)
  t.ok(held.every(({ socket }) => !socket.destroyed))
  const silent = await crowd(Math.min(MAX_CONNECTIONS, allowed) - held.length)
  await othersAreServed(t, 'crowd')
  if (held.length + silent.length > CROWDED_CONNECTIONS) {
    t.equal(await Promise.race(held.map(({ closed }) => closed.then(() => 'made room'))), 'made room')
  }
  for (const { socket } of [...held, ...silent]) socket.destroy()
  await until('the end of all of them', async () => (filesOpen() < OTHER_FILES ? true : undefined))
})

interface Dripper {
  readonly what: string
  readonly first: string
  readonly drop: string
  readonly limitMs: number
}

t.test('who drips is told 408 after the documented time, and not before; others are served', async (t) => {
  const half = `${head(['Content-Length: 500000'])}\r\n`
  const chunked = `${head(['Transfer-Encoding: chunked'])}\r\n`
  const drippers: readonly Dripper[] = [
    { what: 'says nothing at all', first: '', drop: '', limitMs: HEADERS_TIMEOUT_MS },
    { what: 'stops inside the headers', first: head([]), drop: '', limitMs: HEADERS_TIMEOUT_MS },
    { what: 'drips headers', first: head([]), drop: 'X-Drop: 1\r\n', limitMs: HEADERS_TIMEOUT_MS },
    { what: 'stops inside the body', first: half, drop: '', limitMs: GRACE_MS },
    { what: 'drips a body', first: half, drop: ' ', limitMs: GRACE_MS },
    { what: 'drips chunks', first: chunked, drop: '1\r\n \r\n', limitMs: GRACE_MS },
    { what: 'sends as slowly as it may', first: half, drop: ' '.repeat(250), limitMs: REQUEST_TIMEOUT_MS },
  ]
  const slow = drippers.map((dripper) => drip(t, dripper))
  await othersAreServed(t, 'drip')
  await Promise.all(slow)
  await othersAreServed(t, 'dripped')
})

async function drip(t: Test, { what, first, drop, limitMs }: Dripper): Promise<void> {
  const startedMs = performance.now()
  const slow = await Promise.all(Array.from({ length: 20 }, () => watch(first)))
  const dripping = setInterval(() => {
    for (const { socket } of slow) if (drop !== '' && socket.writable) socket.write(drop)
  }, 250)
  const answers = await Promise.all(slow.map(({ closed }) => closed))
  clearInterval(dripping)
  t.ok(performance.now() - startedMs >= limitMs, `${what}: not before the time`)
  for (const answer of answers) t.match(answer, /^HTTP\/1\.1 408 [\s\S]+"code":"slow_request"/, what)
}

t.test('who leaves half-way leaves nothing behind', async (t) => {
  for (const part of ['', 'POST', head([]), `${head(['Content-Length: 9'])}\r\n[{`]) {
    const [ended, reset, destroyed] = await Promise.all([watch(part), watch(part), watch(part)])
    ended.socket.end()
    reset.socket.resetAndDestroy()
    destroyed.socket.destroy()
    t.notMatch(await ended.closed, /^HTTP\/1\.1 [^4]/, 'half a request is not answered as a whole one')
    await Promise.all([reset.closed, destroyed.closed])
  }
  await othersAreServed(t, 'half')
})

t.test('floods of headers and endless request lines end at 64 KiB', async (t) => {
  // Node takes 1,000 headers at most, however short they are; its first releases of 22 took as many as fit.
  const many = Array.from({ length: 8_000 }, (_, i) => `a${i % 10}:b`)
  const most = many.slice(0, 900)
  for (const [what, text] of [
    ['one header', head([`X-Huge: ${'x'.repeat(70_000)}`])],
    ['tens of thousands of headers', head([many, many, many, many].flat())],
    ['thousands of headers within 64 KiB', head(many)],
    ['a request line', `GET /v1/pixel.gif?${'x'.repeat(70_000)} HTTP/1.1\r\n\r\n`],
    ['a method', 'X'.repeat(70_000)],
  ] as const) {
    const answer = await say(text)
    if (what === 'a method') isProblem(t, answer, 'invalid_request', what)
    else isProblem(t, answer, 'header_too_large', what)
  }
  const crowded = await say(
    `${head([...most, `Content-Length: ${event('many').length}`])}\r\n${event('many')}`,
  )
  t.equal(crowded?.status, 202, '900 headers below the limit are no fault')
  acknowledged++
  const endless = await watch(head([]))
  const flood = () => {
    while (endless.socket.writable && endless.socket.write(`X-More: ${'x'.repeat(1_000)}\r\n`));
  }
  endless.socket.on('drain', flood)
  flood()
  // Whoever goes on writing may lose the answer to a reset.
  t.match(await endless.closed, /^(HTTP\/1\.1 431 .*"header_too_large".*)?$/s, 'a stream of headers is cut')
  t.ok(endless.socket.bytesWritten < ON_THE_WAY_BYTES, `after ${endless.socket.bytesWritten} bytes`)
  await othersAreServed(t, 'headers')
})

t.test('a thousand requests in one go are answered one by one, in their order', async (t) => {
  const names = Array.from({ length: 1_000 }, (_, i) => `pipelined-${i}`)
  const requests = names.map((name, i) =>
    i % 2 === 0 ? whole(name) : 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n',
  )
  const connection = await watch()
  const answers = new Promise<RawAnswer[]>((resolve) => {
    const chunks: Buffer[] = []
    connection.socket.on('data', (data) => {
      chunks.push(data)
      // Whole answers are read again from the start: only now and then, they are few.
      if (chunks.reduce((count, chunk) => count + String(chunk).split('HTTP/1.1 ').length - 1, 0) < 1_000)
        return
      const read = readAnswers(Buffer.concat(chunks))
      if (read.length === 1_000) resolve(read)
    })
  })
  connection.socket.write(requests.join(''))
  t.same(
    (await answers).map(({ status }) => status),
    requests.map((_, i) => (i % 2 === 0 ? 202 : 200)),
  )
  acknowledged += 500
  connection.socket.destroy()
  await othersAreServed(t, 'pipelined')
})

t.test('a stalled journal does not let tiny requests pile up without end', async (t) => {
  const fitting = 50
  const body = '{"name":"a","value":1}'
  const inflightBytes = fitting * (REQUEST_BYTES + body.length)
  const { app, journal } = await startGateway(t, { inflightBytes })
  let open = () => {}
  journal.gate = new Promise((resolve) => {
    open = resolve
  })
  const refused = new Promise<void>((resolve) => {
    app.addHook('onError', async () => resolve())
  })
  const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const request = `POST /v1/events?key=shop-key HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\nContent-Type: application/json\r\n\r\n${body}`
  // Of one connection so many are begun at a time; the others wait unread.
  const lines = Array.from({ length: 20 }, () => {
    const socket = connect(Number(url.port), '127.0.0.1')
    t.teardown(() => socket.destroy())
    const chunks: Buffer[] = []
    socket.on('data', (data) => chunks.push(data))
    socket.write(request.repeat(25))
    return chunks
  })
  await refused
  t.same(journal.batches, [], 'what fits waits for the journal')
  // What is stored of an event is held as well, and is more than what was sent.
  t.ok(journal.waiting > fitting / 2 && journal.waiting <= fitting, `${journal.waiting} do`)
  open()
  const answers = await until('the answers', async () => {
    const all = lines.flatMap((chunks) => readAnswers(Buffer.concat(chunks)))
    return all.length === 500 ? all : undefined
  })
  const accepted = answers.filter(({ status }) => status === 202)
  t.ok(accepted.length > 0)
  isProblem(
    t,
    answers.find(({ status }) => status !== 202),
    'overloaded',
    'what does not fit',
  )
  t.same(new Set(answers.map(({ status }) => status)), new Set([202, 503]), 'all are answered')
  t.equal(journal.events().length, accepted.length)
})

t.test('of one connection no more is begun than may be at work, while the journal stalls', async (t) => {
  const { app, journal } = await startGateway(t)
  let open = () => {}
  journal.gate = new Promise((resolve) => {
    open = resolve
  })
  let begun = 0
  const most = 1 + PIPELINE_LIMITS.atWork
  const busy = new Promise<void>((resolve) => {
    app.addHook('onRequest', async () => {
      if (++begun === most) resolve()
    })
  })
  const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const socket = connect(Number(url.port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  const chunks: Buffer[] = []
  socket.on('data', (data) => chunks.push(data))
  socket.write(whole('one').replace(headgate.key, 'shop-key').repeat(200))
  await busy
  t.equal((await app.inject({ url: '/livez' })).statusCode, 200, 'others are served')
  t.equal(begun, most + 1)
  open()
  const answers = await until('the answers', async () => {
    const all = readAnswers(Buffer.concat(chunks))
    return all.length === 200 ? all : undefined
  })
  t.same(new Set(answers.map(({ status }) => status)), new Set([202]))
})

t.test('chunks without sense or end', async (t) => {
  const start = `${head(['Transfer-Encoding: chunked'])}\r\n`
  const tiny = [...event('tiny').padEnd(20_000)].map((char) => `1\r\n${char}\r\n`).join('')
  t.equal((await say(`${start}${tiny}0\r\n\r\n`))?.status, 202, '20,000 chunks of a byte')
  const named = [...event('named')].map((char) => `1;name="value";a\r\n${char}\r\n`).join('')
  t.equal((await say(`${start}${named}0;end\r\n\r\n`))?.status, 202, 'extensions')
  acknowledged += 2
  for (const [what, text, code] of [
    ['an endless extension', `1;${'x'.repeat(20_000)}`, 'body_too_large'],
    ['endless trailers', `0\r\n${'X-Trailer: 1\r\n'.repeat(12_000)}`, 'header_too_large'],
    ['a size beyond numbers', `${'f'.repeat(17)}\r\n`, 'invalid_request'],
    ['a size that is none', 'xyz\r\n', 'invalid_request'],
    ['a negative size', '-1\r\n', 'invalid_request'],
    ['chunks without an end of line', '1\r\naa', 'invalid_request'],
  ] as const) {
    isProblem(t, await say(start + text), code, what)
  }
  await othersAreServed(t, 'chunks')
})

t.test('other protocols, and framing that could hide a request', async (t) => {
  const hello = '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'
  for (const [what, text] of [
    ['both lengths', `${head(['Content-Length: 5', 'Transfer-Encoding: chunked'])}\r\n0\r\n\r\n`],
    ['two lengths', `${head(['Content-Length: 5', 'Content-Length: 6'])}\r\nhello`],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', hello],
    ['SOCKS', '\x05\x01\x00\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['version 3', 'GET /livez HTTP/3.0\r\n\r\n'],
    ['no Host', 'GET /livez HTTP/1.1\r\n\r\n'],
    ['a tunnel', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n'],
  ] as const) {
    isProblem(t, await say(text), 'invalid_request', what)
  }
  for (const [what, lines] of [
    [
      'WebSocket',
      [
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      ],
    ],
    [
      'h2c',
      ['Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA'],
    ],
  ] as const) {
    const answer = await say(`${head([...lines], 'GET /livez')}\r\n`)
    t.equal(answer?.status, 200, `${what}: an upgrade that nobody offers is ignored`)
  }
  await othersAreServed(t, 'protocols')
})

t.test('after all that, each event is accounted for, in bounded memory', async (t) => {
  const { received, accepted, rejected, unaccounted } = await headgate.ask<{
    received: number
    accepted: number
    unaccounted: number
    rejected: Record<string, number>
  }>('/reconcile')
  t.equal(received, accepted + Object.values(rejected).reduce((sum, count) => sum + count, 0))
  t.equal(unaccounted, 0)
  t.equal(accepted, acknowledged)
  t.ok(grownMegabytes() < GROWTH_LIMIT_BYTES / 1e6)
  t.equal(await headgate.stop(), 0)
})
