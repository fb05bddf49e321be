import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AppError } from '../std/errors.ts'
import { FILE_MODE } from '../std/files/files.ts'
import type { Entropy } from '../std/id.ts'
import type { ObjectBody, Pace } from './s3-answer.ts'

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

export type KeepCopy = (object: ObjectBody, pace: Pace) => Promise<LocalCopy>

/** Local files with the bytes of objects, each until it is released. */
export function localCopies({ dir, maxBytes, entropy }: LocalCopiesOptions): KeepCopy {
  let heldBytes = 0

  /** Room for one copy, which grows with what comes: a server need not say how much that is. */
  function createRoom() {
    let bytes = 0
    return {
      atLeast(needed: number): void {
        const more = Math.max(0, needed - bytes)
        if (heldBytes + more > maxBytes) {
          const held = `${heldBytes - bytes} bytes of opened objects are held locally`
          throw new AppError('lake_failed', `No room for ${needed} bytes: ${held}, at most ${maxBytes}`)
        }
        heldBytes += more
        bytes += more
      },
      free(): void {
        heldBytes -= bytes
        bytes = 0
      },
    }
  }

  return async ({ body, announcedBytes }, pace) => {
    const room = createRoom()
    const path = join(dir, `lake-${entropy.token(9)}`)
    const release = async () => {
      room.free()
      await rm(path, { force: true })
    }
    async function* counted(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      let bytes = 0
      for await (const chunk of source) {
        bytes += chunk.length
        room.atLeast(bytes)
        yield chunk
      }
    }
    try {
      room.atLeast(announcedBytes)
      await pipeline(body, pace, counted, createWriteStream(path, { mode: FILE_MODE }))
      return { path, release }
    } catch (error) {
      body.destroy()
      await release()
      throw error
    }
  }
}
