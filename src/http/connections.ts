import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Bounds what connections cost: some 5 KB each while idle, 12 KB with a request begun. */
export const MAX_CONNECTIONS = 10_000
/** From here on newcomers take the place of connections that do nothing, so that those never lock anyone out. */
export const CROWDED_CONNECTIONS = 9_000
/** Looking for idle connections passes over all of them, so only every so many newcomers. */
const NEWCOMERS_A_SEARCH = 100

export interface ConnectionLimits {
  readonly max: number
  readonly crowded: number
}

const limits: ConnectionLimits = { max: MAX_CONNECTIONS, crowded: CROWDED_CONNECTIONS }

/**
 * Keeps connections below `max`; who comes then is turned away by the kernel's end of the line. Between `crowded` and
 * `max`, room is made: connections kept alive between two requests go first, as every client must expect (RFC 9112,
 * section 9.5), then, one for one, whoever has waited longest with a first request. What is being answered stays.
 */
export function boundConnections(server: Server, { max, crowded }: ConnectionLimits = limits): void {
  /** Have not brought a request yet; oldest first. */
  const silent = new Set<Socket>()
  let open = 0
  let newcomers = 0
  server.maxConnections = max

  server.on('connection', (socket) => {
    open++
    silent.add(socket)
    socket.once('close', () => {
      open--
      silent.delete(socket)
    })
    if (open > crowded) makeRoom()
  })
  server.on('request', ({ socket }) => silent.delete(socket))

  function makeRoom(): void {
    if (newcomers++ % NEWCOMERS_A_SEARCH === 0) server.closeIdleConnections()
    const [oldest] = silent
    // The newcomer itself has had no time yet.
    if (silent.size > 1) oldest?.destroy()
  }
}
