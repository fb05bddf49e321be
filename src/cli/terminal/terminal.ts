import type { Cluster, Worker } from 'node:cluster'
import { closeUntaken } from './untaken.ts'
import {
  type PrimaryChannel,
  primaryChannel,
  type ToPrimary,
  type ToWorker,
  type WorkerProcess,
} from './worker-channel.ts'

/** What a command sees of the process that it runs in. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** What a shell takes for this program; left out, its name. */
  readonly program?: string
  /** A person is watching: progress may be redrawn in place. */
  readonly interactive: boolean
  /** A person sees standard error, whatever becomes of standard output. */
  readonly isErrWatched: boolean
  /** Aborts at the first SIGTERM or SIGINT, and when the primary of this worker says so. */
  readonly stop: AbortSignal
  /** In a worker only. */
  readonly primary?: PrimaryChannel
  /** What is given on standard input. */
  input(): AsyncIterable<Buffer>
  out(text: string): void
  /** What kept text from being written out, once all was tried; undefined where nothing did. Left out: nothing does. */
  unwritten?(): Promise<Error | undefined>
  err(text: string): void
  /** Calls back at each SIGHUP, and when the primary says so: configuration is to be read again. */
  onReload(callback: () => void): void
  /** Runs this command line once more, in a process that shares our listeners and ends when this one does. */
  fork(index: number): WorkerProcess
}

/** Which worker a process is; set by its primary. */
const INDEX = 'HEADGATE_WORKER'

export function processTerminal(process: NodeJS.Process, cluster: Cluster): Terminal {
  // A full disk, a pipe whose reader ended: what cannot be written is lost, and the next line is tried again. Events
  // that are acknowledged weigh more than a log.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', unheard)
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())
  const primary = cluster.isWorker ? primaryOf(process) : undefined
  primary?.onMessage(({ kind }) => {
    if (kind === 'stop') stop.abort()
  })
  return {
    env: process.env,
    interactive: process.stdout.isTTY === true,
    isErrWatched: process.stderr.isTTY === true,
    stop: stop.signal,
    ...(primary && { primary }),
    input: () => process.stdin,
    ...writer(process.stdout),
    err: (text) => process.stderr.write(text),
    onReload(callback) {
      process.on('SIGHUP', callback)
      primary?.onMessage(({ kind }) => {
        if (kind === 'reload') callback()
      })
    },
    fork: (index) => workerOf(cluster.fork({ [INDEX]: `${index}` })),
  }
}

/**
 * What is said to a stream that takes nothing, or to a process that is gone, is lost. That the process is gone is told by
 * its end.
 */
const unheard = () => {}

/** Writes, and keeps the first failure for whoever asks. */
function writer(stream: NodeJS.WriteStream): Required<Pick<Terminal, 'out' | 'unwritten'>> {
  let failure: Error | undefined
  let last = Promise.resolve()
  return {
    out(text) {
      // Callbacks come in the order of the writes.
      last = new Promise((resolve) => {
        stream.write(text, (error) => {
          failure ??= error ?? undefined
          resolve()
        })
      })
    },
    async unwritten() {
      await last
      return failure
    },
  }
}

/** Node ends a worker whose primary is gone; nothing is left to say then. */
function primaryOf(process: NodeJS.Process): PrimaryChannel {
  return primaryChannel({
    index: Number(process.env[INDEX]),
    send: (message) => process.send?.(message, undefined, undefined, unheard),
    onMessage: (listener) => process.on('message', (message) => listener(message as ToWorker)),
  })
}

function workerOf(worker: Worker): WorkerProcess {
  closeUntaken(worker)
  return {
    send: (message) => worker.send(message, unheard),
    onMessage: (listener) => worker.on('message', (message: ToPrimary) => listener(message)),
    ended: new Promise((resolve) => {
      worker.once('exit', (code, signal) => resolve({ code, signal }))
      // It could not be started, or what Node itself said to it could not be written.
      worker.on('error', () => resolve({ code: null, signal: null }))
    }),
    kill: () => worker.process.kill('SIGKILL'),
  }
}
