import { EventEmitter, once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import Fastify from 'fastify'
import { type Test, test } from 'tap'
import { leaveUnread, MAX_DRAINED_BYTES, MAX_LINGER_BYTES, UNREAD_LINGER_MS } from '../../src/http/unread.ts'
import { startGateway } from '../fakes/gateway.ts'

async function listening(t: Test) {
  const { app } = await startGateway(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, port: (app.server.address() as AddressInfo).port }
}

/** A sender that writes all it has before it reads, and keeps its side open. */
async function talk(t: Test, port: number) {
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  let answers = ''
  let error: string | undefined
  socket.on('data', (data) => {
    answers += data.toString('latin1')
  })
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    error = code
  })
  await once(socket, 'connect')
  return {
    socket,
    write: (part: string | Buffer) => new Promise<void>((done) => socket.write(part, () => done())),
    /** What came, once it looks like this, or the other side said that no more will. */
    async read(until: RegExp): Promise<string> {
      while (!until.test(answers) && !socket.readableEnded && error === undefined) {
        await Promise.race([once(socket, 'data'), once(socket, 'end'), once(socket, 'error')])
      }
      return answers
    },
    ended: () => (socket.readableEnded ? Promise.resolve() : once(socket, 'end')),
    error: () => error,
  }
}

const head = (request: string, ...headers: string[]) =>
  `${[`${request} HTTP/1.1`, 'Host: a', 'Content-Type: application/json', ...headers].join('\r\n')}\r\n\r\n`
const chunk = (bytes: number) => `${bytes.toString(16)}\r\n${' '.repeat(bytes)}\r\n`
const probe = head('GET /livez')

const refused = [
  ['POST /v1/events', 401],
  ['POST /v1/events?key=wrong', 401],
  ['POST /v1/web-vitals', 401],
  ['POST /nowhere', 404],
  ['PUT /v1/events', 405],
  ['DELETE /nowhere', 404],
  ['PUT /v1/credentials', 405],
  ['GET /nowhere', 404],
  ['GET /livez', 200],
  ['GET /v1/pixel.gif', 200],
  ['GET /v1/container-credentials/shop', 401],
  ['OPTIONS /v1/events', 405],
] as const

test('whoever is refused gets a body of 64 KiB read, and the connection is good for more', async (t) => {
  const { port } = await listening(t)
  for (const [request, status] of refused) {
    for (const [rule, parts] of [
      ['announced', [`Content-Length: ${MAX_DRAINED_BYTES}`, ' '.repeat(MAX_DRAINED_BYTES)]],
      ['in chunks', ['Transfer-Encoding: chunked', `${chunk(MAX_DRAINED_BYTES)}0\r\n\r\n`]],
    ] as const) {
      const { write, read } = await talk(t, port)
      await write(`${head(request, parts[0])}${parts[1]}${probe}`)
      const answers = await read(/"alive"[\s\S]*"alive"|^(?!.*livez)[\s\S]*"status":"alive"\}$/)
      t.match(answers, new RegExp(`^HTTP/1.1 ${status} `), `${request}, ${rule}`)
      t.notMatch(answers, /connection: close/i, `${request}, ${rule}`)
      t.match(answers, /HTTP\/1\.1 200 OK[\s\S]+alive/, `${request}, ${rule}`)
    }
  }
})

