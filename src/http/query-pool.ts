import type { FastifyReply } from 'fastify'
import { AppError } from '../std/errors.ts'

/** Ours: queries share a process with the gateway, and more at a time would only make each of them slower. */
export const QUERIES_AT_ONCE = 2
/** Ours: what is done within the deadline by two that take half a second each. */
export const MAX_WAITING_QUERIES = 32
/** Waiting and running ones: a dashboard asks six at a time, which is what a browser does. */
export const MAX_QUERIES_OF_TOKEN = 8
/** Waiting and running: longer than anyone looks at an empty chart. */
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

/** Where queries wait for their turn, so that no number of them is more than the process can bear. */
export interface QueryPool {
  /**
   * What the work answers, or `queries_busy` at once, `query_timeout` at the deadline, or the reason of `gone`. The work
   * must end soon after its signal aborts: until then it keeps its place.
   */
  ask<T>(asker: Asker, work: (signal: AbortSignal) => Promise<T>): Promise<T>
}

const LIMITS: PoolLimits = {
  atOnce: QUERIES_AT_ONCE,
  waiting: MAX_WAITING_QUERIES,
  ofToken: MAX_QUERIES_OF_TOKEN,
  deadlineMs: QUERY_DEADLINE_MS,
}

export function queryPool(limits: PoolLimits = LIMITS): QueryPool {
  /** How each is told that it is its turn, longest waiting first. */
  const waiting = new Set<() => void>()
  const ofToken = new Map<string, number>()
  let running = 0

  function admit(token: string): void {
    const own = ofToken.get(token) ?? 0
    if (own >= limits.ofToken) throw busy(`The token has ${own} queries under way.`)
    if (running >= limits.atOnce && waiting.size >= limits.waiting)
      throw busy(`${waiting.size} queries wait already.`)
    ofToken.set(token, own + 1)
  }

  function dismiss(token: string): void {
    const others = Number(ofToken.get(token)) - 1
    if (others > 0) ofToken.set(token, others)
    else ofToken.delete(token)
  }

  /** Resolves when it is its turn; rejects, and waits no longer, when the signal aborts before. */
  function turn(signal: AbortSignal): Promise<void> {
    if (running < limits.atOnce) {
      running++
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiting.delete(begin)
        reject(signal.reason)
      }
      const begin = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      signal.addEventListener('abort', leave, { once: true })
      waiting.add(begin)
    })
  }

  /** Who waited longest takes the place over, so that nobody slips in between. */
  function passOn(): void {
    const [next] = waiting
    if (next === undefined) running--
    else {
      waiting.delete(next)
      next()
    }
  }

  async function taken<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    await turn(signal)
    try {
      signal.throwIfAborted()
      return await work(signal)
    } finally {
      passOn()
    }
  }

  return {
    async ask({ token, gone }, work) {
      admit(token)
      const late = new AbortController()
      const timer = setTimeout(() => late.abort(timedOut(limits.deadlineMs)), limits.deadlineMs)
      const signal = AbortSignal.any([gone, late.signal])
      // Its token is charged until the work has really ended, which may be after the answer.
      const done = taken(signal, work).finally(() => dismiss(token))
      try {
        return await Promise.race([done, rejected(signal)])
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** Aborts when the connection ends before the answer does. */
export function goneBefore(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort(new AppError('cancelled', 'Nobody waits for the answer.')))
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
