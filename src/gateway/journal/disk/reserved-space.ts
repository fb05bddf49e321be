import { join } from 'node:path'
import { bestEffort, type FileOps, writeDurably } from '../../../std/files/files.ts'

/** For a lock and its draft, a block each, and whatever the file system wants for their names. */
const RESERVED_BYTES = 64 * 1024
const reservePath = (dir: string) => join(dir, 'ballast')

/**
 * Room that is set aside while there is some. Whoever starts on a disk without a free byte could not even write its lock,
 * and so would never come to deliver what keeps the disk full.
 */
export async function reserveDiskSpace(files: FileOps, dir: string): Promise<void> {
  // A disk that has no room now is what it was meant for.
  await bestEffort(writeDurably(files, reservePath(dir), Buffer.alloc(RESERVED_BYTES, 1)))
}

export async function freeReservedSpace(files: FileOps, dir: string): Promise<void> {
  await bestEffort(files.unlink(reservePath(dir)))
}
