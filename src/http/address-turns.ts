import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { lruCache } from '../std/lru.ts'
import { blockOf } from './sender/sender.ts'

/** Requests of one address that are sent ahead of answers. */
export interface SentAheadLimits {
  /** In a round of the loop, after which its connections are read one in a round. */
  readonly aRound: number
  /** Without an answer that was taken, from which on those that did it, or have sent nothing yet, are not read. */
  readonly unanswered: number
  /** The same, of what is parsed in the long run, answered or not. */
  readonly aSecond: number
  /** At once, before that is asked. */
  readonly burst: number
}

/**
 * Ours. Node takes up to 50 µs for one from its parser to its answer, so that an address has a tenth of a core; unanswered
 * they hold 16 MiB, with what Node makes of them. A read of 64 KiB adds 2,500 of the shortest. Browsers and balancers send
 * none ahead.
 */
export const SENT_AHEAD_LIMITS: SentAheadLimits = {
  aRound: 64,
  unanswered: 4_096,
  aSecond: 2_000,
  burst: 4_096,
}

/** Addresses of which it is remembered what they owe, once they have left: as many as may be connected. */
const MAX_DEBTORS = 10_000

export interface AddressTurnsOptions {
  readonly limits: SentAheadLimits
  /** Whether a request of a connection has come. */
  readonly hasAsked: (socket: Socket) => boolean
  /** Whether nothing of a connection is to be read, whoever's turn it is. */
  readonly isHeld: (socket: Socket) => boolean
  readonly monotonicMs: () => number
}

export interface AddressTurns {
  /** Tells of a request that was sent ahead of the answer to another. */
  countAhead(socket: Socket): void
  /** Tells that one of these was answered, and the answer taken. */
  countTaken(socket: Socket): void
}

/** An address that is connected. */
interface Peer {
  /** What counts as one address. */
  readonly address: string
  readonly connections: Set<Socket>
  /** Requests that were sent ahead in this round. */
  sentAhead: number
  /** Those whose answers are not taken. */
  unanswered: number
  /** When all of them are paid for. */
  paidAtMs: number
  /** Connections that are not read until their turn comes; the polite ones first. */
  line: { readonly polite: Set<Socket>; readonly others: Set<Socket> } | undefined
}

const PEER = Symbol('peer')
const AHEAD = Symbol('ahead')
const POLITE_AT = Symbol('politeAt')

/** Written to the socket itself: a Map by address would not know what goes with a connection. */
interface Known extends Socket {
  [PEER]?: Peer
  /** Requests that it sent ahead, until their answers are taken. */
  [AHEAD]?: number
  /** When all is paid for that its address had sent ahead, with the last of its own. */
  [POLITE_AT]?: number
}

/** Whether it sent requests ahead whose answers it has not taken. */
export const isAhead = (socket: Known): boolean => Number(socket[AHEAD]) > 0

/**
 * Node reads 64 KiB of a connection and makes requests of all of it, some thousand, before it is anybody else's turn, and
 * of a hundred connections in one round of the loop. Those of an address that sends many requests ahead of their answers
 * stand in line until each was read once: one in a round, and those that do it no oftener than they may.
 */
