import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'

/**
 * What lies where a file belongs and is none: a folder that a copy made, a pipe, a link to nothing. No look at it may take
 * longer than one at a file, and nothing of it is written over.
 */

/**
 * What a system call answers about it: of a folder EISDIR, of a socket ENXIO (and of a pipe that nobody reads, when it is
 * to be written), of a pipe ESPIPE, of links that lead in a circle ELOOP.
 */
export const NO_FILE = ['EISDIR', 'ENXIO', 'ESPIPE', 'ELOOP']

const FLAGS = {
  r: constants.O_RDONLY,
  'r+': constants.O_RDWR,
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
} as const

/** For what appends by a path. */
export const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NONBLOCK

/** At a pipe, open(2) would wait for its other end, and keep one of the four threads for that. Files do not mind. */
export const openAtOnce = (path: string, flags: keyof typeof FLAGS, mode?: number): Promise<FileHandle> =>
  open(path, FLAGS[flags] | constants.O_NONBLOCK, mode)

/** What a file holds. Rejects with ENOENT for nothing at all, and in words for what is no file. */
export async function readRegular(path: string): Promise<Buffer> {
  const file = await openAtOnce(path, 'r').catch((error: unknown) => explained(path, error))
  try {
    const found = await file.stat()
    if (!found.isFile()) throw noFile(path, found)
    return await file.readFile()
  } finally {
    await file.close()
  }
}

async function explained(path: string, error: unknown): Promise<never> {
  const code = codeOf(error)
  if (code !== 'ENOENT' && !isNoFile(error)) throw error
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) throw error
  throw noFile(path, found)
}

const noFile = (path: string, found: Stats): Error =>
  Object.assign(new Error(`${path} is ${kindOf(found)} and no file: ${ADVICE}`), {
    code: found.isDirectory() ? 'EISDIR' : 'ENXIO',
    path,
  })

const ADVICE = 'look at what it is, and move it away'

/** What it is, in a word. */
export function kindOf(found: Pick<Stats, 'isFIFO' | 'isSocket' | 'isDirectory' | 'isSymbolicLink'>): string {
  if (found.isFIFO()) return 'a pipe'
  if (found.isSocket()) return 'a socket'
  if (found.isSymbolicLink()) return 'a link to nothing that can be read'
  return found.isDirectory() ? 'a folder' : 'a device'
}

export const isNoFile = (error: unknown): boolean => NO_FILE.includes(codeOf(error))

/** So many may lie beside each other by one name. Ours. */
const MOST_ASIDE = 100
/** What of this name is there already is not written over. */
const TAKEN = ['EEXIST', 'ENOTEMPTY', 'EISDIR', 'ENOTDIR']

/** Gives it another name: `to`, or `to-2` and so on where that is taken. Answers the name. */
export async function setAside(
  files: { rename(from: string, to: string): Promise<void> },
  path: string,
  to: string,
): Promise<string> {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? to : `${to}-${number}`
    try {
      await files.rename(path, name)
      return name
    } catch (error) {
      if (!TAKEN.includes(codeOf(error)) || number >= MOST_ASIDE) throw error
    }
  }
}

const codeOf = (error: unknown): string => String(Object(error).code)
