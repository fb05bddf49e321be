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
  /** An answer that is never silent and never ends: a byte of its head or of its body now and then. */
  | { readonly kind: 'drip'; readonly status: number; readonly of: 'head' | 'body' }
  /** A body without a length and without an end, as fast as it is read. */
  | { readonly kind: 'flood'; readonly status: number }
  /** The object, in chunks that do not say how many are to come. */
  | { readonly kind: 'unsized' }
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
  /** Answers without an end that somebody still listens to. */
  endless(): number
  /** The most bytes of one flood. */
  floodedBytes(): number
}

type EndlessFault = Extract<ProxyFault, { kind: 'drip' | 'flood' }>

const isEndless = (fault: ProxyFault | undefined): fault is EndlessFault =>
  fault?.kind === 'drip' || fault?.kind === 'flood'

/** Shorter than any silence that ends a call. */
const DRIP_MS = 20
const FLOOD = Buffer.alloc(65_536, ' ')

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
  let endless = 0
  let floodedBytes = 0
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
    const body = await buffer(incoming)
    if (isEndless(fault)) return goOn(answer, fault)
    const given = await forward(incoming, body)
    if (fault && 'when' in fault) return end(incoming, fault)
    respond(answer, given, fault)
  }

  function end({ socket }: IncomingMessage, { kind }: ProxyFault): void {
    if (kind === 'reset') socket.resetAndDestroy()
  }

  async function goOn(answer: ServerResponse, fault: EndlessFault): Promise<void> {
    endless += 1
    if (fault.kind === 'drip') drip(answer, fault)
    else flood(answer, fault.status)
    await once(answer, 'close')
    endless -= 1
  }

  function drip(answer: ServerResponse, { status, of }: Extract<EndlessFault, { kind: 'drip' }>): void {
    const { socket } = answer
    if (of === 'head') socket?.write(`HTTP/1.1 ${status} OK\r\nx-drops: `)
    else answer.writeHead(status, { 'content-type': 'application/xml', 'content-length': 1_000_000 })
    const next = () => (of === 'head' ? socket?.write('.') : answer.write(' '))
    const timer = setInterval(next, DRIP_MS)
    answer.once('close', () => clearInterval(timer))
  }

  function flood(answer: ServerResponse, status: number): void {
    answer.writeHead(status, { 'content-type': 'application/xml' })
    let sent = 0
    const more = (): void => {
      if (answer.destroyed) return
      sent += FLOOD.length
      floodedBytes = Math.max(floodedBytes, sent)
      answer.write(FLOOD, more)
    }
    more()
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
  return {
    endpoint: `http://127.0.0.1:${port}`,
    exchanges,
    connections: () => connections,
    endless: () => endless,
    floodedBytes: () => floodedBytes,
  }
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
    case 'unsized': {
      const { 'content-length': _, ...kept } = headers
      answer.writeHead(status, kept)
      // Two writes: of one, Node would know the length.
      answer.write(bytes.subarray(0, bytes.length >> 1))
      answer.end(bytes.subarray(bytes.length >> 1))
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
