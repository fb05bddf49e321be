import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'

/** How much of an unwanted body is read and thrown away so that the connection stays usable: all of a beacon. */
export const MAX_DRAINED_BYTES = 65_536
/**
 * Beyond, the connection ends. A sender that writes all before it reads would lose the answer in a reset: it gets to write
 * twice as much as the longest body that is ever wanted…
 */
export const MAX_LINGER_BYTES = 2_097_152
/** …within the time that nginx gives it (`lingering_timeout`). */
export const UNREAD_LINGER_MS = 5_000
/**
 * What a piece of a body counts at least, held and as work. Ours: a Buffer and its view take some 200 bytes, and the call
 * of the parser takes as long as 256 bytes take to be parsed.
 */
export const LEAST_PIECE_BYTES = 256
/** Read and thrown away. Ours: TCP segments are longer, so that only whoever writes chunks of some bytes has more. */
const MAX_DRAINED_PIECES = MAX_DRAINED_BYTES / LEAST_PIECE_BYTES
/** Likewise, in segments of an Ethernet frame. */
const MAX_LINGER_PIECES = MAX_LINGER_BYTES / 1_024
/** How long the answer to a body of unknown length waits for its end. */
const UNANNOUNCED_MS = 1_000

/**
 * Sends an answer that does without the body of its request, or with what was read of it. Nobody gets more read than a
 * beacon's worth by being refused; whoever sends more is told `connection: close`, and can read that.
 */
export function leaveUnread(reply: FastifyReply, answer: () => void): void {
  const { raw: request } = reply.request
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers
  const close = () => {
    reply.header('connection', 'close')
    endGently(request)
    answer()
  }
  if ((length ?? coding) === undefined || request.readableEnded || isEnding(request)) answer()
  else if (isUninvited(request)) {
    request.removeAllListeners('newListener')
    close()
  } else if (coding !== undefined) drain(request, (isWhole) => (isWhole ? answer() : close()))
  else if (Number(length) > MAX_DRAINED_BYTES) close()
  // Node reads the rest once the answer is out.
  else answer()
}

/** Nothing is told of its length but its end. */
function drain(request: IncomingMessage, done: (isWhole: boolean) => void): void {
  let left = MAX_DRAINED_BYTES
  let pieces = MAX_DRAINED_PIECES
  const settle = (isWhole: boolean) => {
    clearTimeout(timer)
    request.off('data', count).off('end', end).off('close', cut)
    done(isWhole)
  }
  const count = (chunk: Buffer) => {
    left -= chunk.length
    charge(request, chunk)
    if (left < 0 || --pieces < 0) settle(false)
  }
  const end = () => settle(true)
  const cut = () => settle(false)
  const timer = setTimeout(cut, UNANNOUNCED_MS)
  request.on('data', count).once('end', end).once('close', cut)
}

type Pay = (bytes: number) => void

const PAYER = Symbol('payer')
const UNPAID = Symbol('unpaid')

/** Written to the request itself: a WeakMap of all requests would be gone through at each collection of garbage. */
interface Charged extends IncomingMessage {
  [PAYER]?: Pay
  /** What was read before anybody was there to pay for it. */
  [UNPAID]?: number
}

/** `pay` is told what is read of a body that nobody wants, as it comes, and what was read before. */
export function payForUnread(request: Charged, pay: Pay): void {
  request[PAYER] = pay
  const owed = request[UNPAID]
  if (owed !== undefined) pay(owed)
}

function charge(request: Charged, { length }: Buffer): void {
  const cost = Math.max(length, LEAST_PIECE_BYTES)
  const pay = request[PAYER]
  if (pay === undefined) request[UNPAID] = (request[UNPAID] ?? 0) + cost
  else pay(cost)
}

/** Whether the end of its connection has been announced, and is seen to. */
export const isEnding = ({ socket }: Pick<IncomingMessage, 'socket'>): boolean =>
  Object.hasOwn(socket, 'destroySoon')

/**
 * Once the answer is out, Node would close the socket while bytes are still coming, and the kernel then resets it. Ours
 * says that no more will be answered, and goes on reading for a while.
 */
function endGently(request: IncomingMessage): void {
  const { socket } = request
  let left = MAX_LINGER_BYTES
  let pieces = MAX_LINGER_PIECES
  let isAnswered = false
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length
    charge(request, chunk)
    if (--pieces < 0) left = -1
    if (left >= 0) return
    if (isAnswered) socket.destroy()
    else request.pause()
  })
  socket.destroySoon = () => {
    isAnswered = true
    socket.end()
    const timer = setTimeout(() => socket.destroy(), left < 0 ? 0 : UNREAD_LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
    request.once('end', () => socket.destroy())
  }
}

const LINGERING = Symbol('lingering')

/** Until when what comes is passed over. Written to the socket itself, like what is written to a request. */
interface Lingering extends Socket {
  [LINGERING]?: { readonly untilBytes: number; pieces: number }
}

/** Ends the connection of which nothing more is wanted once its answers are out: what still comes is passed over. */
export function endBehind(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end()
    socket.resume()
    const timer = setTimeout(() => socket.destroy(), UNREAD_LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
  }
}

/** For a request behind the answer that ends its connection: who is told so sends it again (RFC 9112, section 9.6). */
export function passOver(request: IncomingMessage): void {
  const socket: Lingering = request.socket
  const count = () => {
    if (!socket.writableEnded) return
    socket[LINGERING] ??= { untilBytes: socket.bytesRead + MAX_LINGER_BYTES, pieces: MAX_LINGER_PIECES }
    const lingering = socket[LINGERING]
    if (--lingering.pieces < 0 || socket.bytesRead > lingering.untilBytes) socket.destroy()
  }
  request.on('data', count)
  count()
}

/**
 * When a connection closes, Node makes an error of each of its requests that has no answer yet. Nobody reads them, and to
 * tell where they were made takes most of the time.
 */
export function closeWithoutStacks(socket: Socket): void {
  let { stackTraceLimit } = Error
  socket.prependOnceListener('close', () => {
    stackTraceLimit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
  })
  socket.once('close', () => {
    Error.stackTraceLimit = stackTraceLimit
  })
}

/** Waits with its body for a 100 (RFC 9110, section 10.1.1) that it was not sent. */
const isUninvited = (request: IncomingMessage): boolean => request.listenerCount('newListener') > 0

/** A body that waits to be asked for is asked for by whoever begins to read it. Node would do it for everybody. */
export function inviteOnReading(request: IncomingMessage, invite: () => void): void {
  request.on('newListener', function onReading(event) {
    if (event !== 'data') return
    request.off('newListener', onReading)
    invite()
  })
}
