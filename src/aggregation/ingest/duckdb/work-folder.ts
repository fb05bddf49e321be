import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FOLDER_MODE, nodeFiles, unlessAbsent } from '../../../std/files/files.ts'

/** A new folder in `tempDir`, for one piece of work. */
export async function workFolder(tempDir: string, kind: 'duckdb' | 'ingest'): Promise<string> {
  await nodeFiles.mkdir(tempDir, { recursive: true, mode: FOLDER_MODE })
  return mkdtemp(join(tempDir, `${kind}-`))
}

/** What the work of this module, and objects opened for it, leave behind when its process is killed. */
const OURS = /^(duckdb|ingest|rollup|lake)-/

/** Removes the work folders beside `fresh` that are older by more than `maxAgeMs`. Both times are the disk's. */
export async function sweepAbandoned(fresh: string, maxAgeMs: number): Promise<void> {
  const { mtimeMs } = await stat(fresh)
  const names = await readdir(dirname(fresh))
  for (const name of names.filter((name) => OURS.test(name))) {
    const folder = join(dirname(fresh), name)
    const found = await unlessAbsent(stat(folder))
    if (found && mtimeMs - found.mtimeMs > maxAgeMs) await rm(folder, { recursive: true, force: true })
  }
}
