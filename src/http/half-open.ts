import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** Longer than any answer takes, with a queue before it; then nobody reads what was written. */
export const HALF_OPEN_TIMEOUT_MS = 60_000

/**
 * Who has sent all of its requests may say so with a FIN, and still waits for the answers (RFC 9293, section 3.6): without
 * this Node ends such a connection at once, and throws away answers to what was stored. With the last one it is closed
 * by us, at once where none is owed, and after a while in which nothing moved.
 */
export function answerHalfOpen(server: Server, timeoutMs = HALF_OPEN_TIMEOUT_MS): void {
  // A property of Node's server that its types do not know, as old as the server itself.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.on('connection', (socket) => {
    socket.once('end', () => socket.setTimeout(timeoutMs))
  })
}

/** Doubled each time: the next one comes when the reset is back, from next door and from another continent. */
const FIRST_KNOCK_MS = 10

/**
 * A FIN is the same from one who left and from one who only asks nothing more. Who is still there passes over a `100
 * Continue`, however many come (RFC 9110, section 15.2); at the address of one who left it is answered with a reset, and
 * the next write meets that: the connection is closed, and with it ends work that costs more than an answer.
 */
export function knockWhenHalfOpen(request: IncomingMessage, response: ServerResponse): void {
  // Clients of before know no such answer.
  if (request.httpVersion !== '1.1') return
  const { socket } = request
  let pauseMs = FIRST_KNOCK_MS
  let next: NodeJS.Timeout | undefined
  const knock = () => {
    if (!response.headersSent) response.writeContinue()
    next = setTimeout(knock, pauseMs)
    pauseMs *= 2
  }
  if (socket.readableEnded) knock()
  else socket.once('end', knock)
  response.once('close', () => {
    socket.off('end', knock)
    clearTimeout(next)
  })
}
