import type { Dirent, Stats } from 'node:fs'
import { appendFile, link, lstat, mkdir, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../errors.ts'
import { codeOf, unlessRejected } from '../expected-errors.ts'
import { systemFaultOf } from '../system-faults.ts'
import {
  APPEND,
  isNotRegularFile,
  makeWay,
  NOT_REGULAR_FILE,
  notFolder,
  openAtOnce,
  readRegular,
} from './not-a-file.ts'
import { isTooLarge } from './too-large.ts'

/** Only the owner may read what visitors sent. */
export const FOLDER_MODE = 0o700
export const FILE_MODE = 0o600

/** As much of an open file as durability needs. */
export interface OpenFile {
  read(into: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
  write(from: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>
  /** Returns once the data, and the size needed to read it back, would survive a power cut. */
  datasync(): Promise<void>
  sync(): Promise<void>
  truncate(length: number): Promise<void>
  chmod(mode: number): Promise<void>
  close(): Promise<void>
}

export type OpenFlags = 'r' | 'r+' | 'w'

/** What is known of a name, or of what a link leads to. */
export type FileStatus = Pick<
  Stats,
  'isFile' | 'isDirectory' | 'isFIFO' | 'isSocket' | 'isSymbolicLink' | 'size' | 'mtimeMs' | 'ctimeMs'
>

/** What a folder says of a name in it. */
export type FolderEntry = Pick<
  Dirent,
  'name' | 'isFile' | 'isDirectory' | 'isFIFO' | 'isSocket' | 'isSymbolicLink'
>

/** The system calls on which our promises rest, so that a test can make them fail, tear or forget. */
export interface FileOps {
  open(path: string, flags: OpenFlags, mode?: number): Promise<OpenFile>
  /** Answers the first folder that was created, or undefined. */
  mkdir(path: string, options: { recursive: true; mode: number }): Promise<string | undefined>
  /** Rejects, in words, for what `isNoneOfOurs`: no file, or one of more than `maxBytes`, of which nothing is read. */
  readFile(path: string, maxBytes: number): Promise<Buffer>
  readdir(path: string): Promise<string[]>
  readFolder(path: string): Promise<FolderEntry[]>
  rename(from: string, to: string): Promise<void>
  link(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  lstat(path: string): Promise<Pick<Stats, 'isFile' | 'isDirectory'>>
  stat(path: string): Promise<FileStatus>
  /** Adds to the end of a file, which is made when it is missing. Not synced. */
  appendFile(path: string, text: string): Promise<void>
}

export const nodeFiles: FileOps = {
  open: openAtOnce,
  mkdir: makeFolders,
  readFile: (path, maxBytes) => readRegular(path, maxBytes),
  readdir,
  readFolder: (path) => readdir(path, { withFileTypes: true }),
  rename,
  link,
  unlink,
  lstat,
  stat,
  appendFile: (path, text) => appendFile(path, text, { mode: FILE_MODE, flag: APPEND }),
}

/** Writes a new file and syncs it; leaves nothing behind when that fails. Its name is durable only after `syncFolder`. */
export async function createDurably(
  files: FileOps,
  path: string,
  write: (file: OpenFile) => Promise<void>,
): Promise<void> {
  const file = await files.open(path, 'w', FILE_MODE)
  try {
    await write(file)
    await file.sync()
    await file.close()
  } catch (error) {
    await bestEffort(file.close())
    await bestEffort(files.unlink(path))
    throw error
  }
}

export function writeDurably(files: FileOps, path: string, body: Uint8Array): Promise<void> {
  return createDurably(files, path, (file) => writeFully(file, body, 0))
}

/**
 * Replaces a file as a whole: after a crash either the old content is there or the new one, never a part. A folder in its
 * place is set aside beside it.
 */
export async function replaceFile(files: FileOps, path: string, body: Uint8Array): Promise<void> {
  const part = `${path}.part`
  const aside = (name: string) => () => makeWay(files, name, `${name}.aside`)
  await replacingNonFile(() => writeDurably(files, part, body), aside(part))
  try {
    await replacingNonFile(() => files.rename(part, path), aside(path))
  } catch (error) {
    await bestEffort(files.unlink(part))
    throw error
  }
  await syncFolder(files, dirname(path))
}

/** Puts a file in its place; once more, when something that is no file was in the way there and has been set aside. */
export async function replacingNonFile<T>(put: () => Promise<T>, aside: () => Promise<unknown>): Promise<T> {
  try {
    return await put()
  } catch (error) {
    if (!isNotRegularFile(error)) throw error
    await aside()
    return put()
  }
}

/**
 * Where a folder cannot be made together with its parents, Node says ENOENT whatever the reason was; asked for the topmost of
 * those that are missing alone, it says what the system said, such as EROFS. Of a file in its place it says EEXIST, and of
 * one on its path ENOTDIR: that is the same mistake.
 */
async function makeFolders(
  path: string,
  options: { recursive: true; mode: number },
): Promise<string | undefined> {
  try {
    return await mkdir(path, options)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw notFolder(path, error)
    if (codeOf(error) !== 'ENOENT') throw error
    let missing = path
    while ((await unlessAbsent(stat(dirname(missing)))) === undefined) missing = dirname(missing)
    return mkdir(missing, options.mode).then(() => makeFolders(path, options).then(() => missing))
  }
}

/** Makes the names in a folder durable: creations, renames and removals. */
export async function syncFolder(files: FileOps, path: string): Promise<void> {
  const folder = await files.open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Makes sure that the folder exists, and that those of its parents which had to be created survive a power cut. */
export async function makeFolder(files: FileOps, path: string): Promise<void> {
  const first = await files.mkdir(path, { recursive: true, mode: FOLDER_MODE })
  if (first === undefined) return
  let folder = path
  do {
    folder = dirname(folder)
    await syncFolder(files, folder)
  } while (folder !== dirname(first))
}

/** write(2) may store less than it was given. */
export async function writeFully(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

/** The bytes from `position`, fewer at the end of the file; in the first of `bytes`, where there are some. */
export async function readFully(
  file: OpenFile,
  position: number,
  length: number,
  bytes: Buffer = Buffer.allocUnsafe(length),
): Promise<Buffer> {
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}

/** For the tidying that follows a failure, or precedes an end: that it failed as well changes nothing. */
export async function bestEffort(work: Promise<unknown>): Promise<void> {
  await unlessRejected(work, (error) => isSystemError(error) || error instanceof AppError)
}

/** Undefined where there is nothing to work on, as told by `codes`; any other failure stays one. */
export function unlessAbsent<T>(
  work: Promise<T>,
  codes: readonly string[] = ['ENOENT'],
): Promise<T | undefined> {
  return unlessRejected(work, (error) => codes.includes(codeOf(error)))
}

/** This file or its folder is withheld, until somebody gives a permission back or a server its file. */
const WITHHELD = ['EACCES', 'EPERM', 'EBUSY', 'ETXTBSY', 'ESTALE']
/** This file is lost for good: a bad sector, a torn block, or no regular file. */
const UNREADABLE = ['EIO', 'EBADMSG', 'EUCLEAN', ...NOT_REGULAR_FILE]

/** Kept from us by itself, while others are not. */
export const isAccessDenied = (error: unknown): boolean => WITHHELD.includes(codeOf(error))

/**
 * What the file held is gone, as far as we can see. Of any other code it may be whole, and read well later: then the process
 * or the machine lacks something, or somebody withholds it, or we are wrong. It stays as it is.
 */
export const isPermanentReadError = (error: unknown): boolean =>
  UNREADABLE.includes(codeOf(error)) || isTooLarge(error)

/** What lies there was not written by us, and no later look will find anything else: no file, or one that is too large. */
export const isNoneOfOurs = (error: unknown): error is Error => isNotRegularFile(error) || isTooLarge(error)

/** What a system call answered, as opposed to a mistake of ours. */
export const isSystemError = (error: unknown): error is Error => /^E(?!RR_)[A-Z0-9]+$/.test(codeOf(error))

export const isDiskFull = (error: unknown): boolean => systemFaultOf(error)?.code === 'storage_full'