export function readInTurn(
  server: Server,
  { limits, hasAsked, isHeld, monotonicMs }: AddressTurnsOptions,
): AddressTurns {
  const peers = new Map<string, Peer>()
  /** Those that have sent ahead in this round, or have a line. */
  const busy = new Set<Peer>()
  const debts = lruCache<number>(MAX_DEBTORS)
  const costMs = 1_000 / limits.aSecond
  let isDue = false
  let timer: NodeJS.Timeout | undefined

  server.on('connection', (socket: Known) => {
    const peer = peerAt(blockOf(socket))
    socket[PEER] = peer
    peer.connections.add(socket)
    socket.once('close', () => leave(peer, socket))
    // Node reads on for whoever reads a body. It resumes a new connection in the next tick, whether it was paused or not,
    // and to pause what is paused does nothing: so that one is paused with that.
    socket.on('resume', () => {
      if (isHeld(socket) || isInLine(peer, socket)) socket.pause()
    })
    if (peer.line !== undefined || waitMsOf(peer) > 0) lineUp(peer, socket)
  })

  function peerAt(address: string): Peer {
    const paidAtMs = debts.get(address) ?? 0
    const none = { address, sentAhead: 0, unanswered: 0, paidAtMs, line: undefined }
    const peer = peers.get(address) ?? { ...none, connections: new Set() }
    peers.set(address, peer)
    return peer
  }

  function leave(peer: Peer, socket: Known): void {
    const { address, connections, line, paidAtMs } = peer
    peer.unanswered -= Number(socket[AHEAD] ?? 0)
    socket[AHEAD] = 0
    line?.polite.delete(socket)
    line?.others.delete(socket)
    if (line !== undefined) scheduleReading(0)
    connections.delete(socket)
    if (connections.size > 0) return
    peers.delete(address)
    if (paidAtMs > monotonicMs()) debts.set(address, paidAtMs)
  }

  function lineUp(peer: Peer, socket: Socket): void {
    peer.line ??= { polite: new Set(), others: new Set() }
    const own = isPolite(socket) ? peer.line.polite : peer.line.others
    own.add(socket)
    busy.add(peer)
    scheduleReading(0)
  }

  /**
   * It has sent requests and owes for none of them: others of its address cost it a turn, and no more. Connections that
   * wait until they are polite again, to send ahead then, send no more together than the address may.
   */
  const isPolite = (socket: Known): boolean =>
    hasAsked(socket) && !isAhead(socket) && Number(socket[POLITE_AT] ?? 0) <= monotonicMs()

  function pauseAll(peer: Peer): void {
    for (const socket of peer.connections) {
      if (isInLine(peer, socket)) continue
      lineUp(peer, socket)
      socket.pause()
    }
  }

  /**
   * How long until what sends ahead is read: until that is paid for, but for what may be sent at once, or until answers
   * are taken.
   */
  const waitMsOf = ({ unanswered, paidAtMs }: Peer): number =>
    unanswered >= limits.unanswered
      ? Number.POSITIVE_INFINITY
      : paidAtMs - limits.burst * costMs - monotonicMs()

  function readOneOfEach(): void {
    isDue = false
    let pauseMs = Number.POSITIVE_INFINITY
    for (const peer of busy) {
      peer.sentAhead = 0
      pauseMs = Math.min(pauseMs, readNext(peer))
      if (peer.line === undefined) busy.delete(peer)
    }
    if (pauseMs < Number.POSITIVE_INFINITY) scheduleReading(pauseMs)
  }

  /** Lets one connection of an address be read, if it may. Answers how long the next one waits, if time tells. */
  function readNext(peer: Peer): number {
    if (peer.line === undefined) return Number.POSITIVE_INFINITY
    const { polite, others } = peer.line
    const waitMs = waitMsOf(peer)
    const line = polite.size > 0 || waitMs > 0 ? polite : others
    const [next] = line
    if (next !== undefined) {
      line.delete(next)
      next.resume()
    }
    if (polite.size > 0) return 0
    if (others.size > 0) return waitMs
    peer.line = undefined
    return Number.POSITIVE_INFINITY
  }

  function scheduleReading(pauseMs: number): void {
    if (isDue) return
    clearTimeout(timer)
    isDue = pauseMs <= 0
    if (isDue) setImmediate(readOneOfEach)
    else timer = setTimeout(readOneOfEach, pauseMs).unref()
  }

  return {
    countAhead(socket: Known) {
      const peer = socket[PEER] as Peer
      socket[AHEAD] = (socket[AHEAD] ?? 0) + 1
      peer.unanswered++
      peer.sentAhead++
      peer.paidAtMs = Math.max(peer.paidAtMs, monotonicMs()) + costMs
      socket[POLITE_AT] = peer.paidAtMs
      busy.add(peer)
      scheduleReading(0)
      if (peer.sentAhead === limits.aRound || peer.unanswered === limits.unanswered) pauseAll(peer)
      else if (waitMsOf(peer) > 0 && !isInLine(peer, socket)) {
        lineUp(peer, socket)
        socket.pause()
      }
    },

    countTaken(socket: Known) {
      // That of a connection which has closed went with it.
      if (!isAhead(socket)) return
      const peer = socket[PEER] as Peer
      socket[AHEAD] = Number(socket[AHEAD]) - 1
      peer.unanswered--
      if (peer.line !== undefined) scheduleReading(0)
    },
  }
}

const isInLine = ({ line }: Peer, socket: Socket): boolean =>
  line !== undefined && (line.polite.has(socket) || line.others.has(socket))
