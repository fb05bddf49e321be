import {
  type PrimaryChannel,
  primaryChannel,
  type ToPrimary,
  type ToWorker,
  type WorkerEnd,
  type WorkerProcess,
} from '../../../src/cli/terminal/worker-channel.ts'

/** A line between a primary and a worker: messages arrive later, in order, and as JSON makes them. */
export interface FakeLine {
  /** The worker's end. */
  readonly primary: PrimaryChannel
  /** The primary's end. */
  readonly process: WorkerProcess
  /** What the worker was told. */
  readonly told: ToWorker[]
  /** The worker ends; nothing is heard of it any more. */
  end(end: WorkerEnd): void
  readonly killed: () => boolean
}

export function fakeLine(index: number): FakeLine {
  const told: ToWorker[] = []
  const toWorker: ((message: ToWorker) => void)[] = []
  const toPrimary: ((message: ToPrimary) => void)[] = []
  let hasEnded = false
  let isKilled = false
  let settle = (_end: WorkerEnd) => {}
  const ended = new Promise<WorkerEnd>((resolve) => {
    settle = resolve
  })
  const later = <T>(message: T, listeners: ((message: T) => void)[]) => {
    const received: T = JSON.parse(JSON.stringify(message))
    setImmediate(() => {
      if (!hasEnded) for (const listener of listeners) listener(received)
    })
  }
  function end(how: WorkerEnd): void {
    hasEnded = true
    settle(how)
  }
  return {
    told,
    end,
    killed: () => isKilled,
    primary: primaryChannel({
      index,
      send: (message) => later(message, toPrimary),
      onMessage: (listener) => toWorker.push(listener),
    }),
    process: {
      send(message) {
        told.push(message)
        later(message, toWorker)
      },
      onMessage: (listener) => toPrimary.push(listener),
      ended,
      kill() {
        isKilled = true
        end({ code: null, signal: 'SIGKILL' })
      },
    },
  }
}
