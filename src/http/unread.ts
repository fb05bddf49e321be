import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'

/** How much of an unwanted body is read and thrown away so that the connection stays usable: all of a beacon. */
export const MAX_DRAINED_BYTES = 65_536
/**
 * A sender that writes all before it reads would lose the answer that ends its connection in a reset: it gets to write
 * twice as much as the longest body that is ever wanted.
 */
export const MAX_LINGER_BYTES = 2_097_152
/** What nginx gives it (`lingering_timeout`). */
export const UNREAD_LINGER_MS = 5_000
/**
 * What a piece of a body counts at least, held and as work. Ours: a Buffer and its view take some 200 bytes, and the call
 * of the parser takes as long as 256 bytes take to be parsed.
 */
export const LEAST_PIECE_BYTES = 256
/** Read and thrown away. Ours: TCP segments are longer, so that only whoever writes chunks of some bytes has more. */
const MAX_DRAINED_PIECES = MAX_DRAINED_BYTES / LEAST_PIECE_BYTES
/** What is read while a connection lingers comes in segments of an Ethernet frame, and is thrown away as well. */
const MAX_LINGER_PIECES = MAX_LINGER_BYTES / 1_024
/** How long the answer to a body of unknown length waits for its end. Ours: a beacon is there at once. */
const UNANNOUNCED_MS = 1_000

/**
 * Sends an answer that does without the body of its request, or with what was read of it. Nobody gets more read than a
 * beacon's worth by being refused; whoever sends more is told `connection: close`, and can read that. So is whoever was
 * waited for in vain: the rest of `isLate` may never come, and be waited for, and complained of, once more.
 */
export function leaveUnread(reply: FastifyReply, answer: () => void, isLate = false): void {
  const { raw: request } = reply.request
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers
  const close = () => {
    reply.header('connection', 'close')
    endInBody(request)
    answer()
  }
  if ((length ?? coding) === undefined || request.readableEnded || isEnding(request)) answer()
  else if (isUninvited(request)) {
    request.removeAllListeners('newListener')
    close()
  } else if (isLate) close()
  else if (coding !== undefined) drain(request, (isWhole) => (isWhole ? answer() : close()))
  else if (Number(length) > MAX_DRAINED_BYTES) close()
  // Node reads the rest once the answer is out.
  else answer()
}

/** Nothing is told of its length but its end. */
function drain(request: IncomingMessage, done: (isWhole: boolean) => void): void {
  const stop = (isWhole: boolean) => {
    clearTimeout(timer)
    request.off('data', count).off('end', end).off('close', cut)
    done(isWhole)
  }
  const end = () => stop(true)
  const cut = () => stop(false)
  const count = bounded(request, { bytes: MAX_DRAINED_BYTES, pieces: MAX_DRAINED_PIECES }, cut)
  const timer = setTimeout(cut, UNANNOUNCED_MS)
  request.on('data', count).once('end', end).once('close', cut)
}

/** Counts and bills what is read of a body, piece by piece; `beyond` is told of each that is more than the bounds allow. */
function bounded(request: IncomingMessage, { bytes, pieces }: ReadBounds, beyond: () => void) {
  let [leftBytes, leftPieces] = [bytes, pieces]
  return (chunk: Buffer): void => {
    leftBytes -= chunk.length
    leftPieces--
    bill(request, chunk)
    if (leftBytes < 0 || leftPieces < 0) beyond()
  }
}

interface ReadBounds {
  readonly bytes: number
  readonly pieces: number
}

type Pay = (bytes: number) => void

const PAYER = Symbol('payer')
const UNPAID = Symbol('unpaid')

/** Written to the request itself: a WeakMap of all requests would be gone through at each collection of garbage. */
interface Billed extends IncomingMessage {
  [PAYER]?: Pay
  /** What was read before anybody was there to pay for it. */
  [UNPAID]?: number
}

/** `pay` is told what is read of a body that nobody wants, as it comes, and what was read before. */
export function payForUnread(request: Billed, pay: Pay): void {
  request[PAYER] = pay
  const owed = request[UNPAID]
  if (owed !== undefined) pay(owed)
}

function bill(request: Billed, { length }: Buffer): void {
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
 * says that no more will be answered, and goes on reading for so long.
 */
function linger(socket: Socket, lingerMs: number): void {
  socket.end()
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(timer))
}

/** Ends the connection in the middle of a body, which is bounded from now on, before the answer as behind it. */
function endInBody(request: IncomingMessage): void {
  const { socket } = request
  let isAnswered = false
  let isBeyond = false
  const beyond = () => {
    isBeyond = true
    if (isAnswered) socket.destroy()
    else request.pause()
  }
  request.on('data', bounded(request, { bytes: MAX_LINGER_BYTES, pieces: MAX_LINGER_PIECES }, beyond))
  socket.destroySoon = () => {
    isAnswered = true
    linger(socket, isBeyond ? 0 : UNREAD_LINGER_MS)
    request.once('end', () => socket.destroy())
  }
}

const LINGERING = Symbol('lingering')

/** Until when what comes is passed over. Written to the socket itself, like what is written to a request. */
interface Lingering extends Socket {
  [LINGERING]?: { readonly untilBytes: number; pieces: number }
}

/** Ends the connection between two requests, once its answers are out: those that still come are passed over. */
export function endBehind(socket: Socket): void {
  socket.destroySoon = () => {
    linger(socket, UNREAD_LINGER_MS)
    socket.resume()
  }
}

/**
 * For a request behind the answer that ends its connection, however that was ended: who is told so sends it again (RFC
 * 9112, section 9.6). What all of them bring while the connection lingers is bounded here, as a body is above.
 */
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
