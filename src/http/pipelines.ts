import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { systemClock } from '../std/clock.ts'
import { AppError, type ErrorCode } from '../std/errors.ts'
import { readInTurn, SENT_AHEAD_LIMITS, type SentAheadLimits } from './address-turns.ts'
import { lastAnswer } from './problems.ts'
import { closeWithoutStacks, endBehind, isEnding, passOver } from './unread.ts'

export interface PipelineLimits {
  /** Requests that one connection sent ahead and that are worked at. */
  readonly atWork: number
  /** Requests of all connections that begin in one round of the loop. */
  readonly aRound: number
  /** Requests of one connection that wait. */
  readonly waiting: number
  /** What those that wait hold, of all connections. */
  readonly heldBytes: number
}

/** Ours. Browsers and balancers send one request at a time; so many refusals are made in half a millisecond. */
export const PIPELINE_LIMITS: PipelineLimits = {
  atWork: 32,
  aRound: 8,
  waiting: 1_024,
  heldBytes: 67_108_864,
}

/** Told of a request that was refused, and with which code. */
export type OnRefused = (request: IncomingMessage, code: ErrorCode) => void

export interface PipelineOptions {
  readonly limits?: PipelineLimits
  readonly sentAhead?: SentAheadLimits
  readonly monotonicMs?: () => number
  readonly onRefused: OnRefused
}

/** A request of Node with its answer, without a body: 3.5 KB measured. */
const REQUEST_BYTES = 4_096
/** Node reads so much at a time, and no more of a connection while a request of it waits. */
const READ_BYTES = 65_536

/** Requests that came on one connection before the answer to the one ahead of them. */
interface Pipeline {
  readonly socket: Socket
  readonly waiting: Exchange[]
  atWork: number
  /** Whether it was told of late that it sends too much. */
  owes: boolean
  isRefused: boolean
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly heldBytes: number
}

const ROUND = Symbol('round')
const PIPELINE = Symbol('pipeline')

/** Written to the socket itself: a look into a Map would be one for every request. */
interface Marked extends Socket {
  /** In which round of the loop a request of it began. */
  [ROUND]?: number
  /** Only once it has sent ahead. */
  [PIPELINE]?: Pipeline
}

/**
 * Node hands on every request in what it read, some thousand in 64 KiB, before it is anybody else's turn. Here those that
 * were sent ahead stand in line, some begin in a round of the loop, connections in turn, and no more of a connection is
 * read meanwhile. Of whoever sends more than may wait, or more than a quota allows, one request is refused, and none behind
 * it is heard. Call this before anything else listens for requests or connections.
 */
