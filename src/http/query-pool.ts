import type { FastifyReply } from 'fastify'
import { AppError } from '../std/errors.ts'
import { knockWhenHalfOpen } from './half-open.ts'

/** Ours: queries share one thread, and more at a time would only make each of them slower. */
export const QUERIES_AT_ONCE = 2
/** Ours: what is done within the deadline by two that take half a second each. */
export const MAX_WAITING_QUERIES = 32
/** Waiting and running ones: a dashboard asks six at a time, which is what a browser does. */
export const MAX_QUERIES_OF_TOKEN = 8
/** Waiting, and then again running: longer than anyone looks at an empty chart. */
export const QUERY_DEADLINE_MS = 10_000
/** Soon enough for a dashboard that was one of many; the place of a query is free again after some 100 ms. */
const BUSY_RETRY_MS = 2_000

export interface PoolLimits {
  readonly atOnce: number
  readonly waiting: number
  readonly ofToken: number
  readonly deadlineMs: number
}

export interface Asker {
  /** Name of the token. */
  readonly token: string
  /** Aborts when nobody waits for the answer any more. */
  readonly gone: AbortSignal
}

/**
 * Where queries wait for their turn, so that no number of them is more than the process can bear. Tokens take turns: a
 * free place goes to whoever has fewest queries running, then to whose turn it is.
 */
export interface QueryPool {
  /**
   * What the work answers, or `queries_busy` at once, `query_timeout` at the deadline, or the reason of `gone`. The work
   * must end soon after its signal aborts: until then it keeps its place.
   */
  ask<T>(asker: Asker, work: PoolWork<T>): Promise<T>
  /** Rejects what waits or runs, and what comes, with `shutting_down`. Resolves when all work has really ended. */
  end(): Promise<void>
}

/** Work of several parts gives way between two of them: whoever else has the next turn takes it first. */
export type PoolWork<T> = (signal: AbortSignal, giveWay: () => Promise<void>) => Promise<T>

/** The turns of those that are answered from rollups. */
export const QUERIES: PoolLimits = {
  atOnce: QUERIES_AT_ONCE,
  waiting: MAX_WAITING_QUERIES,
  ofToken: MAX_QUERIES_OF_TOKEN,
  deadlineMs: QUERY_DEADLINE_MS,
}

export function queryPool(limits: PoolLimits = QUERIES): QueryPool {
  /** How each is told that it is its turn, longest waiting first, by token; the token that was served last is last. */
  const queues = new Map<string, (() => void)[]>()
  const runningOf = new Map<string, number>()
  const ofToken = new Map<string, number>()
  const ending = new AbortController()
  const underWay = new Set<Promise<unknown>>()
  let running = 0
  let waiting = 0

  function enter(token: string): void {
    const own = ofToken.get(token) ?? 0
    if (own >= limits.ofToken) throw busy(`The token has ${own} queries under way.`)
    if (running >= limits.atOnce && waiting >= limits.waiting) throw busy(`${waiting} queries wait already.`)
    add(ofToken, token, 1)
  }

  function leaveQueue(token: string, queue: (() => void)[], begin: () => void): void {
    waiting--
    queue.splice(queue.indexOf(begin), 1)
    if (queue.length === 0) queues.delete(token)
  }

  /** Resolves when it is its turn; rejects, and waits no longer, when the signal aborts before. */
  function waitForTurn(token: string, signal: AbortSignal, place: 'first' | 'last'): Promise<void> {
    if (running < limits.atOnce) {
      start(token)
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const queue = queues.get(token) ?? []
      const leave = () => {
        leaveQueue(token, queue, begin)
        reject(signal.reason)
      }
      const begin = () => {
        signal.removeEventListener('abort', leave)
        leaveQueue(token, queue, begin)
        start(token)
        resolve()
      }
      signal.addEventListener('abort', leave, { once: true })
      if (place === 'first') {
        queue.unshift(begin)
        // It was served last.
        queues.delete(token)
      } else queue.push(begin)
      queues.set(token, queue)
      waiting++
    })
  }

  function start(token: string): void {
    running++
    add(runningOf, token, 1)
  }

  /** The place is taken over at once, so that nobody slips in between. */
  function passOn(token: string): void {
    running--
    add(runningOf, token, -1)
    const load = (name: string) => runningOf.get(name) ?? 0
    const [next] = [...queues].sort(([a], [b]) => load(a) - load(b))
    if (next === undefined) return
    const [name, queue] = next
    queues.delete(name)
    queues.set(name, queue)
    for (const begin of queue.slice(0, 1)) begin()
  }

  async function taken<T>({ token, signal, begun, work }: Taken<T>): Promise<T> {
    await waitForTurn(token, signal, 'last')
    begun()
    let hasPlace = true
    async function giveWay(): Promise<void> {
      signal.throwIfAborted()
      if (queues.size === 0) return
      // Before others of its token, which would else all be half done at their deadlines.
      const turn = waitForTurn(token, signal, 'first')
      hasPlace = false
      passOn(token)
      await turn
      hasPlace = true
    }
    try {
      signal.throwIfAborted()
      return await work(signal, giveWay)
    } finally {
      if (hasPlace) passOn(token)
    }
  }

  return {
    async ask({ token, gone }, work) {
      ending.signal.throwIfAborted()
      enter(token)
      const late = new AbortController()
      const wind = () => setTimeout(() => late.abort(timedOut(limits.deadlineMs)), limits.deadlineMs)
      let timer = wind()
      const begun = () => {
        clearTimeout(timer)
        timer = wind()
      }
      const signal = AbortSignal.any([gone, late.signal, ending.signal])
      // Its token is charged until the work has really ended, which may be after the answer.
      const done = taken({ token, signal, begun, work }).finally(() => {
        add(ofToken, token, -1)
        underWay.delete(done)
      })
      underWay.add(done)
      try {
        return await Promise.race([done, rejected(signal)])
      } finally {
        clearTimeout(timer)
      }
    },
    async end() {
      ending.abort(new AppError('shutting_down', 'This instance ends what it was asked.'))
      await Promise.allSettled(underWay)
    },
  }
}

interface Taken<T> {
  readonly token: string
  readonly signal: AbortSignal
  /** Told when it is its turn. */
  readonly begun: () => void
  readonly work: PoolWork<T>
}

/** What is zero is not kept. */
function add(counts: Map<string, number>, name: string, by: number): void {
  const sum = (counts.get(name) ?? 0) + by
  if (sum > 0) counts.set(name, sum)
  else counts.delete(name)
}

/** Aborts when the connection ends before the answer does. */
export function goneBefore({ raw, request }: FastifyReply): AbortSignal {
  const gone = new AbortController()
  raw.once('close', () => gone.abort(new AppError('cancelled', 'Nobody waits for the answer.')))
  knockWhenHalfOpen(request.raw, raw)
  return gone.signal
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

const busy = (why: string) => new AppError('queries_busy', why, { retryAfterMs: BUSY_RETRY_MS })
const timedOut = (ms: number) =>
  new AppError('query_timeout', `The query took longer than ${ms / 1_000} s; ask for a shorter range.`, {
    retryAfterMs: ms,
  })
