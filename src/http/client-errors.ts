import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { AppError, type ErrorCode } from '../std/errors.ts'
import { lastAnswer } from './problems.ts'

/** Request line and headers: pixel URLs grow with the page. Node's default is 16 KiB. */
export const MAX_HEADER_BYTES = 65_536

const clientErrors: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['slow_request', 'The request was not complete in time.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body_too_large', 'Chunk extensions exceed 16 KiB.'],
  HPE_HEADER_OVERFLOW: [
    'header_too_large',
    `Request line and headers exceed ${MAX_HEADER_BYTES} bytes, or are too many.`,
  ],
}

const OWED = Symbol('owed')
const IS_BROKEN = Symbol('isBroken')

interface ClientSocket extends Socket {
  /** Answers that are not out yet, in the order of their requests. */
  [OWED]?: ServerResponse[]
  [IS_BROKEN]?: boolean
}

/** For `answerClientError`: an error knows only its socket. */
export function rememberOwed(server: Server): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const socket: ClientSocket = request.socket
    socket[OWED] ??= []
    socket[OWED].push(response)
    response.on('close', forgetOwed)
  })
}

/** One for all answers. In an array: a Set that is empty again is made anew, which takes longer than all else here. */
function forgetOwed(this: ServerResponse): void {
  const owed = (this.req.socket as ClientSocket)[OWED] as ServerResponse[]
  owed.splice(owed.indexOf(this), 1)
}

/**
 * What Node could not parse never becomes a request: no headers are known, so there is no origin to allow. Whoever sent it
 * takes the next answer for that to its oldest request (RFC 9112, section 9.3.2), so that this one comes behind all owed.
 */
export function answerClientError(error: Error & { code?: string }, socket: ClientSocket): void {
  const [code, detail] = clientErrors[error.code ?? ''] ?? ['invalid_request', 'This is not HTTP/1.1.']
  endWith(socket, new AppError(code, detail))
}

/** Node hands the connection over to whoever wants to be a proxy, and ends it without a word where nobody does. */
export function refuseTunnels(server: Server): void {
  server.on('connect', ({ socket }: IncomingMessage) => {
    // What comes next is nobody's: unread, it would take the answer with it. Nor does Node hear of faults any more.
    socket.on('error', () => socket.destroy()).resume()
    endWith(socket, new AppError('invalid_request', 'CONNECT is for proxies, and this is none.'))
  })
}

function endWith(socket: ClientSocket, error: AppError): void {
  // Node tells of everything that comes behind the fault as well.
  if (socket[IS_BROKEN]) return
  socket[IS_BROKEN] = true
  afterOwed(socket, () => end(socket, error))
}

function afterOwed(socket: ClientSocket, next: () => void): void {
  const owed = socket[OWED] ?? []
  const [last, previous] = [owed.at(-1), owed.at(-2)]
  // For a request that broke off in its body, this is the answer.
  const isBrokenOff = last !== undefined && !last.req.complete && !last.headersSent
  const ahead = isBrokenOff ? previous : last
  if (ahead === undefined || !socket.writable) next()
  else ahead.once('close', () => afterOwed(socket, next))
}

function end(socket: Socket, error: AppError): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const { status, headers, body } = lastAnswer(error)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}
