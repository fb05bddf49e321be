import { mkdir, mkdtemp, rmdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { AppError } from '../std/errors.ts'
import { errnoOf, FOLDER_MODE, unlessAbsent } from '../std/files.ts'

/** What an operator can mend, by what the system said. */
const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'no folder can be made there',
  EACCES: 'this user may not write there: give it the folder, or choose another',
  EPERM: 'this user may not write there: give it the folder, or choose another',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'it, or a part of its path, is a file and not a folder',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
}

/** Makes `dataDir` where it is not there yet, and finds out now whether folders can be made in it. */
export async function ownDataFolder(dataDir: string): Promise<void> {
  try {
    const path = resolve(dataDir)
    await makeFolders(path)
    await rmdir(await mkdtemp(join(path, '.probe-')))
  } catch (error) {
    const why = FAULTS[errnoOf(error)]
    if (why === undefined) throw error
    throw new AppError(
      'bad_configuration',
      `dataDir (HEADGATE_DATA_DIR) is ${dataDir}, where nothing can be kept: ${why} (${errnoOf(error)})`,
      { cause: error },
    )
  }
}

/** One after the other: asked for all at once, Node tries without end where the system makes none, as below /proc. */
async function makeFolders(path: string): Promise<void> {
  const there = await unlessAbsent(stat(path))
  if (there?.isDirectory() === false) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' })
  if (there !== undefined) return
  await makeFolders(dirname(path))
  await mkdir(path, { mode: FOLDER_MODE })
}
