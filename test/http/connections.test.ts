import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import {
  boundConnections,
  boundUntaken,
  CROWDED_CONNECTIONS,
  MAX_CONNECTIONS,
  takenOf,
  type UntakenLimits,
} from '../../src/http/connections.ts'
import { PIPELINE_LIMITS, queuePipelines } from '../../src/http/pipelines.ts'

/** A server that answers nothing until `release`, and whoever connects to it. */
async function crowdable(t: Test, max: number, crowded: number) {
  const { promise: released, resolve: release } = gate()
  const server = createServer(async (request, response) => {
    if (request.url === '/held') await released
    response.end('fine')
  })
  boundConnections(server, { max, crowded })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets: Socket[] = []
  t.teardown(async () => {
    release()
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return {
    server,
    release,
    /** One that the server has taken, or turned away. */
    async join(name: string) {
      const socket = connect(port, '127.0.0.1').resume()
      sockets.push(socket)
      socket.on('error', () => {})
      const gone = once(socket, 'close').then(() => name)
      await Promise.race([once(server, 'connection'), once(server, 'drop')])
      return Object.assign(socket, { gone })
    },
  }
}

function gate() {
  let resolve = () => {}
  const promise = new Promise<void>((open) => {
    resolve = open
  })
  return { promise, resolve: () => resolve() }
}

/** A request, and whether the server has seen it. */
async function ask(server: Server, socket: Socket, path: string): Promise<void> {
  const seen = once(server, 'request')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  await seen
}

test('every listener is bounded, with room left between what is crowded and what is full', async (t) => {
  t.equal(MAX_CONNECTIONS, 10_000)
  t.ok(CROWDED_CONNECTIONS < MAX_CONNECTIONS)
  const server = createServer()
  boundConnections(server)
  t.equal(server.maxConnections, MAX_CONNECTIONS)
})

test('in a crowd, whoever has said nothing for longest makes room; who asks and who just came stay', async (t) => {
  const { server, join, release } = await crowdable(t, 10, 3)
  const asking = await join('asking')
  await ask(server, asking, '/held')
  const silent = [await join('first'), await join('second')]
  const newcomer = await join('newcomer')
  t.equal(await Promise.race([...silent, asking, newcomer].map(({ gone }) => gone)), 'first')
  await ask(server, newcomer, '/held')
  const answers = [once(asking, 'data'), once(newcomer, 'data')]
  release()
  for (const [answer] of await Promise.all(answers)) t.match(String(answer), /^HTTP\/1\.1 200 OK/)
})

test('in a crowd, connections kept alive between two requests make room', async (t) => {
  const { server, join } = await crowdable(t, 10, 1)
  const resting = await join('resting')
  const answered = once(resting, 'data')
  await ask(server, resting, '/')
  await answered
  const newcomer = await join('newcomer')
  t.equal(await Promise.race([resting, newcomer].map(({ gone }) => gone)), 'resting')
})

test('a newcomer among busy connections stays while there is room, and is turned away when there is none', async (t) => {
  const { server, join } = await crowdable(t, 2, 1)
  const busy = await join('busy')
  await ask(server, busy, '/held')
  const newcomer = await join('newcomer')
  await ask(server, newcomer, '/held')
  const late = await join('late')
  t.equal(await Promise.race([busy, newcomer, late].map(({ gone }) => gone)), 'late')
})

/** More than the kernel holds for a connection: none of it is taken before it begins to be read. */
const ANSWER = Buffer.alloc(16_777_216)
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const NEVER = Number.POSITIVE_INFINITY

async function answering(t: Test, limits: Partial<UntakenLimits>) {
  const server = createServer((_, response) => response.end(ANSWER))
  queuePipelines(server, { limits: PIPELINE_LIMITS, onRefused: () => {} })
  boundUntaken(server, { timeoutMs: NEVER, aheadTimeoutMs: NEVER, shareBytes: NEVER, sweepMs: 5, ...limits })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  /** Says this, and reads nothing; the other side of its connection. */
  const unread = async (text: string): Promise<Socket> => {
    const connected = once(server, 'connection')
    const client = connect(port, '127.0.0.1')
    client.on('error', () => {})
    t.teardown(() => client.destroy())
    client.write(text)
    const [accepted] = await connected
    client.pause()
    return accepted
  }
  return { port, unread }
}

const ended = (socket: Socket) => (socket.destroyed ? undefined : once(socket, 'close'))

test('who does not take its answer in time is ended', async (t) => {
  const { unread } = await answering(t, { timeoutMs: 50 })
  const socket = await unread(GET)
  await ended(socket)
  t.equal(socket.destroyed, true)
})

test('of what was written the kernel has what waits neither here nor in its handle', async (t) => {
  const socket = { bytesWritten: 9, writableLength: 5 }
  t.equal(takenOf({ ...socket, _handle: { writeQueueSize: 2 } }), 2)
  t.equal(takenOf({ ...socket, _handle: null }), 4, 'of one that is closed')
})

test('who takes it slowly gets all of it, however long that is', async (t) => {
  const { port } = await answering(t, { timeoutMs: 1_000 })
  const taking = connect(port, '127.0.0.1')
  t.teardown(() => taking.destroy())
  let bytes = 0
  taking.on('data', ({ length }) => {
    bytes += length
    taking.pause()
    setTimeout(() => taking.resume(), 10)
  })
  taking.write(GET)
  const beganMs = performance.now()
  while (bytes < ANSWER.length) await once(taking, 'data')
  t.ok(bytes >= ANSWER.length)
  t.ok(performance.now() - beganMs > 2_000, 'longer than anybody may be silent')
})

test('who sent requests ahead has less time', async (t) => {
  const { unread } = await answering(t, { aheadTimeoutMs: 50 })
  const patient = await unread(GET)
  await ended(await unread(GET.repeat(2)))
  t.notOk(patient.destroyed, 'nobody else of its address')
})

test('of an address that leaves more than its share, who waits longest goes first, and no more than need be', async (t) => {
  const { unread } = await answering(t, { shareBytes: 2.5 * ANSWER.length })
  const sockets: Socket[] = []
  for (let i = 0; i < 5; i++) sockets.push(await unread(GET))
  await Promise.all(sockets.slice(0, 3).map(ended))
  t.same(
    sockets.slice(3).map(({ destroyed }) => destroyed),
    [false, false],
  )
})
