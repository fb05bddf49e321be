import type { Worker } from 'node:worker_threads'
import { limitConcurrency } from '../std/async/concurrency-limit.ts'
import type { SmallFiles } from '../std/files/small-files.ts'
import type { Logger } from '../std/telemetry.ts'

/** Many small files in one go, by path: those that could be read so. Each of the others is to be read by itself. */
export type ReadSmallFiles = (paths: readonly string[]) => Promise<ReadonlyMap<string, Buffer>>

/** A thread that nobody has asked anything for as long ends. Ours. */
const MAX_IDLE_MS = 2_000

const NOTHING: SmallFiles = { bytes: new Uint8Array(), ends: [] }

export interface SmallFilesPorts {
  /** Starts a thread that answers each list of paths with its `SmallFiles`, one after the other. */
  readonly start: () => Worker
  readonly log: Logger
  readonly idleMs?: number
}

/**
 * Reads in a thread of its own, which the first question starts, and which ends when there was none for a while. One that
 * fails costs nothing but time: whatever it was asked for is read otherwise.
 */
export function threadedSmallFiles({ start, log, idleMs = MAX_IDLE_MS }: SmallFilesPorts): ReadSmallFiles {
  const oneAtATime = limitConcurrency(1)
  let thread: Worker | undefined
  let idle: NodeJS.Timeout | undefined
  let answer: (found: SmallFiles) => void

  function started(): Worker {
    const worker = start()
    worker.on('message', (found: SmallFiles) => answer(found))
    worker.on('error', (error) => {
      log.error({ err: error }, 'the thread that reads small files ended')
      // One that was given up has nobody who waits.
      if (worker !== thread) return
      thread = undefined
      answer(NOTHING)
    })
    return worker
  }

  const ask = (paths: readonly string[]): Promise<SmallFiles> =>
    oneAtATime(async () => {
      clearTimeout(idle)
      thread ??= started()
      const worker = thread
      worker.ref()
      const found = await new Promise<SmallFiles>((resolve) => {
        answer = resolve
        worker.postMessage(paths)
      })
      // The process ends without it.
      worker.unref()
      idle = setTimeout(end, idleMs).unref()
      return found
    })

  function end(): void {
    void thread?.terminate()
    thread = undefined
  }

  return async (paths) => byPath(paths, await ask(paths))
}

function byPath(paths: readonly string[], { bytes, ends }: SmallFiles): ReadonlyMap<string, Buffer> {
  const all = Buffer.from(bytes.buffer)
  const found = new Map<string, Buffer>()
  let from = 0
  for (const [at, path] of paths.entries()) {
    const end = ends[at]
    if (end == null) continue
    found.set(path, all.subarray(from, end))
    from = end
  }
  return found
}
