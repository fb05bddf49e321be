import { readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { unlessAbsent } from '../../../std/files/files.ts'

/**
 * Removes the unfinished files of a folder that nobody touched for `ageMs` before the folder last changed: both times are
 * the disk's.
 */
export async function sweepParts(dir: string, ageMs: number): Promise<void> {
  const { mtimeMs } = await stat(dir)
  for (const name of (await readdir(dir)).filter((each) => each.endsWith('.part'))) {
    const found = await unlessAbsent(stat(join(dir, name)))
    if (found && mtimeMs - found.mtimeMs > ageMs) await unlessAbsent(unlink(join(dir, name)))
  }
}