export function queuePipelines(
  server: Server,
  {
    limits = PIPELINE_LIMITS,
    sentAhead = SENT_AHEAD_LIMITS,
    monotonicMs = systemClock.monotonicMs,
    onRefused,
  }: PipelineOptions,
): void {
  const handlers = server.listeners('request')
  const turns = readInTurn(server, {
    limits: sentAhead,
    hasAsked: (socket: Marked) => socket[ROUND] !== undefined,
    isHeld: (socket: Marked) =>
      socket[PIPELINE] !== undefined && isHeld(socket[PIPELINE]) && !isEnding({ socket }),
    monotonicMs,
  })
  /** Those of which a request may begin. A Set keeps their order. */
  const ready = new Set<Pipeline>()
  let heldBytes = 0
  let isDue = false
  let loopRound = 0
  let isRoundMarked = false

  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // Who was told that the connection ends sends again what stands behind that (RFC 9112, section 9.6).
    if (isEnding(request)) passBy(request)
    // Only the answer that is written next has the socket; what is answered at once is out before the next one comes.
    else if (response.socket === null || hasBegun(request.socket)) queue(request, response)
    else handOn(request, response)
  })

  /** It was sent ahead of an answer, and parsed all the same. */
  function passBy(request: IncomingMessage): void {
    const socket: Marked = request.socket
    if (socket[PIPELINE] === undefined) openPipeline(socket)
    turns.countAhead(socket)
    passOver(request)
  }

  /** Whether a request of it has begun in this round of the loop, in which nobody can have read an answer. */
  function hasBegun(socket: Marked): boolean {
    if (!isRoundMarked) {
      isRoundMarked = true
      setImmediate(endRound)
    }
    const before = socket[ROUND]
    socket[ROUND] = loopRound
    return before === loopRound
  }

  function endRound(): void {
    isRoundMarked = false
    loopRound += 1
  }

  function handOn(request: IncomingMessage, response: ServerResponse): void {
    for (const handler of handlers) handler.call(server, request, response)
  }

  function queue(request: IncomingMessage, response: ServerResponse): void {
    const socket: Marked = request.socket
    const pipeline = socket[PIPELINE] ?? openPipeline(socket)
    turns.countAhead(socket)
    if (pipeline.isRefused) return void passOver(request)
    const exchange = { request, response, heldBytes: heldBy(request) }
    socket.pause()
    if (pipeline.waiting.length >= limits.waiting || heldBytes + exchange.heldBytes > limits.heldBytes) {
      refuse(pipeline, exchange)
      return
    }
    heldBytes += exchange.heldBytes
    pipeline.waiting.push(exchange)
    offerNext(pipeline)
  }

  function openPipeline(socket: Marked): Pipeline {
    const pipeline: Pipeline = { socket, waiting: [], atWork: 0, owes: false, isRefused: false }
    socket[PIPELINE] = pipeline
    socket.on('drain', () => offerNext(pipeline))
    socket.once('close', () => forget(pipeline))
    closeWithoutStacks(socket)
    return pipeline
  }

  function offerNext(pipeline: Pipeline): void {
    const [next] = pipeline.waiting
    if (next === undefined || pipeline.atWork >= limits.atWork) return
    // What nobody takes is not made.
    if (pipeline.socket.writableNeedDrain) return
    if (pipeline.owes) {
      turnAway(pipeline, next)
      return
    }
    ready.add(pipeline)
    scheduleWork()
  }

  function scheduleWork(): void {
    if (isDue || ready.size === 0) return
    isDue = true
    setImmediate(beginSome)
  }

  function beginSome(): void {
    isDue = false
    for (let left = limits.aRound; left > 0; left--) {
      const [pipeline] = ready
      const exchange = pipeline?.waiting.shift()
      if (pipeline === undefined || exchange === undefined) return
      ready.delete(pipeline)
      work(pipeline, exchange)
      offerNext(pipeline)
    }
    scheduleWork()
  }

  /** Who owes already, and goes on sending ahead, would be parsed and refused for ever. What is at work is answered. */
  function turnAway(pipeline: Pipeline, next: Exchange): void {
    forget(pipeline)
    refuse(pipeline, next)
  }

  function refuse(pipeline: Pipeline, { request, response }: Exchange): void {
    pipeline.isRefused = true
    sayLast(request, response)
    onRefused(request, REFUSAL.code)
  }

  function forget(pipeline: Pipeline): void {
    for (const exchange of pipeline.waiting.splice(0)) heldBytes -= exchange.heldBytes
    ready.delete(pipeline)
  }

  function work(pipeline: Pipeline, exchange: Exchange): void {
    const { request, response } = exchange
    heldBytes -= exchange.heldBytes
    if (isEnding(request)) return void passOver(request)
    pipeline.atWork++
    response.once('close', () => {
      pipeline.atWork--
      turns.countTaken(pipeline.socket)
      pipeline.owes = response.statusCode === TOO_MANY
      offerNext(pipeline)
    })
    if (!isHeld(pipeline)) request.socket.resume()
    handOn(request, response)
  }
}

const isHeld = ({ waiting, isRefused }: Pipeline): boolean => isRefused || waiting.length > 0

function heldBy({ headers }: IncomingMessage): number {
  const length =
    headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : READ_BYTES
  return REQUEST_BYTES + Math.min(length, READ_BYTES)
}

/** What a quota, an address limit and this file answer. */
const TOO_MANY = 429
const REFUSAL = {
  code: 'address_limit',
  detail: 'This connection sends too many requests ahead of their answers.',
} as const

/** Node writes it after the answers that are under way. */
function sayLast({ socket }: IncomingMessage, response: ServerResponse): void {
  const { status, headers, body } = lastAnswer(new AppError(REFUSAL.code, REFUSAL.detail))
  // Before Node, which ends the connection then.
  response.prependOnceListener('finish', () => endBehind(socket))
  response.writeHead(status, { ...headers, 'retry-after': '1' }).end(body)
}
