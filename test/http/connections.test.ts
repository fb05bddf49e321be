import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import { boundConnections, CROWDED_CONNECTIONS, MAX_CONNECTIONS } from '../../src/http/connections.ts'

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
