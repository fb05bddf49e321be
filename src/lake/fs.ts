import { copyFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Clock, systemClock } from '../std/clock.ts'
import { HOUR_MS } from '../std/durations.ts'
import { AppError } from '../std/errors.ts'
import {
  bestEffort,
  errnoOf,
  FILE_MODE,
  type FileOps,
  makeFolder,
  nodeFiles,
  syncFolder,
  writeDurably,
} from '../std/files.ts'
import { type Entropy, systemEntropy } from '../std/id.ts'
import { filesBelow, objectsBelow, orNothing, type PassOver, type Tree } from './fs-tree.ts'
import type { Lake } from './lake.ts'
import { checkedKey, checkedPrefix, UNFINISHED } from './layout.ts'

/** Writers finish a file within seconds and touch it while they write: one this old has lost its writer. */
const ABANDONED_AFTER_MS = HOUR_MS

export interface FsLakeOptions {
  readonly files?: FileOps
  readonly entropy?: Entropy
  readonly passOver?: PassOver
  readonly readFolder?: Tree['readFolder']
}

/**
 * A lake in a folder. An object is written beside its place, synced, then renamed (or linked, when it must be the
 * first), and the folder synced: it is complete or absent, after a power cut too. Several processes may write.
 */
export function fsLake(root: string, options: FsLakeOptions = {}): Lake {
  const { files = nodeFiles, entropy = systemEntropy, passOver, readFolder } = options
  const tree = { root, passOver, readFolder }
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
        const found = await objectsBelow(tree, folder, prefix)
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
    const files = await filesBelow({ root }, '', '')
    let removed = 0
    for (const { key } of files.filter(({ key }) => key.endsWith(UNFINISHED))) {
      const found = await orNothing(stat(join(root, key)))
      if (found === undefined || clock.nowMs() - found.mtimeMs < ABANDONED_AFTER_MS) continue
      await orNothing(nodeFiles.unlink(join(root, key)))
      removed += 1
    }
    return removed
  })
}

async function attempt<T>(operation: string, key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const where = basename(key) === '' ? '' : ` ${key}`
    throw new AppError('lake_failed', `Lake ${operation}${where} failed: ${errnoOf(cause)}`, { cause })
  }
}
