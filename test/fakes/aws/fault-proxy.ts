import { once } from 'node:events'
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'

/** What becomes of one exchange. `before`: the server never hears of it; `after`: it has done what was asked. */
export type ProxyFault =
  | { readonly kind: 'answer'; readonly status: number; readonly body?: string }
  | { readonly kind: 'reset'; readonly when: 'before' | 'after' }
  /** No answer comes, and the connection stays. */
  | { readonly kind: 'hang'; readonly when: 'before' | 'after' }
  /** The connection breaks in the middle of the answer's body. */
  | { readonly kind: 'cut' }
  /** The answer's body stops in its middle, and the connection stays. */
  | { readonly kind: 'stall' }
  /** Another body than the server's under the same headers, but for its length. */
  | { readonly kind: 'tamper'; readonly body: (body: Buffer) => Buffer }

export interface ProxiedExchange {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

export interface FaultProxy {
  readonly endpoint: string
  /** Everything that was asked, in order. */
  readonly exchanges: readonly ProxiedExchange[]
  /** HTTP connections accepted so far. */
  connections(): number
}

/** Undefined: nothing goes wrong. */
export type Choose = (exchange: ProxiedExchange) => ProxyFault | undefined | Promise<ProxyFault | undefined>

/**
 * Stands in front of any HTTP server, an emulator by other people for one, and lets exchanges fail as networks and
 * overloaded servers do. Requests pass as they are, the Host header included, so that signatures stay valid.
 */
export async function faultProxy(t: Test, upstream: string, choose: Choose): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true })
  const exchanges: ProxiedExchange[] = []
  let connections = 0
  const serve = (incoming: IncomingMessage, answer: ServerResponse) => {
    const { method = '', url: path = '', headers } = incoming
    const exchange = { method, path, headers }
    exchanges.push(exchange)
    // Clients that give up, and a proxy that ends, are no failure of the test.
    pass(incoming, answer, exchange).catch(() => answer.destroy())
  }
  const server = createServer(serve)
  // A refusal comes before the body where the client asks for that.
  server.on('checkContinue', serve)
  server.on('connection', () => {
    connections += 1
  })

  async function pass(
    incoming: IncomingMessage,
    answer: ServerResponse,
    exchange: ProxiedExchange,
  ): Promise<void> {
    const fault = await choose(exchange)
    if (fault && 'when' in fault && fault.when === 'before') return end(incoming, fault)
    const isAwaited = incoming.headers.expect !== undefined
    if (fault?.kind === 'answer') {
      if (!isAwaited) await buffer(incoming)
      answer.writeHead(fault.status, { 'content-type': 'application/xml' }).end(fault.body)
      return
    }
    if (isAwaited) answer.writeContinue()
    const given = await forward(incoming, await buffer(incoming))
    if (fault && 'when' in fault) return end(incoming, fault)
    respond(answer, given, fault)
  }

  function end({ socket }: IncomingMessage, { kind }: ProxyFault): void {
    if (kind === 'reset') socket.resetAndDestroy()
  }

  async function forward({ method, url: path, headers: all }: IncomingMessage, body: Buffer) {
    // The body is here already. Not among the headers that a signature covers.
    const { expect: _, ...headers } = all
    const outgoing = request(new URL(upstream), { agent, method, path, headers })
    outgoing.end(body)
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    const bytes = await buffer(answer)
    return { status: answer.statusCode ?? 0, headers: answer.headers, bytes }
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.close()
    server.closeAllConnections()
    agent.destroy()
    await once(server, 'close')
  })
  const { port } = server.address() as AddressInfo
  return { endpoint: `http://127.0.0.1:${port}`, exchanges, connections: () => connections }
}

interface Given {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

function respond(
  answer: ServerResponse,
  { status, headers, bytes }: Given,
  fault: ProxyFault | undefined,
): void {
  switch (fault?.kind) {
    case 'cut':
    case 'stall': {
      const isCut = fault.kind === 'cut'
      answer
        .writeHead(status, headers)
        .write(bytes.subarray(0, bytes.length >> 1), () => isCut && answer.destroy())
      return
    }
    case 'tamper': {
      const tampered = fault.body(bytes)
      const { 'transfer-encoding': _, ...kept } = headers
      answer.writeHead(status, { ...kept, 'content-length': tampered.length }).end(tampered)
      return
    }
    default:
      answer.writeHead(status, headers).end(bytes)
  }
}
