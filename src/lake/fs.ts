import { copyFile, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Clock, systemClock } from '../std/clock.ts'
import { AppError } from '../std/errors.ts'
import {
  bestEffort,
  errnoOf,
  FILE_MODE,
  type FileOps,
  makeFolder,
  nodeFiles,
  syncFolder,
  unlessAbsent,
  writeDurably,
} from '../std/files.ts'
import { type Entropy, systemEntropy } from '../std/id.ts'
import type { Lake, LakeObject } from './lake.ts'
import { checkedKey, checkedPrefix, HOUR_MS, isKey, UNFINISHED } from './layout.ts'

/** Writers finish a file within seconds and touch it while they write: one this old has lost its writer. */
const ABANDONED_AFTER_MS = HOUR_MS

export interface FsLakeOptions {
  readonly files?: FileOps
  readonly entropy?: Entropy
}

/**
 * A lake in a folder. An object is written beside its place, synced, then renamed (or linked, when it must be the
 * first), and the folder synced: it is complete or absent, after a power cut too. Several processes may write.
 */
export function fsLake(root: string, options: FsLakeOptions = {}): Lake {
  const { files = nodeFiles, entropy = systemEntropy } = options
  const pathOf = (key: string): string => join(root, checkedKey(key))
  /** A name of its own for each attempt: two writers of one key never share a file. */
  const unfinished = (path: string) => `${path}.${entropy.token(9)}${UNFINISHED}`

  /** link(2), unlike rename(2), fails when the name is taken: of all that race exactly one is first. */
  async function giveName(part: string, path: string, ifAbsent: boolean): Promise<'stored' | 'exists'> {
    try {
      await (ifAbsent ? files.link(part, path) : files.rename(part, path))
      return 'stored'
    } catch (error) {
      if (ifAbsent && errnoOf(error) === 'EEXIST') return 'exists'
      throw error
    }
  }

  async function moveIn(from: string, path: string): Promise<void> {
    const source = await files.open(from, 'r+')
    try {
      await source.chmod(FILE_MODE)
      await source.sync()
    } finally {
      await source.close()
    }
    try {
      await files.rename(from, path)
    } catch (error) {
      if (errnoOf(error) !== 'EXDEV') throw error
      await copyIn(from, path)
    }
  }

  /** rename(2) cannot cross devices. */
  async function copyIn(from: string, path: string): Promise<void> {
    const part = unfinished(path)
    try {
      await copyFile(from, part)
      const copy = await files.open(part, 'r+')
      try {
        await copy.sync()
      } finally {
        await copy.close()
      }
      await files.rename(part, path)
    } catch (error) {
      // A disk that is full stays fuller by all that was copied.
      await bestEffort(files.unlink(part))
      throw error
    }
    await files.unlink(from)
  }

  return {
    put: (key, body, { ifAbsent = false } = {}) =>
      attempt('put', key, async () => {
        const path = pathOf(key)
        const part = unfinished(path)
        await makeFolder(files, dirname(path))
        await writeDurably(files, part, body)
        const outcome = await giveName(part, path, ifAbsent).finally(() => bestEffort(files.unlink(part)))
        // The loser of a race syncs as well: what it is told exists must not vanish with the winner's power.
        await syncFolder(files, dirname(path))
        return outcome
      }),
    putFile: (key, from) =>
      attempt('putFile', key, async () => {
        const path = pathOf(key)
        await makeFolder(files, dirname(path))
        await moveIn(from, path)
        await syncFolder(files, dirname(path))
      }),
    get: (key) => attempt('get', key, () => orNothing(files.readFile(pathOf(key)))),
    open: (key) =>
      attempt('open', key, async () => {
        const path = pathOf(key)
        const found = await orNothing(stat(path))
        return found?.isFile() ? { path, release: async () => {} } : undefined
      }),
    list: (prefix) =>
      attempt('list', prefix, async () => {
        const folder = dirname(`${checkedPrefix(prefix)}x`).replace(/^\.$/, '')
        const found = await walk(root, folder, prefix)
        return found.sort((a, b) => (a.key < b.key ? -1 : 1))
      }),
    remove: (keys) =>
      attempt('remove', keys[0] ?? '', async () => {
        for (const key of keys) await orNothing(files.unlink(pathOf(key)))
      }),
  }
}

/** Removes what writers that died have left unfinished. Call it once at the start; answers how many files it removed. */
export async function sweepUnfinished(root: string, clock: Clock = systemClock): Promise<number> {
  return attempt('sweep', '', async () => {
    const entries = (await orNothing(readdir(root, { recursive: true }))) ?? []
    let removed = 0
    for (const entry of entries.filter((name) => name.endsWith(UNFINISHED))) {
      const found = await orNothing(stat(join(root, entry)))
      if (found === undefined || clock.nowMs() - found.mtimeMs < ABANDONED_AFTER_MS) continue
      await orNothing(nodeFiles.unlink(join(root, entry)))
      removed += 1
    }
    return removed
  })
}

async function walk(root: string, folder: string, prefix: string): Promise<LakeObject[]> {
  const entries = (await orNothing(readdir(join(root, folder), { withFileTypes: true }))) ?? []
  const found = await Promise.all(
    entries.map(async (entry): Promise<LakeObject[]> => {
      const key = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) return mayHold(`${key}/`, prefix) ? walk(root, key, prefix) : []
      return key.startsWith(prefix) && isKey(key) ? objectAt(root, key) : []
    }),
  )
  return found.flat()
}

const mayHold = (folder: string, prefix: string) => folder.startsWith(prefix) || prefix.startsWith(folder)

/** None when it was removed since the folder was read, and for a pipe, a socket or a device: no reader would come back from it. */
async function objectAt(root: string, key: string): Promise<LakeObject[]> {
  const found = await orNothing(stat(join(root, key)))
  return found?.isFile() ? [{ key, bytes: found.size, modifiedMs: Math.floor(found.mtimeMs) }] : []
}

/** ENOTDIR and EISDIR: a folder is no object, and an object holds none. */
const absent = ['ENOENT', 'ENOTDIR', 'EISDIR']

const orNothing = <T>(work: Promise<T>): Promise<T | undefined> => unlessAbsent(work, absent)

async function attempt<T>(operation: string, key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const where = basename(key) === '' ? '' : ` ${key}`
    throw new AppError('lake_failed', `Lake ${operation}${where} failed: ${errnoOf(cause)}`, { cause })
  }
}
