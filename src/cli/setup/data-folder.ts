import { mkdir, mkdtemp, rmdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Config } from '../../config/parse.ts'
import { AppError } from '../../std/errors.ts'
import { codeOf } from '../../std/expected-errors.ts'
import { FOLDER_MODE, unlessAbsent } from '../../std/files/files.ts'
import { inWords } from '../../std/system-faults.ts'

/** What an operator can mend, by what the system said of a folder; else as it is of any file. */
const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'no folder can be made there',
  EACCES: 'this user may not write there: give it the folder, or choose another',
  EPERM: 'this user may not write there: give it the folder, or choose another',
  ENOTDIR: 'it, or a part of its path, is a file and not a folder',
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
    throw explained(dataDir, error)
  }
}

function explained(dataDir: string, cause: unknown): unknown {
  const code = codeOf(cause)
  const ofFolders = FAULTS[code]
  const why = ofFolders === undefined ? inWords(cause) : `${ofFolders} (${code})`
  if (why === undefined) return cause
  const message = `dataDir (HEADGATE_DATA_DIR) is ${dataDir}, where nothing can be kept: ${why}`
  return new AppError('bad_configuration', message, { cause })
}

/** For commands that look at what a Headgate has kept: in a wrong folder they make nothing, and say that it is one. */
export async function assertLake({ dataDir, lake }: Pick<Config, 'dataDir' | 'lake'>): Promise<void> {
  if (lake.kind !== 'fs') return
  const path = resolve(dataDir)
  const found = await unlessAbsent(stat(join(path, 'lake'))).catch((error: unknown) => {
    throw explained(dataDir, error)
  })
  if (found?.isDirectory()) return
  throw new AppError(
    'bad_configuration',
    `there is no data in ${path} (dataDir): no Headgate has run there. Name the configuration of the one that is meant (--config FILE) or its folder (HEADGATE_DATA_DIR); \`headgate serve\` starts one`,
  )
}

/** One after the other: asked for all at once, Node tries without end where the system makes none, as below /proc. */
async function makeFolders(path: string): Promise<void> {
  const there = await unlessAbsent(stat(path))
  if (there?.isDirectory() === false) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' })
  if (there !== undefined) return
  await makeFolders(dirname(path))
  await mkdir(path, { mode: FOLDER_MODE })
}
