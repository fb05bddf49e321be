import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { peerOf } from './sender/sender.ts'

/** Requests of an address, sent ahead of answers, after which its connections are read one in a turn. Ours. */
export const SENT_AHEAD_A_TURN = 64

/**
 * Requests sent ahead by an address, and not answered, from which on its connections are not read: 16 MiB, with what Node
 * makes of them. One read adds some thousand, and no connection may have more than 1,024 waiting.
 */
export const SENT_AHEAD_BY_ADDRESS = 4_096

export interface AddressTurns {
  /** Tells of a request that was sent ahead of the answer to another. */
  charge(socket: Socket): void
  /** Tells that one of these was answered, and the answer taken. */
  settle(socket: Socket): void
}

const AHEAD = Symbol('ahead')

/** Written to the socket itself: a Map by address would not know what goes with a connection. */
interface Counted extends Socket {
  /** Requests that it sent ahead, until their answers are taken. */
  [AHEAD]?: number
}

/** Whether it sent requests ahead whose answers it has not taken. */
export const isAhead = (socket: Counted): boolean => Number(socket[AHEAD]) > 0

/**
 * Node reads 64 KiB of a connection and makes requests of all of it, some thousand, before it is anybody else's turn, and
 * of a hundred connections in one turn of the loop. Those of an address that sends many requests ahead of their answers
 * stand in line until each was read once: one in a turn, and none while too many wait. Balancers send none ahead.
 */
export function readInTurn(server: Server): AddressTurns {
  /** By address. */
  const connections = new Map<string, Set<Socket>>()
  /** By address, in this turn. */
  const sentAhead = new Map<string, number>()
  /** By address: connections that are not read until their turn comes. */
  const lines = new Map<string, Set<Socket>>()
  /** By address: requests that were sent ahead and whose answers are not taken. */
  const unanswered = new Map<string, number>()
  let isDue = false

  server.on('connection', (socket: Counted) => {
    const address = peerOf(socket)
    const own = setIn(connections, address).add(socket)
    socket.once('close', () => {
      count(address, -(socket[AHEAD] ?? 0))
      socket[AHEAD] = 0
      own.delete(socket)
      if (own.size === 0) connections.delete(address)
    })
    // Node reads on for whoever reads a body.
    socket.on('resume', () => {
      if (lines.get(address)?.has(socket)) socket.pause()
    })
    // Node resumes it in the next tick, whether it is paused or not, and a second pause does nothing: it comes with that.
    lines.get(address)?.add(socket)
  })

  function wait(socket: Socket, line: Set<Socket>): void {
    socket.pause()
    line.add(socket)
  }

  function makeLine(address: string): void {
    const line = setIn(lines, address)
    for (const socket of setIn(connections, address)) if (!line.has(socket)) wait(socket, line)
  }

  function count(address: string, requests: number): void {
    const now = (unanswered.get(address) ?? 0) + requests
    if (now === 0) unanswered.delete(address)
    else unanswered.set(address, now)
    if (requests < 0 && lines.has(address)) schedule()
  }

  function nextTurn(): void {
    isDue = false
    sentAhead.clear()
    for (const [address, line] of lines) {
      if (isBeyond(address)) continue
      const [next] = line
      if (next !== undefined) {
        line.delete(next)
        next.resume()
      }
      if (line.size === 0) lines.delete(address)
      else schedule()
    }
  }

  const isBeyond = (address: string) => Number(unanswered.get(address)) >= SENT_AHEAD_BY_ADDRESS

  function schedule(): void {
    if (isDue) return
    isDue = true
    setImmediate(nextTurn)
  }

  return {
    charge(socket: Counted) {
      const address = peerOf(socket)
      const requests = (sentAhead.get(address) ?? 0) + 1
      sentAhead.set(address, requests)
      socket[AHEAD] = (socket[AHEAD] ?? 0) + 1
      count(address, 1)
      if (requests === SENT_AHEAD_A_TURN || unanswered.get(address) === SENT_AHEAD_BY_ADDRESS)
        makeLine(address)
      schedule()
    },

    settle(socket: Counted) {
      // That of a connection which has closed went with it.
      if (!isAhead(socket)) return
      socket[AHEAD] = Number(socket[AHEAD]) - 1
      count(peerOf(socket), -1)
    },
  }
}

function setIn(sets: Map<string, Set<Socket>>, address: string): Set<Socket> {
  const found = sets.get(address) ?? new Set()
  sets.set(address, found)
  return found
}