test('of more nothing is kept: the connection ends after an answer that can be read', async (t) => {
  const { port } = await listening(t)
  const bytes = 1_000_000
  for (const [request, status] of refused) {
    for (const [rule, parts] of [
      ['announced', [`Content-Length: ${bytes}`, ' '.repeat(bytes)]],
      ['in chunks', ['Transfer-Encoding: chunked', `${chunk(MAX_DRAINED_BYTES)}${chunk(bytes)}0\r\n\r\n`]],
    ] as const) {
      const { write, read, ended, error } = await talk(t, port)
      await write(head(request, parts[0]))
      await write(parts[1])
      const answer = await read(/\r\n\r\n[\s\S]+/)
      await ended()
      t.match(
        answer,
        new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*connection: close`, 'i'),
        `${request}, ${rule}`,
      )
      t.equal(error(), undefined, `${request}, ${rule}`)
    }
  }
})

test('what stands behind an answer that ends the connection is not heard: its sender sends it again', async (t) => {
  const { app, journal } = await startGateway(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const event = '{"name":"a","value":1}'
  const good = `${head('POST /v1/events?key=shop-key', `Content-Length: ${event.length}`)}${event}`
  const unknown = `${head('POST /v1/events', 'Content-Length: 70000')}${' '.repeat(70_000)}`
  for (const [what, first, later] of [
    ['sent ahead', `${good}${unknown}${good.repeat(50)}`, ''],
    ['after the answer was read', `${good}${unknown}`, good.repeat(2)],
  ] as const) {
    journal.batches.length = 0
    const arrived = once(app.server, 'connection')
    const { write, read } = await talk(t, port)
    const [accepted] = (await arrived) as [Socket]
    const closed = once(accepted, 'close')
    await write(first)
    t.match(
      await read(/401[\s\S]*\}$/),
      /^HTTP\/1\.1 202 [\s\S]*HTTP\/1\.1 401 [\s\S]*connection: close/i,
      what,
    )
    if (later !== '') await write(later)
    await closed
    t.equal(journal.events().length, 1, what)
  }
})

test('a sender that waits to be asked for its body is not asked by whoever does not want it', async (t) => {
  const { port } = await listening(t)
  const unknown = await talk(t, port)
  await unknown.write(head('POST /v1/events', 'Content-Length: 10', 'Expect: 100-continue'))
  t.match(await unknown.read(/\}$/), /^HTTP\/1\.1 401 [\s\S]*connection: close/i)
  const known = await talk(t, port)
  await known.write(head('POST /v1/events?key=shop-key', 'Content-Length: 22', 'Expect: 100-continue'))
  t.match(await known.read(/Continue\r\n\r\n$/), /^HTTP\/1\.1 100 Continue\r\n\r\n$/)
  await known.write('{"name":"a","value":1}')
  t.match(await known.read(/202/), /HTTP\/1\.1 202 Accepted/)
})

test('a body in chunks that does not end is not waited for', async (t) => {
  const { port } = await listening(t)
  const { write, read } = await talk(t, port)
  await write(`${head('POST /v1/events', 'Transfer-Encoding: chunked')}${chunk(10)}`)
  t.match(await read(/\}$/), /^HTTP\/1\.1 401 [\s\S]*connection: close/i)
})

test('a sender that goes away, or goes on and on, is let go', async (t) => {
  const { app, port } = await listening(t)
  t.equal(UNREAD_LINGER_MS, 5_000)
  const arrived = once(app.server, 'connection')
  const gone = await talk(t, port)
  const [accepted] = (await arrived) as [Socket]
  const closed = once(accepted, 'close')
  await gone.write(`${head('POST /v1/events', 'Transfer-Encoding: chunked')}${chunk(10)}`)
  gone.socket.destroy()
  await closed
  const again = once(app.server, 'connection')
  const { write, read, socket } = await talk(t, port)
  const [endless] = (await again) as [Socket]
  const cut = once(endless, 'close')
  await write(head('POST /v1/events', 'Content-Length: 99999999'))
  t.match(await read(/\}$/), /^HTTP\/1\.1 401 [\s\S]*connection: close/i)
  socket.write(Buffer.alloc(8 * MAX_LINGER_BYTES))
  await cut
  t.ok(endless.bytesRead < 2 * MAX_LINGER_BYTES, `${endless.bytesRead} bytes were read`)
})

test('a body in crumbs is left after 256 of them, and its connection ends', async (t) => {
  const { port } = await listening(t)
  for (const [crumbs, close] of [
    [256, false],
    [257, true],
    [60_000, true],
  ] as const) {
    const { write, read } = await talk(t, port)
    await write(`${head('POST /v1/events', 'Transfer-Encoding: chunked')}${chunk(1).repeat(crumbs)}0\r\n\r\n`)
    const answer = await read(/\}$/)
    t.match(answer, /^HTTP\/1\.1 401 /, String(crumbs))
    t.equal(/connection: close/i.test(answer), close, String(crumbs))
  }
})

test('behind an answer that takes its time no more is read than lingers', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  const unwanted = new EventEmitter()
  app.get('/slow', async () => {
    await once(unwanted, 'pause')
    return 'slow'
  })
  app.post('/refused', (request, reply) => {
    request.raw.once('pause', () => unwanted.emit('pause'))
    leaveUnread(reply, () => reply.code(401).send('refused'))
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const accepting = once(app.server, 'connection')
  const { write, read, socket } = await talk(t, (app.server.address() as AddressInfo).port)
  const [accepted] = (await accepting) as [Socket]
  const closed = once(accepted, 'close')
  await write(`${head('GET /slow')}${head('POST /refused', 'Content-Length: 99999999')}`)
  socket.write(Buffer.alloc(8 * MAX_LINGER_BYTES))
  await closed
  t.match(await read(/refused$/), /200 OK[\s\S]*slow[\s\S]*401 Unauthorized/)
  t.ok(accepted.bytesRead < 2 * MAX_LINGER_BYTES, `${accepted.bytesRead} bytes were read`)
})
