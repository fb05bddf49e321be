import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { peerOf } from './sender/sender.ts'

/** Requests of an address, sent ahead of answers, after which its connections are read one in a turn. Ours. */
export const SENT_AHEAD_A_TURN = 64

export interface AddressTurns {
  /** Tells of a request that was sent ahead of the answer to another. */
  charge(socket: Socket): void
}

/**
 * Node reads 64 KiB of a connection and makes requests of all of it, some thousand, before it is anybody else's turn, and
 * of a hundred connections in one turn of the loop. Those of an address that sends many requests ahead of their answers
 * stand in line until each was read once: one in a turn. Balancers send none ahead.
 */
export function readInTurn(server: Server): AddressTurns {
  /** By address. */
  const connections = new Map<string, Set<Socket>>()
  /** By address, in this turn. */
  const sentAhead = new Map<string, number>()
  /** By address: connections that are not read until their turn comes. */
  const lines = new Map<string, Set<Socket>>()
  let isDue = false

  server.on('connection', (socket) => {
    const address = peerOf(socket)
    const own = setIn(connections, address).add(socket)
    socket.once('close', () => {
      own.delete(socket)
      if (own.size === 0) connections.delete(address)
    })
    // Node reads on for whoever reads a body.
    socket.on('resume', () => {
      if (lines.get(address)?.has(socket)) socket.pause()
    })
    const line = lines.get(address)
    if (line !== undefined) wait(socket, line)
  })

  function wait(socket: Socket, line: Set<Socket>): void {
    socket.pause()
    line.add(socket)
  }

  function makeLine(address: string): void {
    const line = setIn(lines, address)
    for (const socket of setIn(connections, address)) if (!line.has(socket)) wait(socket, line)
  }

  function nextTurn(): void {
    isDue = false
    sentAhead.clear()
    for (const [address, line] of lines) {
      const [next] = line
      if (next !== undefined) {
        line.delete(next)
        next.resume()
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
      const address = peerOf(socket)
      const requests = (sentAhead.get(address) ?? 0) + 1
      sentAhead.set(address, requests)
      if (requests === SENT_AHEAD_A_TURN) makeLine(address)
      schedule()
    },
  }
}

function setIn(sets: Map<string, Set<Socket>>, address: string): Set<Socket> {
  const found = sets.get(address) ?? new Set()
  sets.set(address, found)
  return found
}
