import { join } from 'node:path'
import { type FileOps, unlessAbsent } from '../../../std/files/files.ts'

/**
 * Removes the unfinished files of a folder that nobody touched for `ageMs` before the folder last changed: both times are
 * the disk's.
 */
export async function sweepParts(files: FileOps, dir: string, ageMs: number): Promise<void> {
  const { mtimeMs } = await files.stat(dir)
  for (const name of (await files.readdir(dir)).filter((each) => each.endsWith('.part'))) {
    const found = await unlessAbsent(files.stat(join(dir, name)))
    if (found && mtimeMs - found.mtimeMs > ageMs) await unlessAbsent(files.unlink(join(dir, name)))
  }
}
