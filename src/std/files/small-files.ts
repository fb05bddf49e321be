import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { unlessThrown } from '../expected-errors.ts'
import { flagsOf } from './not-a-file.ts'

/** The largest file that is read. Ours: an entry of the index has a kilobyte. */
const MAX_SMALL_FILE_BYTES = 65_536
/** The most that is read in one go. Ours. */
const MAX_BYTES_IN_ONE_GO = 1_048_576

/** What was read, one after the other. */
export interface SmallFiles {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Where each of the paths ends, in their order; null for one that was not read. */
  readonly ends: readonly (number | null)[]
}

/** What a system call answered; anything else is a mistake of ours. */
const isSystemError = (error: unknown): boolean => error instanceof Error && 'syscall' in error

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
    return readSync(file, into, at, found.size, 0)
  } finally {
    closeSync(file)
  }
}
