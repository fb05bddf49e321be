import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * What the parser gets at a time. Ours: of the shortest requests there are, of 18 bytes, these are 230, which take 2 ms to
 * be made.
 */
export const PIECE_BYTES = 4_096
/** Requests of an address, sent ahead of answers, after which what else it sent waits for the next turn. Ours. */
export const SENT_AHEAD_A_TURN = 64

export interface Pieces {
  /** Tells of a request that was sent ahead of the answer to another. */
  charge(socket: Socket): void
}

/** Addresses that are remembered for having sent ahead; the oldest is forgotten. Ours. */
export const REMEMBERED_ADDRESSES = 1_024

/**
 * Node reads 64 KiB of a connection and makes requests of all of it, however many these are, before it is anybody else's
 * turn. Of an address that has once sent a request ahead of the answer to another, the parser gets a piece at a time, the
 * rest stays with the socket while it is full, and little is parsed in a turn of the loop, one connection after the other.
 * Others, such as balancers, keep the way that Node has for them, which costs less. Call this before anything else listens
 * for connections.
 */
export function readInPieces(server: Server, isFull: (socket: Socket) => boolean): Pieces {
  /** By address. */
  const connections = new Map<string, Set<Socket>>()
  const remembered = new Set<string>()
  const apart = new WeakSet<Socket>()
  /** By address, in this turn. */
  const sentAhead = new Map<string, number>()
  /** By address: connections that wait for a turn. */
  const lines = new Map<string, Set<Socket>>()
  let isDue = false

  server.on('connection', (socket) => {
    const address = addressOf(socket)
    const own = connections.get(address) ?? new Set()
    connections.set(address, own.add(socket))
    socket.once('close', () => {
      own.delete(socket)
      if (own.size === 0) connections.delete(address)
    })
    if (remembered.has(address)) takeApart(socket)
  })

  /** From the next read on. */
  function takeApart(socket: Socket): void {
    const [parse] = socket.listeners('data')
    if (parse === undefined || apart.has(socket)) return
    apart.add(socket)
    socket.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length && !socket.destroyed; at += PIECE_BYTES) {
        if (isHeldUp(socket)) return void socket.unshift(chunk.subarray(at))
        parse.call(socket, chunk.subarray(at, at + PIECE_BYTES))
      }
    })
    socket.off('data', parse as () => void)
  }

  function remember(address: string): void {
    remembered.add(address)
    const [oldest = address] = remembered
    if (remembered.size > REMEMBERED_ADDRESSES) remembered.delete(oldest)
    for (const socket of connections.get(address) ?? []) takeApart(socket)
  }

  /** Because requests of it wait, by whoever paused it, or because its address has had its share of this turn. */
  function isHeldUp(socket: Socket): boolean {
    if (socket.isPaused()) return true
    const heldUp = isFull(socket) || waitsForItsTurn(socket)
    // Node resumes it behind every request that is whole.
    if (heldUp) socket.pause()
    return heldUp
  }

  function waitsForItsTurn(socket: Socket): boolean {
    if (sentAhead.size === 0) return false
    const address = addressOf(socket)
    if ((sentAhead.get(address) ?? 0) < SENT_AHEAD_A_TURN) return false
    const line = lines.get(address) ?? new Set()
    lines.set(address, line.add(socket))
    return true
  }

  function nextTurn(): void {
    isDue = false
    sentAhead.clear()
    for (const [address, line] of lines) {
      for (const socket of line) {
        line.delete(socket)
        if (socket.destroyed) continue
        socket.resume()
        break
      }
      if (line.size === 0) lines.delete(address)
    }
    if (lines.size > 0) schedule()
  }

  function schedule(): void {
    if (isDue) return
    isDue = true
    setImmediate(nextTurn)
  }

  return {
    charge(socket) {
      const address = addressOf(socket)
      if (!remembered.has(address)) remember(address)
      sentAhead.set(address, (sentAhead.get(address) ?? 0) + 1)
      schedule()
    },
  }
}

/** Nothing more is read of a connection that has no address: it is gone. */
const addressOf = ({ remoteAddress }: Socket): string => remoteAddress ?? ''
