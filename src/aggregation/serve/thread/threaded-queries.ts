import type { Worker } from 'node:worker_threads'
import { AppError } from '../../../std/errors.ts'
import type { Logger } from '../../../std/telemetry.ts'
import type { AnswerText, Queries, QueryContext } from '../query-port.ts'
import { errorOf } from './carried-failure.ts'
import type { FromQueryThread, Question, ToQueryThread } from './thread-messages.ts'

export interface QueryThreadPorts {
  /** Starts a thread that answers as `answerQuestions` does. */
  readonly start: () => Worker
  readonly log: Logger
}

interface Waiter {
  readonly resolve: (answer: AnswerText) => void
  readonly reject: (error: Error) => void
}

/**
 * Queries in a thread of their own, with a heap of its own: neither what they compute nor what they leave to the garbage
 * collector keeps the event loop of this thread from its other work, such as beacons. The thread is started by the first
 * question, and anew by the next one after it ended; nothing waits for it when the process ends.
 */
export function threadedQueries({ start, log }: QueryThreadPorts): Queries {
  const waiting = new Map<number, Waiter>()
  // An error was put into words there: pino would take those for an error of the class Object.
  const there = log.child({}, { serializers: { err: (written: unknown) => written } })
  let thread: Worker | undefined
  let questions = 0

  function started(): Worker {
    const worker = start()
    let why: unknown = new AppError('internal', 'The thread of queries ended')
    worker.on('message', (message: FromQueryThread) => take(message))
    worker.on('error', (error) => {
      why = error
    })
    // After its last message and its error. What it was asked it answers no more.
    worker.on('exit', () => {
      thread = undefined
      log.error({ err: why, queries: waiting.size }, 'the thread of queries ended')
      const failure = new AppError('internal', 'The thread of queries ended with work under way', {
        cause: why,
      })
      for (const { reject } of waiting.values()) reject(failure)
    })
    worker.unref()
    return worker
  }

  function take(message: FromQueryThread): void {
    switch (message.kind) {
      case 'answer':
        waiting.get(message.id)?.resolve(message.answer)
        break
      case 'failure':
        waiting.get(message.id)?.reject(errorOf(message.failure))
        break
      case 'logged':
        logAgain(there, message.line)
    }
  }

  /** Ends when the work has: whoever has no use for the answer is told of that, too. */
  async function ask(question: Question, { signal, ...asking }: QueryContext): Promise<AnswerText> {
    signal.throwIfAborted()
    thread ??= started()
    const [worker, id] = [thread, questions++]
    const send = (message: ToQueryThread) => worker.postMessage(message)
    const cancel = () => send({ kind: 'cancel', id })
    signal.addEventListener('abort', cancel, { once: true })
    worker.ref()
    try {
      return await new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        send({ kind: 'ask', id, question, asking })
      })
    } finally {
      signal.removeEventListener('abort', cancel)
      waiting.delete(id)
      if (waiting.size === 0) worker.unref()
    }
  }

  return {
    series: (query, asking) => ask({ kind: 'series', query }, asking),
    top: (query, asking) => ask({ kind: 'top', query }, asking),
    histogram: (query, asking) => ask({ kind: 'histogram', query }, asking),
    compare: (query, asking) => ask({ kind: 'compare', query }, asking),
    changes: (query, asking) => ask({ kind: 'changes', query }, asking),
    releases: (query, asking) => ask({ kind: 'releases', query }, asking),
    objectives: (query, asking) => ask({ kind: 'objectives', query }, asking),
    alerts: (query, asking) => ask({ kind: 'alerts', query }, asking),
    metrics: (query, asking) => ask({ kind: 'metrics', query }, asking),
  }
}

/** Says it as the thread did: its level, its text, and its fields as they were written. Its time is this one. */
function logAgain(log: Logger, line: string): void {
  const { level, time: _, msg, ...fields } = JSON.parse(line)
  const isError = log.levels.labels[level] === 'error'
  log[isError ? 'error' : 'warn'](fields, msg)
}
