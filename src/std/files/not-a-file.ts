import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, stat } from 'node:fs/promises'
import { codeOf, unlessRejected } from '../expected-errors.ts'
import { systemEntropy } from '../id.ts'
import { tooLarge } from './too-large.ts'

/**
 * What lies where a file belongs and is none: a folder that a copy made, a pipe, a link to nothing. No look at it may take
 * longer than one at a file, and nothing of it is written over.
 */

/**
 * What a system call answers about it: of a folder EISDIR, of a socket ENXIO (and of a pipe that nobody reads, when it is
 * to be written), of a pipe ESPIPE, of links that lead in a circle ELOOP, and of any link where something is to be
 * written.
 */
export const NOT_REGULAR_FILE = ['EISDIR', 'ENXIO', 'ESPIPE', 'ELOOP']

/**
 * What is written is never a link: one that another user of the machine has laid in our folder would lead our bytes to a
 * file of his choice, or empty one that we may write. What is read may be one, as are its folders and `dataDir` itself:
 * operators lay those, and what is read has to be of its form.
 */
const FLAGS = {
  r: constants.O_RDONLY,
  'r+': constants.O_RDWR | constants.O_NOFOLLOW,
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
} as const

/** For what appends by a path. */
export const APPEND =
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOFOLLOW

/** At a pipe, open(2) would wait for its other end, and keep one of the four threads for that. Files do not mind. */
export const flagsOf = (flags: keyof typeof FLAGS): number => FLAGS[flags] | constants.O_NONBLOCK

export const openAtOnce = (path: string, flags: keyof typeof FLAGS, mode?: number): Promise<FileHandle> =>
  open(path, flagsOf(flags), mode)

/**
 * What a file holds. Rejects with ENOENT for nothing at all, and in words for what is no file, or has more than `maxBytes`.
 */
export async function readRegular(path: string, maxBytes: number, open = openAtOnce): Promise<Buffer> {
  const openOnceMore = (error: unknown) =>
    explained(path, error, () => open(path, 'r').catch((again: unknown) => explained(path, again)))
  const file = await open(path, 'r').catch(openOnceMore)
  try {
    const found = await file.stat()
    if (!found.isFile()) throw notRegularFile(path, found)
    if (found.size > maxBytes) throw tooLarge(path, maxBytes)
    return await file.readFile()
  } finally {
    await file.close()
  }
}

/**
 * Looks at what cannot be opened. Another process may have put a file there since: then ENOENT was true, and anything else
 * is worth another try. Of a file it is never said that it is none: whoever hears that clears its place.
 */
async function explained(
  path: string,
  error: unknown,
  openAgain: () => Promise<FileHandle> = () => Promise.reject(unreadable(path, error)),
): Promise<FileHandle> {
  const isAbsent = codeOf(error) === 'ENOENT'
  if (!isAbsent && !isNotRegularFile(error)) throw error
  const found = await lookAt(path)
  if (found === undefined || (isAbsent && found.isFile())) throw error
  if (found.isFile()) return openAgain()
  throw notRegularFile(path, found)
}

/** A link counts as the file that it leads to, if it does. */
async function lookAt(path: string): Promise<Stats | undefined> {
  const target = await unlessRejected(stat(path), isNothing)
  return target?.isFile() ? target : unlessRejected(lstat(path), isNothing)
}

/** There is no such file, and no such folder; or links lead in a circle. */
const isNothing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error))

const unreadable = (path: string, cause: unknown): Error =>
  Object.assign(new Error(`${path} is a file and cannot be opened (${codeOf(cause)})`, { cause }), {
    code: 'EIO',
    path,
  })

const notRegularFile = (path: string, found: Stats): Error =>
  Object.assign(new Error(`${path} is ${kindOf(found)} and no file: ${ADVICE}`), {
    code: found.isDirectory() ? 'EISDIR' : 'ENXIO',
    path,
  })

/** Says the same of what lies where a folder belongs. */
export const notFolder = (path: string, cause: unknown): Error =>
  Object.assign(new Error(`${path} is no folder: ${ADVICE}`, { cause }), { code: 'ENOTDIR', path })

const ADVICE = 'look at what it is, and move it away'

/** What it is, in a word. */
export function kindOf(found: Pick<Stats, 'isFIFO' | 'isSocket' | 'isDirectory' | 'isSymbolicLink'>): string {
  if (found.isFIFO()) return 'a pipe'
  if (found.isSocket()) return 'a socket'
  if (found.isSymbolicLink()) return 'a link to nothing that can be read'
  return found.isDirectory() ? 'a folder' : 'a device'
}

export const isNotRegularFile = (error: unknown): boolean => NOT_REGULAR_FILE.includes(codeOf(error))

/** As much of a disk as it takes to give something another name. */
export interface Renames {
  rename(from: string, to: string): Promise<void>
  link(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  lstat(path: string): Promise<Pick<Stats, 'isFile' | 'isDirectory'>>
}

/** So many may lie beside each other by one name. Ours. */
const MOST_ASIDE = 100
/** What link(2) answers, and rename(2) of a folder: that one replaces an empty folder and nothing else. */
const TAKEN = ['EEXIST', 'ENOTEMPTY', 'ENOTDIR']

/** Gives it another name: `to`, or `to-2` and so on where that is taken. Answers the name. */
export async function setAside(files: Renames, path: string, to: string): Promise<string> {
  const own = ownName(to)
  await files.rename(path, own)
  return named(files, own, to)
}

/**
 * The same for what was seen to be no file. Another process may have seen it as well, cleared the place and put a file
 * there: that goes back to it. Undefined when nothing was to be set aside.
 */
export async function makeWay(files: Renames, path: string, to: string): Promise<string | undefined> {
  const own = ownName(to)
  try {
    await files.rename(path, own)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  if ((await files.lstat(own)).isFile() && (await isNamed(files, own, path))) return undefined
  return named(files, own, to)
}

/** Nobody else has this one: rename(2) would write over a file of another's name without a word. */
const ownName = (to: string): string => `${to}.${systemEntropy.id()}`

async function named(files: Renames, own: string, to: string): Promise<string> {
  for (let number = 1; number <= MOST_ASIDE; number += 1) {
    const name = number === 1 ? to : `${to}-${number}`
    const isOurs = await unlessRejected(isNamed(files, own, name), isNameRefused)
    if (isOurs) return name
    if (isOurs === undefined) break
  }
  return own
}

/** For a pipe of another user, or where there is no room for names: it is out of the way, and nothing of it is lost. */
const isNameRefused = (error: unknown): boolean => NAME_REFUSED.includes(codeOf(error))
const NAME_REFUSED = ['EPERM', 'EACCES', 'EROFS', 'EMLINK', 'EXDEV', 'ENOSPC', 'EDQUOT', 'EIO', 'EOPNOTSUPP']

/** Whether it could have the name, which was free. */
async function isNamed(files: Renames, own: string, name: string): Promise<boolean> {
  try {
    if ((await files.lstat(own)).isDirectory()) await files.rename(own, name)
    else {
      await files.link(own, name)
      await files.unlink(own)
    }
    return true
  } catch (error) {
    if (TAKEN.includes(codeOf(error))) return false
    throw error
  }
}
