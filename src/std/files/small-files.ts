import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { limitConcurrency } from '../async/concurrency-limit.ts'
import { unlessThrown } from '../expected-errors.ts'
import type { Logger } from '../telemetry.ts'
import { flagsOf } from './not-a-file.ts'

/** Many small files in one go, by path: those that could be read so. Each of the others is to be read by itself. */
export type ReadSmallFiles = (paths: readonly string[]) => Promise<ReadonlyMap<string, Buffer>>

/** Of a larger file nothing is read. Ours: an entry of the index has a kilobyte. */
const MAX_SMALL_FILE_BYTES = 65_536
/** Nor of what comes after so much. Ours. */
const MAX_BYTES_IN_ONE_GO = 4_194_304
/** A thread that nobody has asked anything for as long ends. Ours. */
const MAX_IDLE_MS = 2_000

/** What was read, one after the other. */
export interface SmallFiles {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Where each of the paths ends, in their order; null for one that was not read. */
  readonly ends: readonly (number | null)[]
}

/** Of a system call; anything else is a mistake of ours. */
const isSystemError = (error: unknown): boolean => error instanceof Error && 'syscall' in error

const NOTHING: SmallFiles = { bytes: new Uint8Array(), ends: [] }

/**
 * Waits for the disk itself, so this is for a thread that has nothing else to do: each call costs a few microseconds, and
 * ten times as many where it is handed to one of libuv's threads.
 */
export function readSmallFiles(paths: readonly string[]): SmallFiles {
  const into = Buffer.allocUnsafeSlow(MAX_BYTES_IN_ONE_GO)
  let end = 0
  const ends = paths.map((path) => {
    // What is wrong with it is told to whoever reads it by itself.
    const length = unlessThrown(() => readAt(into, end, path), isSystemError)
    if (length === undefined) return null
    end += length
    return end
  })
  return { bytes: new Uint8Array(into.buffer.slice(0, end)), ends }
}

/** How many bytes it has; undefined when there is no room for them. */
function readAt(into: Buffer, at: number, path: string): number | undefined {
  const file = openSync(path, flagsOf('r'))
  try {
    const found = fstatSync(file)
    if (!found.isFile() || found.size > Math.min(MAX_SMALL_FILE_BYTES, into.length - at)) return undefined
    const length = found.size === 0 ? 0 : readSync(file, into, at, found.size, 0)
    return length === found.size ? length : undefined
  } finally {
    closeSync(file)
  }
}

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
      thread = undefined
      log.error({ err: error }, 'the thread that reads small files ended')
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
