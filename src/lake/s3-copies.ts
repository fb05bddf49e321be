import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AppError } from '../std/errors.ts'
import { FILE_MODE } from '../std/files/files.ts'
import type { Entropy } from '../std/id.ts'

export interface LocalCopy {
  readonly path: string
  release(): Promise<void>
}

export interface LocalCopiesOptions {
  /** Exists, and is swept by its owner of `lake-*` that a dead process left. */
  readonly dir: string
  /** Most bytes of copies at a time: the disk is the journal's as well. */
  readonly maxBytes: number
  readonly entropy: Entropy
}

export type KeepCopy = (body: Readable, bytes: number, signal: AbortSignal) => Promise<LocalCopy>

/** Local files with the bytes of objects, each until it is released. */
export function localCopies({ dir, maxBytes, entropy }: LocalCopiesOptions): KeepCopy {
  let heldBytes = 0
  return async (body, bytes, signal) => {
    if (heldBytes + bytes > maxBytes) {
      body.destroy()
      const held = `${heldBytes} bytes of opened objects are held locally`
      throw new AppError('lake_failed', `No room for ${bytes} bytes: ${held}, at most ${maxBytes}`)
    }
    heldBytes += bytes
    const path = join(dir, `lake-${entropy.token(9)}`)
    let isHeld = true
    const release = async () => {
      if (isHeld) heldBytes -= bytes
      isHeld = false
      await rm(path, { force: true })
    }
    try {
      await pipeline(body, createWriteStream(path, { mode: FILE_MODE }), { signal })
      return { path, release }
    } catch (error) {
      await release()
      throw error
    }
  }
}
